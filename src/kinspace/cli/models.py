"""``kinspace models``."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from kinspace.cli import output

if TYPE_CHECKING:
    from kinspace.pretrained import ModelInfo
    from kinspace.pretrained.neural.running.setting import Setting
    from kinspace.space import Space

app = typer.Typer(
    invoke_without_command=True,
    help="List the models at hand; models show NAME tells what a name stands for; "
    "models fetch NAME downloads it.",
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
def fetch(
    name: Annotated[str, typer.Argument(help="A name, as owner/model.", show_default=False)],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Download a model from the hub into its cache, unless it is on this machine already."""
    from kinspace.pretrained.resolve import resolve

    folder = resolve(name, download=True)
    if as_json:
        output.print_json({"name": name, "folder": str(folder)})
    else:
        output.note(f"{name} is in {folder}")


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="A name or a path.", show_default=False)],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Tell what a name stands for, its space, and how it would run on this machine."""
    from kinspace.loading import describe

    found = describe(name)
    space, setting = _space(found), _setting(found)
    if as_json:
        output.print_json(
            {
                **asdict(found),
                "space": None if space is None else space.to_dict(),
                "setting": None if setting is None else asdict(setting),
            }
        )
        return
    lines: dict[str, str] = {
        "name": found.name,
        "kind": found.kind,
        "from": found.note,
        "folder": found.where,
        "size": output.size(found.bytes) if found.bytes else "",
        "licence": found.licence or ("not stated" if found.bytes else ""),
        "space": "" if space is None else str(space),
        "dim": str(found.dim or ""),
        "network": " → ".join((found.architecture, *found.modules[1:])).strip(" →"),
        "pooling": " and ".join(found.pooling),
        "longest": f"{found.longest:,} tokens" if found.longest else "",
        "runs": ""
        if setting is None
        else f"on {setting.device} in {setting.precision}: {setting.why}",
    }
    prompts = {f"prompt {key!r}": repr(text) for key, text in found.prompts.items() if text}
    shown = {key: value for key, value in (lines | prompts).items() if value}
    wide = max(map(len, shown))
    console = output.out()
    for key, value in shown.items():
        console.print(Text.assemble((f"{key:>{wide}}  ", "cyan"), value))


def _space(found: ModelInfo) -> Space | None:
    """The space of a model's vectors; that of a small one by loading it."""
    from kinspace.loading import load
    from kinspace.pretrained.registry import space_of

    if found.kind in ("static", "learned"):
        return load(found.name).space
    return space_of(found)


def _setting(found: ModelInfo) -> Setting | None:
    """Where a neural model would run; None for others, and without torch."""
    from kinspace.errors import MissingExtra
    from kinspace.pretrained.neural.running.setting import choose

    if not found.architecture:
        return None
    try:
        if found.kind in ("clip", "image"):
            from kinspace.pretrained.neural.vision.reading import choose_for_images

            return choose_for_images("auto", "auto")
        return choose()
    except MissingExtra:
        return None
