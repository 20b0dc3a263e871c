"""Near-duplicates: a near copy of a text must be nearer to it than all other texts are.

Copies are made from the user's own texts, so that it is known what belongs together. The near
copies that the texts hold already are looked for too (:mod:`.minhash`): they are no mistakes, and
it is said how often a system puts them together.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from kinspace.datasets.content import Document
from kinspace.encoder import Progress
from kinspace.errors import InvalidInput, InvalidParameter
from kinspace.evaluate.estimate import Sample
from kinspace.evaluate.system import Retriever, System
from kinspace.evaluate.task import Outcome, Task
from kinspace.evaluate.tasks.identity import identity
from kinspace.evaluate.unlabelled.changes import COPIES, changed
from kinspace.evaluate.unlabelled.minhash import near_duplicates
from kinspace.evaluate.unlabelled.sources import sample_of
from kinspace.evaluate.unlabelled.stability import WITHIN
from kinspace.evaluate.unlabelled.words import plain
from kinspace.results import Neighbours

_DEPTH = 20


class NearDuplicateTask(Task):
    """Judges whether a system keeps near copies together, and other texts apart from them.

    Measures: ``average_precision`` over pairs, of which one in two is a copy and its original and
    the other the same copy and the nearest other text: the system's scores must tell which is
    which at one threshold for all. ``recall_at_1``, how often the original comes first, and
    ``recall_typos``, ``recall_half`` … for each way of copying. If the texts hold near-duplicates
    of their own, ``found_at_1`` says how often such a text's first neighbour is one of them.

    Parameters
    ----------
    documents : sequence of Document
    n : int
        How many copies are made.
    seed : int
    changes : sequence of str
        How copies differ; of :data:`kinspace.evaluate.unlabelled.changes.CHANGES`.
    name : str

    Raises
    ------
    InvalidInput
        If there are fewer than ten documents.
    """

    kind = "near_duplicates"

    def __init__(
        self,
        documents: Sequence[Document],
        *,
        n: int = 300,
        seed: int = 0,
        changes: Sequence[str] = COPIES,
        name: str = "near-duplicates",
    ) -> None:
        if n < 1 or not changes:
            raise InvalidParameter("No copies are to be made.", "Give n ≥ 1 and some changes.")
        if len(documents) < 10:
            raise InvalidInput(
                f"{len(documents)} texts are too few to mistake one for another.", "Give ten."
            )
        self.documents = sample_of(documents, WITHIN, seed)
        self.seed = seed
        self.name = name
        self.main = "average_precision"
        self.alike = _groups(self.documents)
        self.copies = self._copies(n, tuple(changes))

    def _copies(self, n: int, changes: tuple[str, ...]) -> list[tuple[Document, str, str]]:
        """Original, change, and the changed text; changes take turns."""
        probes = sample_of(self.documents, n, self.seed + 2)
        made = []
        for place, one in enumerate(probes):
            for turn in range(len(changes)):
                change = changes[(place + turn) % len(changes)]
                copy = changed(one.whole, change, self.seed)
                if copy != one.whole and copy.strip():
                    made.append((one, change, copy))
                    break
        if not made:
            raise InvalidInput("No text can be changed in any of these ways.", "Give longer texts.")
        return made

    @property
    def fingerprint(self) -> str:
        copies = [(one.id, change, text) for one, change, text in self.copies]
        return identity("near_duplicates-1", [self.documents, copies], {})

    def run(self, system: System, *, progress: Progress | None = None) -> Outcome:
        retriever = system.need_retriever(self.kind)
        try:
            retriever.index(self.documents, progress=progress)
            found = retriever.search([plain(text) for _, _, text in self.copies], _DEPTH)
            samples, note = self._real(retriever)
        finally:
            retriever.close()
        pairs = np.array(
            [
                _scores(near, one.id, self.alike.get(one.id, frozenset()))
                for near, (one, _, _) in zip(found, self.copies, strict=True)
            ]
        )
        first = (pairs[:, 0] > pairs[:, 1]).astype(np.float64)
        ways = np.array([change for _, change, _ in self.copies])
        recalls = {f"recall_{way}": first[ways == way] for way in dict.fromkeys(ways.tolist())}
        samples |= _means({"recall_at_1": first} | recalls)
        items = [f"{one.id} ({way}) {side}" for one, way, _ in self.copies for side in ("=", "≠")]
        counted = f"{len(self.copies)} copies, among {len(self.documents)} texts"
        return Outcome({self.main: _precision(pairs)} | samples, items, [counted, note])

    def _real(self, retriever: Retriever) -> tuple[dict[str, Sample], str]:
        """How the texts' own near-duplicates fare, and how many there are."""
        pairs = sum(map(len, self.alike.values())) // 2
        if not pairs:
            return {}, "no near-duplicates among the texts themselves"
        probes = [one for one in self.documents if one.id in self.alike]
        found = retriever.search([plain(one.whole) for one in probes], 2)
        values = [
            float(_first_other(near, one.id) in self.alike[one.id])
            for near, one in zip(found, probes, strict=True)
        ]
        one, others = next(iter(self.alike.items()))
        return _means({"found_at_1": np.array(values)}), (
            f"{pairs} pairs of near-duplicates among the texts themselves, "
            f"such as {one!r} and {min(others)!r}"
        )


def _means(columns: Mapping[str, NDArray[np.float64]]) -> dict[str, Sample]:
    return {name: Sample("mean", {"values": values}) for name, values in columns.items()}


def _groups(documents: Sequence[Document]) -> Mapping[str, frozenset[str]]:
    """The near-duplicates of each document that has some."""
    found: dict[str, set[str]] = defaultdict(set)
    for one, other, _ in near_duplicates([document.whole for document in documents]):
        found[documents[one].id].add(documents[other].id)
        found[documents[other].id].add(documents[one].id)
    return {name: frozenset(others) for name, others in found.items()}


def _scores(near: Neighbours[str], original: str, alike: frozenset[str]) -> tuple[float, float]:
    """The scores of the original and of the best other text that is no near-duplicate of it.

    What was not found has the last score that was: it has no more than that.
    """
    last = float(near.scores[-1]) if len(near) else 0.0
    scores = dict(near)
    others = [score for name, score in scores.items() if name != original and name not in alike]
    return scores.get(original, last), max(others, default=last)


def _precision(pairs: NDArray[np.float64]) -> Sample:
    labels = np.tile(np.array([1, 0], np.int64), len(pairs))
    return Sample("average_precision", {"scores": pairs.ravel(), "labels": labels})


def _first_other(near: Neighbours[str], itself: str) -> str:
    return next((name for name in near.ids if name != itself), "")
