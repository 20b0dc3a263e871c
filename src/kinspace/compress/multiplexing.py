"""One table for many categorical features: feature multiplexing, the unified embedding."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinspace.compress.hashing import hashed, mixed
from kinspace.embeddings import Embeddings
from kinspace.encoder import Parameters, learned
from kinspace.errors import (
    DimensionMismatch,
    EmptyInput,
    IdNotFound,
    InvalidInput,
    InvalidParameter,
    require_count,
)
from kinspace.space import Space


class UnifiedEmbedding(Parameters):
    """Vectors of the values of several features, all out of one table of short rows.

    Each feature looks its values up at places that a hash of its own tells, several of them, whose
    rows make the vector side by side. Two values share a row at times; since two features never
    share their hashes, what is shared is without pattern, which a model that reads the vectors
    learns to tell apart (Coleman et al. 2023, "Unified Embedding: battle-tested feature
    representations for web-scale ML systems").

    A learner trains ``table_`` at the rows that :meth:`rows` names. Where there is a table for each
    feature already, :meth:`fit` brings all of them into one.

    Parameters
    ----------
    n_rows : int
        Rows of the shared table.
    width : int
        Numbers of a row.
    lookups : int or mapping of str to int
        Rows that make a vector: the same for all features, or for each its own.
    seed : int

    Attributes
    ----------
    table_ : ndarray of float32, shape (n_rows, width)

    Examples
    --------
    >>> shared = UnifiedEmbedding(1000, 4, {"town": 2, "colour": 1}).begin()
    >>> shared.encode("town", ["Ulm", "Bonn"]).shape, shared.encode("colour", ["red"]).shape
    ((2, 8), (1, 4))
    """

    def __init__(
        self, n_rows: int, width: int, lookups: int | Mapping[str, int] = 2, *, seed: int = 0
    ) -> None:
        self.n_rows = n_rows
        self.width = width
        self.lookups = lookups
        self.seed = seed

    def dim(self, feature: str) -> int:
        """How long the vectors of a feature are.

        Raises
        ------
        IdNotFound
            If lookups are given by feature, and not for this one.
        """
        return self._lookups(feature) * self.width

    def rows(self, feature: str, values: Iterable[object]) -> NDArray[np.int64]:
        """The rows of the shared table that make the vectors of some values.

        Parameters
        ----------
        feature : str
        values : iterable of texts, whole numbers or None

        Returns
        -------
        ndarray of int64, shape (n, lookups)
        """
        require_count("n_rows", self.n_rows)
        of_feature = hashed([f"{self.seed} {feature}"])
        keys = mixed(hashed(values), of_feature)[:, None]
        places = mixed(keys, np.arange(1, self._lookups(feature) + 1, dtype=np.uint64))
        return (places % np.uint64(self.n_rows)).astype(np.int64)

    def begin(self) -> UnifiedEmbedding:
        """Make a table of small random numbers, to be trained."""
        require_count("n_rows", self.n_rows)
        require_count("width", self.width)
        rng = np.random.default_rng(self.seed)
        drawn = rng.standard_normal((self.n_rows, self.width), np.float32)
        self.table_ = drawn / np.float32(np.sqrt(self.width))
        return self

    def fit(
        self,
        tables: Mapping[str, Embeddings],
        weights: Mapping[str, NDArray[Any]] | None = None,
    ) -> UnifiedEmbedding:
        """Bring a table of each feature into the shared one, with the least squared error.

        Each vector is cut into its lookups; a row becomes the mean of all parts that share it.

        Parameters
        ----------
        tables : mapping of str to Embeddings
            By feature: vectors of length ``lookups · width``, whose ids are the values.
        weights : mapping of str to ndarray, shape (n,), optional
            How much each value counts: how often it comes, as a rule.

        Raises
        ------
        EmptyInput, InvalidInput, DimensionMismatch, InvalidParameter
        """
        if not tables:
            raise EmptyInput("There are no tables to bring together.", "Give one for each feature.")
        self.begin()
        summed = np.zeros((self.n_rows, self.width))
        counts = np.zeros(self.n_rows)
        for feature, table in tables.items():
            places = self.rows(feature, _values(feature, table))
            if table.space.dim != self.dim(feature):
                raise DimensionMismatch(
                    f"Vectors of {feature!r} have {table.space.dim} dimensions, and "
                    f"{self._lookups(feature)} lookups of {self.width} make {self.dim(feature)}.",
                    "Choose width and lookups to fit.",
                )
            weight = _weights(feature, len(table), weights)
            parts = np.asarray(table).reshape(*places.shape, self.width) * weight[:, None, None]
            np.add.at(summed, places, parts)
            np.add.at(counts, places, np.broadcast_to(weight[:, None], places.shape))
        used = counts > 0
        self.table_[used] = (summed[used] / counts[used, None]).astype(np.float32)
        return self

    def encode(self, feature: str, values: Iterable[object]) -> NDArray[np.float32]:
        """The vectors of some values of a feature.

        Returns
        -------
        ndarray of float32, shape (n, lookups · width)

        Raises
        ------
        NotFitted
            If the table was neither begun nor fitted.
        """
        table: NDArray[np.float32] = learned(self, "table_", "tables")
        places = self.rows(feature, values)
        return table[places].reshape(len(places), -1)

    @property
    def nbytes(self) -> int:
        """Bytes of the shared table: the same however many values there are."""
        return int(learned(self, "table_", "tables").nbytes)

    def space(self, feature: str, of: Space) -> Space:
        """The space of a feature's vectors, made from that of the table it had."""
        change = f"unified {self.n_rows} × {self.width}, seed {self.seed}, {feature}"
        return of.derive(change, dim=self.dim(feature))

    def _lookups(self, feature: str) -> int:
        if isinstance(self.lookups, Mapping):
            if feature not in self.lookups:
                raise IdNotFound(
                    f"There is no feature {feature!r:.80}.",
                    f"There are: {', '.join(self.lookups)}.",
                )
            count = self.lookups[feature]
        else:
            count = self.lookups
        require_count("lookups", count)
        return count


def _values(feature: str, table: Embeddings) -> list[Any]:
    if table.ids is None:
        raise InvalidInput(f"The table of {feature!r} has no ids.", "Its ids are the values.")
    return table.ids


def _weights(
    feature: str, count: int, weights: Mapping[str, NDArray[Any]] | None
) -> NDArray[np.float64]:
    if weights is None or feature not in weights:
        return np.ones(count)
    found = np.asarray(weights[feature], np.float64)
    if found.shape != (count,) or not (found > 0).all() or not np.isfinite(found).all():
        raise InvalidParameter(
            f"The weights of {feature!r} are not {count} positive numbers.", "Give one a value."
        )
    return found
