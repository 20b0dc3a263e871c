"""Texts to token ids, each cut at the model's longest, or in pieces that are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from kinspace.errors import InvalidInput
from kinspace.pretrained.overlong import Long

_SLICE: Final = 100_000
"""Characters that are tokenised at a time of a text so long that it will be cut anyway."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """Token ids of several texts, one after the other.

    Attributes
    ----------
    ids : array of int64, shape (total,)
    lengths : array of int64, shape (pieces,)
        Of each piece; special tokens count.
    owner : array of int64, shape (pieces,)
        Which text a piece is of, ascending: 0, 1, 2 … unless long texts were cut into several
        (``long="mean"``).
    cut : array of int64, shape (texts,)
        How many tokens of each text were left out.
    types : array of int64, shape (total,), or None
        Which part of a pair each token is of; None where all are of the first.
    seen : array of int64, shape (pieces,), or None
        How many tokens of each piece attention looks at, if not all
        (:class:`~kinspace.pretrained.neural.running.batches.Batch`).
    """

    ids: NDArray[np.int64]
    lengths: NDArray[np.int64]
    owner: NDArray[np.int64]
    cut: NDArray[np.int64]
    types: NDArray[np.int64] | None = None
    seen: NDArray[np.int64] | None = None

    def piece(self, place: int) -> NDArray[np.int64]:
        """The ids of one piece."""
        stop = int(self.lengths[: place + 1].sum())
        return self.ids[stop - int(self.lengths[place]) : stop]

    def followed_by(self, other: Tokens) -> Tokens:
        """These texts and others after them, as if all had been read together."""

        def both(name: str, of_all: NDArray[np.int64], of_others: NDArray[np.int64]) -> Any:
            mine, theirs = getattr(self, name), getattr(other, name)
            if mine is None and theirs is None:
                return None
            parts = (of_all if mine is None else mine, of_others if theirs is None else theirs)
            return np.concatenate(parts)

        return Tokens(
            np.concatenate([self.ids, other.ids]),
            np.concatenate([self.lengths, other.lengths]),
            np.concatenate([self.owner, other.owner + len(self.cut)]),
            np.concatenate([self.cut, other.cut]),
            both("types", np.zeros_like(self.ids), np.zeros_like(other.ids)),
            both("seen", self.lengths, other.lengths),
        )

    def averaged(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """One vector for each text: the mean of its pieces', each by its number of tokens.

        Parameters
        ----------
        rows : array of float32, shape (pieces, dim)
            The very same array is given back if no text has several pieces.
        """
        if len(self.owner) == len(self.cut):
            return rows
        starts = np.searchsorted(self.owner, np.arange(len(self.cut)))
        weights = self.lengths / np.add.reduceat(self.lengths, starts)[self.owner]
        mean: NDArray[np.float32] = np.add.reduceat(rows * weights[:, None], starts)
        return mean.astype(np.float32)


class Tokenizer:
    """A model's tokenizer, with what becomes of texts that are longer than the model reads.

    Parameters
    ----------
    tokenizer : transformers.PreTrainedTokenizerBase
    longest : int
        The most tokens of a piece, special tokens included.
    long : {"truncate", "mean", "error"}
        What becomes of longer texts: cut; encoded in pieces whose vectors are averaged, each by
        its number of tokens; or refused.

    Attributes
    ----------
    fast : tokenizers.Tokenizer or None
        A copy of the fast tokenizer that neither pads nor cuts, so that threads may tokenise at
        once; None if there is no fast one.
    """

    def __init__(self, tokenizer: Any, longest: int, long: Long = "truncate") -> None:
        self.tokenizer = tokenizer
        self.longest = longest
        self.long = long
        self.fast = _own(tokenizer)

    def __call__(self, texts: Sequence[str], prompt: str = "") -> Tokens:
        """Tokenise texts, each after the prompt; special tokens are added.

        Raises
        ------
        InvalidInput
            If a text is longer than the model's longest, and ``long`` is ``"error"``.
        """
        whole = [prompt + text for text in texts] if prompt else list(texts)
        beyond = [0] * len(whole)
        if self.long == "truncate":
            for row in (r for r, text in enumerate(whole) if len(text) > 2 * _SLICE):
                whole[row], beyond[row] = self._head(whole[row])
        every = self._ids(whole)
        cut = np.array(beyond, np.int64)
        pieces: list[Sequence[int]] = []
        owner: list[int] = []
        for row, ids in enumerate(every):
            if len(ids) <= self.longest:
                found: list[Sequence[int]] = [ids]
            else:
                found = self._shortened(texts[row], ids, prompt)
                cut[row] += 0 if self.long == "mean" else len(ids) - self.longest
            pieces += found
            owner += [row] * len(found)
        lengths = np.fromiter(map(len, pieces), np.int64, len(pieces))
        flat = np.fromiter(chain.from_iterable(pieces), np.int64, int(lengths.sum()))
        return Tokens(flat, lengths, np.array(owner, np.int64), cut)

    def count(self, text: str) -> int:
        """How many tokens a text has, special ones included, however long it is."""
        special = len(self._ids([""])[0])
        return special + sum(len(self._ids([part])[0]) - special for part in _slices(text))

    def _ids(self, texts: list[str]) -> list[list[int]]:
        """All token ids of each text, special ones included."""
        if self.fast is None:
            return list(self.tokenizer(texts, truncation=False)["input_ids"]) if texts else []
        return [encoding.ids for encoding in self.fast.encode_batch_fast(texts)]

    def _head(self, text: str) -> tuple[str, int]:
        """As much of a very long text as the model may read, and how many tokens the rest has."""
        first = next(_slices(text))
        few = len(self._ids([first])[0]) < self.longest  # much white space, or words without end
        if few or getattr(self.tokenizer, "truncation_side", "right") == "left":
            return text, 0
        return first, self.count(text[len(first) :]) - len(self._ids([""])[0])

    def _shortened(self, text: str, ids: list[int], prompt: str) -> list[Sequence[int]]:
        """The first tokens, or pieces that hold them all; special ones stand where they stood."""
        if self.long == "error":
            raise InvalidInput(
                f"{text[:60]!r}… has {len(ids):,} tokens; the model reads {self.longest:,}.",
                'Give long="truncate" or long="mean", or split the text.',
            )
        before, after = self._special(ids)
        if self.long == "truncate":
            if getattr(self.tokenizer, "truncation_side", "right") == "left":
                return [[*ids[:before], *ids[len(ids) - (self.longest - before) :]]]
            return [[*ids[: self.longest - after], *ids[len(ids) - after :]]]
        opening = before + self._prompt_length(prompt)
        room = max(self.longest - opening - after, 1)
        head, tail, body = ids[:opening], ids[len(ids) - after :], ids[opening : len(ids) - after]
        return [[*head, *body[i : i + room], *tail] for i in range(0, len(body), room)]

    def _special(self, ids: list[int]) -> tuple[int, int]:
        """How many special tokens the tokenizer puts before and after a text."""
        special = set(self.tokenizer.all_special_ids)
        empty = self._ids([""])[0]
        before = 0
        while before < len(empty) and ids[before] == empty[before] and ids[before] in special:
            before += 1
        return before, len(empty) - before

    def _prompt_length(self, prompt: str) -> int:
        return len(self._ids([prompt])[0]) - len(self._ids([""])[0]) if prompt else 0


def _own(tokenizer: Any) -> Any:
    """A copy, since a tokenizer must not be set while another thread is at work with it."""
    fast = getattr(tokenizer, "backend_tokenizer", None)
    if fast is None:
        return None
    own = type(fast).from_str(fast.to_str())
    own.no_padding()
    own.no_truncation()
    return own


def _slices(text: str) -> Iterator[str]:
    """A text in parts of bounded length, cut at white space if there is any."""
    start = 0
    while start < len(text) or start == 0:
        stop = min(start + _SLICE, len(text))
        if stop < len(text):
            blank = max(text.rfind(" ", start + 1, stop), text.rfind("\n", start + 1, stop))
            stop = blank if blank > 0 else stop
        yield text[start:stop]
        start = stop
        if not text:
            return
