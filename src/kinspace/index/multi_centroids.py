"""Search among items of several vectors each by centroids, then by codes, then by MaxSim."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from kinspace.engines import heaps, token_centroids
from kinspace.engines.compiled import compiled, in_threads
from kinspace.engines.heaps import none_yet
from kinspace.engines.kmeans import learn_centroids, nearest_centroids
from kinspace.engines.late_interaction import maxima_of_runs
from kinspace.engines.token_centroids import STEPS, Cells, Room
from kinspace.errors import InvalidParameter, require_count
from kinspace.index.held_multi import MultiHeld, MultiRows
from kinspace.index.held_sparse import with_room
from kinspace.index.shares import processors, shares
from kinspace.index.vector_index import VectorIndex
from kinspace.metric import Metric, metric_of_scores, top_k
from kinspace.multi import MultiVectors

_SAMPLE: Final = 24
"""Vectors that centroids are learned from, for each of them."""
_ITERATIONS: Final = 4
_MOST_CELLS: Final = 1 << 16
_TAIL: Final = 64
"""The lists are made anew once they miss one item in so many, but not for a few."""
_FEW: Final = 256
_MET: Final = 8
"""Items that go from the first step to the second, for each candidate."""
_TOGETHER: Final = 2048
"""Vectors that are made again together: 3 MiB, if they have 384 numbers."""
_WIDER: Final = 8
"""A filter makes a search probe up to so many times as many cells."""


class MultiCentroids(VectorIndex):
    """Items of several vectors each, found by the cells that their vectors lie in.

    For each vector of a query the items in the nearest cells are scored by the centroids alone
    (WARP: Scheerer et al. 2025); for the best of them vectors are made again from codes of a few
    bits a dimension (PLAID: Santhanam et al. 2022), and the best of these are scored by MaxSim of
    the vectors themselves.

    Parameters
    ----------
    dim : int
        The length of each vector.
    metric : {"cosine", "dot"}
        Between single vectors. Results call their sums ``"dot"``.
    nlist : int, optional
        Cells; by default eight times the root of the number of vectors first added.
    bits : {1, 2, 4, 8}
        Of the codes, for each dimension.
    nprobe : int
        Cells that are looked into for each vector of a query.
    candidates : int
        Items that are scored by their codes, an eighth of which, and no less than twice as many as
        are wanted, are scored exactly.
    dtype : {"float32", "float16"}
        How vectors are kept, by which items are scored exactly.
    seed : int
    exact_below : int
        With no more items than this, all are compared.

    Raises
    ------
    InvalidParameter

    Examples
    --------
    >>> index = MultiCentroids(dim=2)
    >>> index.add([[[1, 0], [0, 1]], [[0, 1]]], ids=[7, 8])
    >>> found = index.search([[[1, 0], [0, 1]]], k=2)[0]
    >>> found.ids, found.scores.tolist()
    ([7, 8], [2.0, 1.0])
    """

    METRICS: ClassVar[tuple[Metric, ...]] = ("cosine", "dot")
    SEARCH: ClassVar[tuple[str, ...]] = ("nprobe", "candidates")
    GROWTH: ClassVar[float | None] = 4
    BLOCK: ClassVar[int] = 2048

    def __init__(
        self,
        dim: int,
        metric: Metric = "cosine",
        *,
        nlist: int | None = None,
        bits: int = 4,
        nprobe: int = 8,
        candidates: int = 256,
        dtype: str = "float32",
        seed: int = 0,
        exact_below: int = 1000,
    ) -> None:
        super().__init__(dim, metric, dtype=dtype, exact_below=exact_below)
        if bits not in STEPS:
            raise InvalidParameter(f"bits is {bits!r:.80}.", "Give 1, 2, 4 or 8.")
        if nlist is not None:
            require_count("nlist", nlist)
        self.nlist = nlist
        self.bits = bits
        self.nprobe = nprobe
        self.candidates = candidates
        self.seed = seed
        _check({"nprobe": nprobe, "candidates": candidates})
        self._centroids = np.empty((0, self._width), np.float32)
        self._steps = np.empty(self._width, np.float32)
        self._cells = np.empty(0, np.uint16)
        self._codes = np.empty((0, self._width * bits // 8), np.uint8)
        self._list_starts = np.zeros(1, np.int64)
        self._lists = np.empty(0, np.int32)
        self._listed = 0  # items that the lists are of

    @property
    def _width(self) -> int:
        """Numbers of a vector with zeros after them, so that codes fill whole bytes."""
        unit = 8 // self.bits
        return -(-self.dim // unit) * unit

    def _empty_held(self) -> MultiHeld:
        return MultiHeld(self.dim, self.metric, self.dtype)

    # -- building --------------------------------------------------------------------------------

    def _learn(self, rows: MultiRows) -> None:
        """Learn centroids and the steps of the codes from a sample."""
        total = len(rows.values)
        wanted = self.nlist or round(8 * total**0.5)
        many = max(1, min(wanted, _MOST_CELLS, total))
        random = np.random.default_rng(self.seed)
        drawn = random.choice(total, min(total, _SAMPLE * many), replace=False)
        points = np.ascontiguousarray(rows.values[np.sort(drawn)], np.float32)
        threads = self.threads or processors()
        centroids = learn_centroids(
            points, many, iterations=_ITERATIONS, seed=self.seed, threads=threads
        )
        left = points - centroids[nearest_centroids(points, centroids, threads=threads)]
        self._centroids = self._padded(centroids)
        self._steps = np.zeros(self._width, np.float32)
        self._steps[: self.dim] = STEPS[self.bits] * left.std(axis=0)
        self._list_starts = np.zeros(many + 1, np.int64)

    def _extend(self, rows: MultiVectors, first: int) -> None:
        begin, end = int(self._starts[first]), int(self._starts[first + len(rows)])
        threads = self.threads or processors()
        values = np.ascontiguousarray(rows.values, np.float32)
        nearest = nearest_centroids(values, self._centroids[:, : self.dim], threads=threads)
        cells = nearest.astype(np.uint16)
        codes = np.zeros((len(values), self._codes.shape[1]), np.uint8)
        encode = compiled(token_centroids.encode)

        def work(start: int, stop: int) -> None:
            encode(
                values[start:stop], cells[start:stop], self._centroids, self._steps, self.bits,
                codes[start:stop],
            )  # fmt: skip

        in_threads(work, shares(len(values), threads))
        self._cells = with_room(self._cells, begin, end)
        self._codes = with_room(self._codes, begin, end)
        self._cells[begin:end], self._codes[begin:end] = cells, codes
        count = first + len(rows)
        if self._covered and count - self._listed > max(_FEW, self._listed // _TAIL):
            self._list_items(count)

    def _settle(self) -> None:
        self._list_items(len(self._held))

    @property
    def _starts(self) -> NDArray[np.int64]:
        held = self._held
        assert isinstance(held, MultiHeld)
        return held.starts

    def _list_items(self, count: int) -> None:
        """Make the lists of the first ``count`` items."""
        starts = self._starts[: count + 1]
        cells = self._cells[: starts[-1]]
        order = np.argsort(cells, kind="stable")
        items = np.repeat(np.arange(count, dtype=np.int32), np.diff(starts))[order]
        ordered = cells[order]
        is_first = np.ones(len(items), np.bool_)
        is_first[1:] = (items[1:] != items[:-1]) | (ordered[1:] != ordered[:-1])
        self._lists = items[is_first]
        self._list_starts = np.searchsorted(
            ordered[is_first], np.arange(len(self._centroids) + 1)
        ).astype(np.int64)
        self._listed = count

    # -- searching -------------------------------------------------------------------------------

    def _candidates(
        self, queries: MultiVectors, k: int, usable: NDArray[np.bool_] | None,
        options: Mapping[str, Any],
    ) -> NDArray[np.int64]:  # fmt: skip
        _check(options)
        count = min(max(options["candidates"], 4 * k), self._covered)
        share = 1.0 if usable is None else max(1 / _WIDER, np.count_nonzero(usable) / len(usable))
        nprobe = min(round(options["nprobe"] / share), len(self._centroids))
        mask = np.ones(self._covered, np.bool_) if usable is None else usable
        found = none_yet(len(queries), min(_MET * count, self._covered))
        near = none_yet(len(queries), count)
        best = np.full((len(queries), min(count, max(2 * k, count // 8))), -1)
        held, find = self._arrays(), compiled(token_centroids.find_items, *_STEPS)

        def work(begin: int, end: int) -> None:
            room = self._room(nprobe, int(queries.lengths.max(initial=1)))
            for query in range(begin, end):
                asked = self._padded(queries[query])
                columns = self._centroids @ asked.T
                grid = np.ascontiguousarray(columns.T)
                find(held, self._listed, mask, grid, columns, query, room, found, near)
                items = np.sort(near.rows[query, : near.counts[query]])
                if len(items):
                    kept = top_k(self._scores_by_codes(held, asked, items), best.shape[1])[0][0]
                    best[query, : len(kept)] = items[kept]

        in_threads(work, shares(len(queries), self.threads))
        return best

    def _scores_by_codes(
        self, held: Cells, asked: NDArray[np.float32], items: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """MaxSim of one query with items whose vectors are made from their codes, shape (1, n)."""
        values = np.empty((1, len(items)), np.float32)
        make = compiled(token_centroids.make_items, token_centroids.decode)
        maxima = compiled(maxima_of_runs)
        ends = np.cumsum(held.starts[items + 1] - held.starts[items])
        cuts = [0, *(np.flatnonzero(np.diff(ends // _TOGETHER)) + 1).tolist(), len(items)]
        sizes = np.diff(ends[np.array(cuts[1:]) - 1], prepend=0)
        made = np.empty((sizes.max(), self._width), np.float32)
        for first, last, size in zip(cuts, cuts[1:], sizes, strict=False):
            make(held, self.bits, items[first:last], made)
            starts = np.concatenate([[0], ends[first:last] - (ends[first - 1] if first else 0)])
            best = np.empty((last - first, len(asked)), np.float32)
            maxima(made[:size] @ asked.T, starts, best)
            values[0, first:last] = best.sum(axis=1)
        return values

    def _padded(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Vectors with zeros after them, as wide as the centroids."""
        padded = np.zeros((len(values), self._width), np.float32)
        padded[:, : self.dim] = values
        return padded

    def _arrays(self) -> Cells:
        starts = self._starts[: self._covered + 1]
        return Cells(
            starts=starts,
            cells=self._cells[: starts[-1]],
            codes=self._codes[: starts[-1]],
            centroids=self._centroids,
            steps=self._steps,
            list_starts=self._list_starts,
            lists=self._lists,
        )

    def _room(self, nprobe: int, longest: int) -> Room:
        size = min(nprobe + 1, len(self._centroids))
        return Room(
            sums=np.zeros(self._covered, np.float32),
            seen=np.full(self._covered, -1),
            met=np.empty(self._covered, np.int64),
            near=np.empty(size, np.int64),
            scores=np.empty(size, np.float32),
            most=np.empty(longest, np.float32),
        )

    def _metric_of_scores(self) -> Metric:
        return metric_of_scores(self.metric, "multi")

    # -- files -----------------------------------------------------------------------------------

    def _structure(self) -> dict[str, NDArray[Any]]:
        held = self._arrays()
        return {
            "centroids": held.centroids,
            "steps": held.steps,
            "cells": held.cells,
            "codes": held.codes,
            "list_starts": held.list_starts,
            "lists": held.lists,
            "listed": np.array([self._listed]),
        }

    def _restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        self._centroids, self._steps = arrays["centroids"], arrays["steps"]
        self._cells = arrays["cells"]
        self._codes, self._lists = arrays["codes"], arrays["lists"]
        self._list_starts, self._listed = arrays["list_starts"], int(arrays["listed"][0])


_STEPS: Final = (
    heaps.is_worse,
    heaps.keep,
    token_centroids.nearest_cells,
    token_centroids.probe,
    token_centroids.interact,
)


def _check(options: Mapping[str, Any]) -> None:
    for name in ("nprobe", "candidates"):
        require_count(name, options[name])
