"""One-hot: a dimension for each category."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from kinspace.encoder import Side
from kinspace.learn.categories.known import Known, Unseen, label
from kinspace.learn.categories.learner import ValueLearner, listed, tidy


class OneHotEncoder(ValueLearner):
    """A category is a one among zeros.

    Parameters
    ----------
    unseen : {"zeros", "own", "error"}
        What a category that was not seen when learning becomes: zeros, which are like nothing; a
        dimension of its own, shared with those left out; or an error.
    min_count : int
        Categories that come less often have no dimension.
    max_categories : int, optional
        Only so many, the most frequent, have one.

    Examples
    --------
    >>> colours = OneHotEncoder().fit(["red", "blue", "red"])
    >>> colours.names
    ['blue', 'red']
    >>> colours.encode(["red", "green"]).vectors
    array([[0., 1.],
           [0., 0.]], dtype=float32)
    """

    method: ClassVar[str] = "one-hot"

    def __init__(
        self, *, unseen: Unseen = "zeros", min_count: int = 1, max_categories: int | None = None
    ) -> None:
        self.unseen = unseen
        self.min_count = min_count
        self.max_categories = max_categories

    def fit(self, items: Iterable[Any]) -> Self:
        """Learn which categories there are.

        Parameters
        ----------
        items : iterable of str, number or None
            None and NaN are a category as well: what is missing.

        Raises
        ------
        EmptyInput, InvalidInput, InvalidParameter
        """
        known = Known.of(tidy(listed(items)), self.min_count, self.max_categories)
        return self._learned(categories=known.values)

    @property
    def names(self) -> list[str]:
        """What each dimension stands for."""
        own = ["(unseen)"] if self.unseen == "own" else []
        return [label(value) for value in self.facts["categories"]] + own

    def _encode_batch(self, items: Sequence[Any], side: Side) -> NDArray[np.float32]:
        known = Known(self.facts["categories"])
        places = known.find(tidy(items), self.unseen)
        vectors = np.zeros((len(items), len(self.names)), np.float32)
        there = places >= 0 if self.unseen != "own" else np.ones(len(items), bool)
        vectors[there, places[there]] = 1  # −1 is the last dimension
        return vectors
