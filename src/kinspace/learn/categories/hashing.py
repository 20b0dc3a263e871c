"""Feature hashing: any number of features in a fixed number of dimensions, and nothing to learn."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from kinspace.encoder import Side
from kinspace.errors import InvalidInput, InvalidParameter
from kinspace.learn.categories.learner import ValueLearner, tidy


class HashingEncoder(ValueLearner):
    """A feature's dimension and sign are taken from a hash of its name.

    Different features may share a dimension; their signs make that even out on average. There is
    nothing to learn, so nothing is unseen.

    Parameters
    ----------
    dim : int
    signed : bool
        Whether half of the features count as −1.

    References
    ----------
    Weinberger et al. 2009, "Feature Hashing for Large Scale Multitask Learning".

    Examples
    --------
    >>> encoder = HashingEncoder(dim=8)
    >>> encoder.encode(["a", ["a", "b"], {"a": 2.0, "colour": "red"}]).vectors.shape
    (3, 8)
    """

    method: ClassVar[str] = "hashing"

    def __init__(self, dim: int = 256, *, signed: bool = True) -> None:
        self.dim = dim
        self.signed = signed

    @property
    def facts(self) -> dict[str, Any]:
        """Nothing, always."""
        return {}

    def fit(self, items: Iterable[Any]) -> Self:
        """Nothing is learned; items are not looked at."""
        return self

    @property
    def names(self) -> list[str]:
        """What each dimension stands for."""
        if self.dim < 1:
            raise InvalidParameter(f"dim is {self.dim}.", "Give 1 or more.")
        return [f"hash {place}" for place in range(self.dim)]

    def _encode_batch(self, items: Sequence[Any], side: Side) -> NDArray[np.float32]:
        from sklearn.feature_extraction import FeatureHasher

        hasher = FeatureHasher(self.dim, input_type="pair", alternate_sign=self.signed)
        try:
            rows: NDArray[np.float64] = hasher.transform(map(_features, items)).toarray()
        except UnicodeEncodeError as error:
            raise InvalidInput(
                f"{error.object!r:.80} holds half a character (a lone surrogate).",
                "Clean it with: text.encode('utf-8', 'replace').decode().",
            ) from error
        return rows.astype(np.float32)


def _features(item: Any) -> list[tuple[str, float]]:
    """The features of an item, with weights: one value, several, or names with values."""
    if isinstance(item, Mapping):
        pairs = zip(item, tidy(item.values()), strict=True)
        return [_named(str(name), value) for name, value in pairs]
    if isinstance(item, list | tuple | set | frozenset):
        return [(_name(value), 1.0) for value in tidy(item)]
    return [(_name(value), 1.0) for value in tidy([item])]


def _named(name: str, value: Any) -> tuple[str, float]:
    if value is None or isinstance(value, str | bool):
        return f"{name}={_name(value)}", 1.0
    if not np.isfinite(value):
        raise InvalidInput(f"The feature {name!r} is {value}.", "Give finite numbers.")
    return name, float(value)


def _name(value: Any) -> str:
    return "(missing)" if value is None else str(value)
