"""Indexes tried against each other: made, set to a recall, timed and proven."""

from __future__ import annotations

import inspect
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from kinspace.index.tuning.asked import Asked
from kinspace.index.tuning.choice import Alternative, Proof
from kinspace.index.tuning.data import Data
from kinspace.index.tuning.families import Family, highest, ladders
from kinspace.index.tuning.recall import Trial, found_by, proof_of
from kinspace.index.tuning.settings import Settings, Timed, settle, timed

_QUERIES_A_BUILD: Final = 1_000_000
"""Over so many queries the time of building is spread where indexes are compared."""

_MANY: Final = 50
"""With so many neighbours of each, half of the queries say as much."""


@dataclass(eq=False)
class Entry:
    """An index that was made, of a sample or of everything.

    Parameters
    ----------
    family : Family
    index : VectorIndex
    settings : dict of int to dict
        The options of a search that find enough, for each ``k``; without those for the ``k`` that
        was asked for, it does not.
    time : Timed
        Where it was made of a sample, as is to be expected of everything; so are these two:
    seconds, nbytes : float, int
        What building took, and the bytes.
    proofs : tuple of Proof
    held_out : ndarray of int64, optional
        Places of vectors that are not in it yet, since it was asked for them.
    sample : int, optional
        How many vectors it was made of, where not of all.
    note : str
    """

    family: Family
    index: Any
    settings: dict[int, Settings]
    time: Timed
    seconds: float
    nbytes: int
    proofs: tuple[Proof, ...] = ()
    held_out: NDArray[np.int64] | None = None
    sample: int | None = None
    note: str = ""

    def cost(self, asked: Asked) -> float:
        """What indexes are compared by: seconds a query, and of building a part for each.

        The time of a query is that alone where one was asked for, else the geometric mean of that
        and of one in a batch.
        """
        both = math.sqrt(self.time.batch * self.time.alone)
        taken = self.time.alone if asked.latency is not None else both
        return taken + self.seconds / _QUERIES_A_BUILD

    def misses(self, asked: Asked, k: int) -> list[str]:
        """What was asked for and is not so, in words."""
        missed = []
        if k not in self.settings:
            missed.append(f"find {asked.recall:g} of the {k} nearest")
        if asked.memory is not None and self.nbytes > asked.memory:
            missed.append(f"stay within {asked.memory:,} bytes: it takes {self.nbytes:,}")
        if asked.latency is not None and self.time.alone > asked.latency:
            limit, taken = 1000 * asked.latency, 1000 * self.time.alone
            missed.append(f"answer one query in {limit:g} ms: it takes {taken:.3g} ms")
        return missed

    def line(self, k: int) -> Alternative:
        """As a line of the table."""
        recall = next((proof.recall for proof in self.proofs if proof.k == k), None)
        return Alternative(
            described(self.index),
            self.settings.get(k, {}),
            recall if k in self.settings else None,
            1 / self.time.batch if self.time.batch else 0.0,
            1000 * self.time.alone,
            self.seconds,
            self.nbytes,
            self.sample,
            self.note,
        )


def described(index: Any) -> str:
    """An index's class, with those options of its constructor that are not the usual ones."""
    usual = inspect.signature(type(index)).parameters
    options = {
        name: value
        for name, value in index.stats().options.items()
        if name not in ("dim", "metric", *index.SEARCH) and value != usual[name].default
    }
    given = ", ".join(f"{name}={value!r}" for name, value in options.items())
    return f"{type(index).__name__}({given})" if given else type(index).__name__


def made(
    family: Family, data: Data, trials: Sequence[Trial], threads: int | None
) -> tuple[Entry, list[Trial]]:
    """An index of all vectors, and the trials as they are for it.

    Where vectors of the index find their neighbours more easily than other queries do, it is made
    without those that are asked for, which are then no neighbours of each other either.
    """
    index = family.make(data.dim, data.metric, len(data), data.dtype)
    index.threads = threads
    asked = [trial.own for trial in trials if trial.own is not None]
    start = time.perf_counter()
    if not family.holds_out or not asked:
        data.into(index)
        held_out, theirs = None, list(trials)
    else:
        held_out = np.unique(np.concatenate(asked))
        rest = np.setdiff1d(np.arange(len(data)), held_out)
        others = data.part(rest)
        index.add(others.rows, ids=rest)
        theirs = []
        for trial in trials:
            places, scores = others.nearest(trial.queries, trial.k)
            theirs.append(Trial(trial.queries, np.where(places < 0, -1, rest[places]), scores))
    seconds = time.perf_counter() - start
    entry = Entry(family, index, {}, Timed(0, 0), seconds, 0, held_out=held_out)
    return entry, theirs


def completed(entry: Entry, data: Data) -> Any:
    """The index, with the vectors that were held out, set for each ``k``.

    With these there is more to look at, so that more is looked at, in proportion.
    """
    index = entry.index
    if entry.held_out is not None:
        more = len(data) / (len(data) - len(entry.held_out))
        entry.settings = {
            k: {name: math.ceil(value * more) for name, value in settings.items()}
            for k, settings in entry.settings.items()
        }
        index.add(data.rows[entry.held_out], ids=entry.held_out)
    index.tuned = {k: dict(settings) for k, settings in entry.settings.items() if settings}
    return index


def heat(family: Family, data: Data, trial: Trial, asked: Asked, k: int, whole: Data) -> Entry:
    """A family on a sample, and what is to be expected of it with everything."""
    entry, (trial,) = made(family, data, [trial], asked.threads)
    index = entry.index
    found = settle(index, trial, k, asked.recall, ladders(index, k), is_sure=False)
    taken = timed(index, trial, k, found or {})
    more = len(whole) / len(data)
    slower = more**family.growth
    entry.time = Timed(taken.batch * slower, taken.alone * slower)
    entry.seconds *= more
    entry.nbytes = whole.nbytes + round(more * own_bytes(index))
    entry.sample = len(data) if more > 1 else None
    if found is None:
        entry.note = "does not find enough"
    else:
        entry.settings = {k: found}
        entry.proofs = (proof_of(found_by(index, trial, k, found), k),)
    return entry


def own_bytes(index: Any) -> int:
    """Bytes of all parts but the vectors."""
    return sum(size for name, size in index.stats().parts.items() if name != "vectors")


def set_all(
    entry: Entry, trial: Trial, ks: Sequence[int], asked: Asked, start: Settings | None
) -> bool:
    """Set the options of a search for each ``k``, the first of which must find enough.

    Where no options do for another ``k``, the highest stand for it; its proof says what it finds.
    """
    entry.settings = {}
    for k in ks:
        steps = ladders(entry.index, k)
        some = trial if k < _MANY else trial.part(slice(None, None, 2))
        found = settle(entry.index, some, k, asked.recall, steps, start=start)
        if found is None and k == ks[0]:
            return False
        entry.settings[k] = found or highest(entry.index, k)
        start = start if k != ks[0] else found
    return True


def prove(entry: Entry, trial: Trial, ks: Sequence[int], recall: float) -> bool:
    """Whether queries that had no part in the choice find enough, for the first ``k`` at least."""
    entry.proofs = tuple(
        proof_of(found_by(entry.index, trial, k, entry.settings[k]), k) for k in ks
    )
    return entry.proofs[0].recall >= recall
