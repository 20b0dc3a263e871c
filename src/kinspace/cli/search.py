"""``kinspace search``."""

from __future__ import annotations

from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from kinspace.cli import output, places

if TYPE_CHECKING:
    from kinspace.results import Hit
    from kinspace.store import Collection

NOTHING_FOUND = 3
_LINES = 6
"""Lines of a passage that are shown without --full."""


class Mode(StrEnum):
    """Ways of searching."""

    hybrid = "hybrid"
    dense = "dense"
    keyword = "keyword"


def search(
    query: Annotated[
        str,
        typer.Argument(
            help='What to look for. "A phrase", title:word, +must and -not are understood.',
            show_default=False,
        ),
    ],
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Files and folders to search; the current folder if neither they nor -c are "
            "given. They are indexed first, in the cache, and later only what changed.",
            show_default=False,
        ),
    ] = None,
    collection: Annotated[
        Path | None, typer.Option("--collection", "-c", help="A collection to search instead.")
    ] = None,
    k: Annotated[int, typer.Option("-k", help="How many passages.")] = 5,
    mode: Annotated[Mode, typer.Option(help="By words, by meaning, or both.")] = Mode.hybrid,
    where: Annotated[
        str | None, typer.Option(help="Only records like this: 'year >= 2020 and lang = en'.")
    ] = None,
    unique: Annotated[
        str | None, typer.Option(help="A field of which each value comes once, such as path.")
    ] = None,
    offset: Annotated[int, typer.Option(help="Leave out so many of the best.")] = 0,
    rerank: Annotated[
        str | None,
        typer.Option(help="A model that reads the best 100 again and orders them."),
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Say what found each passage, and by which words.")
    ] = False,
    full: Annotated[bool, typer.Option("--full", help="Show whole passages.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """Search files, or a collection, by meaning and by words."""
    from kinspace.errors import EmptyInput, InvalidParameter
    from kinspace.loading import load

    if not query.strip():
        raise EmptyInput("The query is empty.", "Say what to look for.")
    if k < 1:
        raise InvalidParameter(f"k is {k}; at least one result is needed.", "Give -k 1 or more.")
    if collection is not None and paths:
        raise InvalidParameter(
            "Both a collection and files were given.",
            f"Bring the collection up to date first: kinspace index … -c {collection}",
        )
    with _opened(collection, paths) as opened:
        hits = opened.search(
            query, k, where, mode.value, explain=explain, unique=unique, offset=offset,
            rerank=None if rerank is None else load(rerank),
        )  # fmt: skip
    return _print(hits, full=full, as_json=as_json)


def near_in_collection(
    collection: Path, item: str, k: int, where: str | None, *, full: bool, as_json: bool
) -> int:
    """Show what is nearest to a record of a collection."""
    with _opened(collection, None) as opened:
        hits = opened.near(item, k, where)
    return _print(hits, full=full, as_json=as_json)


def _opened(collection: Path | None, paths: list[Path] | None) -> Collection:
    """The collection to search; one from the cache is brought up to date first."""
    from kinspace.store import Collection

    if collection is not None:
        opened = Collection.open(collection, create=False)
        for repair in opened.repairs:
            output.warn(repair)
        return opened
    from kinspace.cli.collections import bring_up

    return bring_up(paths or [Path()])


def _print(hits: list[Hit], *, full: bool, as_json: bool) -> int:
    if as_json:
        output.print_json([hit.to_dict() for hit in hits])
        return 0 if hits else NOTHING_FOUND
    if not hits:
        output.note("Nothing found.")
        return NOTHING_FOUND
    console = output.out()
    for number, hit in enumerate(hits):
        if number:
            console.print()
        console.print(_heading(hit))
        console.print(_passage(hit, full=full))
        for name, part in hit.parts.items():
            words = ", ".join(f"{word} {weight:.3g}" for word, weight in part.words)
            line = f"  {name}: rank {part.rank}, score {part.score:.4g}"
            console.print(Text(f"{line} ({words})" if words else line, style="dim"))
    return 0


def _heading(hit: Hit) -> Text:
    place = hit.id
    if "path" in hit.fields:
        place = places.shown(str(hit.fields["path"]))
        if "start_line" in hit.fields:
            place += f":{hit.fields['start_line']}"
    line = Text.assemble((place, "bold magenta"), "  ", (f"{hit.score:.3f}", "cyan"))
    if hit.fields.get("title"):
        line.append(f"  {hit.fields['title']}", style="bold")
    return line


def _passage(hit: Hit, *, full: bool) -> Text:
    text = Text(hit.text)
    for start, end in hit.marks:
        text.stylize("bold yellow", start, end)
    lines = text.split("\n")
    if not full and len(lines) > _LINES:
        first = _densest(hit)
        kept = lines[first : first + _LINES]
        if first:
            kept[0] = Text("… ", style="dim") + kept[0]
        if first + _LINES < len(lines):
            kept[-1] = kept[-1] + Text(" …", style="dim")
        lines = type(lines)(kept)
    return Text("\n").join(Text("  ") + line for line in lines)


def _densest(hit: Hit) -> int:
    """The line from which on the most of the query's words are shown; the first of equals."""
    starts = [0]
    for line in hit.text.split("\n"):
        starts.append(starts[-1] + len(line) + 1)
    counts = [
        sum(begin <= start < end for start, _ in hit.marks) for begin, end in pairwise(starts)
    ]
    windows = [sum(counts[i : i + _LINES]) for i in range(max(1, len(counts) - _LINES + 1))]
    return windows.index(max(windows))
