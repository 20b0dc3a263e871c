"""Neighbour stability: a text that is changed harmlessly must keep its neighbours.

A system that puts another neighbourhood around the same text in capitals, or with a typing
error, will answer the same question differently from day to day. A stable one need not be good:
one that sees nothing but the length of a text is stable too.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kinspace.datasets.content import Document
from kinspace.encoder import Progress
from kinspace.errors import InvalidInput, InvalidParameter
from kinspace.evaluate.estimate import Sample
from kinspace.evaluate.system import Retriever, System
from kinspace.evaluate.task import Outcome, Task
from kinspace.evaluate.tasks.identity import identity
from kinspace.evaluate.unlabelled.changes import HARMLESS, changed
from kinspace.evaluate.unlabelled.sources import sample_of
from kinspace.evaluate.unlabelled.words import plain

WITHIN = 2_000
"""Texts among which neighbours are looked for: more cost time and change little."""


class StabilityTask(Task):
    """Judges whether texts keep their ``k`` nearest after a change that leaves them their meaning.

    A text and its changed forms are each searched for among the others; what is compared is the
    ``k`` best without the text itself. Measures: ``overlap_at_10``, the mean share of neighbours
    kept, and ``overlap_case``, ``overlap_typos`` … for each change.

    Parameters
    ----------
    documents : sequence of Document
    n : int
        How many texts are changed.
    k : int
    seed : int
    changes : sequence of str
        Of :data:`kinspace.evaluate.unlabelled.changes.CHANGES`.
    name : str

    Raises
    ------
    InvalidInput
        If there are not more than ``2 * k`` documents: their neighbours could not change.
    """

    kind = "neighbour_stability"

    def __init__(
        self,
        documents: Sequence[Document],
        *,
        n: int = 200,
        k: int = 10,
        seed: int = 0,
        changes: Sequence[str] = HARMLESS,
        name: str = "neighbour-stability",
    ) -> None:
        if n < 1 or k < 1:
            raise InvalidParameter(f"n is {n} and k is {k}.", "Give at least 1 of both.")
        self.documents = sample_of(documents, WITHIN, seed)
        if len(self.documents) <= 2 * k:
            raise InvalidInput(
                f"{len(self.documents)} texts are too few to ask which {k} are near.",
                f"Give more than {2 * k}.",
            )
        self.probes = sample_of(self.documents, n, seed + 1)
        self.k = k
        self.seed = seed
        self.changes = tuple(changes)
        self.name = name
        self.main = f"overlap_at_{k}"

    @property
    def fingerprint(self) -> str:
        settings = {"k": self.k, "seed": self.seed, "changes": self.changes}
        return identity("neighbour_stability-1", [self.documents, self.probes], settings)

    def run(self, system: System, *, progress: Progress | None = None) -> Outcome:
        retriever = system.need_retriever(self.kind)
        try:
            retriever.index(self.documents, progress=progress)
            before = self._neighbours(retriever, [one.whole for one in self.probes])
            kept = np.array([self._kept(retriever, before, change) for change in self.changes])
        finally:
            retriever.close()
        columns = dict(zip((f"overlap_{change}" for change in self.changes), kept, strict=True))
        samples = {self.main: kept.mean(axis=0)} | columns
        return Outcome(
            {name: Sample("mean", {"values": values}) for name, values in samples.items()},
            [one.id for one in self.probes],
            [f"{len(self.probes)} texts changed, among {len(self.documents)}"],
        )

    def _kept(self, retriever: Retriever, before: Sequence[set[str]], change: str) -> list[float]:
        texts = [changed(one.whole, change, self.seed) for one in self.probes]
        after = self._neighbours(retriever, texts)
        return [_overlap(*pair, self.k) for pair in zip(before, after, strict=True)]

    def _neighbours(self, retriever: Retriever, texts: Sequence[str]) -> list[set[str]]:
        found = retriever.search([plain(text) for text in texts], self.k + 1)
        return [
            set([name for name in near.ids if name != probe.id][: self.k])
            for near, probe in zip(found, self.probes, strict=True)
        ]


def _overlap(before: set[str], after: set[str], k: int) -> float:
    """The share of neighbours kept; where a system finds fewer than k, of those it finds."""
    most = max(len(before), len(after))
    return len(before & after) / min(k, most) if most else 1.0
