"""Random directions: distances are kept without a look at the vectors."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from kinspace.compress.projection import Projection
from kinspace.compress.quantizer import Vectors
from kinspace.errors import InvalidParameter, require_count


class RandomProjection(Projection):
    """Products with random directions, of which the mean is right and the error known beforehand.

    The squared distance of two vectors is kept within a factor of 1 ± ε for all pairs of n
    vectors with about ``8 ln(n) / ε²`` components, however many dimensions there were (Johnson and
    Lindenstrauss 1984).

    Parameters
    ----------
    n_components : int
    density : float, optional
        The share of the matrix that is not zero. None draws it from a normal distribution; 1/3
        gives that of Achlioptas (2003), ``1 / sqrt(dim)`` that of Li, Hastie and Church (2006).
    seed : int

    Attributes
    ----------
    matrix_ : ndarray of float32, shape (dim, n_components)

    Examples
    --------
    >>> rows = np.random.default_rng(0).standard_normal((2, 1000)).astype(np.float32)
    >>> small = RandomProjection(400).fit(rows)
    >>> before, after = (np.linalg.norm(a[0] - a[1]) for a in (rows, small.encode(rows)))
    >>> bool(0.9 < after / before < 1.1)
    True
    """

    name: ClassVar[str] = "random"
    takes_sparse: ClassVar[bool] = True

    def __init__(self, n_components: int, *, density: float | None = None, seed: int = 0) -> None:
        self.n_components = n_components
        self.density = density
        self.seed = seed

    def _learn(self, rows: Vectors) -> None:
        require_count("n_components", self.n_components)
        if self.density is not None and not 0 < self.density <= 1:
            raise InvalidParameter(f"density is {self.density}.", "Give more than 0, at most 1.")
        rng, shape = np.random.default_rng(self.seed), (self.dim_, self.n_components)
        if self.density is None:
            drawn = rng.standard_normal(shape, np.float32)
        else:
            signs = rng.integers(0, 2, shape, np.int8) * np.float32(2) - np.float32(1)
            kept = rng.random(shape, np.float32) < self.density
            drawn = np.where(kept, signs / np.float32(np.sqrt(self.density)), np.float32(0))
        self.matrix_ = np.asarray(drawn / np.float32(np.sqrt(self.n_components)), np.float32)
