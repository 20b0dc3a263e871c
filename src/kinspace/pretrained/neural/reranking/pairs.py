"""Pairs of texts to token ids, as a cross-encoder reads them: both in one sequence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from kinspace.pretrained.neural.running.tokens import Tokenizer, Tokens

Pair = tuple[str, str]

_SLICE: Final = 100_000
"""Characters that are read of a text so long that it will be cut anyway."""


class PairTokenizer:
    """A cross-encoder's tokenizer; a pair that is too long loses the end of its longer text.

    Parameters
    ----------
    transformer : sentence_transformers Transformer module
        Pairs that go through a chat template, or a tokenizer written in Python, are left to it.
    longest : int
        The most tokens of a pair, special tokens included.
    """

    def __init__(self, transformer: Any, longest: int) -> None:
        self.transformer = transformer
        self.longest = longest
        self._words = Tokenizer(transformer.tokenizer, longest)
        self._fast = None if "message" in transformer.modality_config else self._words.fast
        self._has_types = "token_type_ids" in transformer.tokenizer.model_input_names

    def __call__(self, pairs: Sequence[Pair], prompt: str = "") -> Tokens:
        """Tokenise pairs; the prompt stands before the first text of each."""
        if self._fast is None:
            return self._by_module(pairs, prompt)
        shortened = [(self._head(prompt + one), self._head(other)) for one, other in pairs]
        whole = [(one, other) for (one, _), (other, _) in shortened]
        beyond = np.array([a + b for (_, a), (_, b) in shortened], np.int64)
        every = self._fast.encode_batch_fast(whole)
        sizes = np.fromiter(map(len, every), np.int64, len(every))
        ids = [encoding.ids for encoding in every]
        types = [encoding.type_ids for encoding in every] if self._has_types else None
        for row in np.flatnonzero(sizes > self.longest).tolist():
            kept = self._kept(every[row].sequence_ids)
            ids[row] = np.array(ids[row])[kept].tolist()
            if types is not None:
                types[row] = np.array(types[row])[kept].tolist()
        cut = np.maximum(sizes - self.longest, 0) + beyond
        return _joined(ids, types, cut, self._filler())

    def _kept(self, parts: list[int | None]) -> NDArray[np.bool_]:
        """Which tokens of a pair stay: special ones, and of the longer text no more than fit.

        Parameters
        ----------
        parts : list
            0 for tokens of the first text, 1 for those of the second, None for special ones.
        """
        of = np.array([-1 if part is None else part for part in parts])
        room = max(self.longest - int((of == -1).sum()), 0)
        kept: NDArray[np.bool_] = of == -1
        for part, most in enumerate(_shares(int((of == 0).sum()), int((of == 1).sum()), room)):
            places = np.flatnonzero(of == part)
            from_left = self.transformer.tokenizer.truncation_side == "left"
            kept[places[len(places) - most :] if from_left else places[:most]] = True
        return kept

    def _head(self, text: str) -> tuple[str, int]:
        """As much of a very long text as the model may read, and how many tokens the rest has.

        With both texts at least as long as a pair may be, cutting gives what it gives for whole
        ones.
        """
        if len(text) <= 2 * _SLICE or self.transformer.tokenizer.truncation_side != "right":
            return text, 0
        if self._words.count(text[:_SLICE]) <= self.longest:  # much white space, or few words
            return text, 0
        return text[:_SLICE], self._words.count(text[_SLICE:])

    def _filler(self) -> int:
        """What a pair without any token is given, so that it has states."""
        tokenizer = self.transformer.tokenizer
        named = (tokenizer.eos_token_id, tokenizer.pad_token_id, 0)
        return next(one for one in named if one is not None)

    def _by_module(self, pairs: Sequence[Pair], prompt: str) -> Tokens:
        """As sentence-transformers itself does it, which does not tell what was cut."""
        features = self.transformer.preprocess([list(pair) for pair in pairs], prompt=prompt)
        filled = features["attention_mask"].numpy().astype(bool)
        ids = [
            row[kept].tolist()
            for row, kept in zip(features["input_ids"].numpy(), filled, strict=True)
        ]
        types = features.get("token_type_ids")
        if types is not None:
            types = [row[kept].tolist() for row, kept in zip(types.numpy(), filled, strict=True)]
        return _joined(ids, types, np.zeros(len(pairs), np.int64), self._filler())


def _shares(first: int, second: int, room: int) -> tuple[int, int]:
    """How many tokens of each text stay, as the library of tokenizers shares the room out."""
    short, long = sorted((first, second))
    long = min(long, max(short, room - short))
    if short + long > room:
        short, long = room // 2, room - room // 2
    return (long, short) if first > second else (short, long)


def _joined(
    ids: list[list[int]], types: list[list[int]] | None, cut: NDArray[np.int64], filler: int
) -> Tokens:
    types = None if types is None else [some or [0] for some in types]
    ids = [some or [filler] for some in ids]
    lengths = np.fromiter(map(len, ids), np.int64, len(ids))
    total = int(lengths.sum())

    def flat(lists: list[list[int]]) -> NDArray[np.int64]:
        return np.fromiter((one for some in lists for one in some), np.int64, total)

    every = np.arange(len(ids))
    return Tokens(flat(ids), lengths, every, cut, None if types is None else flat(types))
