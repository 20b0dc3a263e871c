"""`Embeddings`: a table of vectors, as a container and with its verbs."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, overload

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from kinspace import sparse
from kinspace.embeddings import analogies, files
from kinspace.embeddings.names import Names
from kinspace.embeddings.rows import Rows, signed_mean, stacked
from kinspace.errors import EmptyInput, InvalidInput, InvalidParameter
from kinspace.metric import Metric, metric_of_scores, normalise, scores, top_k
from kinspace.multi import MultiVectors
from kinspace.results import Neighbours
from kinspace.space import Space

if TYPE_CHECKING:
    from scipy.sparse import csr_array


class Embeddings:
    """What every encoder returns and every learner leaves behind.

    numpy takes it as it is (``np.asarray(embeddings)``), so scikit-learn does too.

    Parameters
    ----------
    vectors : array_like or sparse array, shape (n, dim)
        Kept as float32, without a copy where they are that already; sparse ones, for a space whose
        form is ``"sparse"``, as a ``scipy.sparse.csr_array``; items of several vectors each, for
        one whose form is ``"multi"``, as :class:`~kinspace.multi.MultiVectors`.
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
    >>> round(e.similarity("cat", "car"), 3)
    0.0
    >>> e.nearest(e["kitten"] - e["cat"] + e["car"], k=1).ids
    ['car']
    """

    __slots__ = ("_names", "_rows", "space")

    def __init__(
        self,
        vectors: ArrayLike | csr_array,
        space: Space,
        ids: Sequence[Hashable] | None = None,
    ) -> None:
        rows = Rows.of(vectors, space)
        self._keep(rows, space, Names(ids, len(rows), space.model))

    @classmethod
    def _of(cls, rows: Rows, space: Space, names: Names) -> Self:
        """A table of rows that are known to fit the space."""
        made = cls.__new__(cls)
        made._keep(rows, space, names)
        return made

    def _keep(self, rows: Rows, space: Space, names: Names) -> None:
        self.space = space
        self._rows = rows
        self._names = names

    # -- as a container ------------------------------------------------------------------------

    @property
    def vectors(self) -> NDArray[np.float32] | csr_array:
        """All vectors: float32 of shape (n, dim), a ``csr_array`` where the space is sparse.

        In a multi space they are :class:`~kinspace.multi.MultiVectors`.
        Once a verb has measured them they are read-only, so that its answers stay right.

        Raises
        ------
        InvalidVectors
            If they come from a file that is damaged: NaN shows where it is used.
        """
        return self._rows.matrix

    @property
    def ids(self) -> list[Hashable] | None:
        """Names of the rows, or None."""
        return self._names.ids

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and dimensions; scikit-learn asks for it before it looks at row 0."""
        return len(self), self.space.dim

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[NDArray[np.float32] | csr_array]:
        if self._rows.is_sparse:
            return (self._rows.one(row) for row in range(len(self)))
        return iter(self.vectors)  # of items of several vectors, (k, dim) each

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        return self._rows.array(dtype, copy)

    def __contains__(self, name: Hashable) -> bool:
        return self._names.find(name) is not None

    def __getitem__(self, key: Hashable | slice | NDArray[Any] | list[Any]) -> Any:
        """Rows by slice, mask, positions or names (as Embeddings), or one vector by id or position.

        A name that is an id gives that row's vector, also where ids are numbers: shape (dim,), a
        csr_array of shape (1, dim), or, in a multi space, all of an item's, shape (k, dim). In a
        list, numbers are positions and texts are ids.
        """
        if isinstance(key, tuple) and len(key) == 2 and key[1] is Ellipsis:
            key = key[0]  # scikit-learn asks for rows like this: x[rows, ...]
        if not isinstance(key, slice | np.ndarray | list):
            return self._rows.item(self._names.row(key))
        if isinstance(key, list) and any(isinstance(name, str) for name in key):
            key = [self._names.row(name) for name in key]
        places = np.arange(len(self))[key]
        rows = self._rows.some(key if isinstance(key, slice) else places)
        ids = None if self.ids is None else self._names.of(places)
        return Embeddings._of(rows, self.space, Names(ids, len(rows), self.space.model))

    def __repr__(self) -> str:
        names = "" if self.ids is None else ", with ids"
        return f"Embeddings({len(self)} × {self.space.dim}, {self.space.model}{names})"

    # -- verbs ---------------------------------------------------------------------------------

    @overload
    def similarity(self, a: Embeddings | None = None) -> NDArray[np.float32]: ...

    @overload
    def similarity(self, a: Any, b: Any) -> float: ...

    def similarity(self, a: Any = None, b: Any = None) -> NDArray[np.float32] | float:
        """Score two rows, or every row against every row of another table; higher is nearer.

        In a multi space the scores are MaxSim, and ``a``, or this table, is the query.

        Parameters
        ----------
        a : Embeddings, or id or vector, optional
            Given alone it is the other table, by default this one.
        b : id or vector, optional

        Returns
        -------
        ndarray of float32, shape (n, m), or float
            The float where both ``a`` and ``b`` are given.

        Raises
        ------
        SpaceMismatch
            If the two were made by different models.
        IdNotFound
        """
        if b is not None:
            left, right = self._resolve(a)[0], self._resolve(b)[0]
            return float(scores(left, right, self.space.metric)[0, 0])
        other = self if a is None else a
        if not isinstance(other, Embeddings):
            raise InvalidInput(
                f"{other!r:.80} alone has nothing to be compared with.",
                "Give two ids, or nearest() for all rows.",
            )
        self.space.require(other.space, "compared")
        return other._rows.scores(self.vectors, self.space.metric)

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
        IdNotFound
            With the known ids that are spelled most like the unknown one.
        InvalidParameter, EmptyInput
        """
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
        line = self._rows.scores(target, self.space.metric)[0]
        return self._best(line, rows, k, self.space.metric)

    def analogy(
        self, a: Any, b: Any, c: Any, k: int = 1, method: analogies.Method = "3cosadd"
    ) -> Neighbours[Any]:
        """``a`` is to ``b`` as ``c`` is to what? man, king, woman → queen.

        Parameters
        ----------
        a, b, c : id or vector
        k : int
            How many answers; the three themselves are left out.
        method : {"3cosadd", "3cosmul", "pairdirection"}
            ``3cosadd`` is nearest to b - a + c over unit vectors (Mikolov, Yih and Zweig, 2013).
            ``3cosmul`` multiplies the similarities to b and c and divides by that to a, so that
            no term drowns the others (Levy and Goldberg, 2014); its scores have no distance.
            ``pairdirection`` looks for x where x - c points as b - a does, however far (ibid.).

        Raises
        ------
        IdNotFound, InvalidParameter
        """
        analogies.check(method)
        if method == "3cosadd":
            return self.nearest(k=k, positive=[b, c], negative=[a])
        resolved = [self._resolve(name) for name in (a, b, c)]
        terms = stacked([vector for vector, _ in resolved])
        line, metric = analogies.complete(self._rows, terms, method)
        return self._best(line, [row for _, row in resolved if row is not None], k, metric)

    def odd_one_out(self, names: Iterable[Any]) -> Any:
        """Which of some rows is least like the others: breakfast, cereal, dinner, car → car.

        It is the one whose mean score to the others is lowest; of equal ones the first.

        Parameters
        ----------
        names : iterable of ids
            At least three.

        Raises
        ------
        IdNotFound, InvalidInput
        """
        listed = [names] if isinstance(names, str) else list(names)
        if len(listed) < 3:
            raise InvalidInput(
                f"Among {len(listed)} rows none is the odd one.", "Give a list of three or more."
            )
        vectors = stacked([self._rows.one(self._names.row(name)) for name in listed])
        near = scores(vectors, vectors, self.space.metric).astype(np.float64)
        np.fill_diagonal(near, 0)
        return listed[int(near.sum(axis=1).argmin())]

    def rank(self, a: Any, b: Hashable) -> int:
        """The place of ``b`` among the neighbours of ``a``: 1 is the nearest.

        Parameters
        ----------
        a : id or vector
        b : id
            Rows that are exactly as near do not count as nearer.

        Raises
        ------
        IdNotFound
        InvalidParameter
            If ``b`` is ``a``.
        """
        target, asked = self._resolve(a)
        row = self._names.row(b)
        if row == asked:
            raise InvalidParameter(f"{b!r} is not among its own neighbours.", "Give two ids.")
        line = self._rows.scores(target, self.space.metric)[0]
        if asked is not None:
            line[asked] = -np.inf
        return 1 + int((line > line[row]).sum())

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
        kept = self._rows.first(dim, self.space.metric)
        return Embeddings(kept, self.space.derive(f"truncate {dim}", dim=dim), self.ids)

    def _resolve(self, query: Any) -> tuple[NDArray[np.float32] | csr_array, int | None]:
        """The query's vector, shape (1, dim), and its row if it was asked by id."""
        if isinstance(query, Embeddings):
            self.space.require(query.space, "compared")
            found = query._rows
        elif isinstance(query, np.ndarray | list | MultiVectors) or sparse.is_sparse(query):
            found = Rows.of(query, self.space)
        else:
            row = self._names.row(query)
            return self._rows.one(row), row
        if len(found) != 1:
            raise InvalidInput(f"The query has {len(found)} rows.", "Ask one at a time.")
        return found.matrix, None

    def _combine(
        self, plus: list[Any], minus: list[Any]
    ) -> tuple[NDArray[np.float32] | csr_array, list[int]]:
        if not plus and not minus:
            raise EmptyInput("Nothing to look for.", "Give a query, or positive and negative ids.")
        resolved = [self._resolve(name) for name in (*plus, *minus)]
        signs = [1] * len(plus) + [-1] * len(minus)
        target = signed_mean([normalise(vector) for vector, _ in resolved], signs)
        return target, [row for _, row in resolved if row is not None]

    def _best(
        self, line: NDArray[np.float32], without: list[int], k: int, metric: Metric
    ) -> Neighbours[Any]:
        """The ``k`` best of a line of scores, some rows left out."""
        if k < 1:
            raise InvalidParameter(f"k is {k}; at least one neighbour is needed.", "Give k ≥ 1.")
        line[without] = -np.inf
        metric = metric_of_scores(metric, self.space.form)
        positions, values = top_k(line[None], min(k, len(self) - len(set(without))))
        return Neighbours(self._names.of(positions[0].tolist()), values[0], metric)

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
        files.write(Path(path), self.vectors, self.space, self.ids)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Open what :meth:`save` wrote, at once however large: the file is mapped, not read.

        Do not write into that file while it is open; :meth:`save` puts a new one in its place.

        Raises
        ------
        PathNotFound
            If there is no such file.
        ReadError
            If the file is damaged or something else.
        """
        vectors, space, ids = files.read(Path(path))
        names = Names(ids, vectors.shape[0], space.model, is_checked=True)
        return cls._of(Rows(vectors, is_checked=False), space, names)
