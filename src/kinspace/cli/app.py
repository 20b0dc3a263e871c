"""The commands of ``kinspace``, each in a file of its own."""

from __future__ import annotations

from typing import Annotated

import typer

from kinspace.cli import collections, datasets, distill, encode, evaluate, models, search

app = typer.Typer(
    name="kinspace",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help=(
        "Search your own files by meaning and by words: offline, in one command.\n\n"
        '[cyan]kinspace search "how are two models kept apart?" docs[/]\n\n'
        "A [bold]collection[/] is a folder that keeps texts, vectors and indexes together; "
        "without -c one is kept for you in the cache. [bold]Models[/] turn texts into vectors; "
        "one is built in."
    ),
    epilog=(
        "Exit codes: 0 done, 1 an error, 2 wrong usage, 3 nothing found, 130 interrupted. "
        "Every command takes --json. Progress goes to stderr, and is quiet when piped."
    ),
)


def _version(wanted: bool) -> None:
    if wanted:
        from kinspace import __version__

        typer.echo(f"kinspace {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_version, is_eager=True, help="Print the version and leave."
        ),
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the whole trace of an error, not one line.")
    ] = False,
) -> None:
    """Options that stand before every command."""
    # --debug is taken out of the arguments before they come here; it is named for --help.
    del version, debug


app.command("search", rich_help_panel="Search")(search.search)
app.command("near", rich_help_panel="Search")(search.near)
app.command("index", rich_help_panel="Collections")(collections.index)
app.command("info", rich_help_panel="Collections")(collections.info)
app.command("compact", rich_help_panel="Collections")(collections.compact)
app.command("encode", rich_help_panel="Models")(encode.encode)
app.add_typer(models.app, name="models", rich_help_panel="Models")
app.command("evaluate", rich_help_panel="Evaluation")(evaluate.evaluate)
app.add_typer(datasets.app, name="datasets", rich_help_panel="Evaluation")
app.command("distill", rich_help_panel="Models")(distill.distill)
