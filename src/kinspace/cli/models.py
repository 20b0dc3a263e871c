"""``kinspace models``."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from kinspace.cli import output

if TYPE_CHECKING:
    from kinspace.pretrained import ModelInfo

app = typer.Typer(
    invoke_without_command=True,
    help="List the models at hand; models show NAME tells what a name stands for.",
)


@app.callback()
def models(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the models at hand."""
    if context.invoked_subcommand is not None:
        return
    from kinspace.pretrained import models as at_hand

    found = at_hand()
    if as_json:
        output.print_json([asdict(one) for one in found])
        return
    from rich.table import Table

    table = Table("name", "kind", "dim", "size", "licence", "note", box=None, header_style="cyan")
    for one in found:
        table.add_row(
            one.name, one.kind, str(one.dim or "?"), output.size(one.bytes), one.licence, one.note
        )
    output.out().print(table)


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="A name or a path.", show_default=False)],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Tell what a name stands for, without loading the model."""
    from kinspace.pretrained import describe

    found: ModelInfo = describe(name)
    if as_json:
        output.print_json(asdict(found))
        return
    console = output.out()
    for key, value in asdict(found).items():
        shown = output.size(value) if key == "bytes" else str(value)
        console.print(Text.assemble((f"{key:>8}  ", "cyan"), shown))
