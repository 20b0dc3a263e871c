"""Target encoding: a category is the mean of what is to be predicted, where it comes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray

from kinspace.embeddings import Embeddings
from kinspace.encoder import Side
from kinspace.errors import InvalidInput, InvalidParameter
from kinspace.learn.categories.known import Known, label
from kinspace.learn.categories.learner import ValueLearner, listed, tidy
from kinspace.metric import Metric

Floats = NDArray[np.float64]


class TargetEncoder(ValueLearner):
    """A category is the mean target of its rows, drawn towards the mean of all.

    The fewer rows a category has, the nearer it is to the mean of all, which is what an unseen
    one becomes. Targets are numbers, or classes: then there is a dimension for each class, or,
    of two classes, for the second.

    Parameters
    ----------
    smoothing : float or "auto"
        How many rows the mean of all counts for; ``"auto"`` takes it from the variances within
        the category and of all (empirical Bayes).
    folds : int
        :meth:`fit_transform` encodes each row by the others' targets, in so many parts; a row
        that saw its own target would tell it.
    seed : int
        Of the parts.

    References
    ----------
    Micci-Barreca 2001, "A preprocessing scheme for high-cardinality categorical attributes".

    Examples
    --------
    >>> encoder = TargetEncoder(smoothing=0).fit(["a", "a", "b"], [1.0, 3.0, 5.0])
    >>> encoder.encode(["a", "b", "?"]).vectors.ravel()
    array([2., 5., 3.], dtype=float32)
    """

    method: ClassVar[str] = "target"
    metric: ClassVar[Metric] = "euclidean"

    def __init__(
        self, *, smoothing: float | Literal["auto"] = "auto", folds: int = 5, seed: int = 0
    ) -> None:
        self.smoothing = smoothing
        self.folds = folds
        self.seed = seed

    def fit(self, items: Iterable[Any], targets: Iterable[Any] | None = None) -> Self:
        """Learn the mean target of each category.

        Parameters
        ----------
        items : iterable of str, number or None
        targets : iterable
            As many: numbers, or classes as strings or truth values.

        Raises
        ------
        EmptyInput, InvalidInput, InvalidParameter
        """
        values = tidy(listed(items))
        wanted, classes = _targets(targets, len(values))
        known = Known.of(values)
        means, overall = self._means(known.find(values, "error"), wanted, len(known))
        return self._learned(
            categories=known.values,
            means=means.tolist(),
            overall=overall.tolist(),
            classes=classes,
        )

    def fit_transform(
        self, items: Iterable[Any], targets: Iterable[Any] | None = None
    ) -> Embeddings:
        """Learn, and encode the same items each by the others' targets.

        Raises
        ------
        InvalidParameter
            If there are fewer than two folds, or more than rows.
        """
        values = tidy(listed(items))
        held = None if targets is None else list(targets)
        wanted, _ = _targets(held, len(values))
        if not 2 <= self.folds <= len(values):
            raise InvalidParameter(
                f"{self.folds} folds for {len(values)} rows.", f"Give 2 to {len(values)}."
            )
        self.fit(values, held)
        known = Known(self.facts["categories"])
        places = known.find(values, "error")
        part = np.random.default_rng(self.seed).permutation(len(values)) % self.folds
        vectors = np.empty((len(values), wanted.shape[1]))
        for fold in range(self.folds):
            others, own = part != fold, part == fold
            means, _ = self._means(places[others], wanted[others], len(known))
            vectors[own] = means[places[own]]
        return Embeddings(vectors, self.space)

    @property
    def names(self) -> list[str]:
        """What each dimension stands for."""
        classes = self.facts["classes"]
        if classes is None:
            return ["mean target"]
        shown = classes[1:] if len(classes) == 2 else classes
        return [f"share of {label(one)}" for one in shown]

    def _encode_batch(self, items: Sequence[Any], side: Side) -> NDArray[np.float32]:
        places = Known(self.facts["categories"]).find(tidy(items), "zeros")
        means = np.array([*self.facts["means"], self.facts["overall"]])  # −1 is the last
        return means[places].astype(np.float32)

    def _means(self, places: NDArray[np.int64], wanted: Floats, size: int) -> tuple[Floats, Floats]:
        """The smoothed mean of each category, shape (size, dim), and that of all."""
        count = np.bincount(places, minlength=size).astype(np.float64)[:, None]
        total = _sums(places, wanted, size)
        overall = wanted.mean(0)
        if self.smoothing == "auto":
            mean = total / np.maximum(count, 1)
            within = _sums(places, (wanted - mean[places]) ** 2, size) / np.maximum(count, 1)
            strength = within / np.maximum(wanted.var(0), 1e-300)
        elif isinstance(self.smoothing, int | float) and self.smoothing >= 0:
            strength = np.full((size, 1), float(self.smoothing))
        else:
            raise InvalidParameter(
                f"smoothing is {self.smoothing!r}.", 'Give a number from 0, or "auto".'
            )
        weight = count + strength
        means = (total + strength * overall) / np.where(weight > 0, weight, 1)
        return np.where((count > 0) & (weight > 0), means, overall), overall


def _sums(places: NDArray[np.int64], values: Floats, size: int) -> Floats:
    """The sum of the rows of each place, shape (size, columns)."""
    columns = [np.bincount(places, values[:, j], size) for j in range(values.shape[1])]
    return np.stack(columns, axis=1)


def _targets(targets: Iterable[Any] | None, rows: int) -> tuple[Floats, list[Any] | None]:
    """Targets as columns of numbers, and the classes if that is what they are."""
    if targets is None:
        raise InvalidInput("Target encoding needs targets.", "Call fit(values, targets).")
    held = tidy(targets)
    if len(held) != rows:
        raise InvalidInput(f"There are {len(held)} targets for {rows} rows.", "Give one a row.")
    if None in held:
        raise InvalidInput(
            f"Target {held.index(None)} is missing.", "Leave rows without a target out."
        )
    if not any(isinstance(target, str | bool) for target in held):
        numbers = np.array(held, np.float64)
        if not np.isfinite(numbers).all():
            raise InvalidInput("A target is infinite.", "Give finite numbers.")
        return numbers[:, None], None
    known = Known.of(held)
    columns = np.eye(len(known))[known.find(held, "error")]
    return (columns[:, 1:] if len(known) == 2 else columns), known.values
