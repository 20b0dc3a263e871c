"""What turns items into vectors (`Encoder`), and what learns to do so (`Learner`).

An implementer writes one method, :meth:`Encoder._encode_batch`, from a batch of items to
an array. The base does the rest: one vector for equal items, batches of bounded cost over
items sorted by cost, the original order, the check for NaN, progress, and the space.
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic, Literal, Self, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from kinspace import multi, sparse
from kinspace.embeddings import Embeddings
from kinspace.errors import InvalidInput, InvalidParameter, InvalidVectors, NotFitted
from kinspace.multi import MultiVectors, first_bad, is_multi
from kinspace.space import Space
from kinspace.sparse import is_sparse

if TYPE_CHECKING:
    from scipy.sparse import csr_array

_DEFECT = "This is a defect of the encoder: report it to whoever wrote it."

_SHOWN = 80
"""Characters of an argument that are shown."""

ItemT = TypeVar("ItemT")
Side = Literal["document", "query"]
Progress = Callable[[int, int], None]
"""Called with how many items are done and how many there are."""


class Parameters:
    """Constructor arguments as parameters, the way scikit-learn reads and copies them.

    Constructors only store their arguments, under the same name; what is learned ends in ``_``.
    """

    @classmethod
    def _names(cls) -> list[str]:
        signature = inspect.signature(cls.__init__)
        kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
        return [p.name for p in list(signature.parameters.values())[1:] if p.kind not in kinds]

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The constructor's arguments by name; with ``deep``, those of nested objects too."""
        params = {name: getattr(self, name) for name in self._names()}
        for name, value in list(params.items()) if deep else []:
            if isinstance(value, Parameters):
                params |= {f"{name}__{k}": v for k, v in value.get_params().items()}
        return params

    def set_params(self, **params: Any) -> Self:
        """Set constructor arguments by name, ``outer__inner`` for those of nested objects.

        Raises
        ------
        InvalidParameter
            If there is no such parameter.
        """
        for name, value in params.items():
            outer, _, inner = name.partition("__")
            if outer not in self._names():
                raise InvalidParameter(
                    f"{type(self).__name__} has no parameter {outer!r}.",
                    f"It has: {', '.join(self._names())}.",
                )
            if inner:
                getattr(self, outer).set_params(**{inner: value})
            else:
                setattr(self, outer, value)
        return self

    def clone(self) -> Self:
        """A new, unfitted object with the same parameters."""
        params = self.get_params(deep=False)
        copies = {k: v.clone() if isinstance(v, Learner) else v for k, v in params.items()}
        return type(self)(**copies)

    def __repr__(self) -> str:
        shown = []
        for name, parameter in inspect.signature(type(self).__init__).parameters.items():
            if name in self._names():
                value = getattr(self, name)
                plain = isinstance(value, str | int | float | bool | type(None))
                if plain and value != parameter.default:
                    shown.append(f"{name}={_brief(repr(value))}")
        return f"{type(self).__name__}({', '.join(shown)})"


class Encoder(Parameters, ABC, Generic[ItemT]):
    """Turns items (texts, images, rows …) into vectors of one space.

    Subclasses give :attr:`space` and write :meth:`_encode_batch`. Where the two sides of a
    search are encoded differently, ``side`` says which one is meant.

    Attributes
    ----------
    batch_cost : int
        The most that the items of one batch may cost together, in units of :meth:`_costs`.
    sorts_by_cost : bool
        Whether batches are made from items of like cost; right where padding costs time.
    keyword_share : float
        How much words count beside this encoder in a hybrid search, 0 to 1: the less an encoder
        knows, the more. Chosen on the SciFact training claims and CACM (docs/explain/hybrid.md).
    """

    batch_cost: ClassVar[int] = 1 << 20
    sorts_by_cost: ClassVar[bool] = False
    keyword_share: ClassVar[float] = 0.55
    items_held: ClassVar[int] = 1 << 16
    """How many items are sorted and held together; streams need not fit in memory."""

    @property
    @abstractmethod
    def space(self) -> Space:
        """The space of the vectors."""

    @abstractmethod
    def _encode_batch(
        self, items: Sequence[ItemT], side: Side
    ) -> NDArray[np.float32] | csr_array | MultiVectors:
        """Encode a batch: ``len(items)`` rows of ``space.dim`` floats, in the space's form."""

    def _costs(self, items: list[ItemT]) -> NDArray[np.int64]:
        """What each item costs; characters of a text by default, 1 for other things."""
        if set(map(type, items)) == {str}:
            sizes = map(len, cast("list[str]", items))
            return np.fromiter(sizes, np.int64, len(items))
        return np.array([len(item) if isinstance(item, str) else 1 for item in items], np.int64)

    def encode(self, items: Iterable[ItemT], *, progress: Progress | None = None) -> Embeddings:
        """Encode items as documents.

        Parameters
        ----------
        items : iterable
            A single string is taken as one text.
        progress : callable, optional
            Called with (done, total) after each batch.

        Returns
        -------
        Embeddings
            One row for each item, in order; ``vectors`` has shape (n, dim), float32: an array, a
            ``csr_array`` in a sparse space, or :class:`~kinspace.multi.MultiVectors`.

        Raises
        ------
        InvalidInput
            If an item cannot be encoded.
        InvalidVectors
            If the model gives NaN or infinity.
        """
        return self._encode(items, "document", progress)

    def encode_query(
        self, items: Iterable[ItemT], *, progress: Progress | None = None
    ) -> Embeddings:
        """Encode items as queries; the same as :meth:`encode` where the model has one side."""
        return self._encode(items, "query", progress)

    def transform(self, items: Iterable[ItemT]) -> Embeddings:
        """The same as :meth:`encode`, under scikit-learn's name."""
        return self.encode(items)

    def stream(
        self, items: Iterable[ItemT], *, size: int | None = None, side: Side = "document"
    ) -> Iterator[Embeddings]:
        """Encode a stream in windows of ``size`` items (``items_held`` by default).

        Raises
        ------
        InvalidParameter
            If ``size`` is not positive.
        """
        size = self.items_held if size is None else size
        if size < 1:
            raise InvalidParameter(f"A window of {size} items holds none.", "Give size ≥ 1.")
        held: list[ItemT] = []
        for item in _several(items):
            held.append(item)
            if len(held) == size:
                yield self._encode(held, side, None)
                held = []
        if held:
            yield self._encode(held, side, None)

    def _encode(self, items: Iterable[ItemT], side: Side, progress: Progress | None) -> Embeddings:
        listed = list(_several(items))
        space = self.space
        unique, inverse = _distinct(listed)
        table = _TABLES.get(space.form, _Dense)(len(unique), space)
        done = 0
        for batch, positions in self._batches(unique):
            rows: Any = self._encode_batch(batch, side)
            if rows.shape != (len(batch), space.dim):
                raise InvalidVectors(
                    f"{space.model} gave an array of shape {rows.shape} for {len(batch)} items of "
                    f"{space.dim} dimensions.",
                    _DEFECT,
                )
            form = "sparse" if is_sparse(rows) else "multi" if is_multi(rows) else "dense"
            if form != space.form and not (form == "dense" and space.form == "binary"):
                raise InvalidVectors(
                    f"{space.model} gave {form} vectors, and its space is {space.form}.", _DEFECT
                )
            table.put(positions, rows)
            done += len(batch)
            if progress is not None:
                progress(done, len(unique))
        vectors = table.whole()
        try:
            return Embeddings(vectors if inverse is None else vectors[inverse], space)
        except InvalidVectors as error:
            row = _first_bad(vectors)
            raise InvalidVectors(
                f"{space.model} gave NaN or infinity for {str(unique[row])[:80]!r}.",
                "Check the model's weights and the item.",
            ) from error

    def _batches(
        self, items: list[ItemT]
    ) -> Iterator[tuple[list[ItemT], slice | NDArray[np.int64]]]:
        """Batches whose summed cost stays under ``batch_cost``, and their positions."""
        for start in range(0, len(items), self.items_held):
            held = items[start : start + self.items_held]
            costs = self._costs(held)
            order = np.argsort(-costs, kind="stable") if self.sorts_by_cost else None
            ends = np.cumsum(costs if order is None else costs[order])
            first, spent = 0, 0
            while first < len(held):
                fitting = int(np.searchsorted(ends, spent + self.batch_cost, side="right"))
                last = max(first + 1, fitting)
                if order is None:
                    yield held[first:last], slice(start + first, start + last)
                else:
                    rows = order[first:last]
                    yield [held[row] for row in rows], start + rows
                first, spent = last, int(ends[last - 1])


class Learner(Encoder[ItemT], ABC):
    """An encoder that learns from items: ``fit`` first, then ``encode``."""

    @abstractmethod
    def fit(self, items: Iterable[ItemT]) -> Self:
        """Learn from items; returns the learner itself."""

    def fit_transform(self, items: Iterable[ItemT]) -> Embeddings:
        """Learn from items and encode the same items."""
        held = list(items)
        return self.fit(held).encode(held)


def learned(learner: Any, name: str, items: str = "texts") -> Any:
    """What a learner has learned, by the name of its attribute.

    Raises
    ------
    NotFitted
        If there is none yet; the remedy is to call ``fit`` with ``items``.
    """
    found = getattr(learner, name, None)
    if found is None:
        raise NotFitted(
            f"This {type(learner).__name__} has not learned anything yet.",
            f"Call fit({items}) first.",
        )
    return found


def require_texts(items: Sequence[Any]) -> None:
    """Raise :class:`InvalidInput` unless all items are texts that UTF-8 can write.

    For encoders of texts whose tokenizer would give a trace instead.
    """
    for item in items:
        if not isinstance(item, str):
            shown = " ".join(f"{item!r:.80}".split())
            remedy = "Give strings; images go to a model that reads them, such as CLIP."
            raise InvalidInput(f"{shown} is not a text.", remedy)
        try:
            item.encode()
        except UnicodeEncodeError as error:
            raise InvalidInput(
                f"{item!r:.80} holds half a character (a lone surrogate).",
                "Clean it with: text.encode('utf-8', 'replace').decode().",
            ) from error


class _Dense:
    """Rows as they come, each put where its item stands."""

    def __init__(self, count: int, space: Space) -> None:
        self._vectors = np.empty((count, space.dim), np.float32)

    def put(self, places: slice | NDArray[np.int64], rows: NDArray[np.float32]) -> None:
        self._vectors[places] = rows

    def whole(self) -> NDArray[np.float32]:
        return self._vectors


class _Sparse:
    """Sparse rows as they come, put in order at the end."""

    def __init__(self, count: int, space: Space) -> None:
        self._count, self._dim = count, space.dim
        self._rows: list[csr_array] = []
        self._places: list[NDArray[np.int64]] = []

    def put(self, places: slice | NDArray[np.int64], rows: csr_array) -> None:
        self._rows.append(rows)
        self._places.append(np.arange(self._count)[places])

    def whole(self) -> csr_array:
        together = sparse.joined(self._rows, self._dim)
        return together[_order(self._places)]


class _Multi:
    """Items of several vectors each as they come, put in order at the end."""

    def __init__(self, count: int, space: Space) -> None:
        self._count, self._dim = count, space.dim
        self._parts: list[MultiVectors] = []
        self._places: list[NDArray[np.int64]] = []

    def put(self, places: slice | NDArray[np.int64], rows: MultiVectors) -> None:
        self._parts.append(rows)
        self._places.append(np.arange(self._count)[places])

    def whole(self) -> MultiVectors:
        if len(self._parts) == 1 and (np.diff(self._places[0]) == 1).all():
            return self._parts[0]
        together = multi.joined(self._parts, self._dim)
        ordered: MultiVectors = together[_order(self._places)]
        return ordered


def _order(places: list[NDArray[np.int64]]) -> NDArray[np.int64]:
    """The rows of what was put one after the other, in the order of their items."""
    return np.argsort(np.concatenate([*places, np.empty(0, np.int64)]))


_TABLES: Final[dict[str, Any]] = {"sparse": _Sparse, "multi": _Multi}
"""What gathers the vectors of a space, by its form; :class:`_Dense` for all others."""


def _brief(shown: str) -> str:
    """A value without its middle, if it is long: a tokenizer's JSON, of megabytes."""
    kept = _SHOWN // 2
    return shown if len(shown) <= _SHOWN else f"{shown[:kept]}…{shown[-kept:]}"


def _first_bad(vectors: Any) -> int:
    """The first row with NaN or infinity, of vectors that have one."""
    if is_multi(vectors):
        return first_bad(vectors) or 0
    if not is_sparse(vectors):
        return int(np.argmin(np.isfinite(vectors).all(axis=1)))
    place = int(np.argmin(np.isfinite(vectors.data)))
    return int(np.searchsorted(vectors.indptr, place, side="right")) - 1


def _several(items: Iterable[ItemT]) -> Iterable[ItemT]:
    """The items; a lone string is one item."""
    if isinstance(items, str):
        return cast("list[ItemT]", [items])
    if not isinstance(items, Iterable):
        raise InvalidInput(f"{items!r} is not a list of items.", "Give a list, also of one item.")
    return items


def _distinct(items: list[ItemT]) -> tuple[list[ItemT], NDArray[np.int64] | None]:
    """Each item once, and for every item the position of its like; None if all differ."""
    try:
        if len(set(items)) == len(items):
            return items, None
    except TypeError:  # an item that cannot be hashed
        return items, None
    places: dict[ItemT, int] = {}
    inverse = [places.setdefault(item, len(places)) for item in items]
    return list(places), np.asarray(inverse, np.int64)
