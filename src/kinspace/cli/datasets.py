"""``kinspace datasets``."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from kinspace.cli import output

if TYPE_CHECKING:
    from kinspace.datasets import Content, Dataset

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_SHOWN = 160  # characters of an item

app = typer.Typer(
    invoke_without_command=True,
    help="List the datasets; datasets show NAME tells about one, datasets fetch NAME gets it.",
)


@app.callback()
def datasets(context: typer.Context, as_json: AsJson = False) -> None:
    """List the datasets, and whether they are on this machine."""
    if context.invoked_subcommand is None:
        _list(as_json)


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List the datasets, and whether they are on this machine."""
    _list(as_json)


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="A name from the list.", show_default=False)],
    split: Annotated[
        str | None, typer.Option(help="The split to show; the default one if not given.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Tell all that is known about a dataset, and show its first items if it is at hand."""
    from kinspace.datasets import at_hand, describe, load

    record = describe(name)
    chosen = record.chosen(split)
    here = at_hand(record, chosen)
    items = first_items(load(name, chosen, download=False)) if here else []
    if as_json:
        output.print_json(_as_plain(record) | {"at_hand": here, "shown": chosen, "items": items})
        return
    console = output.out()
    for key, value in _lines(record):
        console.print(Text.assemble((f"{key:>10}  ", "cyan"), value))
    for file in record.files_of(chosen):
        length = f"{output.size(file.bytes)}, sha256 {file.sha256}"
        console.print(Text.assemble(("      file  ", "cyan"), file.place, " ", (length, "dim")))
        if file.address:
            doubt = "" if file.confirmed else "  (not confirmed)"
            console.print(Text.assemble("            ", file.address, (doubt, "yellow")))
    if not here:
        output.note(record.by_hand or f"Not at hand: kinspace datasets fetch {name}")
    for item in items:
        console.print(Text.assemble(("      item  ", "cyan"), _as_line(item)))


@app.command()
def fetch(
    names: Annotated[list[str], typer.Argument(help="Names from the list.", show_default=False)],
    split: Annotated[
        str | None, typer.Option(help="Only what this split needs; everything if not given.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Fetch datasets into the cache, as far as they are not on this machine, and check them."""
    from kinspace.datasets import describe
    from kinspace.datasets import fetch as fetch_files
    from kinspace.datasets.files import check

    records = [describe(name) for name in names]
    for record in records:
        record.chosen(split)
    done = []
    for record in records:
        if not as_json:
            output.note(f"{record.name}: {record.title}. Licence: {record.licence}.")
        with output.progress(record.name, "B", quiet=as_json) as advance:
            fetched = fetch_files(record, split, progress=advance)
        check(record, split)
        paths = [str(path) for path in fetched]
        done.append({"name": record.name, "licence": record.licence, "fetched": paths})
        if not as_json:
            what = (
                f"fetched {len(paths)} file{'s' if len(paths) > 1 else ''}" if paths else "at hand"
            )
            output.print_line(f"{record.name}: {what}, checked")
    if as_json:
        output.print_json(done)


def first_items(content: Content, count: int = 3) -> list[dict[str, Any]]:
    """The first items of a content, each as names and values that JSON can hold."""
    from itertools import islice

    from kinspace import datasets as kinds

    match content:
        case kinds.RetrievalSet():
            queries = islice(content.judged.items(), count)
            return [
                {"query": text, "relevant": [d for d, g in content.qrels[q].items() if g > 0]}
                for q, text in queries
            ]
        case kinds.PairSet():
            rows = zip(content.left, content.right, map(float, content.scores), strict=True)
            return [{"left": a, "right": b, "score": s} for a, b, s in islice(rows, count)]
        case kinds.LabelledSet():
            labelled = zip(content.texts, content.labels, strict=True)
            return [{"text": text, "label": label} for text, label in islice(labelled, count)]
        case kinds.BitextSet():
            both = zip(content.left, content.right, strict=True)
            return [{"left": a, "right": b} for a, b in islice(both, count)]
        case kinds.DictionarySet():
            words = islice(content.translations.items(), count)
            return [{"word": word, "translations": list(known)} for word, known in words]
        case kinds.TextSet():
            return [{"text": text} for text in content.texts[:count]]
        case kinds.TaggedSet():
            tagged = zip(content.sentences, content.tags, strict=True)
            return [{"words": list(w), "tags": list(t)} for w, t in islice(tagged, count)]
        case kinds.AnalogySet():
            questions = ((s, q) for s, found in content.sections.items() for q in found)
            return [{"section": s, "question": list(q)} for s, q in islice(questions, count)]
        case kinds.OutlierSet():
            groups = islice(content.groups.items(), count)
            return [{"group": g, "members": list(m), "outliers": list(o)} for g, (m, o) in groups]
        case kinds.WordListSet():
            return [{"list": key, "words": list(words)} for key, words in content.lists.items()]


def _list(as_json: bool) -> None:
    from kinspace.datasets import at_hand, describe, names

    records = [describe(name) for name in names()]
    here = {record.name: at_hand(record) for record in records}
    if as_json:
        output.print_json([_as_plain(one) | {"at_hand": here[one.name]} for one in records])
        return
    from rich.table import Table

    table = Table(box=None, header_style="cyan", pad_edge=False)
    for title in ("name", "kind", "items", "files", "here"):
        number = title in ("items", "files")
        table.add_column(title, justify="right" if number else "left", no_wrap=True)
    table.add_column("licence")  # the only one that gives way where the window is narrow
    for one in records:
        items = f"{one.splits[one.default_split]:,}"
        size = output.size(one.bytes)
        known = "yes" if here[one.name] else "no"
        licence = Text(one.licence, no_wrap=True, overflow="ellipsis")
        table.add_row(one.name, one.kind, items, size, known, licence)
    output.out().print(table)


def _as_plain(record: Dataset) -> dict[str, Any]:
    """A record as JSON can hold it."""
    plain = {field.name: getattr(record, field.name) for field in fields(record)}
    files = [
        {field.name: getattr(one, field.name) for field in fields(one)} for one in record.files
    ]
    mappings = {"splits": dict(record.splits), "options": dict(record.options)}
    return plain | mappings | {"files": files, "bytes": record.bytes}


def _lines(record: Dataset) -> list[tuple[str, str]]:
    """What the record says, for people."""
    splits = [f"{name} ({count:,})" for name, count in record.splits.items()]
    found = {
        "name": record.name, "title": record.title, "kind": f"{record.kind}: {record.content}",
        "languages": ", ".join(record.languages), "size": record.size,
        "splits": ", ".join([f"{splits[0]}, the default", *splits[1:]] if splits[1:] else splits),
        "licence": record.licence, "cite": record.citation, "paper": record.paper,
        "source": record.source, "notes": record.notes,
    }  # fmt: skip
    return [(key, value) for key, value in found.items() if value]


def _as_line(item: dict[str, Any]) -> str:
    parts = []
    for key, value in item.items():
        text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        text = " ".join(text.split())
        parts.append(f"{key}: {text if len(text) <= _SHOWN else text[:_SHOWN] + ' …'}")
    return " | ".join(parts)
