"""Semantic similarity: whether two texts are as near as people say they are."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from kinspace.datasets.content import PairSet
from kinspace.encoder import Progress
from kinspace.evaluate.estimate import Sample
from kinspace.evaluate.system import System
from kinspace.evaluate.task import Outcome, Task
from kinspace.evaluate.tasks.identity import identity
from kinspace.evaluate.tasks.pairs import encode_pairs, pair_names, require_graded


class SimilarityTask(Task):
    """Correlation of a system's similarities with the ratings of people (Cer et al., 2017).

    ``spearman`` and ``pearson`` compare by the metric of the system's space; beside them stand
    ``cosine_spearman``, ``euclidean_spearman``, ``manhattan_spearman`` and their ``pearson``, each
    left out where it is the space's own. Distances count as negative, so that all are positive
    for a good system. Ties share their average rank.

    The protocol is that of MTEB's ``AbsTaskSTS``: both sides without a query's prompt. Figures
    agree to the rounding of MTEB's float32.

    Parameters
    ----------
    content : PairSet
        Pairs of texts; a higher score is nearer.
    name : str, optional
        By default that of the content.
    main : str

    Raises
    ------
    InvalidJudgements
        If all pairs have the same score.

    Examples
    --------
    >>> import kinspace as ks
    >>> from kinspace.evaluate.systems import as_system
    >>> pairs = PairSet(
    ...     "mine",
    ...     ["A cat sleeps.", "A cat sleeps.", "A cat sleeps."],
    ...     ["The cat is asleep.", "A dog sleeps.", "Stocks fell."],
    ...     np.array([5.0, 2.0, 0.0]),
    ... )
    >>> outcome = SimilarityTask(pairs).run(as_system("default"))
    >>> round(outcome.samples["spearman"].value(), 3)
    1.0
    """

    kind = "similarity"

    def __init__(
        self, content: PairSet, *, name: str | None = None, main: str = "spearman"
    ) -> None:
        require_graded(content)
        self.content = content
        self.name = name or content.name
        self.main = main

    @cached_property
    def fingerprint(self) -> str:
        """A hash of pairs and protocol."""
        return identity("similarity-1", [self.content], {})

    def run(self, system: System, *, progress: Progress | None = None) -> Outcome:
        """Encode the texts, each once, and correlate."""
        pairs = encode_pairs(system.need_encoder(self.name), self.content, progress)
        gold = np.asarray(self.content.scores, np.float64)
        scored = {"": pairs.own()}
        scored |= {f"{metric}_": found for metric, found in pairs.others().items()}
        samples = {
            f"{prefix}{statistic}": Sample(statistic, {"predicted": predicted, "gold": gold})
            for prefix, predicted in scored.items()
            for statistic in ("spearman", "pearson")
        }
        notes = []
        if np.ptp(scored[""]) == 0:
            notes.append("the system finds all pairs equally near; that counts as correlation 0")
        return Outcome(samples, pair_names(self.content), notes)
