"""The directions in which vectors differ most."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from kinspace.compress.projection import Projection
from kinspace.compress.quantizer import require_at_most, sample
from kinspace.metric import Metric


class PCA(Projection):
    """Principal components: of all projections to so many dimensions, the one that loses least.

    Parameters
    ----------
    n_components : int
    center : bool
        Take the mean away first, as the textbook has it, for vectors that are compared by
        distance, and only for those: without their mean, vectors have other dot products and
        cosines. By default it stays, and the components are those by which dot products change
        least (Eckart and Young 1936).

    Attributes
    ----------
    matrix_ : ndarray of float32, shape (dim, n_components)
    mean_ : ndarray of float32, shape (dim,), zeros unless centred
    explained_ : ndarray of float32, shape (n_components,)
        The share of the squared length (of the variance, if centred) that each component holds.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> rows = (rng.standard_normal((500, 3)) @ rng.standard_normal((3, 32))).astype(np.float32)
    >>> small = PCA(3).fit(rows)
    >>> bool(np.allclose(small.decode(small.encode(rows)), rows, atol=1e-4))
    True
    """

    name: ClassVar[str] = "pca"

    def __init__(self, n_components: int, *, center: bool = False) -> None:
        self.n_components = n_components
        self.center = center

    @property
    def METRICS(self) -> tuple[Metric, ...]:  # type: ignore[override]  # noqa: N802
        """By what the original vectors may be compared."""
        return ("euclidean",) if self.center else Projection.METRICS

    def _learn(self, rows: NDArray[np.float32]) -> None:
        require_at_most("n_components", self.n_components, self.dim_)
        some = sample(rows).astype(np.float64)
        mean = some.mean(axis=0) if self.center else np.zeros(self.dim_)
        some -= mean
        values, axes = np.linalg.eigh(some.T @ some)
        kept = np.argsort(-values, kind="stable")[: self.n_components]
        axes, values = axes[:, kept], np.maximum(values, 0)
        # The sign of an axis is free: the same for the same vectors on every machine.
        signs = np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(len(kept))])
        self.matrix_ = np.asarray(axes * signs, np.float32)
        self.mean_ = mean.astype(np.float32)
        self.explained_ = (values[kept] / max(values.sum(), 1e-300)).astype(np.float32)

    def _encode(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        return (rows - self.mean_) @ self.matrix_ if self.center else rows @ self.matrix_

    def _decode(self, codes: NDArray[np.float32]) -> NDArray[np.float32]:
        return codes @ self.matrix_.T + self.mean_
