"""BERT's WordPiece tokenizer, token for token as in ``tokenizers``, two ways.

:meth:`WordPiece.cut` is plain Python over a dictionary and is ready in milliseconds: right
for a query. :meth:`WordPiece.encode` runs :mod:`.wordpiece_kernel`, compiled, in several
threads: right for many texts. Texts that neither can treat (they hold an added token such
as "[CLS]", or rare combining marks) go to ``tokenizers`` itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from kinspace.engines.characters import BertRules, Beyond, Characters, mend
from kinspace.engines.compiled import compiled, in_threads
from kinspace.engines.wordpiece_kernel import (
    BEYOND,
    INNER,
    SPACE,
    SPECIAL,
    UNKNOWN,
    Table,
    Vocabulary,
    Word,
    fill_slots,
    room_for,
    scan,
)
from kinspace.errors import InvalidInput

_NO_LIMIT: Final = 1 << 60
_MOST_WORDS = 1 << 16
"""How many words :meth:`WordPiece.cut` remembers the tokens of."""

Tokens = tuple[NDArray[np.int32], NDArray[np.int64]]
"""Token ids of all texts, one after the other, and (texts + 1,) where each text starts."""


class WordPiece:
    """Texts to token ids, without special tokens.

    Parameters
    ----------
    spec : dict
        What a ``tokenizer.json`` holds; :meth:`supports` must be true of it.

    Examples
    --------
    >>> spec = {
    ...     "model": {"type": "WordPiece", "vocab": {"[UNK]": 0, "un": 1, "##do": 2, "!": 3},
    ...               "unk_token": "[UNK]", "continuing_subword_prefix": "##",
    ...               "max_input_chars_per_word": 100},
    ...     "normalizer": {"type": "BertNormalizer", "lowercase": True},
    ...     "pre_tokenizer": {"type": "BertPreTokenizer"}, "added_tokens": [],
    ... }
    >>> WordPiece(spec).cut("Undo it!")
    [1, 2, 0, 3]
    """

    def __init__(self, spec: dict[str, Any]) -> None:
        model = spec["model"]
        self._spec = spec
        self._vocab: dict[str, int] = model["vocab"]
        self._unknown: int = self._vocab[model["unk_token"]]
        self._prefix: str = model["continuing_subword_prefix"]
        self._most_characters: int = model["max_input_chars_per_word"]
        self._longest = max(map(len, self._vocab))
        self._added = [token["content"] for token in spec["added_tokens"]]
        self._special = re.compile("|".join(map(re.escape, self._added)) or r"(?!)")
        self._characters = Characters(BertRules.from_spec(spec["normalizer"]))
        self._words: dict[str, list[int]] = {}
        self._library: LibraryTokenizer | None = None
        self._vocabulary: Vocabulary | None = None
        self._table: Table | None = None

    @staticmethod
    def supports(spec: dict[str, Any]) -> bool:
        """Whether a ``tokenizer.json`` holds what this class can do exactly."""
        model = spec.get("model") or {}
        vocab = model.get("vocab")
        return bool(
            model.get("type") == "WordPiece"
            and isinstance(vocab, dict)
            and model.get("unk_token") in vocab
            and _differ(list(vocab.values()))
            and re.fullmatch(r"[!-/:-@[-`{-~]+", str(model.get("continuing_subword_prefix")))
            and "max_input_chars_per_word" in model
            and (spec.get("normalizer") or {}).get("type") == "BertNormalizer"
            and (spec.get("pre_tokenizer") or {}).get("type") == "BertPreTokenizer"
            and all(
                not token["normalized"] and token["content"].strip()[:1] == token["content"][:1]
                for token in spec.get("added_tokens", [{"normalized": True}])
            )
        )

    # -- plain ---------------------------------------------------------------------------------

    def cut(self, text: str) -> list[int]:
        """The token ids of one text, in plain Python."""
        text = mend(text)
        if self._special.search(text):
            return self._exact([text])[0]
        try:
            words = text.translate(self._characters).split(" ")
        except Beyond:
            return self._exact([text])[0]
        ids: list[int] = []
        for word in words:
            if len(word) > self._most_characters:
                ids.append(self._unknown)
            elif word:
                ids += self._words.get(word) or self._remember(word)
        return ids

    def _remember(self, word: str) -> list[int]:
        if len(self._words) >= _MOST_WORDS:
            self._words.clear()
        self._words[word] = pieces = self._pieces(word)
        return pieces

    def _pieces(self, word: str) -> list[int]:
        """The longest tokens from the left, or the unknown token for the whole word."""
        pieces: list[int] = []
        begin = 0
        while begin < len(word):
            prefix = self._prefix if begin else ""
            for end in range(min(len(word), begin + self._longest), begin, -1):
                token = self._vocab.get(prefix + word[begin:end])
                if token is not None:
                    pieces.append(token)
                    begin = end
                    break
            else:
                return [self._unknown]
        return pieces

    def _exact(self, texts: list[str]) -> list[list[int]]:
        if self._library is None:
            self._library = LibraryTokenizer(json.dumps(self._spec))
        return self._library.cut_all(texts)

    # -- compiled ------------------------------------------------------------------------------

    def encode(
        self,
        texts: Sequence[str],
        *,
        limit: int | None = None,
        threads: int = 1,
        compile_with: Callable[..., Any] = compiled,
    ) -> Tokens:
        """The token ids of many texts, by the compiled kernel.

        Parameters
        ----------
        texts : sequence of str
        limit : int, optional
            The most tokens of a text; the rest is left out.
        threads : int
        compile_with : callable
            For tests: ``lambda function, *inner: function`` runs the kernel as plain Python.

        Returns
        -------
        ids : ndarray of int32, shape (tokens,)
        starts : ndarray of int64, shape (texts + 1,)
            Those of text ``i`` are ``ids[starts[i]:starts[i + 1]]``.
        """
        data, bounds = _as_bytes(texts)
        while True:
            ids, counts, states = self._scan(data, bounds, limit, threads, compile_with)
            unknown = np.flatnonzero(states == UNKNOWN).tolist()
            if not unknown:
                break
            self._learn({char for i in unknown for char in mend(texts[i])})
        beyond = np.flatnonzero(states == BEYOND).tolist()
        if beyond:
            exact = [line[:limit] for line in self._exact([mend(texts[i]) for i in beyond])]
            places = np.cumsum(counts)[beyond]  # where each of them is missing in ids
            lengths = [len(line) for line in exact]
            ids = np.insert(ids, np.repeat(places, lengths), np.concatenate(exact).astype(np.int32))
            counts[beyond] = lengths
        return ids, _starts(counts)

    def _scan(
        self,
        data: NDArray[np.uint8],
        bounds: NDArray[np.int64],
        limit: int | None,
        threads: int,
        compile_with: Callable[..., Any],
    ) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.uint8]]:
        if self._vocabulary is None:
            self._vocabulary = self._as_arrays(compile_with)
        table = self._learn(map(chr, range(128))) if self._table is None else self._table
        vocabulary, run = self._vocabulary, compile_with(scan, *INNER)
        count = len(bounds) - 1
        counts, states = np.zeros(count, np.int64), np.zeros(count, np.uint8)
        parts: dict[int, NDArray[np.int32]] = {}
        most = _NO_LIMIT if limit is None else limit
        room = room_for(vocabulary.most_characters)

        def work(a: int, b: int) -> None:
            ids = np.empty(bounds[b] - bounds[a], np.int32)
            word = Word(np.empty(room, np.uint8), np.empty(room, np.int64))
            used = run(data, bounds, a, b, most, table, vocabulary, word, ids, counts, states)
            parts[a] = ids[:used]

        shares = np.linspace(0, bounds[-1], threads + 1)
        in_threads(work, [0, *np.searchsorted(bounds, shares[1:-1]).tolist(), count])
        ids = np.concatenate([parts[a] for a in sorted(parts)] or [np.empty(0, np.int32)])
        return ids, counts, states

    def _as_arrays(self, compile_with: Callable[..., Any]) -> Vocabulary:
        tokens = [b""] * (max(self._vocab.values()) + 1)
        inner = np.zeros(len(tokens), np.bool_)
        for token, i in self._vocab.items():
            inner[i] = token.startswith(self._prefix) and token != self._prefix
            tokens[i] = token.removeprefix(self._prefix).encode() if inner[i] else token.encode()
        vocabulary = Vocabulary(
            slots=np.full(2 << (2 * len(tokens)).bit_length(), -1, np.int64),
            starts=_starts(np.array([len(t) for t in tokens])).astype(np.int32),
            letters=np.frombuffer(b"".join(tokens), np.uint8),
            inner=inner,
            longest=max(map(len, tokens)),
            unknown=self._unknown,
            most_characters=self._most_characters,
        )
        compile_with(fill_slots, *INNER)(vocabulary)
        return vocabulary

    def _learn(self, chars: Any) -> Table:
        """Enter code points into the table; readers in other threads keep the one they have."""
        old = self._table
        if old is None:
            added = [token.encode() for token in self._added]
            old = Table(
                ascii=np.full(256, SPECIAL, np.uint8),
                places=np.zeros(0x110000, np.int32),
                words=np.zeros(1, np.uint8),
                added=np.frombuffer(b"".join(added), np.uint8),
                added_starts=_starts(np.array([len(t) for t in added], np.int64)).astype(np.int32),
            )
        words, places, first = bytearray(old.words.tobytes()), old.places.copy(), old.ascii.copy()
        starters = {token.encode()[0] for token in self._added}
        for char in chars:
            point = ord(char)
            try:
                entry = self._characters[point].encode()
            except Beyond:
                places[point] = -1
                continue
            places[point] = len(words)
            words += bytes([len(entry)]) + entry
            if point < 128 and point not in starters:
                if entry == b" ":
                    first[point] = SPACE
                elif len(entry) == 1 and entry[0] < SPACE:
                    first[point] = entry[0]
        self._table = old._replace(
            ascii=first, places=places, words=np.frombuffer(bytes(words), np.uint8)
        )
        return self._table


class LibraryTokenizer:
    """Any ``tokenizer.json``, by the ``tokenizers`` library, without special tokens.

    Parameters
    ----------
    text : str
        The file's content.

    Raises
    ------
    InvalidInput
        If the library cannot read it.
    """

    def __init__(self, text: str) -> None:
        from tokenizers import Tokenizer

        try:
            self._tokenizer = Tokenizer.from_str(text)
        except Exception as error:
            raise InvalidInput(
                f"The tokenizer cannot be read: {error}.", "Give the text of a tokenizer.json."
            ) from error
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()

    def cut_all(self, texts: list[str]) -> list[list[int]]:
        """The token ids of each text."""
        found = self._tokenizer.encode_batch_fast(texts, add_special_tokens=False)
        return [encoding.ids for encoding in found]

    def cut(self, text: str) -> list[int]:
        """The token ids of one text."""
        return self.cut_all([mend(text)])[0]

    def encode(self, texts: Sequence[str], *, limit: int | None = None, threads: int = 1) -> Tokens:
        """The token ids of many texts, as :meth:`WordPiece.encode` gives them.

        The library decides by itself how many threads it takes.
        """
        lines = [line[:limit] for line in self.cut_all([mend(text) for text in texts])]
        counts = np.array([len(line) for line in lines], np.int64)
        flat = np.fromiter((i for line in lines for i in line), np.int32, int(counts.sum()))
        return flat, _starts(counts)


def _differ(ids: list[int]) -> bool:
    return ids == list(range(len(ids))) or len(set(ids)) == len(ids)


def _as_bytes(texts: Sequence[str]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """The UTF-8 of all texts in one array, and (texts + 1,) where each starts."""
    try:
        parts = list(map(str.encode, texts))
    except UnicodeEncodeError:
        parts = [mend(text).encode() for text in texts]
    sizes = np.fromiter(map(len, parts), np.int64, len(parts))
    return np.frombuffer(b"".join(parts), np.uint8), _starts(sizes)


def _starts(counts: NDArray[Any]) -> NDArray[np.int64]:
    starts = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(counts, out=starts[1:])
    return starts
