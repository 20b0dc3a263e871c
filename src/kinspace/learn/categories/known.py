"""The categories that a learner knows, in order, and what becomes of others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from kinspace.errors import InvalidInput, InvalidParameter

Unseen = Literal["zeros", "own", "error"]
"""What an unseen category becomes: zeros, a dimension (or code) of its own, or an error."""


def sort_key(value: Any) -> tuple[int, Any]:
    """Numbers by size, then strings by letters, then what is missing."""
    if value is None:
        return (2, "")
    return (1, value) if isinstance(value, str) else (0, value)


def label(value: Any) -> str:
    """A category in words."""
    return "(missing)" if value is None else str(value)


class Known:
    """Categories in order.

    Parameters
    ----------
    values : sequence
        Strings, numbers or None; each once.
    """

    def __init__(self, values: Sequence[Any]) -> None:
        self.values = list(values)

    @classmethod
    def of(
        cls, values: Sequence[Any], min_count: int = 1, max_categories: int | None = None
    ) -> Known:
        """The categories of some values, sorted; rare ones can be left out.

        Parameters
        ----------
        values : sequence
        min_count : int
            Categories that come less often are left out.
        max_categories : int, optional
            Only so many, the most frequent, are kept.
        """
        for name, given in (("min_count", min_count), ("max_categories", max_categories)):
            if given is not None and given < 1:
                raise InvalidParameter(f"{name} is {given}; it keeps nothing.", "Give 1 or more.")
        counts = Counter(values)
        kept = sorted((v for v, n in counts.items() if n >= min_count), key=sort_key)
        if max_categories is not None and len(kept) > max_categories:
            kept.sort(key=lambda value: -counts[value])
            kept = sorted(kept[:max_categories], key=sort_key)
        if not kept:
            raise InvalidParameter(
                f"No category comes {min_count} times; the most frequent comes "
                f"{max(counts.values())} times.",
                "Give a smaller min_count.",
            )
        return cls(kept)

    @cached_property
    def places(self) -> dict[Any, int]:
        return {value: place for place, value in enumerate(self.values)}

    def __len__(self) -> int:
        return len(self.values)

    def find(self, values: Sequence[Any], unseen: Unseen) -> NDArray[np.int64]:
        """The place of each value, shape (n,); −1 for those that are not known.

        Raises
        ------
        InvalidInput
            If one is not known and ``unseen`` is ``"error"``.
        InvalidParameter
            If ``unseen`` is none of the three.
        """
        if unseen not in ("zeros", "own", "error"):
            raise InvalidParameter(
                f"Unknown unseen={unseen!r}.", "Choose one of: zeros, own, error."
            )
        places = self.places
        found = np.fromiter((places.get(value, -1) for value in values), np.int64, len(values))
        if unseen == "error" and len(found) and found.min() < 0:
            strange = values[int(np.argmin(found))]
            raise InvalidInput(
                f"The category {label(strange)!r} was not seen when learning.",
                f'Known are {self._some()}. Learn again with it, or set unseen="zeros".',
            )
        return found

    def _some(self) -> str:
        shown = ", ".join(label(value) for value in self.values[:5])
        return shown + (f" … ({len(self)} in all)" if len(self) > 5 else "")
