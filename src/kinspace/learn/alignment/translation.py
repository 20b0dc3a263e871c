"""What in one space is the counterpart of what in another, once both are in one."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import Any, Literal, get_args

import numpy as np

from kinspace.embeddings import Embeddings
from kinspace.engines import csls
from kinspace.errors import EmptyInput, InvalidParameter
from kinspace.metric import normalise
from kinspace.results import Neighbours

Retrieval = Literal["csls", "nearest"]


def translate(
    names: Sequence[Hashable],
    mapped: Embeddings,
    target: Embeddings,
    k: int = 1,
    *,
    method: Retrieval = "csls",
    neighbours: int = 10,
    frequent: int | None = 20_000,
) -> list[Neighbours[Any]]:
    """The counterparts of some words (or documents, nodes …) in another table.

    Parameters
    ----------
    names : sequence
        Ids of ``mapped``.
    mapped : Embeddings
        What was mapped into the target's space: the whole table, since CSLS asks how crowded it is
        around each vector.
    target : Embeddings
    k : int
        Counterparts for each.
    method : {"csls", "nearest"}
        ``"csls"`` (Conneau et al., 2017) takes off from each cosine how crowded it is around both
        sides, so that words which are near to everything step back; ``"nearest"`` is by cosine.
    neighbours : int
        Over so many neighbours CSLS takes the crowd; 10 in the paper.
    frequent : int, optional
        The crowd is looked for among the first rows only, which are the most frequent words where
        a table is sorted by frequency; None takes all.

    Returns
    -------
    list of Neighbours
        One for each name. Scores are CSLS, from -4 to 4, or cosines.

    Raises
    ------
    SpaceMismatch
        If the two tables are not in one space: map the first one.
    IdNotFound, EmptyInput, InvalidParameter

    Examples
    --------
    >>> from kinspace.space import Space
    >>> space = Space("shared", "0000", dim=2)
    >>> french = Embeddings([[1, 0.1], [0.1, 1]], space, ["chat", "voiture"])
    >>> english = Embeddings([[0, 1], [1, 0]], space, ["car", "cat"])
    >>> [found.ids for found in translate(["chat", "voiture"], french, english)]
    [['cat'], ['car']]
    """
    if k < 1 or neighbours < 1 or (frequent is not None and frequent < 1):
        raise InvalidParameter(
            f"k is {k}, neighbours {neighbours}, frequent {frequent}.", "Give 1 or more."
        )
    if method not in get_args(Retrieval):
        raise InvalidParameter(f"Unknown method {method!r}.", "Give 'csls' or 'nearest'.")
    mapped.space.require(target.space, "translated")
    if not names or not len(target):
        raise EmptyInput("There is nothing to translate.", "Give some ids, and a target table.")
    there = normalise(np.asarray(target))
    asked = normalise(np.stack([np.asarray(mapped[name]) for name in names]))
    crowds = {}
    if method == "csls":
        here = normalise(np.asarray(mapped)[:frequent])
        crowds = {
            "around_sources": csls.density(asked, there[:frequent], neighbours),
            "around_targets": csls.density(there, here, neighbours),
        }
    rows, scores = csls.nearest(asked, there, k, **crowds)
    ids = target.ids
    return [
        Neighbours(found if ids is None else [ids[row] for row in found], line, "cosine")
        for found, line in zip(rows.tolist(), scores, strict=True)
    ]


def translation_precision(
    pairs: Iterable[tuple[Hashable, Hashable]],
    mapped: Embeddings,
    target: Embeddings,
    *,
    depths: Sequence[int] = (1, 5),
) -> dict[str, float]:
    """How many words have a right counterpart among the first few, by cosine and by CSLS.

    Parameters
    ----------
    pairs : iterable of (id, id)
        What is right; a word may have several. Those not known on both sides are passed over.
    mapped, target : Embeddings
        Whole tables in one space: all of the target's rows are chosen from.
    depths : sequence of int

    Returns
    -------
    dict
        ``words``: how many were asked about; ``precision_at_1``, ``csls_precision_at_1`` and so
        on, in percent.

    Raises
    ------
    EmptyInput
        If no pair is known on both sides.
    SpaceMismatch
    """
    right: dict[Hashable, set[Hashable]] = {}
    for word, other in pairs:
        if word in mapped and other in target:
            right.setdefault(word, set()).add(other)
    if not right:
        raise EmptyInput("No pair is known on both sides.", "Check how the words are spelled.")
    shares: dict[str, float] = {"words": len(right)}
    ways: tuple[tuple[Retrieval, str], ...] = (("nearest", ""), ("csls", "csls_"))
    for method, name in ways:
        answers = translate(list(right), mapped, target, max(depths), method=method)
        for k in depths:
            hits = sum(
                not wanted.isdisjoint(found.ids[:k])
                for wanted, found in zip(right.values(), answers, strict=True)
            )
            shares[f"{name}precision_at_{k}"] = round(100 * hits / len(right), 2)
    return shares
