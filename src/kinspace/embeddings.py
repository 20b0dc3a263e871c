"""Vectors with the space they live in and, where things have names, their ids."""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from kinspace.durable import replace_file
from kinspace.errors import (
    DuplicateId,
    EmptyInput,
    IdNotFound,
    InvalidInput,
    InvalidParameter,
    PathNotFound,
    ReadError,
)
from kinspace.metric import as_matrix, normalise, scores, top_k
from kinspace.results import Neighbours
from kinspace.space import Space

_BLOCK = 1 << 24
"""Scores held at once while looking for neighbours (64 MiB)."""


class Embeddings:
    """What every encoder returns and every learner leaves behind.

    numpy takes it as it is (``np.asarray(embeddings)``), so scikit-learn does too.

    Parameters
    ----------
    vectors : array_like, shape (n, dim)
        Kept as float32.
    space : Space
    ids : sequence of hashable, optional
        Names of the rows: words, document ids, nodes. Each must differ.

    Raises
    ------
    InvalidVectors
        If there is NaN or infinity.
    DimensionMismatch
        If the vectors have another dimension than the space.
    DuplicateId
        If an id comes twice.

    Examples
    --------
    >>> from kinspace.space import Space
    >>> space = Space("by hand", "0000", dim=2)
    >>> e = Embeddings([[1, 0], [0.9, 0.1], [0, 1]], space, ids=["cat", "kitten", "car"])
    >>> e.nearest("cat", k=1).ids
    ['kitten']
    """

    __slots__ = ("_places", "ids", "space", "vectors")

    def __init__(
        self, vectors: ArrayLike, space: Space, ids: Sequence[Hashable] | None = None
    ) -> None:
        self.vectors: NDArray[np.float32] = as_matrix(vectors, space.dim)
        self.space = space
        self.ids: list[Hashable] | None = None if ids is None else list(ids)
        self._places: dict[Hashable, int] | None = None
        if self.ids is not None:
            self._check_ids(self.ids)

    def _check_ids(self, ids: list[Hashable]) -> None:
        if len(ids) != len(self.vectors):
            raise InvalidInput(
                f"There are {len(ids)} ids for {len(self.vectors)} vectors.", "Give one id a row."
            )
        try:
            self._places = {name: row for row, name in enumerate(ids)}
        except TypeError:
            for name in ids:
                _require_hashable(name)
            raise
        if len(self._places) != len(ids):
            twice = next(name for row, name in enumerate(ids) if self._places[name] != row)
            raise DuplicateId(f"The id {twice!r} comes twice.", "Give every row an id of its own.")

    # -- as a container ------------------------------------------------------------------------

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and dimensions; scikit-learn asks for it before it looks at row 0."""
        return len(self), self.space.dim

    def __len__(self) -> int:
        return len(self.vectors)

    def __iter__(self) -> Iterator[NDArray[np.float32]]:
        return iter(self.vectors)

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self.vectors, dtype=dtype, copy=copy)

    def __contains__(self, name: Hashable) -> bool:
        return self._places is not None and name in self._places

    def __getitem__(self, key: Hashable | slice | NDArray[Any] | list[Any]) -> Any:
        """Rows by slice, positions or mask (as Embeddings), or one vector by id or position.

        A name that is an id gives that row's vector, also where ids are numbers.
        """
        if isinstance(key, tuple) and len(key) == 2 and key[1] is Ellipsis:
            key = key[0]  # scikit-learn asks for rows like this: x[rows, ...]
        if isinstance(key, slice | np.ndarray | list):
            ids = None
            if self.ids is not None:
                ids = [self.ids[i] for i in np.arange(len(self))[key]]
            return Embeddings(self.vectors[key], self.space, ids)
        return self.vectors[self._row(key)]

    def _row(self, name: Hashable) -> int:
        _require_hashable(name)
        if self._places is not None:
            if name in self._places:
                return self._places[name]
            raise IdNotFound(
                f"{name!r} is not among the {len(self)} ids of {self.space.model}.",
                "Check the spelling, or ask `name in embeddings` first.",
            )
        if isinstance(name, int | np.integer) and -len(self) <= name < len(self):
            return int(name) % len(self)
        raise IdNotFound(f"There is no row {name!r} among {len(self)}.", "Rows count from 0.")

    def __repr__(self) -> str:
        names = "" if self.ids is None else ", with ids"
        return f"Embeddings({len(self)} × {self.space.dim}, {self.space.model}{names})"

    # -- verbs ---------------------------------------------------------------------------------

    def similarity(self, other: Embeddings | None = None) -> NDArray[np.float32]:
        """Score every row against every row of ``other`` (or of itself); higher is nearer.

        Returns
        -------
        ndarray of float32, shape (n, m)

        Raises
        ------
        SpaceMismatch
            If the two were made by different models.
        """
        other = self if other is None else other
        self.space.require(other.space, "compared")
        return scores(self.vectors, other.vectors, self.space.metric)

    def nearest(
        self,
        query: Any = None,
        k: int = 10,
        *,
        positive: Iterable[Any] = (),
        negative: Iterable[Any] = (),
    ) -> Neighbours[Any]:
        """The ``k`` rows nearest to a query, or to a sum of some rows less others.

        Parameters
        ----------
        query : id, vector or Embeddings of one row
            Given this, ``positive`` and ``negative`` stay empty.
        k : int
            More than there are gives all.
        positive, negative : iterables of ids or vectors
            The target is the mean of the unit vectors, those of ``negative`` turned around
            (the 3CosAdd of Levy and Goldberg, 2014).

        Returns
        -------
        Neighbours
            Without the rows that were asked about by id.

        Raises
        ------
        IdNotFound, InvalidParameter, EmptyInput
        """
        if k < 1:
            raise InvalidParameter(f"k is {k}; at least one neighbour is needed.", "Give k ≥ 1.")
        plus, minus = list(positive), list(negative)
        if query is not None and (plus or minus):
            raise InvalidParameter(
                "Both a query and positive or negative were given.", "Give one or the other."
            )
        if query is not None:
            target, asked = self._resolve(query)
            rows = [] if asked is None else [asked]
        else:
            target, rows = self._combine(plus, minus)
        return self._neighbours(target, rows, k)

    def analogy(self, a: Hashable, b: Hashable, c: Hashable, k: int = 1) -> Neighbours[Any]:
        """``a`` is to ``b`` as ``c`` is to what? man, king, woman → queen.

        3CosAdd (Mikolov, Yih and Zweig, 2013): the nearest to ``b - a + c`` over unit vectors,
        the three themselves left out.
        """
        return self.nearest(k=k, positive=[b, c], negative=[a])

    def truncate(self, dim: int) -> Embeddings:
        """Keep the first ``dim`` dimensions (Matryoshka), in a derived space.

        Vectors are brought back to length 1 where the metric is cosine.

        Raises
        ------
        InvalidParameter
            If ``dim`` is not between 1 and the dimension of the space.
        """
        if not 1 <= dim <= self.space.dim:
            raise InvalidParameter(
                f"Cannot truncate {self.space.dim} dimensions to {dim}.",
                f"Give 1 to {self.space.dim}.",
            )
        if dim == self.space.dim:
            return self
        kept = np.ascontiguousarray(self.vectors[:, :dim])
        if self.space.metric == "cosine":
            kept = normalise(kept)
        return Embeddings(kept, self.space.derive(f"truncate {dim}", dim=dim), self.ids)

    def _resolve(self, query: Any) -> tuple[NDArray[np.float32], int | None]:
        """The query's vector, shape (1, dim), and its row if it was asked by id."""
        if isinstance(query, Embeddings):
            self.space.require(query.space, "compared")
            if len(query) != 1:
                raise InvalidInput(f"The query has {len(query)} rows.", "Ask one at a time.")
            return query.vectors, None
        if isinstance(query, np.ndarray | list):
            return as_matrix(query, self.space.dim), None
        row = self._row(query)
        return self.vectors[row : row + 1], row

    def _combine(self, plus: list[Any], minus: list[Any]) -> tuple[NDArray[np.float32], list[int]]:
        if not plus and not minus:
            raise EmptyInput("Nothing to look for.", "Give a query, or positive and negative ids.")
        target = np.zeros((1, self.space.dim), np.float32)
        rows = []
        for names, sign in ((plus, 1), (minus, -1)):
            for name in names:
                vector, row = self._resolve(name)
                target += sign * normalise(vector)
                if row is not None:
                    rows.append(row)
        return target / np.float32(len(plus) + len(minus)), rows

    def _neighbours(
        self, target: NDArray[np.float32], without: list[int], k: int
    ) -> Neighbours[Any]:
        line = self._score_rows(target)
        line[:, without] = -np.inf
        k = min(k, len(self) - len(set(without)))
        positions, values = top_k(line, k)
        found = positions[0].tolist()
        return Neighbours(
            found if self.ids is None else [self.ids[i] for i in found],
            values[0],
            self.space.metric,
        )

    def _score_rows(self, target: NDArray[np.float32]) -> NDArray[np.float32]:
        step = max(1, _BLOCK // self.space.dim)
        parts = [
            scores(target, self.vectors[start : start + step], self.space.metric)
            for start in range(0, len(self), step)
        ]
        return np.concatenate(parts, axis=1) if parts else np.empty((1, 0), np.float32)

    # -- on disk -------------------------------------------------------------------------------

    def save(self, path: str | Path) -> None:
        """Write one safetensors file: vectors, space and ids (strings or whole numbers).

        The file is complete or absent: it is written beside and renamed.

        Raises
        ------
        InvalidInput
            If ids are neither strings nor whole numbers.
        PathNotFound
            If the folder does not exist.
        """
        from safetensors.numpy import save

        path = Path(path)
        if not path.parent.is_dir():
            raise PathNotFound(f"There is no folder {path.parent}.", "Make it first.")
        tensors: dict[str, NDArray[Any]] = {"vectors": np.ascontiguousarray(self.vectors)}
        if self.ids is not None:
            if not all(isinstance(name, str | int) for name in self.ids):
                raise InvalidInput(
                    "Only ids that are strings or whole numbers can be saved.",
                    "Turn the others into strings.",
                )
            tensors["ids"] = np.frombuffer(json.dumps(self.ids).encode(), np.uint8)
        meta = {"format": "kinspace-embeddings-1", "space": json.dumps(self.space.to_dict())}
        replace_file(path, save(tensors, metadata=meta))

    @classmethod
    def load(cls, path: str | Path) -> Embeddings:
        """Read what :meth:`save` wrote.

        Raises
        ------
        PathNotFound
            If there is no such file.
        ReadError
            If the file is damaged or something else.
        """
        from safetensors import SafetensorError, safe_open

        if not Path(path).is_file():
            raise PathNotFound(f"There is no file {path}.", "Check the path.")
        try:
            with safe_open(path, framework="numpy") as file:
                space = Space.from_dict(json.loads((file.metadata() or {})["space"]))
                vectors = file.get_tensor("vectors")
                ids = None
                if "ids" in set(file.keys()):
                    ids = json.loads(file.get_tensor("ids").tobytes())
        except (SafetensorError, OSError, KeyError, ValueError, TypeError) as error:
            raise ReadError(
                f"{path} is not a whole file of embeddings: {error}.", "Encode and save it again."
            ) from error
        return cls(vectors, space, ids)


def _require_hashable(name: Any) -> None:
    try:
        hash(name)
    except TypeError as error:
        raise InvalidInput(
            f"{name!r} cannot be an id.", "Use strings, numbers or tuples of them."
        ) from error
