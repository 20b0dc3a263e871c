"""``kinspace cache``: the vectors that are kept so that nothing is encoded twice."""

from __future__ import annotations

from typing import Annotated

import typer

from kinspace.cli import output

app = typer.Typer(
    invoke_without_command=True,
    help="List the vectors that are kept on the disk; cache clear throws them away.",
)


@app.callback()
def cache(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the vectors that are kept on the disk."""
    if context.invoked_subcommand is not None:
        return
    from kinspace.caching import VectorCache, default_folder

    found = [
        {"model": one.model, "vectors": one.count(), "bytes": one.nbytes(), "file": str(one.path)}
        for one in VectorCache.every(default_folder())
    ]
    if as_json:
        output.print_json(found)
        return
    if not found:
        output.note(f"Nothing is kept in {default_folder()}.")
        return
    from rich.table import Table

    table = Table("model", "vectors", "size", "file", box=None, header_style="cyan")
    for line in found:
        size = output.size(float(str(line["bytes"])))
        table.add_row(str(line["model"]), f"{line['vectors']:,}", size, str(line["file"]))
    output.out().print(table)


@app.command()
def clear(
    model: Annotated[
        str | None, typer.Argument(help="The model, as it is listed.", show_default=False)
    ] = None,
    all_: Annotated[bool, typer.Option("--all", help="Of all models.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Throw kept vectors away: those of a model, or all."""
    from kinspace.caching import VectorCache, default_folder
    from kinspace.errors import InvalidParameter, ModelNotFound

    if (model is None) == (not all_):
        raise InvalidParameter("Whose vectors shall go?", "Name a model, or give --all.")
    every = VectorCache.every(default_folder())
    gone = [one for one in every if all_ or one.model == model]
    if model is not None and not gone:
        names = ", ".join(sorted({one.model for one in every})) or "none"
        raise ModelNotFound(f"No vectors of {model} are kept.", f"There are those of: {names}.")
    freed = sum(one.nbytes() for one in gone)
    for one in gone:
        one.clear()
    if as_json:
        output.print_json({"cleared": [one.model for one in gone], "bytes": freed})
    else:
        output.note(f"{output.size(freed)} are free again.")
