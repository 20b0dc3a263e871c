"""The words of a static model: which tokens get a row, and the WordPiece that finds them."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

UNKNOWN = "[UNK]"
"""Row 0: what no other token covers. It has a zero vector and is never summed."""

_WORD = re.compile(r"[^\W_]+")
_RARE = 20
"""A character seen fewer times than this brings no tokens of its own, unless it is ASCII."""


class Words:
    """Counts of the words and characters of texts, as the tokenizer will see them."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.characters: Counter[str] = Counter()
        self._normalizer = normalizers.BertNormalizer()

    def update(self, texts: Iterable[str]) -> None:
        """Count the words of more texts."""
        for text in texts:
            normal = self._normalizer.normalize_str(text)
            self.counts.update(_WORD.findall(normal))
            self.characters.update(normal)

    @property
    def alphabet(self) -> set[str]:
        """ASCII and the characters that the texts use."""
        used = {c for c, n in self.characters.items() if n >= _RARE and not c.isspace()}
        return used | {chr(c) for c in range(33, 127)}

    def frequent(self, taken: set[str], most: int) -> list[str]:
        """The ``most`` frequent words that are no tokens yet, most frequent first.

        Words of one or two letters, of more than twenty, with digits, or seen once are left to
        the pieces.
        """
        fit = [
            (-n, word)
            for word, n in self.counts.items()
            if n > 1 and 3 <= len(word) <= 20 and word.isalpha() and word not in taken
        ]
        return [word for _, word in sorted(fit)[: max(most, 0)]]


def choose_tokens(words: Words, size: int, pieces: list[str] | None = None) -> list[str]:
    """Choose the tokens of a static model.

    Parameters
    ----------
    words : Words
        Counts of the training texts.
    size : int
        How many tokens there may be, the unknown one included.
    pieces : list of str, optional
        Tokens of the teacher's WordPiece, most useful first. Those written in the texts' characters
        are kept, whole words as well as ``##`` pieces. Without them, frequent word endings serve.

    Returns
    -------
    list of str
        ``[UNK]`` first, then single characters and pieces, then frequent whole words: greedy
        longest match takes the whole word where there is one.
    """
    alphabet = words.alphabet
    if pieces is None:
        pieces = _endings(words, size // 8)
    single = [form for c in sorted(alphabet) for form in (c, f"##{c}")]
    kept = [p for p in pieces if p and set(p.removeprefix("##")) <= alphabet]
    tokens = list(dict.fromkeys([UNKNOWN, *single, *kept]))[:size]
    return tokens + words.frequent(set(tokens), size - len(tokens))


def _endings(words: Words, most: int) -> list[str]:
    """The ends of words, as ``##`` pieces, that cover most letters of the texts."""
    saved: Counter[str] = Counter()
    for word, n in words.counts.items():
        for length in range(2, min(7, len(word))):
            saved[f"##{word[-length:]}"] += n * length
    ranked = sorted((-n, piece) for piece, n in saved.items())
    return [piece for _, piece in ranked[:most]]


def wordpieces(tokenizer: Any) -> list[str] | None:
    """The tokens of a ``tokenizers.Tokenizer`` in order of their ids, if it is a WordPiece.

    Special and unused tokens are left out.
    """
    if tokenizer is None:
        return None
    described = json.loads(tokenizer.to_str())
    if described["model"]["type"] != "WordPiece":
        return None
    special = {token["content"] for token in described.get("added_tokens", [])}
    by_id = sorted(described["model"]["vocab"].items(), key=lambda item: item[1])
    return [t for t, _ in by_id if t not in special and not re.fullmatch(r"\[.+\]", t)]


def make_tokenizer(tokens: list[str]) -> Tokenizer:
    """A lower-casing WordPiece over tokens; the row of a token is its place in the list."""
    vocabulary = {token: row for row, token in enumerate(tokens)}
    tokenizer = Tokenizer(
        models.WordPiece(vocabulary, unk_token=UNKNOWN, max_input_chars_per_word=100)
    )
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return tokenizer
