"""Texts with labels, as numbers: what a classifier learns from."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinspace.errors import EmptyInput, InvalidInput
from kinspace.learn.stages import Stages, silent
from kinspace.learn.text import Tokenizer
from kinspace.learn.words.ngrams import END

Labels = str | Sequence[str]
"""The label of a text, or its labels."""


@dataclass(frozen=True)
class Labelled:
    """Texts and labels as numbers.

    Attributes
    ----------
    words, labels : list of str
        All that came, in the order in which they came.
    ids, starts : ndarrays of uint32 and int64
        The words of text ``i`` are ``ids[starts[i]:starts[i + 1]]``; the last is ``</s>``.
    label_ids, label_starts : ndarrays of int32 and int64
        Its labels, likewise.
    """

    words: list[str]
    ids: NDArray[np.uint32]
    starts: NDArray[np.int64]
    labels: list[str]
    label_ids: NDArray[np.int32]
    label_starts: NDArray[np.int64]

    def shuffled(self, seed: int) -> Labelled:
        """The same texts in another order: labels that come in runs are learned badly."""
        order = np.random.default_rng(seed).permutation(len(self.starts) - 1)
        ids, starts = _reordered(self.ids, self.starts, order)
        label_ids, label_starts = _reordered(self.label_ids, self.label_starts, order)
        return Labelled(self.words, ids, starts, self.labels, label_ids, label_starts)


def _reordered(
    values: NDArray[Any], starts: NDArray[np.int64], order: NDArray[np.int64]
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    lengths = np.diff(starts)[order]
    new = np.concatenate([[0], np.cumsum(lengths)])
    return values[np.arange(new[-1]) + np.repeat(starts[order] - new[:-1], lengths)], new


def numbered(
    items: Iterable[str | Sequence[str]], tokenizer: Tokenizer, prefix: str
) -> tuple[list[str], NDArray[np.uint32], NDArray[np.int64]]:
    """Texts without labels: their different words, and where each comes; see :class:`Labelled`."""
    words: dict[str, int] = {}
    ids, starts = array("I"), array("q", [0])
    for item in items:
        for word in without_labels(item, tokenizer, prefix)[0]:
            ids.append(words.setdefault(word, len(words)))
        starts.append(len(ids))
    return list(words), np.array(ids, np.uint32), np.array(starts, np.int64)


def read_labelled(
    items: Iterable[str | Sequence[str]],
    labels: Iterable[Labels] | None,
    tokenizer: Tokenizer,
    prefix: str,
    *,
    tell: Stages = silent,
) -> Labelled:
    """Read texts and their labels.

    Parameters
    ----------
    items : iterable of str, or of sequences of str
        A text each, or its words.
    labels : iterable of str, or of sequences of str, optional
        Without, they stand in the texts: words that begin with ``prefix``.
    tokenizer : Tokenizer
    prefix : str
        Such as ``__label__``.
    tell : callable
        Told of ``("read", items read, 0)``.

    Raises
    ------
    EmptyInput
        If there is no text, or no label.
    InvalidInput
        If there are not as many labels as texts, or something is no text or no label.
    """
    words: dict[str, int] = {}
    names: dict[str, int] = {}
    ids, starts = array("I"), array("q", [0])
    label_ids, label_starts = array("i"), array("q", [0])
    for count, (item, given) in enumerate(_pairs(items, labels), 1):
        cut, found = without_labels(item, tokenizer, prefix)
        for word in cut:
            ids.append(words.setdefault(word, len(words)))
        for label in found if given is None else _names(given):
            label_ids.append(names.setdefault(label, len(names)))
        starts.append(len(ids))
        label_starts.append(len(label_ids))
        if count % 10_000 == 0:
            tell("read", count, 0)
    tell("read", len(starts) - 1, len(starts) - 1)
    if len(starts) == 1:
        raise EmptyInput("There are no texts to learn from.", "Give some texts with labels.")
    if not names:
        raise EmptyInput(
            "No text has a label.", f"Give labels=, or write {prefix}name into each text."
        )
    return Labelled(
        list(words), np.array(ids, np.uint32), np.array(starts, np.int64),
        list(names), np.array(label_ids, np.int32), np.array(label_starts, np.int64),
    )  # fmt: skip


def without_labels(
    item: str | Sequence[str], tokenizer: Tokenizer, prefix: str
) -> tuple[list[str], list[str]]:
    """The words of a text, then ``</s>``; and the labels that stand in it, without their prefix."""
    found: list[str] = []
    if isinstance(item, str):
        if prefix and prefix in item:
            parts = item.split()
            found = [part for part in parts if part.startswith(prefix)]
            item = (
                " ".join(part for part in parts if not part.startswith(prefix)) if found else item
            )
        words = tokenizer.words(item)
    elif isinstance(item, Sequence) and all(isinstance(word, str) for word in item):
        words = [word for word in item if not (prefix and word.startswith(prefix))]
        found = [word for word in item if prefix and word.startswith(prefix)]
    else:
        raise InvalidInput(f"{item!r:.80} is not a text.", "Give strings, or lists of words.")
    return [*words, END], [label.removeprefix(prefix) for label in found]


def _names(given: Any) -> list[str]:
    if isinstance(given, str):
        return [given]
    names = list(given) if isinstance(given, Iterable) else [given]
    if not all(isinstance(name, str) for name in names):
        raise InvalidInput(
            f"{given!r:.80} is not a label.", "Give a string, or a list of strings, for each text."
        )
    return names


def _pairs(
    items: Iterable[str | Sequence[str]], labels: Iterable[Labels] | None
) -> Iterator[tuple[str | Sequence[str], Labels | None]]:
    """Each text with what was given as its labels."""
    if labels is None:
        for item in items:
            yield item, None
        return
    if isinstance(labels, str) or not isinstance(labels, Iterable):
        raise InvalidInput(f"{labels!r:.80} is not a list of labels.", "Give one for each text.")
    try:
        yield from zip(items, labels, strict=True)
    except ValueError as error:
        if "zip" not in str(error):  # it is of the items themselves
            raise
        raise InvalidInput(
            "There are not as many labels as texts.", "Give one for each text."
        ) from error
