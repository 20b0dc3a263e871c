"""Write docs/reference/cli.md from the command line itself.

python docs/generate.py           # write it
python docs/generate.py --check   # fail if it is stale
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parent / "reference" / "cli.md"
HEAD = """# Command line

This page is what the commands themselves say; `python docs/generate.py` writes it.
Exit codes: 0 done, 1 an error with its remedy on stderr, 2 wrong usage, 3 nothing found,
130 interrupted.
"""
# A fixed width and no colour, wherever it is run.
PLAIN = {"COLUMNS": "88", "TERMINAL_WIDTH": "88", "NO_COLOR": "1", "TERM": "dumb"}
NOISY = ("FORCE_COLOR", "PY_COLORS", "GITHUB_ACTIONS", "CLICOLOR_FORCE")


def commands() -> list[str]:
    """The names of all commands that are not hidden, in the order of the help."""
    from typer.main import get_command

    from kinspace.cli.app import app

    found = get_command(app).commands  # type: ignore[attr-defined]
    return [name for name, command in found.items() if not command.hidden]


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
    parts += [f"## kinspace {name}\n\n```text\n{help_of(name)}\n```\n" for name in commands()]
    return "\n".join(parts)


def main() -> int:
    """Write the page, or say whether it is stale."""
    if "--check" in sys.argv[1:]:
        current = PAGE.is_file() and PAGE.read_text("utf-8") == page()
        print("current" if current else "stale: run python docs/generate.py")
        return 0 if current else 1
    PAGE.write_text(page(), "utf-8")
    print(f"wrote {PAGE}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
