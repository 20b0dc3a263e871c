"""Both sides of pairs of texts, encoded in one call and compared row by row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from kinspace.datasets.content import PairSet
from kinspace.encoder import Encoder, Progress
from kinspace.errors import InvalidJudgements
from kinspace.metric import Metric, paired_scores

COMPARED: Final[tuple[Metric, ...]] = ("cosine", "euclidean", "manhattan")
"""Ways of comparing that are reported beside the model's own, as MTEB does."""


@dataclass(frozen=True, eq=False)
class Pairs:
    """The vectors of pairs.

    Parameters
    ----------
    left, right : ndarray of float32, shape (n, dim)
    metric : str
        How the model compares its vectors.
    """

    left: NDArray[np.float32]
    right: NDArray[np.float32]
    metric: Metric

    def own(self) -> NDArray[np.float64]:
        """Scores by the model's own metric, shape (n,)."""
        return paired_scores(self.left, self.right, self.metric)

    def others(self) -> dict[Metric, NDArray[np.float64]]:
        """Scores by the other ways of comparing; distances are negative, so higher is nearer."""
        return {
            metric: paired_scores(self.left, self.right, metric)
            for metric in COMPARED
            if metric != self.metric
        }


def require_graded(content: PairSet) -> None:
    """Raise :class:`InvalidJudgements` if all pairs have the same score."""
    if (content.scores == content.scores[0]).all():
        raise InvalidJudgements(
            f"{content.name}: all {len(content)} pairs have the score {content.scores[0]:g}.",
            "Give scores that differ: nothing correlates with a constant.",
        )


def encode_pairs(encoder: Encoder[str], content: PairSet, progress: Progress | None) -> Pairs:
    """Encode each text of a set once, whichever side and however often it stands on.

    Both sides are encoded as documents: the task is symmetric, and MTEB gives neither side the
    prompt of a query.
    """
    found = encoder.encode([*content.left, *content.right], progress=progress)
    half = len(content)
    return Pairs(found.vectors[:half], found.vectors[half:], found.space.metric)


def pair_names(content: PairSet) -> list[str]:
    """What the pairs are called where single ones are shown: their texts."""
    return [f"{left} ↔ {right}" for left, right in zip(content.left, content.right, strict=True)]
