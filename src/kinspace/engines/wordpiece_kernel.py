"""WordPiece over bytes: greedy longest match, as plain functions for :mod:`.compiled`.

Strings are runs of UTF-8 in flat arrays. A token of the vocabulary is found by its hash
(FNV-1a, 32 bits, open addressing) and then compared byte by byte, so that no two strings
are ever taken for one another. Matching bytes is matching characters, because UTF-8 is
self-synchronising: a token cannot end inside a character.

Greedy matching as in BERT (Devlin et al., 2019); compare the linear-time algorithm of
Song et al. (2021, "Fast WordPiece Tokenization"), which pays off for longer words only:
here nine words in ten are found whole, with the hash that the scan has made on its way.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

SPACE = 128
"""In `Table.ascii`: ends a word."""
SPECIAL = 129
"""In `Table.ascii`: look further (several bytes, punctuation, start of an added token)."""

DONE, UNKNOWN, BEYOND = 0, 1, 2
"""How the scan of a text ended: well, at a code point not in the table, at an added token."""

_BASIS, _PRIME, _MASK = 18652613, 16777619, 0x7FFFFFFF
_BLANK = 32


Bytes = NDArray[np.uint8]
Integers = NDArray[Any]


class Vocabulary(NamedTuple):
    """Tokens, and two hash tables over them: of those that begin a word, and of the others."""

    slots: NDArray[np.int64]
    """(2 * size,), ``size`` a power of two: ``hash << 32 | token``, or -1. Second the others."""
    starts: NDArray[np.int32]
    """(tokens + 1,) where the bytes of each token start; ids without a token are empty."""
    letters: Bytes
    """The bytes of all tokens, without the "##" of those that do not begin a word."""
    inner: NDArray[np.bool_]
    """(tokens,) which tokens do not begin a word."""
    longest: int
    """The bytes of the longest token."""
    unknown: int
    """The id for a word that cannot be cut into pieces."""
    most_characters: int
    """Words with more are unknown."""


class Table(NamedTuple):
    """What becomes of each code point, see :mod:`.characters`."""

    ascii: Bytes
    """(256,) the byte that stands for this byte in a word, or SPACE or SPECIAL."""
    places: NDArray[np.int32]
    """(0x110000,) where in `words` its entry is; 0 if not known yet, -1 if beyond the """
    words: Bytes
    """Entries: a length, then so many bytes; a blank ends a word."""
    added: Bytes
    """The bytes of tokens that are cut out before all else, such as "[CLS]"."""
    added_starts: NDArray[np.int32]
    """(added + 1,) where the bytes of each start."""


class Word(NamedTuple):
    """Room for the word at hand."""

    letters: Bytes
    """(room,) its bytes; see :func:`room_for`."""
    keys: NDArray[np.int64]
    """(room,) the hashes of what it begins with."""


def room_for(most_characters: int) -> int:
    """The bytes to give a word: so many that one that fills them has too many characters."""
    return 4 * most_characters + 4


def fill_slots(vocabulary: Vocabulary) -> None:
    """Enter every token into the hash tables, empty so far."""
    slots, starts = vocabulary.slots, vocabulary.starts
    size = len(slots) // 2
    for token in range(len(starts) - 1):
        if starts[token] == starts[token + 1]:
            continue
        key = _BASIS
        for i in range(starts[token], starts[token + 1]):
            key = _mix(key, int(vocabulary.letters[i]))
        slot, base = _slot(key, size), size * int(vocabulary.inner[token])
        while slots[base + slot] >= 0:
            slot = (slot + 1) & (size - 1)
        slots[base + slot] = (key << 32) | token


def scan(
    data: Bytes,
    bounds: NDArray[np.int64],
    first: int,
    last: int,
    limit: int,
    table: Table,
    vocabulary: Vocabulary,
    word: Word,
    ids: NDArray[np.int32],
    counts: NDArray[np.int64],
    states: NDArray[np.uint8],
) -> int:
    """Cut texts ``first`` to ``last`` into tokens.

    Parameters
    ----------
    data : ndarray of uint8
        The UTF-8 of all texts, one after the other.
    bounds : ndarray of int64, shape (texts + 1,)
        Where each text starts in ``data``.
    limit : int
        The most tokens that a text may have.
    ids : ndarray of int32
        Filled from the left; a text has no more tokens than bytes.
    counts : ndarray of int64, shape (texts,)
        Filled with the number of tokens of each text; 0 unless it is DONE.
    states : ndarray of uint8, shape (texts,)
        Filled with DONE, UNKNOWN or BEYOND.

    Returns
    -------
    int
        How many ids there are.
    """
    n = 0
    for text in range(first, last):
        end, state = _scan_text(
            data, bounds[text], bounds[text + 1], n + limit, table, vocabulary, word, ids, n
        )
        states[text] = state
        counts[text] = end - n
        n = end
    return n


def _scan_text(
    data: Bytes,
    at: int,
    end: int,
    stop: int,
    table: Table,
    vocabulary: Vocabulary,
    word: Word,
    ids: NDArray[np.int32],
    n: int,
) -> tuple[int, int]:
    """Append the tokens of ``data[at:end]`` to ``ids``; returns where they end, and the state."""
    begin, length, key, room = n, 0, _BASIS, len(word.letters)
    while at < end and n < stop:
        byte = int(data[at])
        code = int(table.ascii[byte])
        if code < SPACE:
            at += 1
            if length < room:
                word.letters[length] = code
                length += 1
                key = _mix(key, code)
        elif code == SPACE:
            at += 1
            n = _emit(word, length, key, vocabulary, ids, n)
            length, key = 0, _BASIS
        else:
            if _at_added(data, at, end, table):
                return begin, BEYOND
            point, at = _code_point(data, at, byte)
            place = table.places[point]
            if place <= 0:
                return begin, UNKNOWN if place == 0 else BEYOND
            for i in range(place + 1, place + 1 + int(table.words[place])):
                code = int(table.words[i])
                if code == _BLANK:
                    n = _emit(word, length, key, vocabulary, ids, n)
                    length, key = 0, _BASIS
                elif length < room:
                    word.letters[length] = code
                    length += 1
                    key = _mix(key, code)
    n = _emit(word, length, key, vocabulary, ids, n)
    return min(n, stop), DONE


def _mix(key: int, byte: int) -> int:
    """FNV-1a, one byte further, in 31 bits."""
    return ((key ^ byte) * _PRIME) & _MASK


def _slot(key: int, size: int) -> int:
    return (key ^ (key >> 15)) & (size - 1)


def _code_point(data: Bytes, at: int, byte: int) -> tuple[int, int]:
    """Decode valid UTF-8: the code point at ``at``, and where the next one starts."""
    if byte < 0x80:
        return byte, at + 1
    more = 1 + int(byte >= 0xE0) + int(byte >= 0xF0)
    point = byte & (0x3F >> more)
    for i in range(at + 1, at + 1 + more):
        point = (point << 6) | (int(data[i]) & 0x3F)
    return point, at + 1 + more


def _at_added(data: Bytes, at: int, end: int, table: Table) -> bool:
    """Whether one of the added tokens stands at ``at``."""
    for k in range(len(table.added_starts) - 1):
        start = table.added_starts[k]
        size = table.added_starts[k + 1] - start
        if size <= end - at:
            i = 0
            while i < size and data[at + i] == table.added[start + i]:
                i += 1
            if i == size:
                return True
    return False


def _emit(
    word: Word, length: int, key: int, vocabulary: Vocabulary, ids: NDArray[np.int32], n: int
) -> int:
    """Append the tokens of a word to ``ids``; returns where they end."""
    if length == 0:
        return n
    most = vocabulary.most_characters
    if length > most and _characters(word, length) > most:
        ids[n] = vocabulary.unknown
        return n + 1
    token = _find(word, 0, length, key, 0, vocabulary)
    if token < 0:
        return _pieces(word, length, vocabulary, ids, n)
    ids[n] = token
    return n + 1


def _characters(word: Word, length: int) -> int:
    count = 0
    for i in range(length):
        count += (int(word.letters[i]) & 0xC0) != 0x80  # all but UTF-8's continuation bytes
    return count


def _pieces(word: Word, length: int, vocabulary: Vocabulary, ids: NDArray[np.int32], n: int) -> int:
    """Cut a word into the longest tokens from the left, or else call it unknown."""
    begin, m, base = 0, n, 0
    while begin < length:
        key = _BASIS
        top = min(length, begin + vocabulary.longest)
        for i in range(begin, top):
            key = _mix(key, int(word.letters[i]))
            word.keys[i] = key
        token = -1
        while top > begin:
            token = _find(word, begin, top, word.keys[top - 1], base, vocabulary)
            if token >= 0:
                break
            top -= 1
        if token < 0:
            ids[n] = vocabulary.unknown
            return n + 1
        ids[m] = token
        m += 1
        begin, base = top, len(vocabulary.slots) // 2
    return m


def _find(word: Word, begin: int, end: int, key: int, base: int, vocabulary: Vocabulary) -> int:
    """The token that is ``word[begin:end]`` in the hash table that starts at ``base``, or -1."""
    size = len(vocabulary.slots) // 2
    slot = _slot(key, size)
    entry = vocabulary.slots[base + slot]
    while entry >= 0:
        if entry >> 32 == key:
            token = int(entry & 0xFFFFFFFF)
            start, i = vocabulary.starts[token], end - begin
            if vocabulary.starts[token + 1] - start == i:
                while i > 0 and vocabulary.letters[start + i - 1] == word.letters[begin + i - 1]:
                    i -= 1
                if i == 0:
                    return token
        slot = (slot + 1) & (size - 1)
        entry = vocabulary.slots[base + slot]
    return -1


INNER = (
    _scan_text, _mix, _slot, _code_point, _at_added, _emit, _characters, _pieces, _find,
)  # fmt: skip
"""What :func:`scan` and :func:`fill_slots` call, for :func:`.compiled.compiled`."""
