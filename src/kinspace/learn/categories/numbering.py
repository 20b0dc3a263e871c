"""Label, ordinal and binary codes: a category is a number, or its binary digits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from kinspace.encoder import Side
from kinspace.errors import DuplicateId, EmptyInput, InvalidInput
from kinspace.learn.categories.known import Known, Unseen, label
from kinspace.learn.categories.learner import ValueLearner, listed, tidy
from kinspace.metric import Metric


class LabelEncoder(ValueLearner):
    """A category is its number among the sorted categories, from 0.

    The numbers are names, not sizes: for trees and tables of learned vectors, not for distances.

    Parameters
    ----------
    unseen : {"own", "error"}
        A category that was not seen when learning is −1, or an error.

    Examples
    --------
    >>> LabelEncoder().fit(["b", "a", "c"]).encode(["c", "a", "z"]).vectors.ravel()
    array([ 2.,  0., -1.], dtype=float32)
    """

    method: ClassVar[str] = "label"
    metric: ClassVar[Metric] = "hamming"

    def __init__(self, *, unseen: Unseen = "own") -> None:
        self.unseen = unseen

    def fit(self, items: Iterable[Any]) -> Self:
        """Learn which categories there are, from strings, numbers and None."""
        return self._learned(categories=Known.of(tidy(listed(items))).values)

    @property
    def names(self) -> list[str]:
        """What the one dimension stands for."""
        return [f"number of {len(self.facts['categories'])}"]

    def decode(self, numbers: Iterable[float]) -> list[Any]:
        """The categories of some numbers, as :meth:`encode` gave them; −1 is None.

        Raises
        ------
        InvalidInput
            If a number is not that of a category.
        """
        categories = self.facts["categories"]
        found = []
        for number in np.asarray(list(numbers), np.float64).ravel().tolist():
            if number != int(number) or not -1 <= number < len(categories):
                raise InvalidInput(
                    f"{number} is not the number of a category.",
                    f"Give whole numbers from 0 to {len(categories) - 1}.",
                )
            found.append(None if number < 0 else categories[int(number)])
        return found

    def _encode_batch(self, items: Sequence[Any], side: Side) -> NDArray[np.float32]:
        places = Known(self.facts["categories"]).find(tidy(items), self.unseen)
        return places[:, None].astype(np.float32)


class OrdinalEncoder(ValueLearner):
    """A category is its place in an order that means something: small, medium, large.

    Parameters
    ----------
    order : sequence of str or number
        All categories, from the least to the most. Without one, numbers and strings are sorted.
    unseen : {"own", "error"}
        A category outside the order is −1, or an error.

    Examples
    --------
    >>> sizes = OrdinalEncoder(["small", "medium", "large"])
    >>> sizes.fit(["large"]).encode(["medium", "large"]).vectors.ravel()
    array([1., 2.], dtype=float32)
    """

    method: ClassVar[str] = "ordinal"
    metric: ClassVar[Metric] = "euclidean"

    def __init__(
        self, order: Sequence[str | float] | None = None, *, unseen: Unseen = "error"
    ) -> None:
        self.order = order
        self.unseen = unseen

    def fit(self, items: Iterable[Any]) -> Self:
        """Check values against the order, or learn one.

        Raises
        ------
        DuplicateId
            If a category comes twice in the order.
        InvalidInput
            If a value is not in it, and ``unseen`` is ``"error"``.
        """
        values = tidy(listed(items))
        if self.order is None:
            return self._learned(categories=Known.of(values).values)
        known = Known(tidy(self.order))
        if not len(known):
            raise EmptyInput("The order names no category.", "Give at least one.")
        if len(known.places) != len(known):
            raise DuplicateId("A category comes twice in the order.", "Name each once.")
        known.find(values, self.unseen)
        return self._learned(categories=known.values)

    @property
    def names(self) -> list[str]:
        """What the one dimension stands for."""
        categories = self.facts["categories"]
        return [f"from {label(categories[0])} to {label(categories[-1])}"]

    def _encode_batch(self, items: Sequence[Any], side: Side) -> NDArray[np.float32]:
        places = Known(self.facts["categories"]).find(tidy(items), self.unseen)
        return places[:, None].astype(np.float32)


class BinaryEncoder(ValueLearner):
    """A category is the binary digits of its number: log₂ n dimensions for n categories.

    Numbers begin at 1, so that what was not seen when learning is zeros.

    Parameters
    ----------
    unseen : {"zeros", "error"}

    Examples
    --------
    >>> codes = BinaryEncoder().fit(["a", "b", "c"])
    >>> codes.encode(["a", "b", "c", "?"]).vectors
    array([[0., 1.],
           [1., 0.],
           [1., 1.],
           [0., 0.]], dtype=float32)
    """

    method: ClassVar[str] = "binary"
    metric: ClassVar[Metric] = "hamming"

    def __init__(self, *, unseen: Unseen = "zeros") -> None:
        self.unseen = unseen

    def fit(self, items: Iterable[Any]) -> Self:
        """Learn which categories there are, from strings, numbers and None."""
        return self._learned(categories=Known.of(tidy(listed(items))).values)

    @property
    def names(self) -> list[str]:
        """What each dimension stands for."""
        digits = len(self.facts["categories"]).bit_length()
        return [f"digit {2**place}" for place in reversed(range(digits))]

    def _encode_batch(self, items: Sequence[Any], side: Side) -> NDArray[np.float32]:
        numbers = Known(self.facts["categories"]).find(tidy(items), self.unseen) + 1
        digits = np.arange(len(self.names))[::-1]
        return (numbers[:, None] >> digits & 1).astype(np.float32)
