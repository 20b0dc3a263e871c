"""Known-item search: each query is a sentence that was taken out of the document it must find.

No labels are needed, since one document is known to be right. Two things would make it unfair,
and are measured: words of the sentence that its document repeats (they favour keyword search),
and other documents that answer as well. Sentences are drawn in equal numbers from three strata
of the first, and left out for the second. Azzopardi, de Rijke and Balog, "Building simulated
queries for known-item topics" (SIGIR 2007), is the model.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from kinspace.datasets.content import Document, RetrievalSet
from kinspace.encoder import Progress
from kinspace.errors import InvalidInput, InvalidParameter
from kinspace.evaluate.estimate import Sample
from kinspace.evaluate.system import System
from kinspace.evaluate.task import Outcome, Task
from kinspace.evaluate.tasks.retrieval import RetrievalTask
from kinspace.evaluate.unlabelled.candidates import REPEATED, Candidate, candidates
from kinspace.evaluate.unlabelled.elsewhere import Elsewhere
from kinspace.space import fingerprint_of

STRATA = {"low": (0.0, 1 / 3), "middle": (1 / 3, 2 / 3), "high": (2 / 3, 1.01)}
"""Which share of a query's words its document repeats: from, and up to."""

RIVAL = 0.9
"""The share of its words in another document from which on that one may answer it as well."""

LEAST = 5
"""Queries of a stratum with which it is reported."""


@dataclass(frozen=True, slots=True)
class Leak:
    """How far words alone lead from a query to its document.

    Parameters
    ----------
    own : float
        The share of the query's content words that its document has, 0 to 1.
    rival : float
        That of the other document which has most of them.
    stratum : {"low", "middle", "high"}
    """

    own: float
    rival: float
    stratum: str


@dataclass(frozen=True)
class KnownItems:
    """Queries whose answer is known.

    Parameters
    ----------
    content : RetrievalSet
        A query's id is that of the document that it was taken out of, and ``#sentence``.
    leaks : mapping of str to Leak
        By query.
    left_out : mapping of str to int
        How many sentences were not taken, by reason.
    """

    content: RetrievalSet
    leaks: Mapping[str, Leak]
    left_out: Mapping[str, int]

    def of_stratum(self, stratum: str) -> list[str]:
        """The queries of a stratum."""
        return [query for query, leak in self.leaks.items() if leak.stratum == stratum]


def known_items(
    documents: Sequence[Document], *, n: int = 300, seed: int = 0, name: str = "known-item"
) -> KnownItems:
    """Take sentences out of documents, as queries that must find them.

    Parameters
    ----------
    documents : sequence of Document
    n : int
        How many queries; a third each from sentences whose words their document repeats little,
        somewhat and much. There are fewer where one third cannot be filled.
    seed : int
    name : str

    Returns
    -------
    KnownItems

    Raises
    ------
    InvalidInput
        If the texts give too few sentences.
    """
    if n < 3 * LEAST:
        raise InvalidParameter(f"{n} queries say nothing.", f"Give at least {3 * LEAST}.")
    left_out: Counter[str] = Counter()
    chosen = _choose(documents, n, seed, left_out)
    leaks = {
        _query(candidate): Leak(candidate.overlap, rival, stratum)
        for stratum, found in chosen.items()
        for candidate, rival in found
    }
    taken = [candidate for found in chosen.values() for candidate, _ in found]
    content = RetrievalSet(
        name,
        {one.id: one for one in documents} | {one.rest.id: one.rest for one in taken},
        {_query(one): one.query for one in taken},
        {_query(one): {one.rest.id: 1} for one in taken},
    )
    return KnownItems(content, leaks, dict(left_out))


def _query(candidate: Candidate) -> str:
    """A query's id. Not the document's own: what has it is left out by some protocols."""
    return f"{candidate.rest.id}#sentence"


def _choose(
    documents: Sequence[Document], n: int, seed: int, left_out: Counter[str]
) -> dict[str, list[tuple[Candidate, float]]]:
    """One sentence a document, equally many of each stratum, with the best rival's share."""
    elsewhere = Elsewhere(documents)
    rng = np.random.default_rng([seed, 1])
    chosen: dict[str, list[tuple[Candidate, float]]] = {stratum: [] for stratum in STRATA}
    wanted = n // len(STRATA)
    for row in rng.permutation(len(documents)):
        open_strata = [stratum for stratum, found in chosen.items() if len(found) < wanted]
        if not open_strata:
            break
        pool = candidates(documents[row], left_out)
        order = [pool[place] for place in rng.permutation(len(pool))]
        for stratum in sorted(open_strata, key=lambda stratum: len(chosen[stratum])):
            found = _first_fit(order, stratum, elsewhere, row, left_out)
            if found is not None:
                chosen[stratum].append(found)
                break
    return _equal(chosen, len(documents), left_out)


def _first_fit(
    pool: Sequence[Candidate],
    stratum: str,
    elsewhere: Elsewhere,
    row: int,
    left_out: Counter[str],
) -> tuple[Candidate, float] | None:
    """The first sentence of a stratum that no other document says too."""
    low, high = STRATA[stratum]
    for candidate in pool:
        if not low <= candidate.overlap < high:
            continue
        rival = elsewhere.words(set(candidate.words), row)
        if rival >= RIVAL or elsewhere.passage(candidate.query, row) >= REPEATED:
            left_out["said in another text too"] += 1
        else:
            return candidate, rival
    return None


def _equal(
    chosen: dict[str, list[tuple[Candidate, float]]], size: int, left_out: Counter[str]
) -> dict[str, list[tuple[Candidate, float]]]:
    """As many of each stratum as the scarcest has; one that has next to none is left out."""
    kept = {stratum: found for stratum, found in chosen.items() if len(found) >= LEAST}
    if sum(map(len, kept.values())) < 2 * LEAST:
        why = ", ".join(f"{reason}: {count}" for reason, count in left_out.most_common(3))
        raise InvalidInput(
            f"{size} texts give only {sum(map(len, chosen.values()))} sentences that can stand for "
            f"a query ({why or 'most have a single sentence'}).",
            "Give more texts, or longer ones: a few hundred with several sentences each.",
        )
    few = min(map(len, kept.values()))
    return {stratum: found[:few] for stratum, found in kept.items()}


class KnownItemTask(Task):
    """Judges how well a system finds the document that a sentence was taken out of.

    Besides the measures of retrieval it gives nDCG@10 by stratum: ``ndcg_at_10_low``,
    ``ndcg_at_10_middle`` and ``ndcg_at_10_high``. Where keyword search leads in the last only,
    it leads by repeated words.

    Parameters
    ----------
    items : KnownItems
    main : str
    notes : sequence of str
        What else a reader of the figures must know: that the texts are a sample of more.
    """

    kind = "known_item"

    def __init__(
        self, items: KnownItems, *, main: str = "ndcg_at_10", notes: Sequence[str] = ()
    ) -> None:
        self.items = items
        self.notes = tuple(notes)
        self.name = items.content.name
        self.main = main
        self._inner = RetrievalTask(items.content, main=main)

    @property
    def fingerprint(self) -> str:
        strata = {query: leak.stratum for query, leak in self.items.leaks.items()}
        return fingerprint_of("known_item-1", self._inner.fingerprint, strata)

    def run(self, system: System, *, progress: Progress | None = None) -> Outcome:
        outcome = self._inner.run(system, progress=progress)
        rows = {query: row for row, query in enumerate(outcome.items)}
        samples = dict(outcome.samples)
        notes = [*self.notes, *outcome.notes]
        values = outcome.samples[self.main].columns["values"]
        for stratum in STRATA:
            queries = self.items.of_stratum(stratum)
            if queries:
                part = values[[rows[query] for query in queries]]
                samples[f"{self.main}_{stratum}"] = Sample("mean", {"values": part})
            notes.append(self._note(stratum, queries))
        return Outcome(samples, outcome.items, notes, outcome.run, outcome.query_seconds)

    def _note(self, stratum: str, queries: Sequence[str]) -> str:
        if not queries:
            return f"{stratum} overlap: too few such sentences, left out"
        own, rival = (
            float(np.mean([getattr(self.items.leaks[query], side) for query in queries]))
            for side in ("own", "rival")
        )
        return (
            f"{stratum} overlap: {len(queries)} queries share {own:.0%} of their words with their "
            f"document, {rival:.0%} with the nearest other"
        )
