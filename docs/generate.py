"""Write the generated pages of the reference: the command line, and the catalogue of methods.

python docs/generate.py           # write them
python docs/generate.py --check   # fail if one is stale
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kinspace.learn.methods import Method

REFERENCE = Path(__file__).parent / "reference"
HEAD = """# Command line

This page is what the commands themselves say; `python docs/generate.py` writes it.
Exit codes: 0 done, 1 an error with its remedy on stderr, 2 wrong usage, 3 nothing found,
130 interrupted.
"""
METHODS_HEAD = """# Methods of learning

All that Kinspace learns, three ways: by what there is to learn from, by how it is learned, and by
the paper that describes it. `python docs/generate.py` writes this page from the records in
`learn/records/`.
"""
# A fixed width and no colour, wherever it is run.
PLAIN = {"COLUMNS": "88", "TERMINAL_WIDTH": "88", "NO_COLOR": "1", "TERM": "dumb"}
NOISY = ("FORCE_COLOR", "PY_COLORS", "GITHUB_ACTIONS", "CLICOLOR_FORCE")


def commands() -> list[str]:
    """The names of all commands that are not hidden, in the order of the help."""
    from typer.main import get_command

    from kinspace.cli.app import BESIDE, made

    found = get_command(made()).commands  # type: ignore[attr-defined]
    shown = [name for name, command in found.items() if not command.hidden]
    return [
        name for one in shown for name in (one, *(f"{one} {two}" for two in BESIDE.get(one, ())))
    ]


def help_of(*command: str) -> str:
    """What a command prints with `--help`."""
    environment = {key: value for key, value in os.environ.items() if key not in NOISY}
    code = "import sys; sys.argv[0] = 'kinspace'; from kinspace.cli import main; main()"
    text = subprocess.run(
        [sys.executable, "-c", code, *command, "--help"],
        env=environment | PLAIN,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return "\n".join(line.rstrip() for line in text.strip("\n").splitlines())


def page() -> str:
    """The page as it should be."""
    parts = [HEAD, f"```text\n{help_of()}\n```\n"]
    parts += [
        f"## kinspace {name}\n\n```text\n{help_of(*name.split())}\n```\n" for name in commands()
    ]
    return "\n".join(parts)


def methods_page() -> str:
    """The catalogue of methods as it should be."""
    from kinspace.learn.methods import methods

    found = list(methods().values())
    parts = [METHODS_HEAD]
    parts.append(_sorted("By thing", found, lambda method: method.thing))
    parts.append(_sorted("By principle", found, lambda method: method.principle))
    papers = sorted(
        ((paper, method) for method in found for paper in method.papers),
        key=lambda pair: (_year(pair[0]), pair[0], pair[1].name),
    )
    lines = [f"| {paper} | {_class(method)} |" for paper, method in papers]
    parts.append("\n".join(["## By paper", "", "| paper | class |", "|---|---|", *lines, ""]))
    return "\n".join(parts)


def _sorted(title: str, methods: list[Method], key: Callable[[Method], str]) -> str:
    lines = [
        f"| {key(method)} | {_class(method)} | {method.says} |"
        for method in sorted(methods, key=lambda method: (key(method), method.name))
    ]
    column = title.removeprefix("By ")
    return "\n".join(
        [f"## {title}", "", f"| {column} | class | what it does |", "|---|---|---|", *lines, ""]
    )


def _class(method: Method) -> str:
    module, _, name = method.home.partition(":")
    return f"`{name}` of `{module}`"


def _year(paper: str) -> str:
    digits = [word.strip("a,.)(b") for word in paper.split()]
    return next((word for word in digits if word.isdigit() and len(word) == 4), "")


PAGES: dict[str, Callable[[], str]] = {"cli.md": page, "methods.md": methods_page}


def main() -> int:
    """Write the pages, or say whether one is stale."""
    stale = 0
    for name, make in PAGES.items():
        path = REFERENCE / name
        if "--check" not in sys.argv[1:]:
            path.write_text(make(), "utf-8")
            print(f"wrote {path}")
        elif not path.is_file() or path.read_text("utf-8") != make():
            stale = 1
            print(f"{path} is stale: run python docs/generate.py")
    return stale


if __name__ == "__main__":
    raise SystemExit(main())
