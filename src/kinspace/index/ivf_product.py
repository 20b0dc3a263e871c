"""Cells of product codes: the fastest way to look through many short codes (ScaNN's recipe).

Partition, quantised scores, reorder: Guo et al., "Accelerating large-scale inference with
anisotropic vector quantization" (2020). Codes have four bits and are compared by look-ups in the
processor's registers: André, Kermarrec and Le Scouarnec, "Quicker ADC" (2019), by FAISS.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from kinspace.errors import require_count
from kinspace.index.inverted_file import InvertedFile, set_clustering
from kinspace.index.turning import learned_rotation
from kinspace.metric import Metric

_FEWEST: Final = 60
_A_NEIGHBOUR: Final = 4
"""Candidates that are scored exactly: four for each neighbour, and never fewer than sixty."""


class IvfProduct(InvertedFile):
    """IVF-PQ: vectors in cells, each as codes of four bits, and the best by these scored exactly.

    Parameters
    ----------
    dim : int
        The length of the vectors.
    metric : {"cosine", "dot", "euclidean"}
    nlist : int, optional
        How many cells; by default about twice the square root of the first addition.
    nprobe : int, optional
        How many of the nearest cells are looked at; by default every sixteenth, and 16 at least.
        With a filter, more.
    candidates : int, optional
        How many vectors, the best by their codes, are scored exactly; by default four for each
        neighbour, and 60 at least.
    subquantizers : int, optional
        In how many parts a vector is cut, each of which becomes a code of four bits; by default
        one for two numbers.
    rotate : bool
        Turn the vectors first so that the codes lose least (OPQ: Ge et al. 2013). Slower to learn,
        and to be had where few ``subquantizers`` must do.
    residual : bool
        Code what is left of a vector when its centroid is taken off: better where cells are much
        smaller than the space between them, and slower.
    seed : int
        For the choice of training vectors and for k-means.
    dtype : {"float32", "float16"}
        How vectors are kept, by which candidates are scored exactly.
    exact_below : int
        Where no more vectors than this may be found, they are compared one and all.

    Raises
    ------
    InvalidParameter
        For another metric, or a number that is not 1 or more.

    Examples
    --------
    >>> import numpy as np
    >>> vectors = np.random.default_rng(0).standard_normal((2000, 16))
    >>> index = IvfProduct(dim=16, nprobe=8)
    >>> index.add(vectors)
    >>> index.search(vectors[42], k=1)[0].ids
    [42]
    """

    def __init__(
        self,
        dim: int,
        metric: Metric = "cosine",
        *,
        nlist: int | None = None,
        nprobe: int | None = None,
        candidates: int | None = None,
        subquantizers: int | None = None,
        rotate: bool = False,
        residual: bool = False,
        seed: int = 0,
        dtype: str = "float32",
        exact_below: int = 1000,
    ) -> None:
        super().__init__(
            dim,
            metric,
            nlist=nlist,
            nprobe=nprobe,
            candidates=candidates,
            seed=seed,
            dtype=dtype,
            exact_below=exact_below,
        )
        if subquantizers is not None:
            require_count("subquantizers", subquantizers)
        self.subquantizers = subquantizers
        self.rotate = rotate
        self.residual = residual

    @property
    def _parts(self) -> int:
        return min(self.dim, self.subquantizers or -(-self.dim // 2))

    @property
    def _width(self) -> int:
        """Numbers of a part."""
        return -(-self.dim // self._parts)

    def _empty(self, nlist: int, kind: int) -> Any:
        import faiss

        codes = f"PQ{self._parts}x4fs{'r' if self.residual else ''}"
        made = faiss.index_factory(self._parts * self._width, f"IVF{nlist},{codes}", kind)
        set_clustering(made.pq.cp, self.seed)
        return made

    def _wanted(self, k: int) -> int:
        return max(_FEWEST, _A_NEIGHBOUR * k)

    def _learn_rotation(self, rows: NDArray[np.float32]) -> NDArray[np.float32] | None:
        return learned_rotation(rows, self._parts, self._width) if self.rotate else None

    def _turned(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Turned, or with zeros at the end, so that all parts are of the same width."""
        missing = self._parts * self._width - self.dim
        if self._rotation is None and missing:
            return np.pad(rows, ((0, 0), (0, missing)))
        return super()._turned(rows)
