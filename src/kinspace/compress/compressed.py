"""A table of vectors in fewer bytes: asked, kept on disk, and brought back."""

from __future__ import annotations

import json
from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kinspace.compress.files import COMPRESSED, State, under
from kinspace.compress.kinds import of_state, parse_quantizer
from kinspace.compress.loss import Loss, measure
from kinspace.compress.quantizer import Quantizer
from kinspace.compress.search import OVERSAMPLING, nearest
from kinspace.embeddings import Embeddings
from kinspace.errors import DuplicateId, InvalidInput, InvalidParameter
from kinspace.results import BatchNeighbours, Neighbours
from kinspace.space import Space


class Compressed:
    """Codes of vectors, with what made them.

    Parameters
    ----------
    codes : ndarray, shape (n, width)
    quantizer : Quantizer
        Fitted.
    of : Space
        That of the vectors which the codes were made from, and of queries.
    ids : sequence of hashable, optional

    Attributes
    ----------
    space : Space
        That of what the codes stand for: derived from ``of``.
    """

    def __init__(
        self,
        codes: NDArray[Any],
        quantizer: Quantizer,
        of: Space,
        ids: Sequence[Hashable] | None = None,
    ) -> None:
        if ids is not None and len(ids) != len(codes):
            raise InvalidInput(f"{len(ids)} ids for {len(codes)} vectors.", "Give one for each.")
        if ids is not None and len(set(ids)) < len(ids):
            raise DuplicateId("An id comes twice.", "Every vector needs another.")
        self.codes = codes
        self.quantizer = quantizer
        self.of = of
        self.space = quantizer.space(of)
        self.ids = None if ids is None else list(ids)

    def __len__(self) -> int:
        return len(self.codes)

    def __repr__(self) -> str:
        return f"Compressed({len(self):,} × {self.quantizer.bytes_per_vector} bytes, {self.space})"

    @property
    def nbytes(self) -> int:
        """Bytes of the codes, and of what was learned to read them."""
        arrays = self.quantizer.state().arrays.values()
        return int(self.codes.nbytes) + sum(array.nbytes for array in arrays)

    def embeddings(self) -> Embeddings:
        """What the codes stand for, as vectors of :attr:`space`."""
        return Embeddings(self.quantizer.vectors(self.codes), self.space, self.ids)

    def search(
        self,
        queries: Embeddings | ArrayLike,
        k: int = 10,
        *,
        rescore: Embeddings | NDArray[Any] | None = None,
        oversampling: int = OVERSAMPLING,
    ) -> BatchNeighbours:
        """The ``k`` nearest of each query, as positions, best first.

        Parameters
        ----------
        queries : Embeddings or array_like, shape (q, dim) or (dim,)
            In the original space: only the other side is compressed.
        k : int
        rescore : Embeddings or ndarray, shape (n, dim), optional
            The original vectors, which score ``oversampling · k`` candidates again.
        oversampling : int

        Raises
        ------
        SpaceMismatch, InvalidVectors, DimensionMismatch, InvalidParameter
        """
        asked, original = self._plain(queries), None
        if rescore is not None:
            original = np.asarray(self._plain(rescore))
        return nearest(
            self.quantizer, self.codes, asked, k, self.of.metric,
            rescore=original, oversampling=oversampling,
        )  # fmt: skip

    def nearest(
        self,
        query: Embeddings | ArrayLike,
        k: int = 10,
        *,
        rescore: Embeddings | NDArray[Any] | None = None,
        oversampling: int = OVERSAMPLING,
    ) -> Neighbours[Any]:
        """The ``k`` nearest of one query, by their ids; as :meth:`search`."""
        found = self.search(query, k, rescore=rescore, oversampling=oversampling)
        if len(found) != 1:
            raise InvalidInput(f"The query has {len(found)} rows.", "Ask one at a time, or search.")
        places = found.ids[0].tolist()
        names = places if self.ids is None else [self.ids[place] for place in places]
        return Neighbours(names, found.scores[0], self.of.metric)

    def _plain(self, vectors: Any) -> Any:
        if isinstance(vectors, Embeddings):
            self.of.require(vectors.space, "compared")
            return vectors.vectors
        return vectors

    def save(self, path: str | Path) -> None:
        """Write one file with checksums: codes, what made them, spaces, ids (texts or numbers).

        Raises
        ------
        InvalidInput
            If ids are neither texts nor whole numbers.
        PathNotFound
        """
        state = self.quantizer.state()
        arrays = {f"quantizer.{name}": array for name, array in state.arrays.items()}
        arrays["codes"] = self.codes
        if self.ids is not None:
            if not all(isinstance(name, str | int) for name in self.ids):
                raise InvalidInput(
                    "Only ids that are strings or whole numbers can be saved.",
                    "Turn the others into strings.",
                )
            arrays["ids"] = np.frombuffer(json.dumps(self.ids).encode(), np.uint8)
        plain = {"quantizer": state.plain, "of": self.of.to_dict()}
        COMPRESSED.write(path, "Compressed", arrays, plain)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Open what :meth:`save` wrote; codes stay on disk, mapped into memory.

        Raises
        ------
        PathNotFound, ReadError
        """
        with COMPRESSED.read(path, "Compressed") as (arrays, plain):
            learned = of_state(State.of(plain["quantizer"], under("quantizer.", arrays)))
            ids = json.loads(arrays["ids"].tobytes()) if "ids" in arrays else None
            return cls(arrays["codes"], learned, Space.from_dict(plain["of"]), ids)


def compress(
    embeddings: Embeddings,
    to: str | Quantizer = "int8",
    *,
    max_loss: float | None = None,
    rescore: bool = False,
    queries: Embeddings | ArrayLike | None = None,
) -> Compressed:
    """Make vectors smaller, and say no if too much would be lost.

    Parameters
    ----------
    embeddings : Embeddings
        Dense ones.
    to : str or Quantizer
        ``"float16"``, ``"int8"``, ``"int4"``, ``"binary"``, ``"product"``, ``"pca:128"``,
        ``"truncate:128"``, ``"random:128"``, ``"count-sketch:128"``, ``"simhash:512"``, or several
        with a plus between them; or a quantizer, which is fitted if it was not.
    max_loss : float, optional
        The share of the ten nearest neighbours that may be lost, measured on these vectors.
    rescore : bool
        Whether the original vectors will score candidates again, so that this is what is measured.
    queries : Embeddings or array_like, optional
        What is searched for when the loss is measured; by default some of the vectors.

    Returns
    -------
    Compressed

    Raises
    ------
    InvalidParameter
        If more would be lost, with what was measured.
    EmptyInput, InvalidVectors

    Examples
    --------
    >>> rows = np.random.default_rng(0).standard_normal((500, 64)).astype(np.float32)
    >>> table = Embeddings(rows, Space("by hand", "0000", dim=64))
    >>> small = compress(table, "int8", max_loss=0.05)
    >>> small.nearest(rows[7], k=1).ids, small.codes.nbytes / rows.nbytes
    ([7], 0.25)
    >>> compress(table, "truncate:8", max_loss=0.05)
    Traceback (most recent call last):
    ...
    kinspace.errors.InvalidParameter: ...
    """
    quantizer = parse_quantizer(to) if isinstance(to, str) else to
    if embeddings.space.form != "dense":
        raise InvalidInput(
            f"Vectors of {embeddings.space} are not dense.", "Give one array of numbers a row."
        )
    if not hasattr(quantizer, "dim_"):
        quantizer.fit(np.asarray(embeddings.vectors))
    small = Compressed(
        quantizer.encode(np.asarray(embeddings.vectors)), quantizer, embeddings.space,
        embeddings.ids,
    )  # fmt: skip
    if max_loss is not None:
        found = loss_of(small, embeddings, queries)
        if found.of(rescored=rescore) > max_loss:
            raise InvalidParameter(
                f"{quantizer.name} loses {found.of(rescored=rescore):.1%} of the nearest "
                f"{found.k}, and at most {max_loss:.1%} is allowed ({found}).",
                "Choose a way that keeps more, or allow more.",
            )
    return small


def loss_of(
    small: Compressed, embeddings: Embeddings, queries: Embeddings | ArrayLike | None = None
) -> Loss:
    """What is lost of the neighbours of vectors in what they were compressed to."""
    asked = None if queries is None else small._plain(queries)
    vectors = np.asarray(embeddings.vectors)
    return measure(vectors, small.quantizer, small.of.metric, queries=asked, codes=small.codes)
