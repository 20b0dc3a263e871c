"""A forest of random-projection trees: leaves near the query, of all trees from one queue."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from kinspace.engines import buckets, trees
from kinspace.engines.compiled import compiled
from kinspace.errors import require_count
from kinspace.index.batches import in_batches
from kinspace.index.bucketed import Bucketed, Near
from kinspace.index.buckets import Buckets
from kinspace.metric import Metric

_DRAWS: Final = 4096
"""Nodes that draw their samples independently of each other."""
_FEW: Final = 100
"""Rows that fall into their leaves before a thread has started."""


class Forest(Bucketed):
    """Many trees, each of which parts the vectors again and again by planes.

    A plane stands in the middle between two centres of a sample of its vectors, as in Annoy. Leaves
    of all trees are looked into from one queue, the nearest first, until ``search_k`` vectors have
    come up. These are ranked by bits, as in :class:`~kinspace.index.binary.Binary`, and the best
    are scored exactly.

    Parameters
    ----------
    dim : int
    metric : {"cosine", "dot", "euclidean", "manhattan"}
    n_trees : int
        More find more; each takes four bytes a vector, and its planes.
    leaf_size : int
        The most vectors that a leaf holds when it is made.
    search_k : int
        How many vectors are looked at in the trees; under a filter, of those that it leaves, its
        square root's share.
    candidates : int
        How many of them are scored exactly; never fewer than three for each result.
    dtype : {"float32", "float16"}
    exact_below : int
    seed : int
        For the samples.

    Raises
    ------
    InvalidParameter

    Examples
    --------
    >>> import numpy as np
    >>> vectors = np.random.default_rng(0).standard_normal((2000, 16))
    >>> index = Forest(16, "euclidean")
    >>> index.add(vectors)
    >>> index.search(vectors[42], k=1)[0].ids
    [42]

    References
    ----------
    Dasgupta and Freund 2008, Random projection trees and low dimensional manifolds. Bernhardsson,
    Annoy, https://github.com/spotify/annoy.
    """

    METRICS: ClassVar[tuple[Metric, ...]] = ("cosine", "dot", "euclidean", "manhattan")
    SEARCH: ClassVar[tuple[str, ...]] = ("search_k", "candidates")

    def __init__(
        self,
        dim: int,
        metric: Metric = "cosine",
        *,
        n_trees: int = 16,
        leaf_size: int = 128,
        search_k: int = 20_000,
        candidates: int = 100,
        dtype: str = "float32",
        exact_below: int = 1000,
        seed: int = 0,
    ) -> None:
        super().__init__(dim, metric, dtype=dtype, exact_below=exact_below)
        require_count("n_trees", n_trees)
        require_count("leaf_size", leaf_size)
        require_count("search_k", search_k)
        require_count("candidates", candidates)
        self.n_trees = n_trees
        self.leaf_size = leaf_size
        self.search_k = search_k
        self.candidates = candidates
        self.seed = seed
        self._roots = np.zeros(0, np.int32)
        self._directions = np.zeros((0, 0), np.float32)
        self._thresholds = np.zeros(0, np.float32)
        self._children = np.zeros((0, 2), np.int32)
        self._leaves = np.zeros((n_trees, 0), np.int32)  # of rows that are still to be put in

    def _planned(self, rows: NDArray[np.float32], rng: np.random.Generator) -> Buckets:
        self._leaves = np.zeros((self.n_trees, len(rows)), np.int32)
        seeds = rng.integers(0, 1 << 62, self.n_trees)
        grown: list[Any] = [None] * self.n_trees

        def work(first: int, last: int) -> None:
            for tree in range(first, last):
                grown[tree] = self._grown(rows, int(seeds[tree]), self._leaves[tree])

        in_batches(self.n_trees, self.threads, work)
        sizes = np.array([len(thresholds) for _, thresholds, _, _ in grown])
        firsts = np.cumsum(sizes) - sizes
        self._roots = np.where(sizes, firsts, -1).astype(np.int32)
        self._directions = np.concatenate([directions for directions, _, _, _ in grown])
        self._thresholds = np.concatenate([thresholds for _, thresholds, _, _ in grown])
        self._children = np.concatenate(
            [
                np.where(children >= 0, children + np.int32(first), children)
                for (_, _, children, _), first in zip(grown, firsts, strict=True)
            ]
        )
        return Buckets(self.n_trees, max(leaves for _, _, _, leaves in grown))

    def _grown(
        self, rows: NDArray[np.float32], seed: int, leaves: NDArray[np.int32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int32], int]:
        """Directions, thresholds and children of a new tree, and how many leaves it has."""
        dim, room = rows.shape[1], trees.UNEVEN * len(rows) // self.leaf_size + 1
        draws = np.random.default_rng(seed).random((min(room, _DRAWS), trees.SAMPLE), np.float32)
        directions = np.zeros((room, dim), np.float32)  # most of it is never touched
        thresholds, children = np.zeros(room, np.float32), np.zeros((room, 2), np.int32)
        grow = compiled(trees.grow, *trees.GROWING)
        nodes, count = grow(
            rows, draws, self.leaf_size, np.arange(len(rows)), np.empty(len(rows), np.float32),
            np.empty(trees.SAMPLE, np.int64), np.empty((2, dim), np.float32), np.empty(2, np.int64),
            np.empty((trees.DEEPEST, 3), np.int64), directions, thresholds, children, leaves,
        )  # fmt: skip
        return directions[:nodes].copy(), thresholds[:nodes], children[:nodes], count

    def _keys(self, rows: NDArray[np.float32]) -> NDArray[np.int32]:
        if self._leaves.shape[1]:  # those that the trees were made from come first
            known, self._leaves = np.split(self._leaves, [len(rows)], axis=1)
            return np.ascontiguousarray(known)
        keys = np.empty((self.n_trees, len(rows)), np.int32)
        fall = compiled(trees.fall, trees.product)

        def work(first: int, last: int) -> None:
            for tree in range(first, last):
                fall(
                    rows, self._roots[tree], self._directions, self._thresholds, self._children,
                    keys[tree],
                )  # fmt: skip

        in_batches(self.n_trees, self.threads if len(rows) > _FEW else 1, work)
        return keys

    def _look(self, queries: NDArray[np.float32], near: Near, found: NDArray[np.int64]) -> None:
        from kinspace.engines.bucket_code import fast_search

        # Under a filter the nearest lie further apart, and less of what is near may be found.
        search_k = max(1, int(near.options["search_k"] * near.share**0.5))
        heap = 2 * (self.n_trees + len(self._thresholds))
        fast_search(trees.search_trees, trees.product)(
            queries, self._roots, self._directions, self._thresholds, self._children, near.tables,
            near.coded.usable,
            search_k, buckets.search_space(near.coded.total, heap + 1), near.coded,
            near.asked, np.empty(1, np.float32), found,
        )  # fmt: skip

    def _parts(self) -> dict[str, NDArray[Any]]:
        return {
            "roots": self._roots,
            "directions": self._directions,
            "thresholds": self._thresholds,
            "children": self._children,
        }

    def _again(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        self._roots, self._directions, self._thresholds, self._children = (
            np.array(arrays[name]) for name in ("roots", "directions", "thresholds", "children")
        )
