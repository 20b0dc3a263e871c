"""Locality-sensitive hashing: near vectors share a bucket of many tables, or lie one next to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from kinspace.engines import buckets, hashing
from kinspace.engines.compiled import compiled
from kinspace.errors import InvalidParameter, require_count
from kinspace.index.bit_coders import Draws
from kinspace.index.bucketed import SAMPLE, Bucketed, Near
from kinspace.index.buckets import Buckets
from kinspace.metric import Metric

_LONGEST: Final = 28
_SPARE: Final = 3
"""Bits of a key, more than are needed, so that different cuts seldom share a bucket."""
_CROWD: Final = 64
"""Vectors that are left a bucket, about."""


class Lsh(Bucketed):
    """Tables of buckets, whose keys are made of random functions that near vectors agree in.

    By ``cosine`` and ``dot`` a function is a hyperplane through the mean, and gives the side on
    which a vector lies. By ``euclidean`` and ``manhattan`` it cuts a random line (normal, or
    Cauchy: p-stable for p of 2 and 1) in equal widths, and gives the cut. By ``hamming`` it
    reads one dimension. A search looks into the query's own buckets, then into those to which
    the least is lacking, and those that come up are ranked by bits, as in
    :class:`~kinspace.index.binary.Binary`, and the best are scored exactly.

    Parameters
    ----------
    dim : int
    metric : {"cosine", "dot", "euclidean", "manhattan", "hamming"}
    n_tables : int
        More find more, and take some four bytes a vector each.
    n_bits : int, optional
        Functions of a table (the papers' k or M), 28 at most. By default as many as leave some
        64 vectors a bucket.
    width : float, optional
        Of a cut (the paper's r, or W). By default such that some 64 vectors are left a bucket.
    n_probes : int
        Buckets that are looked into for each table; the tables share them, the nearest come first.
    candidates : int
        How many vectors are scored exactly; never fewer than three for each result.
    dtype : {"float32", "float16"}
    exact_below : int
    seed : int
        For the functions.

    Raises
    ------
    InvalidParameter

    Examples
    --------
    >>> import numpy as np
    >>> vectors = np.random.default_rng(0).standard_normal((2000, 16))
    >>> index = Lsh(16, "euclidean")
    >>> index.add(vectors)
    >>> index.search(vectors[42], k=1)[0].ids
    [42]

    References
    ----------
    Indyk and Motwani 1998, Approximate nearest neighbors (bit sampling). Charikar 2002, Similarity
    estimation techniques from rounding algorithms (hyperplanes). Datar, Immorlica, Indyk and
    Mirrokni 2004, Locality-sensitive hashing scheme based on p-stable distributions. Lv et al.
    2007, Multi-probe LSH.
    """

    METRICS: ClassVar[tuple[Metric, ...]] = (
        "cosine", "dot", "euclidean", "manhattan", "hamming",
    )  # fmt: skip
    SEARCH: ClassVar[tuple[str, ...]] = ("n_probes", "candidates")

    def __init__(
        self,
        dim: int,
        metric: Metric = "cosine",
        *,
        n_tables: int = 16,
        n_bits: int | None = None,
        width: float | None = None,
        n_probes: int = 64,
        candidates: int = 100,
        dtype: str = "float32",
        exact_below: int = 1000,
        seed: int = 0,
    ) -> None:
        super().__init__(dim, metric, dtype=dtype, exact_below=exact_below)
        require_count("n_tables", n_tables)
        require_count("n_probes", n_probes)
        require_count("candidates", candidates)
        if n_bits is not None:
            require_count("n_bits", n_bits)
            if n_bits > _LONGEST:
                raise InvalidParameter(f"n_bits is {n_bits}.", f"Give {_LONGEST} or fewer.")
        if width is not None and (metric not in ("euclidean", "manhattan") or not width > 0):
            raise InvalidParameter(
                f"A width of {width!r:.80} for {metric}.",
                "Give a number above 0, and only for euclidean or manhattan.",
            )
        self.n_tables = n_tables
        self.n_bits = n_bits
        self.width = width
        self.n_probes = n_probes
        self.candidates = candidates
        self.seed = seed
        self._directions = np.zeros((0, 0), np.float32)
        self._offsets = np.zeros(0, np.float32)
        self._factors = np.zeros((0, 0), np.int64)
        self._dims = np.zeros(0, np.int64)
        self._draws = Draws(np.zeros(0, np.uint64))

    @property
    def _sides(self) -> bool:
        return self.metric not in ("euclidean", "manhattan")

    # -- the functions ---------------------------------------------------------------------------

    def _planned(self, rows: NDArray[np.float32], rng: np.random.Generator) -> Buckets:
        needed = max(1, min(_LONGEST, (len(rows) // _CROWD).bit_length()))
        if self.n_bits is not None:
            functions = self.n_bits
        else:
            functions = needed if self._sides else max(1, min(12, needed))
        places = np.sort(rng.choice(len(rows), min(SAMPLE, len(rows)), replace=False))
        sample = rows[places]
        count = self.n_tables * functions
        if self.metric == "hamming":
            self._dims = rng.integers(0, self.dim, count)
            self._draws = Draws.learned(sample[:, self._dims], count, rng)
        else:
            self._draw(sample, count, needed / functions, rng)
        if self._sides:
            ones = np.int64(1) << (32 + np.arange(functions))
            self._factors = np.tile(ones, (self.n_tables, 1))
            return Buckets(self.n_tables, 1 << functions)
        self._factors = rng.integers(-(1 << 62), 1 << 62, (self.n_tables, functions))
        return Buckets(self.n_tables, 1 << needed + _SPARE)

    def _draw(
        self, sample: NDArray[np.float32], count: int, entropy: float, rng: np.random.Generator
    ) -> None:
        """Random lines, and where they are cut; each tells ``entropy`` bits of a vector."""
        shape = sample.shape[1], count
        cauchy = self.metric == "manhattan"
        drawn = rng.standard_cauchy(shape) if cauchy else rng.standard_normal(shape)
        directions = drawn.astype(np.float32)
        heights = sample @ directions
        if self._sides:
            self._directions, self._offsets = directions, heights.mean(axis=0)
            return
        if self.width is not None:
            widths = np.full(count, self.width)
        else:
            low, high = np.quantile(heights, (0.25, 0.75), axis=0)
            # Of a scale that the quartiles tell, the normal distribution has an entropy of
            # log2(scale √(2πe)), and Cauchy's of log2(4π scale).
            scales = (high - low) * (2 * np.pi if cauchy else np.sqrt(2 * np.pi * np.e) / 1.349)
            widths = scales / 2**entropy
            widths[widths <= 0] = 1
        self._directions = (directions / widths).astype(np.float32)
        self._offsets = (-rng.uniform(0, 1, count)).astype(np.float32)

    def _heights(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Where rows lie on all lines, in widths, shape (n, tables, functions)."""
        if self.metric == "hamming":
            bits = self._draws.coded(np.ascontiguousarray(rows[:, self._dims]))[0]
            heights = np.where(bits, np.float32(1), np.float32(-1))
        else:
            heights = rows @ self._directions - self._offsets
        return heights.reshape(len(rows), *self._factors.shape)

    def _keys(self, rows: NDArray[np.float32]) -> NDArray[np.int32]:
        keys = np.empty((self.n_tables, len(rows)), np.int32)
        fill = compiled(hashing.key_rows, hashing.number, hashing.bucket)
        assert self._buckets is not None
        fill(self._heights(rows), self._factors, self._sides, self._buckets.count, keys)
        return keys

    # -- searching -------------------------------------------------------------------------------

    def _look(self, queries: NDArray[np.float32], near: Near, found: NDArray[np.int64]) -> None:
        from kinspace.engines.bucket_code import fast_search

        probes = int(self.n_tables * near.options["n_probes"] / near.share**0.5)
        functions = self._factors.shape[1]
        shape = self.n_tables, functions if self._sides else 2 * functions
        work = (
            np.empty(shape, np.int64),
            np.empty(shape, np.float32),
            np.empty(shape, np.int64),
            np.empty(self.n_tables, np.int64),
        )
        inner = hashing.number, hashing.bucket, hashing.order_steps, hashing.apply_steps
        fast_search(hashing.search_tables, *inner)(
            self._heights(queries), self._factors, self._sides, near.tables, near.coded.usable,
            probes, work, buckets.search_space(near.coded.total, self.n_tables + probes + 2),
            near.coded, near.asked, np.empty(1, np.float32), found,
        )  # fmt: skip

    def _parts(self) -> dict[str, NDArray[Any]]:
        return {
            "directions": self._directions,
            "offsets": self._offsets,
            "factors": self._factors,
            "dims": self._dims,
            "multipliers": self._draws.multipliers,
        }

    def _again(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        self._directions, self._offsets, self._factors, self._dims = (
            np.array(arrays[name]) for name in ("directions", "offsets", "factors", "dims")
        )
        self._draws = Draws(np.array(arrays["multipliers"]))
