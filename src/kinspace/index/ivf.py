"""Inverted lists of the vectors themselves, in 8 or in 32 bits a number."""

from __future__ import annotations

from typing import Any, Final

from kinspace.errors import InvalidParameter
from kinspace.index.inverted_file import InvertedFile
from kinspace.metric import Metric

_CODES: Final = {"float32": "Flat", "int8": "SQ8"}
"""Names of codes, and FAISS's."""


class Ivf(InvertedFile):
    """IVF-flat: cells around centroids (k-means), and vectors compared in the nearest cells only.

    Cells are learned from the vectors of the first addition; :meth:`compact` learns them anew.
    Jégou, Douze and Schmid, "Product quantization for nearest neighbor search" (2011), section 4.

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
        How many vectors, the best by their codes, are scored exactly; by default ``k`` for
        float32, which is exact, and twice as many for int8.
    codes : {"int8", "float32"}
        Bits in the cells. ``int8`` takes a quarter of the memory and is faster; ``float32`` holds
        every vector a second time.
    seed : int
        For the choice of training vectors and for k-means.
    dtype : {"float32", "float16"}
        How vectors are kept, by which candidates are scored exactly.
    exact_below : int
        Where no more vectors than this may be found, they are compared one and all.

    Raises
    ------
    InvalidParameter
        For another metric or code, or a number that is not 1 or more.

    Examples
    --------
    >>> import numpy as np
    >>> vectors = np.random.default_rng(0).standard_normal((2000, 16))
    >>> index = Ivf(dim=16, nprobe=8)
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
        codes: str = "int8",
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
        if codes not in _CODES:
            raise InvalidParameter(
                f"Cells cannot hold {codes}.", f"Choose one of: {', '.join(_CODES)}."
            )
        self.codes = codes

    def _empty(self, nlist: int, kind: int) -> Any:
        import faiss

        return faiss.index_factory(self.dim, f"IVF{nlist},{_CODES[self.codes]}", kind)

    def _wanted(self, k: int) -> int:
        return k if self.codes == "float32" else 2 * k
