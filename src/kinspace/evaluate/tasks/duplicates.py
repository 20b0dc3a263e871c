"""Duplicate detection: whether the texts that say the same are each other's nearest."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from kinspace.datasets.content import LabelledSet
from kinspace.encoder import Progress
from kinspace.errors import InvalidJudgements, InvalidParameter
from kinspace.evaluate.estimate import Sample
from kinspace.evaluate.system import System
from kinspace.evaluate.task import Outcome, Task
from kinspace.evaluate.tasks.identity import identity
from kinspace.evaluate.tasks.influence import (
    Floats,
    average_precision,
    best_f1,
    best_threshold,
    spread,
    summed,
)
from kinspace.evaluate.tasks.neighbours import nearest
from kinspace.evaluate.tasks.sampling import class_codes
from kinspace.metric import paired_scores

Rows = NDArray[np.int64]

_CUTOFFS = (1, 5, 10)
_BLOCK = 1 << 14
"""Pairs that are compared at once."""


class DuplicateTask(Task):
    """Finds the groups of texts that say the same among all texts of a set.

    Each text's ``neighbours`` nearest others are its candidates; all pairs of candidates, each
    once, are put in order of similarity, as a program that clears up duplicates does (paraphrase
    mining in sentence-transformers). ``average_precision`` is that of this order, and pairs of a
    group that are in nobody's candidates count as never found; ``best_f1`` is that of the
    threshold that is best for it, which the notes name. ``recall_at_1``, ``recall_at_5``
    and ``recall_at_10`` are the shares of a text's mates among so many nearest, averaged over
    texts that have mates.

    Rows of the samples are groups, since texts of a group stand and fall together: each group's
    value is the figure plus the influence of that group on it
    (:mod:`kinspace.evaluate.tasks.influence`). MTEB has no such task.

    Parameters
    ----------
    content : LabelledSet
        Texts with the same label are duplicates of each other.
    name : str, optional
        By default that of the content.
    main : str
    neighbours : int
        Candidates of each text; memory grows with it, not with the square of the texts.

    Raises
    ------
    InvalidJudgements
        If no label comes twice, or all texts have one label.
    InvalidParameter
        If ``neighbours`` is under 10.

    Examples
    --------
    >>> from kinspace.evaluate.systems import as_system
    >>> texts = ["A cat sleeps.", "The cat sleeps.", "Stocks fell.", "Snow in May."]
    >>> outcome = DuplicateTask(LabelledSet("mine", texts, ["1", "1", "2", "3"])).run(
    ...     as_system("default")
    ... )
    >>> outcome.samples["average_precision"].value()
    1.0
    """

    kind = "duplicates"

    def __init__(
        self,
        content: LabelledSet,
        *,
        name: str | None = None,
        main: str = "average_precision",
        neighbours: int = 20,
    ) -> None:
        if neighbours < max(_CUTOFFS):
            raise InvalidParameter(
                f"neighbours is {neighbours}.", f"Give {max(_CUTOFFS)} or more candidates."
            )
        self.content = content
        self.name = name or content.name
        self.main = main
        self.neighbours = neighbours
        self._groups, (self._codes,) = class_codes(content.labels)
        if not 1 < len(self._groups) < len(content):
            raise InvalidJudgements(
                f"{self.name} has {len(content)} texts in {len(self._groups)} groups.",
                "Give some texts with the same label, and some with others.",
            )

    @cached_property
    def fingerprint(self) -> str:
        """A hash of texts, groups and settings."""
        return identity("duplicates-1", [self.content], {"neighbours": self.neighbours})

    def run(self, system: System, *, progress: Progress | None = None) -> Outcome:
        """Encode the texts once, and put pairs of neighbours in order."""
        encoder = system.need_encoder(self.name)
        found = encoder.encode(self.content.texts, progress=progress)
        rows, _ = nearest(found.vectors, found.vectors, self.neighbours + 1, found.space.metric)
        rows = _without_itself(rows)
        left, right, listed = self._pairs(rows)
        scores = np.empty(len(left))
        for start in range(0, len(left), _BLOCK):
            part = slice(start, start + _BLOCK)
            scores[part] = paired_scores(
                found.vectors[left[part]], found.vectors[right[part]], found.space.metric
            )
        scores[~listed] = -np.inf
        same = (self._codes[left] == self._codes[right]).astype(np.int64)
        samples = {
            name: Sample(
                "influence", {"values": self._by_group(*figure(scores, same), left, right)}
            )
            for name, figure in (("average_precision", average_precision), ("best_f1", best_f1))
        }
        samples |= self._recalls(rows)
        threshold = best_threshold(scores, same)
        notes = [
            f"best F1 at a similarity of at least {threshold:.4f}",
            f"{int(same.sum())} true pairs of {len(self.content)} texts; "
            f"{int((~listed).sum())} of them in nobody's {rows.shape[1]} nearest",
        ]
        return Outcome(samples, self._groups, notes)

    def _pairs(self, rows: Rows) -> tuple[Rows, Rows, NDArray[np.bool_]]:
        """Both rows of each pair, ``left < right``, and whether it was among the candidates.

        Pairs of a group come too where they were not.
        """
        n = len(rows)
        near = _keys(np.repeat(np.arange(n), rows.shape[1]), rows.ravel(), n)
        mates = self._mates()
        near = np.unique(near)
        lost = np.setdiff1d(_keys(*mates, n), near)
        keys = np.concatenate([near, lost])
        listed = np.arange(len(keys)) < len(near)
        return keys // n, keys % n, listed

    def _mates(self) -> tuple[Rows, Rows]:
        """All pairs of texts of one group."""
        order = np.argsort(self._codes, kind="stable")
        counts = np.bincount(self._codes)
        left, right = [], []
        for group in np.split(order, counts.cumsum()[:-1]):
            if len(group) > 1:
                first, second = np.triu_indices(len(group), 1)
                left.append(group[first])
                right.append(group[second])
        return np.concatenate(left), np.concatenate(right)

    def _by_group(self, value: float, gradient: Floats, left: Rows, right: Rows) -> Floats:
        """One value a group; a pair across two groups belongs to both."""
        a, b = self._codes[left], self._codes[right]
        moved = summed(gradient, a, len(self._groups))
        across = a != b
        moved += summed(gradient[across], b[across], len(self._groups))
        return spread(value, moved)

    def _recalls(self, rows: Rows) -> dict[str, Sample]:
        """Means over texts that have mates, one value a group."""
        counts = np.bincount(self._codes)
        mates = counts[self._codes] - 1
        asked = mates > 0
        hit = self._codes[rows] == self._codes[:, None]
        samples = {}
        for k in _CUTOFFS:
            shares = hit[asked, :k].sum(1) / mates[asked]
            value = float(shares.mean())
            influence = (shares - value) / asked.sum()
            moved = summed(influence, self._codes[asked], len(self._groups))
            samples[f"recall_at_{k}"] = Sample("influence", {"values": spread(value, moved)})
        return samples


def _without_itself(rows: Rows) -> Rows:
    """Each row's neighbours but itself, which is not always first: there are equal texts."""
    own = rows == np.arange(len(rows))[:, None]
    own[~own.any(axis=1), -1] = True  # so many equal ones that it is not among them
    others: Rows = rows[~own].reshape(len(rows), rows.shape[1] - 1)
    return others


def _keys(a: Rows, b: Rows, n: int) -> Rows:
    """A number for each pair, whichever way round."""
    keys: Rows = np.minimum(a, b) * np.int64(n) + np.maximum(a, b)
    return keys
