"""Vectors as bits: a pass over all codes by Hamming distance, then finer and finer looks at less.

A bit says on which side of a hyperplane a vector lies. Two vectors at an angle θ differ in a share
θ/π of such bits (Charikar 2002, SimHash), which is what the first look goes by. The second takes
the query as it is, and only the row as bits, and the last scores what is left exactly.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final, Literal

import numpy as np
from numpy.typing import NDArray

from kinspace.engines import bits as engine
from kinspace.errors import InvalidParameter, require_choice, require_count
from kinspace.index.batches import in_batches
from kinspace.index.bit_codes import BitCodes, with_room
from kinspace.index.growing import Growing
from kinspace.metric import Metric

Thresholds = Literal["mean", "median", "zero"]
_TOGETHER: Final = 16
"""Queries that go over the codes side by side."""
_PLACES: Final = 1 << 22
"""Keys held at once for each thread (32 MiB)."""
_ROW: Final = (1 << 31) - 1


class Binary(Growing):
    """Every vector as some hundred bits, of which those that differ from the query's are counted.

    A vector of 384 numbers takes 48 bytes beside itself, and comparing it two nanoseconds. By
    ``hamming``, a bit is drawn from each number (numbers of two values keep both apart, so that
    the count is the distance itself); by other metrics it is a side of a hyperplane.

    Parameters
    ----------
    dim : int
    metric : {"cosine", "dot", "euclidean", "hamming"}
    bits : int, optional
        Bits of a vector; by default ``dim``, or a multiple of it that is 256 or more.
    thresholds : {"mean", "median", "zero"}
        Where hyperplanes lie: in the mean or the median of the vectors, or in the origin.
        In the origin, cosine needs 8 bytes a vector less.
    rotate : bool
        Whether hyperplanes have random directions, or those of the axes (not with ``hamming``).
    shortlist : int
        Vectors that are found by counting bits, and compared with the query's numbers.
    candidates : int
        Vectors that are left of these, and scored exactly; never fewer than three for each result.
    dtype : {"float32", "float16"}
    exact_below : int
    seed : int
        For the directions.

    Raises
    ------
    InvalidParameter

    Examples
    --------
    >>> import numpy as np
    >>> vectors = np.random.default_rng(0).standard_normal((2000, 64))
    >>> index = Binary(64)
    >>> index.add(vectors)
    >>> index.search(vectors[42], k=1)[0].ids
    [42]

    References
    ----------
    Charikar 2002, Similarity Estimation Techniques from Rounding Algorithms. Gordo, Perronnin,
    Gong and Lazebnik 2014, Asymmetric Distances for Binary Embeddings.
    """

    METRICS: ClassVar[tuple[Metric, ...]] = ("cosine", "dot", "euclidean", "hamming")
    SEARCH: ClassVar[tuple[str, ...]] = ("shortlist", "candidates")

    def __init__(
        self,
        dim: int,
        metric: Metric = "cosine",
        *,
        bits: int | None = None,
        thresholds: Thresholds = "mean",
        rotate: bool = True,
        shortlist: int = 1000,
        candidates: int = 100,
        dtype: str = "float32",
        exact_below: int = 1000,
        seed: int = 0,
    ) -> None:
        super().__init__(dim, metric, dtype=dtype, exact_below=exact_below)
        require_choice("thresholds", thresholds, Thresholds)
        require_count("shortlist", shortlist)
        require_count("candidates", candidates)
        if bits is not None:
            require_count("bits", bits)
            if bits != dim and not rotate and metric != "hamming":
                raise InvalidParameter(
                    f"{dim} axes cannot give {bits} bits.", "Leave bits out, or rotate."
                )
        self.bits = bits
        self.thresholds = thresholds
        self.rotate = rotate
        self.shortlist = shortlist
        self.candidates = candidates
        self.seed = seed
        self._bits: BitCodes | None = None

    def _exact_pays(self, usable: int) -> bool:
        return usable <= max(self.exact_below, self._covered // 100)

    def _design(self, rows: NDArray[np.float32]) -> None:
        self._bits = BitCodes.learned(
            rows,
            self.metric,
            np.random.default_rng(self.seed),
            bits=self.bits,
            thresholds=self.thresholds,
            rotate=self.rotate,
        )

    def _put(self, rows: NDArray[np.float32]) -> None:
        assert self._bits is not None
        self._bits.add(rows)

    def _structure(self) -> dict[str, NDArray[Any]]:
        if self._bits is None:
            return {}
        return self._bits.arrays() | {"learned": np.array([self._learned])}

    def _restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        self._bits = BitCodes.restored(arrays, self.metric, len(self._held))
        self._learned = int(arrays["learned"][0])

    def _candidates(
        self,
        queries: NDArray[np.float32],
        k: int,
        usable: NDArray[np.bool_] | None,
        options: Mapping[str, Any],
    ) -> NDArray[np.int64]:
        from kinspace.engines.bits_code import fast_scan

        assert self._bits is not None
        for name in self.SEARCH:
            require_count(name, options[name])
        best = max(options["candidates"], 3 * k)
        wanted = best if self.metric == "hamming" else max(options["shortlist"], best)
        if 4 * best > self._covered:  # comparing one and all is as fast
            return np.empty((len(queries), 0), np.int64)
        together = max(1, min(_TOGETHER, _PLACES // wanted))
        coded, asked = self._bits.coded(usable), self._bits.asked(queries, wanted, best)
        rows = np.full((len(queries), best), -1, np.int64)
        scan = fast_scan()

        def work(first: int, last: int) -> None:
            scratch = engine.work()
            for start in range(first, last, together):
                stop = min(start + together, last)
                some = with_room(asked, start, stop)
                scan(coded, some, 0, stop - start, scratch)
                for near, line, count in zip(
                    some.near, rows[start:stop], some.found[:, 0], strict=True
                ):
                    line[:count] = near[:count] & _ROW

        in_batches(len(queries), self.threads, work)
        return rows
