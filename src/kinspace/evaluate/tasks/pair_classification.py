"""Pair classification: whether two texts are paraphrases, duplicates, question and answer."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from kinspace.datasets.content import PairSet
from kinspace.encoder import Progress
from kinspace.errors import InvalidJudgements
from kinspace.evaluate.estimate import Sample
from kinspace.evaluate.metrics.pairs import best_accuracy_threshold, best_f1_threshold
from kinspace.evaluate.system import System
from kinspace.evaluate.task import Outcome, Task
from kinspace.evaluate.tasks.identity import identity
from kinspace.evaluate.tasks.pairs import encode_pairs, pair_names


class PairClassificationTask(Task):
    """How well similarity tells pairs that belong together from those that do not.

    ``average_precision`` needs no threshold; ``best_f1`` and ``best_accuracy`` are those of the
    threshold that is best for them, which the notes name. By the metric of the system's space;
    ``cosine_average_precision``, ``euclidean_average_precision`` and
    ``manhattan_average_precision`` stand beside it, each left out where it is the space's own.

    The protocol is that of MTEB's ``AbsTaskPairClassification``, whose ``similarity_ap`` is
    ``average_precision`` here and whose ``max_ap`` is the best of all. Its best F1 may not take
    all pairs and its best accuracy neither all nor none, as ours may: on sets of mostly true
    pairs ours can be higher.

    Parameters
    ----------
    content : PairSet
        With scores 1 (they belong together) and 0.
    name : str, optional
        By default that of the content.
    main : str

    Raises
    ------
    InvalidJudgements
        If there are other scores than 0 and 1, or only one of them.

    Examples
    --------
    >>> from kinspace.evaluate.systems import as_system
    >>> pairs = PairSet(
    ...     "mine",
    ...     ["A cat sleeps.", "A cat sleeps."],
    ...     ["The cat is asleep.", "Stocks fell."],
    ...     np.array([1.0, 0.0]),
    ... )
    >>> outcome = PairClassificationTask(pairs).run(as_system("default"))
    >>> outcome.samples["average_precision"].value()
    1.0
    """

    kind = "pair_classification"

    def __init__(
        self, content: PairSet, *, name: str | None = None, main: str = "average_precision"
    ) -> None:
        if not content.is_binary or (content.scores == content.scores[0]).all():
            found = ", ".join(f"{score:g}" for score in np.unique(content.scores)[:5])
            raise InvalidJudgements(
                f"{content.name} has pairs of the scores {found}; 0 and 1 are needed.",
                "Give 1 for pairs that belong together and 0 for others, some of each; graded "
                "scores are for a similarity task.",
            )
        self.content = content
        self.name = name or content.name
        self.main = main

    @cached_property
    def fingerprint(self) -> str:
        """A hash of pairs and protocol."""
        return identity("pair-classification-1", [self.content], {})

    def run(self, system: System, *, progress: Progress | None = None) -> Outcome:
        """Encode the texts, each once, and look for thresholds."""
        pairs = encode_pairs(system.need_encoder(self.name), self.content, progress)
        labels = self.content.scores.astype(np.int64)
        own = pairs.own()
        samples = {
            name: Sample(name, {"scores": own, "labels": labels})
            for name in ("average_precision", "best_f1", "best_accuracy")
        }
        for metric, found in pairs.others().items():
            samples[f"{metric}_average_precision"] = Sample(
                "average_precision", {"scores": found, "labels": labels}
            )
        f1, for_f1 = best_f1_threshold(own, labels)
        accuracy, for_accuracy = best_accuracy_threshold(own, labels)
        notes = [
            f"best F1 {f1:.4f} at a similarity of at least {for_f1:.4f}",
            f"best accuracy {accuracy:.4f} at a similarity of at least {for_accuracy:.4f}",
            f"{labels.mean():.1%} of the pairs belong together: the average precision of chance",
        ]
        return Outcome(samples, pair_names(self.content), notes)
