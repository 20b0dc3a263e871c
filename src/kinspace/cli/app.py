"""The commands of ``kinspace``, each in a file of its own."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

import typer
from typer.core import TyperCommand

COMMANDS: Final = {
    "search": ("search.search", "Search"),
    "near": ("vectors.near", "Search"),
    "index": ("collections.index", "Collections"),
    "info": ("collections.info", "Collections"),
    "compact": ("collections.compact", "Collections"),
    "migrate": ("migrate.migrate", "Collections"),
    "compress": ("compress.compress", "Collections"),
    "encode": ("encode.encode", "Models"),
    "cache": ("cache.app", "Models"),
    "models": ("models.app", "Models"),
    "tokens": ("tokens.tokens", "Models"),
    "match": ("tokens.match", "Models"),
    "analogy": ("vectors.analogy", "Vectors"),
    "align": ("vectors.align", "Vectors"),
    "convert": ("vectors.convert", "Vectors"),
    "evaluate": ("evaluate.evaluate", "Evaluation"),
    "datasets": ("datasets.app", "Evaluation"),
    "learn": ("learn.app", "Models"),
    "distill": ("distill.distill", "Models"),
}
"""Each command: where it is in this folder, and the part of the help that lists it."""

BESIDE: Final = {"index": {"tune": "tune.tune"}}
"""Commands whose first argument may be another command; a file of that name is ``./tune``."""


def made(arguments: Sequence[str] = ()) -> typer.Typer:
    """The command line, ready to be called.

    Parameters
    ----------
    arguments : sequence of str
        What it will be called with. Where they begin with a command, no other is imported, which
        halves the time until it starts; without any, all are there.
    """
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
    app.callback()(options)
    for name in arguments[:1] if arguments and arguments[0] in COMMANDS else COMMANDS:
        place, panel = COMMANDS[name]
        module, _, attribute = place.partition(".")
        command = getattr(importlib.import_module(f"kinspace.cli.{module}"), attribute)
        if isinstance(command, typer.Typer):
            app.add_typer(command, name=name, rich_help_panel=panel)
        else:
            others = BESIDE.get(name, {})
            epilog = "".join(f"Beside it: kinspace {name} {other} -h" for other in others) or None
            kind = beside(others) if others else None
            app.command(name, cls=kind, epilog=epilog, rich_help_panel=panel)(command)
    return app


def beside(others: Mapping[str, str]) -> type[TyperCommand]:
    """The class of a command beside which there are others, as ``index tune`` beside ``index``.

    Parameters
    ----------
    others : mapping of str to str
        Their names, and where they are in this folder.
    """

    class Beside(TyperCommand):
        def make_context(
            self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any
        ) -> Any:
            if not args or args[0] not in others:
                return super().make_context(info_name, args, parent, **extra)
            module, _, attribute = others[args[0]].partition(".")
            single = typer.Typer(add_completion=False, context_settings=dict(self.context_settings))
            single.command(args[0])(
                getattr(importlib.import_module(f"kinspace.cli.{module}"), attribute)
            )
            other: Any = typer.main.get_command(single)
            return other.make_context(f"{info_name} {args[0]}", args[1:], parent, **extra)

    return Beside


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


def _version(wanted: bool) -> None:
    if wanted:
        from kinspace import __version__

        typer.echo(f"kinspace {__version__}")
        raise typer.Exit
