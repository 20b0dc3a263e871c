"""``kinspace migrate``."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from kinspace.cli import output
from kinspace.cli.search import Mode

if TYPE_CHECKING:
    from kinspace.evaluate.model_change import ModelChange
    from kinspace.store import Collection

_SHOWN = 60
"""Characters of a query that are shown."""


class Number(StrEnum):
    """How a number of a vector is kept."""

    float16 = "float16"
    float32 = "float32"


def migrate(
    path: Annotated[Path, typer.Argument(help="A collection.", show_default=False)],
    model: Annotated[
        str | None,
        typer.Option(help="The model to change to; the one that was begun with if not given."),
    ] = None,
    queries: Annotated[
        Path | None,
        typer.Option(help="Queries to compare by: one a line, or an id, a tab and a query."),
    ] = None,
    qrels: Annotated[
        Path | None, typer.Option(help="Which records answer them, as TREC and BEIR write it.")
    ] = None,
    mode: Annotated[Mode, typer.Option(help="How these queries are searched.")] = Mode.hybrid,
    compare: Annotated[
        bool, typer.Option("--compare/--no-compare", help="Compare the models before changing.")
    ] = True,
    switch: Annotated[
        bool, typer.Option("--switch/--no-switch", help="Change over when all is encoded.")
    ] = True,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Change over even if the new model finds less.")
    ] = False,
    dtype: Annotated[
        Number | None,
        typer.Option(help="How new vectors are kept; as the old ones if not given."),
    ] = None,
    back: Annotated[bool, typer.Option("--back", help="Go back to the model before.")] = False,
    finish: Annotated[
        bool, typer.Option("--finish", help="Let go of the model before, and its space.")
    ] = False,
    drop: Annotated[
        bool, typer.Option("--drop", help="Give up changing, and let go of the new vectors.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """Change the model of a collection: encode beside, compare, change over; or go back.

    The collection can be searched and written all the while. Ctrl-C stops after the current batch;
    the same command goes on. The vectors of the model before stay until --finish.
    """
    from kinspace.errors import InvalidParameter
    from kinspace.store import Collection

    ends = back or finish or drop
    if back + finish + drop + (model is not None) > 1:
        raise InvalidParameter(
            "--model, --back, --finish and --drop are four different things.", "Give one of them."
        )
    if (queries or qrels) and (ends or not compare):
        raise InvalidParameter("Queries are for comparing, which is not asked.", "Leave them out.")
    if ((anyway or dtype) and ends) or (anyway and not switch):
        raise InvalidParameter("--anyway and --dtype are for changing over.", "Leave them out.")
    asked = _read(queries, qrels)
    with Collection.open(path, create=False) as opened:
        if finish or drop:
            _let_go(opened, is_new=drop, as_json=as_json)
            return 0
        if back:
            _back(opened, as_json=as_json)
            return 0
        found = _encode(opened, model, dtype)
        change = _compare(opened, asked, mode) if compare and len(opened) else None
        judged = None if change is None else change.judged
        if switch and (anyway or judged is None or not judged.forbids):
            found["encoded"] += opened.switch()
            found["switched"] = True
        if as_json:
            output.print_json({**found, "comparison": change.to_dict() if change else None})
        else:
            _tell(opened, found, change)
        if switch and not found["switched"]:
            output.warn(
                f"{found['new']} finds less beyond doubt: not changed over. "
                f"All the same: kinspace migrate {path} --anyway; give up: --drop"
            )
            return 1
    return 0


def _read(queries: Path | None, qrels: Path | None) -> tuple[Any, Any]:
    """Queries and judgements, read before anything takes long."""
    from kinspace.datasets.judgements import read_judgements
    from kinspace.errors import InvalidParameter
    from kinspace.evaluate.model_change import read_queries

    if qrels is not None and queries is None:
        raise InvalidParameter("--qrels needs its queries.", "Give --queries too.")
    return (
        None if queries is None else read_queries(queries),
        None if qrels is None else read_judgements(qrels),
    )


def _encode(opened: Collection, model: str | None, dtype: Number | None) -> dict[str, Any]:
    from kinspace.errors import InvalidParameter

    other = opened.other
    if model is None and (other is None or not other.is_new):
        raise InvalidParameter(
            f"Nothing is under way in {opened.path}.",
            "Name the model to change to: --model NAME"
            + ("; or go back: --back" if other is not None else ""),
        )
    with output.progress("Encoding", "texts") as advance:
        done = opened.migrate(
            model,
            dtype=None if dtype is None else dtype.value,
            switch=False,
            progress=lambda done, total: advance(done, total, ""),
        )
    other = opened.other
    assert other is not None
    return {
        "collection": str(opened.path),
        "old": opened.space.model,
        "new": other.space.model,
        "encoded": done,
        "switched": False,
    }


def _compare(opened: Collection, asked: tuple[Any, Any], mode: Mode) -> ModelChange | None:
    from kinspace.errors import EmptyInput
    from kinspace.evaluate.model_change import compare_models

    try:
        with opened.beside() as beside, output.progress("Comparing", "searches") as advance:
            return compare_models(
                opened,
                beside,
                *asked,
                mode=mode.value,
                progress=lambda done, total: advance(done, total, ""),
            )
    except EmptyInput as error:
        output.note(f"Not compared: {error.message}")
        return None


def _tell(opened: Collection, found: dict[str, Any], change: ModelChange | None) -> None:
    console = output.out()
    console.print(
        Text.assemble(
            f"{opened.path}: ", (found["old"], "cyan"), " → ", (found["new"], "cyan"),
            f", {found['encoded']:,} records encoded",
        )
    )  # fmt: skip
    if change is not None:
        _tell_change(change)
    if found["switched"]:
        console.print(
            f"Changed over to {found['new']}. Back: kinspace migrate {opened.path} --back; "
            "for good: --finish"
        )
    else:
        console.print(f"It still searches by {found['old']}.")


def _tell_change(change: ModelChange) -> None:
    console = output.out()
    if change.judged is not None:
        console.print(f"Judged by {change.judged.by} ({change.judged.queries} queries):")
        for one in change.judged.figures:
            line = (
                f"  {one.measure:14} {one.old:.3f} → {one.new:.3f}  "
                f"{one.difference:+.3f} [{one.low:+.3f}, {one.high:+.3f}]"
            )
            console.print(Text(line))
    overlap = change.overlap
    share = f"{overlap.share.value:.0%} [{overlap.share.low:.0%}, {overlap.share.high:.0%}]"
    console.print(
        Text(
            f"The {overlap.k} best of {overlap.asked} {overlap.of.removeprefix('your ')} are the "
            f"same to {share}; the first is for {overlap.same_best:.0%}."
        )
    )
    for query in overlap.least_alike:
        console.print(Text(f"  least alike: {query[:_SHOWN]}", style="dim"))
    for note in change.notes:
        output.note(f"Note: {note}.")
    if change.judged is not None and change.judged.is_worse and not change.judged.forbids:
        output.warn(
            f"{change.new} finds fewer known items. They stand in for queries of yours: look at "
            "some with --queries, and better, judge them with --qrels"
        )


def _back(opened: Collection, *, as_json: bool) -> None:
    from kinspace.errors import InvalidParameter

    other = opened.other
    if other is None or other.is_new:
        raise InvalidParameter(
            f"{opened.path} was not changed from another model.",
            "Only what was changed over can go back.",
        )
    with output.progress("Encoding", "texts") as advance:
        done = opened.switch(progress=lambda done, total: advance(done, total, ""))
    if as_json:
        output.print_json(
            {"collection": str(opened.path), "encoded": done, "model": opened.space.model}
        )
    else:
        output.out().print(
            f"{opened.path} searches by {opened.space.model} again; {done:,} records that were "
            "written since were encoded."
        )


def _let_go(opened: Collection, *, is_new: bool, as_json: bool) -> None:
    from kinspace.errors import InvalidParameter

    other = opened.other
    if other is None or other.is_new is not is_new:
        held = "a migration under way" if is_new else "the vectors of a model before"
        flag = "--finish" if is_new else "--drop"
        raise InvalidParameter(
            f"{opened.path} does not hold {held}.",
            "There is nothing to let go of." if other is None else f"Did you mean {flag}?",
        )
    opened.drop_other()
    done = opened.compact()
    if as_json:
        output.print_json({"model": opened.space.model, "before": done.before, "after": done.after})
    else:
        output.out().print(
            f"{opened.path} holds vectors of {opened.space.model} only: "
            f"{output.size(done.before)} → {output.size(done.after)}"
        )
