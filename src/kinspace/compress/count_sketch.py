"""Count sketch: each dimension is added, with a sign, to one of a few buckets."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from kinspace.compress.quantizer import Quantizer, Vectors, require_at_most
from kinspace.errors import InvalidParameter
from kinspace.metric import Metric
from kinspace.space import Space


class CountSketch(Quantizer):
    """Dimensions thrown together at random, with random signs, so that dot products stay right.

    As good as a random projection where vectors are sparse and long, and as quick as reading them:
    every number is added to ``n_hashes`` buckets and to no more.

    Parameters
    ----------
    n_components : int
        Buckets in all.
    n_hashes : int
        Rows of buckets: a number goes to one of ``n_components / n_hashes`` in each. With one, dot
        products vary more where a single dimension is heavy; with several, a number is brought
        back as the median of what the rows say.
    seed : int

    Attributes
    ----------
    buckets_ : ndarray of int32, shape (n_hashes, dim)
    signs_ : ndarray of int8, shape (n_hashes, dim)

    References
    ----------
    Charikar, Chen and Farach-Colton 2002, "Finding frequent items in data streams"; Weinberger et
    al. 2009, "Feature hashing for large scale multitask learning"; Kane and Nelson 2014, "Sparser
    Johnson-Lindenstrauss transforms".

    Examples
    --------
    >>> row = np.zeros((1, 10_000), np.float32)
    >>> row[0, [3, 777, 4242]] = 1, -2, 5
    >>> sketch = CountSketch(300, n_hashes=3).fit(row)
    >>> sketch.decode(sketch.encode(row))[0, [3, 777, 4242]].round(3).tolist()
    [1.0, -2.0, 5.0]
    """

    name: ClassVar[str] = "count-sketch"
    METRICS: ClassVar[tuple[Metric, ...]] = ("cosine", "dot", "euclidean")
    takes_sparse: ClassVar[bool] = True
    moves_queries: ClassVar[bool] = True

    def __init__(self, n_components: int, *, n_hashes: int = 1, seed: int = 0) -> None:
        self.n_components = n_components
        self.n_hashes = n_hashes
        self.seed = seed

    def _learn(self, rows: Vectors) -> None:
        require_at_most("n_hashes", self.n_hashes, self.n_components)
        if self.n_components % self.n_hashes:
            raise InvalidParameter(
                f"{self.n_components} buckets are no {self.n_hashes} rows of equal length.",
                "Give n_components that n_hashes divides.",
            )
        rng, each = np.random.default_rng(self.seed), self.n_components // self.n_hashes
        shape = (self.n_hashes, self.dim_)
        first = np.arange(self.n_hashes, dtype=np.int32)[:, None] * np.int32(each)
        self.buckets_ = rng.integers(0, each, shape, np.int32) + first
        self.signs_ = (2 * rng.integers(0, 2, shape, np.int8) - 1).astype(np.int8)

    @property
    def width(self) -> int:
        """How many numbers a code has."""
        return self.n_components

    @property
    def code_dtype(self) -> np.dtype[Any]:
        """Of which type they are."""
        return np.dtype(np.float32)

    def _encode(self, rows: Vectors) -> NDArray[np.float32]:
        from scipy.sparse import csr_array, issparse

        places = (np.tile(np.arange(self.dim_), self.n_hashes), self.buckets_.ravel())
        weights = self.signs_.ravel() / np.float32(np.sqrt(self.n_hashes))
        matrix = csr_array(
            (weights, places), shape=(self.dim_, self.n_components), dtype=np.float32
        )
        found = rows @ matrix
        return np.asarray(found.toarray() if issparse(found) else found, np.float32)

    def _decode(self, codes: NDArray[np.float32]) -> NDArray[np.float32]:
        said = codes[:, self.buckets_] * self.signs_  # (n, n_hashes, dim)
        found = np.median(said, axis=1) * np.float32(np.sqrt(self.n_hashes))
        return np.asarray(found, np.float32)

    def _vectors(self, codes: NDArray[np.float32]) -> NDArray[np.float32]:
        return codes

    def _derived(self, of: Space) -> Space:
        return of.derive(self._change(), dim=self.n_components, form="dense")
