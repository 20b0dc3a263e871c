"""One run of the tuner: a sample, the best on everything, the proof, and what is said of it."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import numpy as np

from kinspace.index.tuning.asked import Asked
from kinspace.index.tuning.choice import Choice, Proof
from kinspace.index.tuning.contest import (
    Entry,
    completed,
    described,
    heat,
    made,
    own_bytes,
    prove,
    set_all,
)
from kinspace.index.tuning.data import Data, Questions, enough_queries
from kinspace.index.tuning.families import EXACT, EXACT_INT8, EXACT_SPARSE, FAMILIES
from kinspace.index.tuning.intrinsic import intrinsic_dimension
from kinspace.index.tuning.recall import Trial, joined, low_end
from kinspace.index.tuning.settings import Timed, timed

Progress = Callable[[int, int, str], None]
"""Called with how much is done, how much there is, and what is at hand."""

SMALL: Final = 10_000
"""Up to so many vectors all are compared: it takes a fraction of a millisecond, and is right for
queries of any kind, also those that differ from the data."""
SAMPLE: Final = 15_000
QUERIES: Final = {"dense": 1000, "sparse": 400, "multi": 250}
_SAMPLE_QUERIES: Final = 250
_MOST_QUERIES: Final = 6000
_FEW: Final = 200
_ROUNDS: Final = 3
_SLACK: Final = 0.01
_MOST_BUILT: Final = 3
_WORTH_BUILDING: Final = 0.6
"""Another index is built only if it is expected to take no more than this share of the time."""


class Tuner:
    """Finds the index for some vectors.

    Parameters
    ----------
    data : Data
    given : prepared vectors, optional
        Queries.
    asked : Asked
    seed : int
    progress : callable, optional
    may_halve : bool
        Whether vectors may be kept as float16 where memory is short.
    thorough : bool
        Whether to try all families, also those that are not expected to be best.
    """

    def __init__(
        self,
        data: Data,
        given: Any,
        asked: Asked,
        seed: int,
        progress: Progress | None,
        *,
        may_halve: bool,
        thorough: bool = False,
    ) -> None:
        self.data = data
        self.asked = asked
        self.seed = seed
        self.thorough = thorough
        self.may_halve = may_halve and data.dtype == "float32"
        self.ks = asked.ks(len(data))
        self.notes: list[str] = []
        if given is not None and len(data) > SMALL and given.shape[0] < _FEW:
            self.notes.append(
                f"{given.shape[0]} queries are too few to prove anything ({_FEW} are needed), so "
                "vectors of the data were asked for"
            )
            given = None
        self.questions = Questions(data, given, seed)
        self.built: list[Entry] = []
        self.heats: list[Entry] = []
        self.rejected: list[Entry] = []
        self.proof: Trial
        self._progress = progress
        self._done = 0

    def run(self) -> Any:
        """The index, set and proven, with its choice."""
        exact = self._exact()
        if len(self.data) <= SMALL or not self.ks:
            return self._ended(exact, f"comparing {len(self.data):,} vectors takes no time")
        if not self._can_prove():
            exact = self._exact(is_large=True)
            return self._ended(exact, "no queries could prove so high a recall of anything else")
        self._tell("comparing all, for the truth")
        trial = self._draw()
        exact.time = Timed(self.questions.seconds, self.questions.seconds_alone(self.ks[0]))
        self.built = [exact]
        self._try(trial)
        self.proof = self._draw()
        for plan, data in self._plans(exact):
            if len(self.built) < _MOST_BUILT and self._is_worth(plan):
                trial = self._build(plan, data, trial)
        best = min(self.built, key=self._rank)
        return self._ended(best, self._why(best, exact))

    # -- the steps -------------------------------------------------------------------------------

    def _exact(self, *, is_large: bool = False) -> Entry:
        """Exact search, which needs no proof."""
        family = EXACT[self.data.form]
        if is_large and self.data.form == "sparse" and self.data.metric in ("cosine", "dot"):
            family = EXACT_SPARSE
        entry, _ = made(family, self.data, [], self.asked.threads)
        entry.settings = {k: {} for k in self.ks}
        entry.proofs = tuple(Proof(k, 1.0, 1.0, 0) for k in self.ks)
        entry.nbytes = self.data.nbytes + own_bytes(entry.index)
        return entry

    def _can_prove(self) -> bool:
        """Whether queries that find all there is would prove the recall."""
        count = self._count()
        return count <= _MOST_QUERIES and low_end(np.ones(count)) >= self.asked.recall

    def _count(self) -> int:
        return enough_queries(self.asked.recall, len(self.data), QUERIES[self.data.form])

    def _draw(self) -> Trial:
        """Queries that were not asked yet; half of those that were given, so that some are left."""
        count = self._count()
        if self.questions.given is not None and not self.questions.used:
            count = min(count, self.questions.left // 2)
        return self.questions.draw(count, max(self.ks))

    def _try(self, trial: Trial) -> None:
        """Each family that may be best on a sample, with what is to be expected of it."""
        data, asked = self.data, self.asked
        directions = min(data.dim, intrinsic_dimension(trial.scores, data.metric))
        if self.thorough:
            directions = 0
        families = [
            family for family in FAMILIES[data.form] if family.suits(data.metric, directions, asked)
        ]
        if not families:
            return
        if len(families) == 1:  # there is nothing to choose from
            hope: dict[int, dict[str, Any]] = {self.ks[0]: {}}
            self.heats = [Entry(families[0], None, hope, Timed(0, 0), 0.0, data.nbytes)]
            return
        sample, some = self._sample(trial)
        for family in families:
            self._tell(f"{family.name} on {len(sample):,} vectors")
            self.heats.append(heat(family, sample, some, asked, self.ks[0], data))

    def _sample(self, trial: Trial) -> tuple[Data, Trial]:
        """Some of the vectors, and queries with their neighbours among these."""
        count = len(self.data)
        some = trial.part(slice(_SAMPLE_QUERIES))
        if count <= 2 * SAMPLE:
            return self.data, some
        order = np.random.default_rng(self.seed).permutation(count)
        sample = self.data.part(np.sort(order[:SAMPLE]))
        queries = some.queries
        if trial.own is not None:
            queries = self.data.take(order[SAMPLE : SAMPLE + _SAMPLE_QUERIES])
        return sample, Trial(queries, *sample.nearest(queries, self.ks[0]))

    def _plans(self, exact: Entry) -> list[tuple[Entry, Data]]:
        """What may be built, best first by what is expected of it."""
        plans = [(entry, self.data) for entry in self.heats if entry.settings]
        if self.asked.memory is not None and self.may_halve:
            half = self.data.as_half()
            saved = self.data.nbytes - half.nbytes
            plans += [
                (replace(entry, nbytes=entry.nbytes - saved), half)
                for entry in (exact, *(plan for plan, _ in plans))
            ]
            small = replace(exact, family=EXACT_INT8, nbytes=exact.nbytes - 3 * saved // 2)
            plans.append((small, self.data))
        return sorted(plans, key=lambda plan: self._rank(plan[0]))

    def _rank(self, entry: Entry) -> tuple[float, ...]:
        """What is better comes first: what fits, then what finds enough, is quick enough, fast."""
        asked = self.asked
        fits = asked.memory is None or entry.nbytes <= asked.memory
        slow = asked.latency is not None and entry.time.alone > asked.latency
        found = self.ks[0] in entry.settings
        return (0 if fits else entry.nbytes, not found, slow, entry.cost(asked))

    def _is_worth(self, plan: Entry) -> bool:
        """Whether a plan is expected to be better by enough than what is built."""
        *best, cost = min(map(self._rank, self.built))
        *expected, planned = self._rank(plan)
        if expected != best:
            return expected < best
        return planned < (1 if len(self.built) == 1 else _WORTH_BUILDING) * cost

    def _build(self, plan: Entry, data: Data, trial: Trial) -> Trial:
        """Build a plan on everything, set and prove it; returns the queries to set the next by."""
        self._tell(f"{plan.family.name} on all {len(data):,} vectors")
        if plan.index is not None and len(plan.index) == len(data) and data is self.data:
            entry, mine, proof = replace(plan, proofs=()), trial, self.proof  # its sample was all
        else:
            both = [trial, self.proof]
            entry, (mine, proof) = made(plan.family, data, both, self.asked.threads)
        entry.nbytes = data.nbytes + own_bytes(entry.index)
        if self.questions.given is not None:
            entry.index.calibrate(mine.queries)
        for _ in range(_ROUNDS):
            if not set_all(entry, mine, self.ks, self.asked, plan.settings.get(self.ks[0])):
                break
            if prove(entry, proof, self.ks, self.asked.recall):
                entry.time = timed(entry.index, proof, self.ks[0], entry.settings[self.ks[0]])
                self.built.append(entry)
                return trial
            mine = joined(mine, proof)  # what proved it wrong helps to choose, and others prove
            if entry.held_out is None and self.questions.left >= len(proof):
                trial, proof = joined(trial, self.proof), self._draw()
                self.proof = proof
        entry.settings, entry.note = {}, "does not find enough"
        self.rejected.append(entry)
        return trial

    # -- what is said ----------------------------------------------------------------------------

    def _ended(self, entry: Entry, why: str) -> Any:
        """An entry's index, ready for use, with its choice."""
        k = self.ks[0] if self.ks else self.asked.k
        index = completed(entry, self.data)
        others = sorted((one for one in self.built if one is not entry), key=self._rank)
        tried = {one.family.name for one in (entry, *others, *self.rejected) if one.sample is None}
        heats = [
            one
            for one in self.heats
            if one.index is not None and (one.sample is not None or one.family.name not in tried)
        ]
        lines = [entry, *others, *self.rejected, *heats]
        if entry.proofs and entry.proofs[0].queries:
            whose = "given" if self.questions.given is not None else "vectors of the data itself"
            self.notes.append(f"queries are {whose}; those of the proof had no part in the choice")
        self._check_others(entry)
        index.choice = Choice(
            index=described(index),
            why=why,
            recall=self.asked.recall,
            k=k,
            count=len(self.data),
            threads=self.asked.threads or processors(),
            proofs=entry.proofs,
            alternatives=tuple(one.line(k) for one in lines),
            misses=tuple(entry.misses(self.asked, k)) if self.ks else (),
            notes=tuple(self.notes),
        )
        self._tell("", last=True)
        return index

    def _check_others(self, entry: Entry) -> None:
        """Note where another ``k`` than the one that was asked for finds less."""
        for proof in entry.proofs[1:]:
            if proof.recall < self.asked.recall - _SLACK:
                self.notes.append(f"of the {proof.k} nearest it finds {proof.recall:.3f} only")

    def _why(self, entry: Entry, exact: Entry) -> str:
        if entry.family.name == exact.family.name:
            if len(self.built) + len(self.rejected) == 1 and not any(
                h.settings for h in self.heats
            ):
                return "nothing that was tried finds enough but comparing all"
            return "comparing all is the fastest that finds enough and fits"
        faster = exact.cost(self.asked) / entry.cost(self.asked)
        others = sum(one.index is not None for one in self.heats)
        tried = f", the best of {1 + others} kinds that were tried" if others > 1 else ""
        return f"{faster:.1f} times as fast as comparing all{tried}"

    def _tell(self, what: str, *, last: bool = False) -> None:
        if self._progress is not None:
            steps = 4 + len(FAMILIES[self.data.form])
            self._done = steps if last else min(self._done + 1, steps - 1)
            self._progress(self._done, steps, what)


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
