"""``kinspace distill``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def distill(
    teacher: Annotated[
        str, typer.Argument(help="The model to learn from, by name or path.", show_default=False)
    ],
    texts: Annotated[
        list[Path], typer.Argument(help="Files and folders with texts.", show_default=False)
    ],
    target: Annotated[Path, typer.Option("--output", "-o", help="The new model's folder.")],
) -> None:
    """Learn a small, fast model from a large one (needs the extra *neural*)."""
    raise typer.Exit(1)
