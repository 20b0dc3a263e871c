"""Whether a collection finds better by another model, and how much changes for its readers.

With judged queries, or without any: then sentences taken out of the records are the queries
(:mod:`kinspace.evaluate.unlabelled.known_item`). And how far the two models agree says how much
will look different, on the user's own queries or on the neighbours of records. Agreement is no
praise: a better model disagrees with a worse one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from kinspace.datasets.columns import read_text
from kinspace.datasets.content import Document
from kinspace.encoder import Progress
from kinspace.errors import DuplicateId, EmptyInput, InvalidInput, InvalidJudgements, ReadError
from kinspace.evaluate.estimate import Estimate, Sample
from kinspace.evaluate.metrics.ranking import per_query
from kinspace.evaluate.runs import Run
from kinspace.evaluate.statistics import compare, interval
from kinspace.evaluate.systems import as_system
from kinspace.evaluate.unlabelled.known_item import KnownItemTask, known_items
from kinspace.evaluate.unlabelled.sources import MOST, documents_of, sample_of
from kinspace.results import Neighbours
from kinspace.store.base import Mode, with_title

if TYPE_CHECKING:
    from kinspace.store.opened import Opened

MEASURES: Final = ("ndcg_at_10", "mrr_at_10", "recall_at_100")
_DEPTH: Final = 100
_K: Final = 10
_LEAST_ALIKE: Final = 5


@dataclass(frozen=True, slots=True)
class Figure:
    """A measure by both models.

    Parameters
    ----------
    measure : str
    old, new : float
    difference : float
        New less old.
    low, high : float
        Where the true difference lies with 95 % confidence.
    p : float
        How often a difference as large comes about if the models are equally good.
    """

    measure: str
    old: float
    new: float
    difference: float
    low: float
    high: float
    p: float


@dataclass(frozen=True, slots=True)
class Judged:
    """What both models find of what is known to be right.

    Parameters
    ----------
    by : {"your judgements", "known items"}
    queries : int
    figures : list of Figure
        The first is the one that decides.
    """

    by: str
    queries: int
    figures: list[Figure]

    @property
    def is_worse(self) -> bool:
        """Whether the new model finds less beyond doubt: the whole interval is below 0."""
        return self.figures[0].high < 0

    @property
    def forbids(self) -> bool:
        """Whether that speaks against a change by itself; known items are only a stand-in."""
        return self.is_worse and self.by == "your judgements"


@dataclass(frozen=True, slots=True)
class Overlap:
    """How far the best of the two models are the same.

    Parameters
    ----------
    of : {"your queries", "records"}
    asked : int
        How many queries, or records whose neighbours were looked for.
    k : int
        How many of the best are compared.
    share : Estimate
        The mean share of the ``k`` best that both find.
    same_best : float
        The share of queries of which both find the same first.
    least_alike : list of str
        Those of which the two find the most different things.
    """

    of: str
    asked: int
    k: int
    share: Estimate
    same_best: float
    least_alike: list[str]


@dataclass(frozen=True, slots=True)
class ModelChange:
    """Two models of one collection, compared.

    Parameters
    ----------
    old, new : str
        Their names.
    overlap : Overlap
    judged : Judged, optional
        None where nothing is judged and the texts are too few or too short to take sentences from.
    notes : list of str
        What a reader of the figures must know.
    """

    old: str
    new: str
    overlap: Overlap
    judged: Judged | None = None
    notes: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """As plain values, for JSON."""
        return asdict(self)


def compare_models(
    old: Opened,
    new: Opened,
    queries: Mapping[str, str] | None = None,
    qrels: Mapping[str, Mapping[str, int]] | None = None,
    *,
    mode: Mode = "hybrid",
    n: int = 300,
    most: int = MOST,
    seed: int = 0,
    progress: Progress | None = None,
) -> ModelChange:
    """Compare two models on one collection.

    Parameters
    ----------
    old, new : Collection or Beside
        The same records by the one model and by the other; see
        :meth:`kinspace.store.Collection.beside`.
    queries : mapping of str to str, optional
        The user's own, by id.
    qrels : mapping of str to mapping of str to int, optional
        Grades of records by query; without, known items decide.
    mode : {"hybrid", "dense", "keyword"}
        How the user's queries are searched. Known items and neighbours are searched by meaning.
    n : int
        Sentences taken out of records, and about half as many records whose neighbours are
        compared where there are no queries.
    most : int
        Of more records than these, known items are searched in a sample.
    seed : int
    progress : callable, optional
        Called with (done, total) in queries and sides.

    Returns
    -------
    ModelChange

    Raises
    ------
    EmptyInput
        If the collection is empty, or there are no queries.
    InvalidJudgements
        If no judged query has a relevant record, or judgements name none of the queries.
    """
    if qrels is not None and queries is None:
        raise InvalidJudgements("Judgements need their queries.", "Give both.")
    notes: list[str] = []
    if queries is not None:
        if not queries:
            raise EmptyInput("There are no queries.", "Give some, or leave them out.")
        runs = [_run(side, queries, mode, progress) for side in (old, new)]
        overlap = _overlap("your queries", runs, queries, seed)
        if qrels is not None:
            judged = _by_judgements(old, runs, queries, qrels, notes, seed)
            return ModelChange(old.space.model, new.space.model, overlap, judged, notes)
    else:
        overlap = _of_records(old, new, max(1, n // 2), seed, progress)
    known = _by_known_items(old, new, n, most, seed, notes)
    return ModelChange(old.space.model, new.space.model, overlap, known, notes)


def _run(
    side: Opened, queries: Mapping[str, str], mode: Mode, progress: Progress | None
) -> dict[str, Neighbours[str]]:
    found = {}
    for name, text in queries.items():
        found[name] = side.find(text, _DEPTH, mode=mode)
        if progress is not None:
            progress(len(found), len(queries))
    return found


def _overlap(
    of: str,
    runs: Sequence[Mapping[str, Neighbours[str]]],
    shown: Mapping[str, str],
    seed: int,
) -> Overlap:
    shares, same = {}, []
    for name in runs[0]:
        a, b = (run[name].ids[:_K] for run in runs)
        fits = max(len(a), len(b))
        shares[name] = len(set(a) & set(b)) / fits if fits else 1.0
        same.append(a[:1] == b[:1])
    values = np.array(list(shares.values()))
    least = sorted(shares, key=lambda name: shares[name])[:_LEAST_ALIKE]
    return Overlap(
        of,
        len(shares),
        _K,
        interval(Sample("mean", {"values": values}), seed=seed),
        float(np.mean(same)),
        [shown[name] for name in least if shares[name] < 1],
    )


def _of_records(old: Opened, new: Opened, n: int, seed: int, progress: Progress | None) -> Overlap:
    sample = sample_of(documents_of(old), n, seed)  # type: ignore[arg-type]
    names = {one.id: one.id for one in sample}
    runs = []
    for side in (old, new):
        found = {}
        for name in names:
            found[name] = side.near_ids(name, _K)
            if progress is not None:
                progress(len(found), len(names))
        runs.append(found)
    return _overlap("records", runs, names, seed)


def _by_judgements(
    side: Opened,
    runs: Sequence[Mapping[str, Neighbours[str]]],
    queries: Mapping[str, str],
    qrels: Mapping[str, Mapping[str, int]],
    notes: list[str],
    seed: int,
) -> Judged:
    judged = [name for name in queries if any(g > 0 for g in qrels.get(name, {}).values())]
    if not judged:
        raise InvalidJudgements(
            "No query has a relevant record.",
            "Check that queries and judgements have the same ids, and grades of 1 or more.",
        )
    named = {document for name in judged for document in qrels[name]}
    absent = sum(one is None for one in side.get(sorted(named)))
    if absent == len(named):
        raise InvalidJudgements(
            f"None of the {absent} records that the judgements name is in {side.path}.",
            "Judge by the ids that kinspace search --json shows.",
        )
    if absent:
        notes.append(f"{absent} of {len(named)} judged records are not in the collection")
    if len(judged) < len(queries):
        notes.append(f"{len(queries) - len(judged)} queries have no relevant record")
    measured = [
        per_query(Run("", {name: dict(run[name]) for name in judged}), qrels,
                  measures=MEASURES, judged=judged)
        for run in runs
    ]  # fmt: skip
    samples = [{m: Sample("mean", {"values": one[m]}) for m in MEASURES} for one in measured]
    return Judged("your judgements", len(judged), _figures(*samples, seed=seed))


def _by_known_items(
    old: Opened, new: Opened, n: int, most: int, seed: int, notes: list[str]
) -> Judged | None:
    from kinspace.store.known import Known

    documents = documents_of(old)  # type: ignore[arg-type]
    sample = sample_of(documents, most, seed)
    try:
        items = known_items(sample, n=n, seed=seed)
    except InvalidInput as error:
        notes.append(f"no known-item search: {error.message}")
        return None
    if len(sample) < len(documents):
        notes.append(f"a sample of {len(sample)} of {len(documents)} texts was searched in")
    written = {one.whole: _as_written(one) for one in items.content.documents.values()}
    task = KnownItemTask(items)
    outcomes = [task.run(as_system(Known(side, written))) for side in (old, new)]
    samples = [outcome.samples for outcome in outcomes]
    notes.append("known items are searched by meaning alone, without words")
    return Judged("known items", len(outcomes[0].items), _figures(*samples, seed=seed))


def _as_written(document: Document) -> str:
    return with_title(document.title, document.text)


def _figures(old: Mapping[str, Sample], new: Mapping[str, Sample], *, seed: int) -> list[Figure]:
    found = []
    for measure in MEASURES:
        gap = compare(new[measure], old[measure], seed=seed)
        values = (old[measure].value(), new[measure].value())
        found.append(Figure(measure, *values, gap.difference, gap.low, gap.high, gap.p))
    return found


def read_queries(path: str | Path) -> dict[str, str]:
    """Queries of a file by id.

    A line is a query; one with a tab is an id and a query. A ``.jsonl`` file has objects with
    ``text`` or ``query``, and ``_id`` or ``id``. Where there are no ids they are the queries.

    Raises
    ------
    PathNotFound, ReadError
    EmptyInput
        If there are none.
    DuplicateId
        If an id stands for two queries.
    """
    file = Path(path)
    found: dict[str, str] = {}
    for number, (name, text) in enumerate(_rows(file), 1):
        if not text.strip():
            continue
        if found.setdefault(name or text, text) != text:
            raise DuplicateId(
                f"{file}: the id {name!r} of query {number} stands for another already.",
                "Give every query its own.",
            )
    if not found:
        raise EmptyInput(f"There are no queries in {file}.", "Write one on each line.")
    return found


def _rows(file: Path) -> list[tuple[str, str]]:
    if file.name.endswith((".jsonl", ".ndjson")):
        from kinspace.datasets.own.table import records

        rows = []
        for line, one in records(file):
            text = one.get("text", one.get("query"))
            if not isinstance(text, str):
                raise ReadError(
                    f'{file}, line {line}: there is no "text".', "Give every query one."
                )
            rows.append((str(one.get("_id", one.get("id", ""))), text))
        return rows
    lines = [line.rstrip("\r") for line in read_text(file).split("\n")]
    return [("", line) if "\t" not in line else _columns(line) for line in lines]


def _columns(line: str) -> tuple[str, str]:
    name, _, text = line.partition("\t")
    return name.strip(), text
