"""What all ways of making vectors smaller share: learn, encode, decode, score, keep.

An implementer writes what makes one way another: what is learned of vectors (:meth:`_learn`), how
they become codes (:meth:`_encode`) and how codes become vectors again (:meth:`_decode`). Checks,
scores, spaces and files are here, once.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kinspace import metric as metrics
from kinspace.compress.files import QUANTIZER, State
from kinspace.encoder import Parameters, learned
from kinspace.errors import EmptyInput, InvalidParameter, InvalidVectors, require_count
from kinspace.metric import Metric, as_matrix, check_metric
from kinspace.space import Space, fingerprint_of

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Vectors = Any
"""An array of shape (n, dim), or a sparse one where a class takes those."""

_NUMBERS: Final = 1 << 21
"""Numbers that are brought back to float32 at once (8 MiB, about a core's cache)."""
_SMALL: Final = 1e-24
"""Between this and its inverse a squared length has all its digits in float32."""
SAMPLE: Final = 1 << 16
"""Rows that are learned from, where there are more."""


class Quantizer(Parameters, ABC):
    """Vectors → fewer bytes, and back.

    There are two kinds. One keeps all dimensions and spends fewer bits on each (``Int8``): queries
    stay as they are, and are compared with what the codes stand for. The other makes vectors of
    another space (``Truncation``, ``SimHash``): queries are brought there too.
    Constructors only store their arguments; what :meth:`fit` learns ends in ``_``.

    Attributes
    ----------
    name : str
        What it is called on the command line, and in the names of spaces.
    METRICS : tuple of str
        By what the original vectors may be compared for its scores to mean something.
    """

    name: ClassVar[str]
    METRICS: ClassVar[tuple[Metric, ...]] = metrics.METRICS
    takes_sparse: ClassVar[bool] = False
    """Whether vectors may be a ``csr_array``."""
    moves_queries: ClassVar[bool] = False
    """Whether its codes are vectors of another space, into which queries have to be brought."""

    # -- what an implementer writes ----------------------------------------------------------------

    @abstractmethod
    def _learn(self, rows: Vectors) -> None:
        """Learn from vectors, shape (n, dim), n ≥ 1."""

    @abstractmethod
    def _encode(self, rows: Vectors) -> NDArray[Any]:
        """Codes of some thousand vectors at most, shape (n, width), of :attr:`code_dtype`."""

    @abstractmethod
    def _decode(self, codes: NDArray[Any]) -> NDArray[np.float32]:
        """The vectors, shape (n, dim), that codes stand for."""

    @property
    @abstractmethod
    def width(self) -> int:
        """How many numbers a code has."""

    @property
    def code_dtype(self) -> np.dtype[Any]:
        """Of which type they are."""
        return np.dtype(np.uint8)

    def _vectors(self, codes: NDArray[Any]) -> NDArray[np.float32]:
        """Codes as vectors of the derived space; otherwise than decoded if that is another."""
        return self._decode(codes)

    def _move(self, queries: Vectors) -> NDArray[np.float32]:
        """Queries as vectors of the derived space."""
        return self._vectors(self._encode(queries)) if self.moves_queries else queries

    def _derived(self, of: Space) -> Space:
        """The derived space, without a fingerprint of its own yet."""
        return of.derive(self._change())

    def _few_scores(
        self, queries: NDArray[np.float32], codes: NDArray[Any], metric: Metric
    ) -> NDArray[np.float32] | None:
        """Scores of a few queries without bringing the codes back, where there is a faster way."""
        return None

    # -- learning, encoding, decoding --------------------------------------------------------------

    def fit(self, vectors: ArrayLike | csr_array) -> Self:
        """Learn from vectors like those that will be encoded; of many, from 65,536 of them.

        Parameters
        ----------
        vectors : array_like, shape (n, dim)

        Raises
        ------
        EmptyInput
            If there are none.
        InvalidVectors, InvalidParameter
        """
        rows = self._checked(vectors, None)
        if not rows.shape[0] or not rows.shape[1]:
            raise EmptyInput("There are no vectors to learn from.", "Give some, of shape (n, dim).")
        self.dim_ = int(rows.shape[1])
        self._learn(rows)
        return self

    def encode(self, vectors: ArrayLike | csr_array) -> NDArray[Any]:
        """Turn vectors into codes.

        Parameters
        ----------
        vectors : array_like, shape (n, dim)

        Returns
        -------
        ndarray, shape (n, width)
            Contiguous; ``bytes_per_vector`` bytes a row.

        Raises
        ------
        NotFitted, InvalidVectors, DimensionMismatch
        """
        rows = self.checked(vectors)
        codes = np.empty((rows.shape[0], self.width), self.code_dtype)
        for part in _blocks(rows.shape[0], self.dim_):
            codes[part] = self._encode(rows[part])
        return codes

    def decode(self, codes: NDArray[Any]) -> NDArray[np.float32]:
        """The vectors that codes stand for, as near to the original ones as they tell.

        Parameters
        ----------
        codes : ndarray, shape (n, width)

        Returns
        -------
        ndarray of float32, shape (n, dim)

        Raises
        ------
        NotFitted, InvalidVectors
        """
        return self._in_blocks(codes, self._decode, learned(self, "dim_", "vectors"))

    def vectors(self, codes: NDArray[Any]) -> NDArray[np.float32]:
        """Codes as vectors of the derived space: the same as decoded ones unless that is another.

        Returns
        -------
        ndarray of float32, shape (n, ``space(…).dim``)
        """
        learned(self, "dim_", "vectors")
        return self._in_blocks(codes, self._vectors, self._width_of_vectors())

    def query(self, queries: ArrayLike | csr_array) -> NDArray[np.float32]:
        """Queries as they are compared with :meth:`vectors`: moved where those were moved.

        Parameters
        ----------
        queries : array_like, shape (n, dim) or (dim,)
            In the original space.
        """
        moved = self._move(self.checked(queries))
        return np.asarray(moved, np.float32)

    @property
    def bytes_per_vector(self) -> int:
        """Bytes of one code."""
        learned(self, "dim_", "vectors")
        return self.width * self.code_dtype.itemsize

    def space(self, of: Space) -> Space:
        """The space of :meth:`vectors`, made from that of the original ones.

        Raises
        ------
        NotFitted
        DimensionMismatch
            If vectors of that space have another length.
        """
        dim = learned(self, "dim_", "vectors")
        if of.dim != dim:
            raise InvalidParameter(
                f"{of} has {of.dim} dimensions, and this {type(self).__name__} learned from {dim}.",
                "Fit it to vectors of that space.",
            )
        derived = self._derived(of)
        arrays = self.state().arrays
        if not arrays:
            return derived
        parts = [part for name in sorted(arrays) for part in (name, arrays[name].tobytes())]
        return replace(derived, fingerprint=fingerprint_of(derived.fingerprint, *parts))

    # -- comparing ---------------------------------------------------------------------------------

    def scores(
        self, queries: ArrayLike | csr_array, codes: NDArray[Any], metric: Metric = "cosine"
    ) -> NDArray[np.float32]:
        """What queries as they are score with vectors of which there are codes; higher is nearer.

        Parameters
        ----------
        queries : array_like, shape (q, dim) or (dim,)
            In the original space: only the other side is compressed.
        codes : ndarray, shape (n, width)
        metric : str
            One of :attr:`METRICS`: how the original vectors are compared.

        Returns
        -------
        ndarray of float32, shape (q, n)

        Raises
        ------
        NotFitted, InvalidVectors, DimensionMismatch, InvalidParameter
        """
        if check_metric(metric) not in self.METRICS:
            raise InvalidParameter(
                f"{type(self).__name__} knows nothing of {metric}.",
                f"Choose one of: {', '.join(self.METRICS)}.",
            )
        moved = self.query(queries)
        codes = self._checked_codes(codes)
        found = np.empty((len(moved), len(codes)), np.float32)
        for part in _blocks(len(codes), max(self._width_of_vectors(), 1)):
            found[:, part] = self._scored(moved, codes[part], metric)
        return found

    def _scored(
        self, moved: NDArray[np.float32], codes: NDArray[Any], metric: Metric
    ) -> NDArray[np.float32]:
        if len(moved) <= FEW:
            quick = self._few_scores(moved, codes, metric)
            if quick is not None:
                return quick
        return _compared(moved, self._vectors(codes), metric)

    # -- on disk -----------------------------------------------------------------------------------

    def state(self) -> State:
        """Its arguments and what it learned, as plain values and arrays."""
        held = {name: value for name, value in vars(self).items() if name.endswith("_")}
        arrays = {name: value for name, value in held.items() if isinstance(value, np.ndarray)}
        facts = {name: value for name, value in held.items() if name not in arrays}
        return State(type(self).__name__, self.get_params(deep=False), facts, arrays)

    @classmethod
    def of_state(cls, state: State) -> Self:
        """Make again what :meth:`state` told."""
        made = cls(**state.params)
        for name, value in {**state.facts, **state.arrays}.items():
            setattr(made, name, value)
        return made

    def save(self, path: str | Path) -> None:
        """Write what was learned to one file with checksums, complete or not at all.

        Raises
        ------
        NotFitted, PathNotFound
        """
        learned(self, "dim_", "vectors")
        state = self.state()
        QUANTIZER.write(path, state.kind, state.arrays, state.plain)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read what :meth:`save` wrote.

        Raises
        ------
        PathNotFound, ReadError
        """
        with QUANTIZER.read(path, cls.__name__) as (arrays, plain):
            return cls.of_state(State.of(plain, arrays))

    # -- checks ------------------------------------------------------------------------------------

    def checked(self, vectors: ArrayLike | csr_array) -> Vectors:
        """Vectors as those that were learned from: float32, finite, of the same length.

        Raises
        ------
        NotFitted, InvalidVectors, DimensionMismatch
        """
        return self._checked(vectors, learned(self, "dim_", "vectors"))

    def _checked(self, vectors: Any, dim: int | None) -> Vectors:
        from kinspace import sparse

        if self.takes_sparse and sparse.is_sparse(vectors):
            return sparse.as_sparse(vectors, vectors.shape[1] if dim is None else dim)
        return as_matrix(vectors, dim)

    def _checked_codes(self, codes: Any) -> NDArray[Any]:
        held = np.asarray(codes)
        if held.ndim != 2 or held.shape[1] != self.width or held.dtype != self.code_dtype:
            raise InvalidVectors(
                f"These are no codes of this {type(self).__name__}: {held.dtype} of shape "
                f"{held.shape}; {self.code_dtype} of shape (n, {self.width}) is needed.",
                "Give what encode() gave.",
            )
        return held

    def _in_blocks(self, codes: Any, function: Any, width: int) -> NDArray[np.float32]:
        held = self._checked_codes(codes)
        out = np.empty((len(held), width), np.float32)
        for part in _blocks(len(held), width):
            out[part] = function(held[part])
        return out

    def _width_of_vectors(self) -> int:
        """The dimension of the derived space."""
        return int(self._vectors(np.zeros((1, self.width), self.code_dtype)).shape[1])

    def _change(self) -> str:
        """What was done to a space: the name, and the arguments that are not as usual."""
        shown = repr(self).partition("(")[2][:-1]
        return f"{self.name} {shown}".strip()


FEW: Final = 4
"""Queries up to which reading codes as they are beats bringing them back for a matrix product."""


def sample(rows: Vectors, count: int = SAMPLE, seed: int = 0) -> Vectors:
    """At most ``count`` rows, in their order, the same ones for a seed."""
    if rows.shape[0] <= count:
        return rows
    chosen = np.random.default_rng(seed).choice(rows.shape[0], count, replace=False)
    return rows[np.sort(chosen)]


def require_at_most(name: str, value: int, most: int) -> None:
    """Raise :class:`InvalidParameter` unless a count is 1 to ``most``."""
    require_count(name, value)
    if value > most:
        raise InvalidParameter(f"{name} is {value}, of {most} dimensions.", f"Give 1 to {most}.")


def _compared(
    queries: NDArray[np.float32], rows: NDArray[np.float32], metric: Metric
) -> NDArray[np.float32]:
    if metric != "cosine":
        return metrics.scores(queries, rows, metric)
    with np.errstate(over="ignore", invalid="ignore"):
        squares = np.vecdot(rows, rows)
    if not ((squares == 0) | ((squares > _SMALL) & (squares < 1 / _SMALL))).all():
        return metrics.scores(queries, rows, metric)  # as exact as it is slow
    found = metrics.normalise(queries) @ rows.T
    found /= np.sqrt(np.where(squares == 0, np.float32(1), squares))
    return found


def _blocks(count: int, width: int) -> Iterator[slice]:
    step = max(1, _NUMBERS // max(1, width))
    for start in range(0, count, step):
        yield slice(start, min(start + step, count))
