"""Exact search for a space of any form."""

from __future__ import annotations

from typing import Final

from kinspace.errors import NotApplicable
from kinspace.index.exact import Exact
from kinspace.index.multi_exact import MultiExact
from kinspace.index.sparse_exact import SparseExact
from kinspace.space import Space

ExactIndex = Exact | SparseExact | MultiExact

_KINDS: Final[dict[str, type[Exact] | type[SparseExact] | type[MultiExact]]] = {
    "dense": Exact,
    "sparse": SparseExact,
    "multi": MultiExact,
}


def exact_index(space: Space) -> ExactIndex:
    """An empty index that compares a query with every vector of a space.

    Raises
    ------
    NotApplicable
        For binary vectors.

    Examples
    --------
    >>> exact_index(Space("words", "0000", 30_522, "dot", "sparse"))  # doctest: +ELLIPSIS
    <kinspace.index.sparse_exact.SparseExact object at ...>
    """
    kind = _KINDS.get(space.form)
    if kind is None:
        raise NotApplicable(
            f"There is no exact index for {space.form} vectors.",
            f"Give vectors of the form: {', '.join(_KINDS)}.",
        )
    return kind(space.dim, space.metric)
