"""The package's source as data: its modules and what each of them imports."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
SRC = ROOT / "src"


@dataclass(frozen=True)
class Module:
    """One file: its dotted name, its text, and the text parsed."""

    name: str
    path: Path
    text: str
    tree: ast.Module


@dataclass(frozen=True)
class Import:
    """One imported module, where it stands, and whether only a function runs it."""

    target: str
    line: int
    late: bool


def modules() -> list[Module]:
    """Every module of the package, by path."""
    return [read_module(path) for path in sorted((SRC / "kinspace").rglob("*.py"))]


def read_module(path: Path) -> Module:
    """One file of the package, parsed."""
    parts = path.relative_to(SRC).with_suffix("").parts
    if parts[-1] == "__init__":
        parts = parts[:-1]
    text = path.read_text("utf-8")
    return Module(".".join(parts), path, text, ast.parse(text))


def exists(name: str) -> bool:
    """Whether a dotted name is a module of the package."""
    place = SRC.joinpath(*name.split("."))
    return place.with_suffix(".py").is_file() or (place / "__init__.py").is_file()


def imports(tree: ast.AST) -> Iterator[Import]:
    """Everything imported when the program runs: inside functions too, not for type checking.

    ``from kinspace import errors`` is an import of ``kinspace.errors``; what is no module is an
    import of where it stands. A module named in ``import_module("…")`` counts as well.
    """
    yield from _walk(tree, late=False)


def _walk(node: ast.AST, *, late: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            for branch in child.orelse:
                yield from _walk(ast.Module([branch], []), late=late)
            continue
        for target in _targets(child):
            yield Import(target, child.lineno, late)  # type: ignore[attr-defined]
        inner = late or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        yield from _walk(child, late=inner)


def _targets(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        base = "." * node.level + (node.module or "")
        inside = [f"{base}.{alias.name}" for alias in node.names]
        return [name if exists(name) else base for name in inside]
    if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
        called = ast.unparse(node.func).split(".")[-1]
        if called in ("import_module", "__import__", "find_spec"):
            return [str(node.args[0].value)]
    return []
