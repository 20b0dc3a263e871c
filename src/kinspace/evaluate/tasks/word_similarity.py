"""Word similarity: whether two words are as near as people say they are."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from kinspace.datasets.content import PairSet
from kinspace.encoder import Progress
from kinspace.evaluate.estimate import Sample
from kinspace.evaluate.system import System
from kinspace.evaluate.task import Outcome, Task
from kinspace.evaluate.tasks.identity import identity
from kinspace.evaluate.tasks.pairs import pair_names, require_graded
from kinspace.evaluate.tasks.words import look_up, require_known, told_apart


class WordSimilarityTask(Task):
    """Rank correlation of a system's similarities with the ratings of people.

    Similarity is the system's own (the metric of its space); words come from its table, or its
    encoder encodes them one by one.

    Gives ``spearman`` and ``pearson`` over the pairs of which both words are known, as the
    literature does (Faruqui and Dyer, 2014), and ``spearman_all`` over all pairs, those with an
    unknown word at the mean similarity of the others (as gensim's ``dummy4unknown``, but not at 0,
    which would itself be a verdict). Compare tables of different vocabularies by the latter.

    Parameters
    ----------
    content : PairSet
        Pairs of words; a higher score is nearer.
    name : str, optional
        By default that of the content.
    main : {"spearman", "pearson", "spearman_all"}

    Raises
    ------
    InvalidJudgements
        If all pairs have the same score.

    Examples
    --------
    >>> from kinspace.embeddings import Embeddings
    >>> from kinspace.space import Space
    >>> table = Embeddings(
    ...     [[1, 0], [0.9, 0.1], [0, 1]], Space("by hand", "0", 2), ["cat", "kitten", "car"]
    ... )
    >>> pairs = PairSet("mine", ["cat", "cat"], ["kitten", "car"], np.array([9.0, 2.0]))
    >>> outcome = WordSimilarityTask(pairs).run(System("by hand", "0", words=table))
    >>> round(outcome.samples["spearman"].value(), 3)
    1.0
    """

    kind = "word_similarity"

    def __init__(
        self, content: PairSet, *, name: str | None = None, main: str = "spearman"
    ) -> None:
        require_graded(content)
        self.content = content
        self.name = name or content.name
        self.main = main

    @cached_property
    def fingerprint(self) -> str:
        """A hash of content, settings and protocol."""
        return identity("word-similarity-1", [self.content], {})

    def run(self, system: System, *, progress: Progress | None = None) -> Outcome:
        """Look the words up, each once, and correlate."""
        pairs = list(zip(self.content.left, self.content.right, strict=True))
        words = [word for pair in pairs for word in pair]
        found = look_up(system, words, self.name, progress=progress)
        known = np.array([found.knows(*pair) for pair in pairs])
        require_known(int(known.sum()), 2, "pairs", system, self.name)
        kept = [pair for pair in pairs if found.knows(*pair)]
        near = found.similarities([left for left, _ in kept], [right for _, right in kept])
        everywhere = np.full(len(pairs), near.mean())
        everywhere[known] = near
        gold = self.content.scores
        columns = {"predicted": near, "gold": gold[known]}
        samples = {
            "spearman": Sample("spearman", columns),
            "pearson": Sample("pearson", columns),
            "spearman_all": Sample("spearman", {"predicted": everywhere, "gold": gold}),
        }
        named = told_apart(pair_names(self.content))
        items = named
        if self.main != "spearman_all":
            items = [name for name, is_known in zip(named, known, strict=True) if is_known]
        return Outcome(samples, items, self._notes(int((~known).sum()), len(pairs)))

    def _notes(self, unknown: int, total: int) -> list[str]:
        if not unknown:
            return []
        return [
            f"{unknown} of {total} pairs have unknown words; they are left out, but of "
            "spearman_all, where they get the mean similarity"
        ]
