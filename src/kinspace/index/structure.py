"""What makes one index another: the structure that finds candidates.

An implementer of an index writes these methods, and nothing else; the verbs that everybody calls
are in :mod:`kinspace.index.vector_index`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from kinspace.errors import InvalidParameter, require_count
from kinspace.index.held import DenseHeld, Held
from kinspace.metric import Metric, check_metric


class Structure(ABC):
    """How candidates are found.

    Parameters
    ----------
    dim : int
        The length of the vectors.
    metric : str
        One of the class's ``METRICS``.
    dtype : {"float32", "float16"}
        How vectors are kept, by which candidates are scored exactly.
    exact_below : int
        Where no more vectors than this may be found, all or those that a filter leaves,
        they are compared one and all.
    """

    METRICS: ClassVar[tuple[Metric, ...]] = ("cosine", "dot", "euclidean")
    SEARCH: ClassVar[tuple[str, ...]] = ()
    """The names of options that trade time for recall, which may be set at any moment."""
    BLOCK: ClassVar[int] = 16_384
    """Rows that are put in at once, while searches wait."""
    GROWTH: ClassVar[float | None] = None
    """Learned again when there are so many times the rows that it was learned from."""

    def __init__(
        self, dim: int, metric: Metric, *, dtype: str = "float32", exact_below: int = 1000
    ) -> None:
        require_count("dim", dim)
        if check_metric(metric) not in self.METRICS:
            raise InvalidParameter(
                f"{type(self).__name__} cannot search by {metric}.",
                f"Choose one of: {', '.join(self.METRICS)}; Exact takes all.",
            )
        self.dim = dim
        self.metric: Metric = metric
        self.dtype = dtype
        self.exact_below = exact_below
        self.threads: int | None = None
        self._held: Held = self._empty_held()
        self._covered = 0  # rows in the structure; later ones are compared one and all

    @abstractmethod
    def _learn(self, rows: Any) -> None:
        """Make an empty structure, from the rows of the first addition, as they are kept.

        They may be float16, and more than should be brought to float32 at once.
        """

    @abstractmethod
    def _extend(self, rows: Any, first: int) -> None:
        """Put rows into the structure, the first of which has the position ``first``."""

    @abstractmethod
    def _candidates(
        self, queries: Any, k: int, usable: NDArray[np.bool_] | None, options: Mapping[str, Any]
    ) -> NDArray[np.int64]:
        """Positions of rows that may be among the ``k`` nearest, shape (n, any), -1 for none.

        Only those that ``usable`` marks, where it is given, and each once. They are scored
        exactly afterwards, so there should be more than ``k`` where the structure is rough.
        """

    @abstractmethod
    def _structure(self) -> dict[str, NDArray[Any]]:
        """All arrays of the structure, by name; empty before it is learned. For files and sizes."""

    @abstractmethod
    def _restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Make the structure of what :meth:`_structure` gave."""

    def _sizes(self) -> dict[str, int]:
        """Bytes of each part of the structure."""
        return {name: array.nbytes for name, array in self._structure().items()}

    def _empty_held(self) -> Held:
        """Where vectors will be kept; other forms than dense have another place."""
        return DenseHeld(self.dim, self.metric, self.dtype)

    def _forget(self, rows: NDArray[np.int64]) -> None:  # noqa: B027
        """Take rows out of the structure, where it can; else they are passed over."""

    def _settle(self) -> None:  # noqa: B027
        """Put in order what the first addition brought, piece by piece."""

    def _calibrate(self, queries: Any) -> None:  # noqa: B027
        """Suit a search to some queries."""

    def _exact_pays(self, usable: int) -> bool:
        """Whether it is faster to compare the ``usable`` rows than to ask the structure."""
        return usable <= max(self.exact_below, self._covered // 50)

    def _metric_of_scores(self) -> Metric:
        """The metric of what a search gives."""
        return self.metric
