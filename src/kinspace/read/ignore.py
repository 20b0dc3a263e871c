"""Which files a folder's ignore rules pass over, as git understands them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kinspace.read.options import ReadOptions

IGNORE_FILES = (".gitignore", ".kinignore")
"""Files with rules for the folder they are in; the later one counts more."""


@dataclass(frozen=True, slots=True)
class _Layer:
    """The rules of one file: they see paths without the first ``base`` characters."""

    spec: Any
    base: int
    label: str


@dataclass(frozen=True, slots=True)
class IgnoreRules:
    """The rules that hold in a folder: its own, those above it, and those of the repository.

    Where several match, the deepest file decides, and in one file the last line, as in git.

    Parameters
    ----------
    layers : tuple
        From the weakest to the strongest.

    Examples
    --------
    >>> rules = IgnoreRules.at_root(".", ReadOptions(ignore=("*.log", "!keep.log")))[0]
    >>> rules.ignores("a.log", is_dir=False), rules.ignores("keep.log", is_dir=False)
    ('options', '')
    """

    layers: tuple[_Layer, ...] = ()
    chosen: tuple[_Layer, ...] = ()

    @classmethod
    def at_root(cls, root: str, options: ReadOptions) -> tuple[IgnoreRules, str]:
        """Rules that hold in ``root`` before its own, and its path in its repository.

        Rules above that would pass over ``root`` itself do not hold: it was asked for by name.
        """
        layers: list[_Layer] = []
        prefix = ""
        if options.ignore_files:
            layers, prefix = _above(Path(root).resolve())
            if prefix and cls(tuple(layers)).ignores(prefix, is_dir=True):
                layers, prefix = [], ""
        base = len(prefix) + 1 if prefix else 0
        wanted = [options.ignore] if isinstance(options.ignore, str) else list(options.ignore)
        chosen = [_Layer(_spec(wanted), base, "options")] if wanted else []
        return cls(tuple(layers), tuple(chosen)), prefix

    def entered(self, folder: str, path: str) -> IgnoreRules:
        """The rules in a folder below; ``path`` is its path in the repository."""
        layer = _layer(Path(folder), path)
        return self if layer is None else IgnoreRules((*self.layers, layer), self.chosen)

    def ignores(self, path: str, *, is_dir: bool) -> str:
        """The name of what passes over a path (in the repository), or an empty string."""
        shown = path + "/" if is_dir else path
        for layer in (*self.chosen, *reversed(self.layers)):
            decided = layer.spec.check_file(shown[layer.base :]).include
            if decided is not None:
                return layer.label if decided else ""
        return ""


def _above(root: Path) -> tuple[list[_Layer], str]:
    """Rules from the top of the repository down to above ``root``, and root's path in it."""
    top = next((folder for folder in (root, *root.parents) if (folder / ".git").exists()), None)
    if top is None:
        return [], ""
    layers = []
    if lines := _patterns(top / ".git" / "info" / "exclude"):
        layers.append(_Layer(_spec(lines), 0, ".git/info/exclude"))
    inside = root.relative_to(top)
    for folder in reversed(inside.parents):  # from the top on, without root itself
        path = "" if folder == Path() else folder.as_posix()
        if layer := _layer(top / folder, path):
            layers.append(layer)
    return layers, "" if inside == Path() else inside.as_posix()


def _layer(folder: Path, path: str) -> _Layer | None:
    lines: list[str] = []
    found = []
    for name in IGNORE_FILES:
        if more := _patterns(folder / name):
            found.append(name)
            lines += more
    if not lines:
        return None
    shown = f"{path}/" if path else ""
    return _Layer(_spec(lines), len(shown), shown + " and ".join(found))


def _patterns(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8", errors="replace").split("\n")
    except OSError:
        return []


def _spec(lines: list[str]) -> Any:
    """The patterns together; a line that is no pattern is passed over, as git does."""
    from pathspec import GitIgnoreSpec

    try:
        return GitIgnoreSpec.from_lines(lines)
    except ValueError:
        return GitIgnoreSpec.from_lines([line for line in lines if _is_pattern(line)])


def _is_pattern(line: str) -> bool:
    from pathspec import GitIgnoreSpec

    try:
        GitIgnoreSpec.from_lines([line])
    except ValueError:
        return False
    return True
