"""Texts to token ids, with what the model's files say about prompts, length and special tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from kinspace.errors import InvalidInput

Long = Literal["truncate", "mean", "error"]


@dataclass(frozen=True, slots=True)
class Tokens:
    """Token ids of several texts, one after the other.

    Attributes
    ----------
    ids : array of int64, shape (total,)
    lengths : array of int64, shape (pieces,)
        Of each piece; special tokens count.
    owner : array of int64, shape (pieces,)
        Which text a piece is of: 0, 1, 2 … unless long texts were cut into several
        (``long="mean"``).
    cut : array of int64, shape (texts,)
        How many tokens of each text were left out.
    """

    ids: NDArray[np.int64]
    lengths: NDArray[np.int64]
    owner: NDArray[np.int64]
    cut: NDArray[np.int64]

    def piece(self, place: int) -> NDArray[np.int64]:
        """The ids of one piece."""
        stop = int(self.lengths[: place + 1].sum())
        return self.ids[stop - int(self.lengths[place]) : stop]


class Tokenizer:
    """A model's tokenizer, cut at the model's longest.

    Parameters
    ----------
    tokenizer : transformers.PreTrainedTokenizerBase
    longest : int
        The most tokens of a piece, special tokens included.
    long : {"truncate", "mean", "error"}
        What becomes of longer texts: cut; encoded in pieces whose vectors are averaged, each by
        its number of tokens; or refused.
    """

    def __init__(self, tokenizer: Any, longest: int, long: Long = "truncate") -> None:
        self.tokenizer = tokenizer
        self.longest = longest
        self.long = long

    def __call__(self, texts: Sequence[str], prompt: str = "") -> Tokens:
        """Tokenise texts, each after the prompt.

        Raises
        ------
        InvalidInput
            If a text is longer than the model's longest, and ``long`` is ``"error"``.
        """
        every = self._every([prompt + text for text in texts] if prompt else list(texts))
        sizes = np.fromiter(map(len, every), np.int64, len(every))
        over = np.flatnonzero(sizes > self.longest)
        if len(over) and self.long == "error":
            row = int(over[0])
            raise InvalidInput(
                f"{texts[row][:60]!r}… has {sizes[row]:,} tokens; the model reads {self.longest:,}.",
                'Give long="truncate" or long="mean", or split the text.',
            )
        cut = np.maximum(sizes - self.longest, 0)
        for row in over:
            every[row] = self._truncated(every[row])
        lengths = np.fromiter(map(len, every), np.int64, len(every))
        ids = np.fromiter((i for one in every for i in one), np.int64, int(lengths.sum()))
        return Tokens(ids, lengths, np.arange(len(every)), cut)

    def _every(self, texts: list[str]) -> list[list[int]]:
        """All token ids of each text, special ones included."""
        fast = getattr(self.tokenizer, "backend_tokenizer", None)
        if fast is None:
            return list(self.tokenizer(texts, truncation=False)["input_ids"])
        fast.no_padding()
        fast.no_truncation()
        return [encoding.ids for encoding in fast.encode_batch_fast(texts)]

    def _truncated(self, ids: list[int]) -> list[int]:
        """The first tokens, with the special ones at the end kept."""
        special = set(self.tokenizer.all_special_ids)
        tail = 1 if ids[-1] in special else 0
        return [*ids[: self.longest - tail], *ids[len(ids) - tail :]]
