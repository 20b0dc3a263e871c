"""A tokenizer of words, written down as the ``tokenizer.json`` that a static model keeps."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinspace.errors import InvalidParameter
from kinspace.learn.text import Tokenizer

_PART = r"[\p{L}\p{N}][\p{L}\p{N}\p{M}]*"
_WORD = rf"{_PART}(?:['’\x{{200c}}\x{{200d}}]{_PART})*"
"""What :class:`kinspace.learn.text.tokenizer.Words` calls a word."""


def numbered(cutter: Tokenizer, words: list[str]) -> tuple[str, NDArray[np.int64]]:
    """The JSON of a tokenizer that gives numbers, and the word of each number.

    Parameters
    ----------
    cutter : Tokenizer
        One of words, or one of the package ``tokenizers``.
    words : list of str
        The words that have a vector.

    Returns
    -------
    text : str
        A ``tokenizer.json``.
    places : ndarray of int64, shape (tokens,)
        For each token, its place in ``words``, or -1.

    Raises
    ------
    InvalidParameter
        If the tokenizer cannot be written so, such as one that joins phrases.
    """
    description = cutter.to_dict()
    if description.get("kind") == "tokenizers":
        return _of_pieces(description["tokenizer"], words)
    unknown = "[UNK]"
    while unknown in words:
        unknown = f"[{unknown}]"
    tokens = [unknown, *words]
    return _of_words(description, tokens), np.arange(-1, len(words))


def _of_words(description: dict[str, Any], tokens: list[str]) -> str:
    from tokenizers import Regex, pre_tokenizers
    from tokenizers import Tokenizer as Fast
    from tokenizers.models import WordLevel

    vocabulary = {token: number for number, token in enumerate(tokens)}
    tokenizer = Fast(WordLevel(vocabulary, unk_token=tokens[0]))
    match description.get("kind"):
        case "words" | "cased words" as kind:
            if kind == "words":
                tokenizer.normalizer = _lowercase(tokens)
            tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(_WORD), "removed", invert=True)
        case "whitespace":
            tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
        case kind:
            raise InvalidParameter(
                f"A static model cannot keep a tokenizer of the kind {kind!r}.",
                'Give another, such as tokenizer="words".',
            )
    text: str = tokenizer.to_str()
    return text


def _lowercase(tokens: list[str]) -> Any:
    """Lower case as Python's: Σ at the end of a word becomes ς, if there are such words at all."""
    from tokenizers import Regex, normalizers

    if not any("ς" in token for token in tokens):
        return normalizers.Lowercase()
    final = normalizers.Replace(Regex(r"(?<=\p{L})σ(?![\p{L}\p{M}\p{N}])"), "ς")
    return normalizers.Sequence([normalizers.Lowercase(), final])


def _of_pieces(spec: dict[str, Any], words: list[str]) -> tuple[str, NDArray[np.int64]]:
    from tokenizers import Tokenizer as Fast

    text = json.dumps(spec)
    numbers: dict[str, int] = Fast.from_str(text).get_vocab(with_added_tokens=True)
    of_word = {word: place for place, word in enumerate(words)}
    places = np.full(max(numbers.values()) + 1, -1)
    for token, number in numbers.items():
        places[number] = of_word.get(token, -1)
    return text, places
