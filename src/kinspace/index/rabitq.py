"""RaBitQ: one bit a number, or a few, with an estimate of the distance that is right on average.

Gao and Long, "RaBitQ: quantizing high-dimensional vectors with a theoretical error bound for
approximate nearest neighbor search" (2024); with more bits, Gao et al., "Practical and
asymptotically optimal quantization of high-dimensional vectors" (2024). The codes are FAISS's.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from kinspace.errors import InvalidParameter, require_count
from kinspace.index.inverted_file import InvertedFile
from kinspace.index.turning import random_rotation
from kinspace.metric import Metric

_MOST_BITS: Final = 9
_QUERY_BITS: Final = 4
"""Queries are coded too; the paper's figure, of which the loss cannot be measured."""
_FEWEST: Final = 200
_A_NEIGHBOUR: Final = 20
"""Candidates of codes of one bit; where there are more bits, as many times fewer will do."""


class RaBitQ(InvertedFile):
    """Vectors in cells, turned at random, with a bit for each number and the length apart.

    The smallest codes of all that can be trusted: no training but that of the cells, and the error
    of an estimate shrinks with the square root of the dimension whatever the data are. The best by
    estimates are scored exactly.

    Parameters
    ----------
    dim : int
        The length of the vectors; the codes are good from about a hundred on.
    metric : {"cosine", "dot", "euclidean"}
    bits : int
        Of a code, for each number: from 1 to 9.
    nlist : int, optional
        How many cells; by default about twice the square root of the first addition. With 1,
        all codes are looked at.
    nprobe : int, optional
        How many of the nearest cells are looked at; by default every sixteenth, and 16 at least.
        With a filter, more.
    candidates : int, optional
        How many vectors, the best by their codes, are scored exactly; by default twenty for each
        neighbour and 200 at least, divided by ``bits``.
    seed : int
        For the rotation, the choice of training vectors and k-means.
    dtype : {"float32", "float16"}
        How vectors are kept, by which candidates are scored exactly.
    exact_below : int
        Where no more vectors than this may be found, they are compared one and all.

    Raises
    ------
    InvalidParameter
        For another metric, a number that is not 1 or more, or more than nine bits.

    Examples
    --------
    >>> vectors = np.random.default_rng(0).standard_normal((2000, 64))
    >>> index = RaBitQ(dim=64, nprobe=16)
    >>> index.add(vectors)
    >>> index.search(vectors[42], k=1)[0].ids
    [42]
    """

    def __init__(
        self,
        dim: int,
        metric: Metric = "cosine",
        *,
        bits: int = 1,
        nlist: int | None = None,
        nprobe: int | None = None,
        candidates: int | None = None,
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
        require_count("bits", bits)
        if bits > _MOST_BITS:
            raise InvalidParameter(f"bits is {bits}.", f"Give 1 to {_MOST_BITS}, or use Ivf.")
        self.bits = bits

    def _empty(self, nlist: int, kind: int) -> Any:
        import faiss

        codes = "RaBitQ" if self.bits == 1 else f"RaBitQ{self.bits}"
        return faiss.index_factory(self.dim, f"IVF{nlist},{codes}", kind)

    def _wanted(self, k: int) -> int:
        return max(_FEWEST, _A_NEIGHBOUR * k) // self.bits

    def _learn_rotation(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        return random_rotation(self.dim, self.seed)

    def _parameters(self, nprobe: int, **selectors: Any) -> Any:
        import faiss

        return faiss.IVFRaBitQSearchParameters(nprobe=nprobe, qb=_QUERY_BITS, **selectors)
