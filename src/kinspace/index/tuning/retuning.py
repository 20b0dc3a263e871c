"""The options of an index set anew, for what it holds now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from kinspace.index.exact_search import nearest_rows
from kinspace.index.held import DenseHeld
from kinspace.index.tuning.asked import Asked
from kinspace.index.tuning.choice import Choice, Proof
from kinspace.index.tuning.contest import Entry, described, prove, set_all
from kinspace.index.tuning.data import Questions, enough_queries
from kinspace.index.tuning.families import family_of, highest, ladders
from kinspace.index.tuning.recall import Trial
from kinspace.index.tuning.settings import Timed, timed
from kinspace.index.tuning.tuner import QUERIES, processors
from kinspace.metric import Metric

_MORE: Final = 1.2
_STEPS: Final = 12


@dataclass(eq=False)
class Inside:
    """What an index holds now, as the data of its own trial.

    Parameters
    ----------
    index : VectorIndex
    """

    index: Any

    def __post_init__(self) -> None:
        with self.index._gate.reading():
            self._held = self.index._held
            self._alive = np.flatnonzero(self.index._ids.alive)
            self._ids = self.index._ids.rows

    def __len__(self) -> int:
        return len(self._alive)

    @property
    def metric(self) -> Metric:
        """How the vectors are compared."""
        metric: Metric = self.index.metric
        return metric

    @property
    def form(self) -> str:
        """``"dense"``, or what else."""
        return "dense" if isinstance(self._held, DenseHeld) else "sparse"

    def take(self, places: NDArray[np.int64]) -> Any:
        """Some of the vectors."""
        return self._held.take(self._alive[places])

    def names(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """The ids of some of the vectors."""
        return np.asarray(self._ids[self._alive[places]], np.int64)

    def nearest(self, queries: Any, k: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The ids of the true neighbours of prepared queries, and their scores."""
        if type(self._held) is DenseHeld:
            found = nearest_rows(
                queries, self._held.table, self._ids, k, self.index.metric, rows=self._alive
            )
            return found.ids, found.scores
        with self.index._gate.reading():
            usable = self.index._ids.usable(None)
            rows, scores = self.index._compared(queries, k, usable, 0, len(self.index._held))
            return np.where(rows < 0, -1, self.index._ids.rows[rows]), scores


def retuned(index: Any, queries: Any, asked: Asked, seed: int) -> Choice:
    """Set the options of an index for each ``k``; returns what was found, and proven."""
    data = Inside(index)
    ks = asked.ks(len(data))
    entry = Entry(family_of(index), index, {k: {} for k in ks}, Timed(0, 0), 0.0, index.nbytes)
    if not ks or not index.SEARCH or index._exact_pays(len(data)):
        entry.proofs = tuple(Proof(k, 1.0, 1.0, 0) for k in ks)
        return _chosen(entry, asked, len(data), "all vectors are compared", ())
    given = None if queries is None else index._held.prepared(queries)
    questions = Questions(data, given, seed)
    if given is not None:
        index.calibrate(given)
    count = enough_queries(asked.recall, len(data), QUERIES[data.form])
    if given is not None:
        count = min(count, max(1, questions.left // 2))
    trial, proof = (questions.draw(count, max(ks)) for _ in range(2))
    proofs = [proof]
    if given is None:  # what came last may lie elsewhere than what cells were learned from
        last = np.arange(len(data) - len(data) // 4, len(data))
        proofs = [Questions(data, None, seed, last).draw(count // 2, max(ks)), proof]
    found = set_all(entry, trial, ks, asked, index.tuned.get(ks[0]))
    if not found:
        entry.settings = {k: highest(index, k) for k in ks}
    elif entry.family.holds_out and given is None:
        _look_at_more(entry)
    for _ in range(_STEPS):
        if all(prove(entry, one, ks, asked.recall) for one in proofs):
            break
        _look_at_more(entry)
    weakest = min((_proven(entry, one, ks) for one in proofs), key=lambda one: one[0].recall)
    entry.proofs = weakest
    entry.time = timed(index, proof, ks[0], entry.settings[ks[0]])
    index.tuned = {k: dict(settings) for k, settings in entry.settings.items()}
    notes = []
    if given is None:
        notes.append("queries are vectors of the data itself, and of what came last")
        if entry.family.holds_out:
            notes.append(
                "its own vectors find their neighbours more easily than others do: give queries"
            )
    return _chosen(entry, asked, len(data), "its options were set anew", notes)


def _look_at_more(entry: Entry) -> None:
    """A fifth more than was needed to find enough."""
    for k, settings in entry.settings.items():
        steps = ladders(entry.index, k)
        fine = list(steps)[-1]
        higher = [value for value in steps[fine] if value >= _MORE * settings[fine]]
        entry.settings[k] = settings | {fine: higher[0] if higher else steps[fine][-1]}


def _proven(entry: Entry, trial: Trial, ks: Sequence[int]) -> tuple[Proof, ...]:
    prove(entry, trial, ks, 0.0)
    return entry.proofs


def _chosen(entry: Entry, asked: Asked, count: int, why: str, notes: Sequence[str]) -> Choice:
    """What is said of it, which the index keeps."""
    k = min(asked.k, max(1, count - 1))
    short = entry.proofs and entry.proofs[0].recall < asked.recall
    choice = Choice(
        index=described(entry.index),
        why=why,
        recall=asked.recall,
        k=k,
        count=count,
        threads=asked.threads or processors(),
        proofs=entry.proofs,
        alternatives=(entry.line(k),),
        misses=(f"find {asked.recall:g} of the {k} nearest",) if short else (),
        notes=tuple(notes),
    )
    entry.index.choice = choice
    return choice
