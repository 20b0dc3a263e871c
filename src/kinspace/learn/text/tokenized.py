"""Texts cut into words once, and gone through as numbers many times."""

from __future__ import annotations

import time
from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set, Sized
from functools import cached_property
from itertools import count, islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinspace.errors import InvalidInput, InvalidParameter
from kinspace.learn.stages import Stages, silent
from kinspace.learn.text.token_files import TokenFiles
from kinspace.learn.text.tokenizer import Tokenizer, as_tokenizer

BLOCK = 1 << 20
"""Words that are held in memory while texts are read; then they are written down."""
MOST = 4_000_000
"""Different words that are held at once (some 600 MB); beyond, the rarest half is forgotten."""


class Tokenized(Iterable[list[str]]):
    """Texts that were cut into words: numbers in files, whatever their length.

    Every learner takes it in the place of texts, and then nothing is cut again. It can be gone
    through any number of times, and gives each text's words.

    Attributes
    ----------
    tokenizer : dict
        What cut the texts, as :meth:`Tokenizer.to_dict` gives it.
    items : int
        Texts.
    words : int
        Words of all texts together.
    """

    def __init__(self, files: TokenFiles, most: int = MOST) -> None:
        self._files = files
        self._most = most

    @property
    def tokenizer(self) -> dict[str, Any]:
        return self._files.tokenizer

    @property
    def items(self) -> int:
        return self._files.items

    @property
    def words(self) -> int:
        return self._files.words

    def __len__(self) -> int:
        return self.items

    def __repr__(self) -> str:
        return f"Tokenized({self.items:,} texts, {self.words:,} words)"

    def __iter__(self) -> Iterator[list[str]]:
        names, kinds = self.names, self.kinds
        for numbers, lengths in self.blocks():
            flat = kinds[numbers]
            known = np.concatenate([[0], np.cumsum(flat >= 0)])
            ends = known[np.cumsum(lengths)].tolist()
            words = [names[i] for i in flat[flat >= 0].tolist()]
            start = 0
            for end in ends:
                yield words[start:end]
                start = end

    def blocks(self, size: int = BLOCK) -> Iterator[tuple[NDArray[np.uint32], NDArray[np.int64]]]:
        """Texts in order, some at a time: the numbers of their words, and how many each has.

        Parameters
        ----------
        size : int
            Words of a block; a longer text is a block by itself.
        """
        word = 0
        for first in range(0, self.items, BLOCK):
            lengths = self._files.lengths_of(first, min(first + BLOCK, self.items))
            ends = np.concatenate([[0], np.cumsum(lengths)])
            at = 0
            while at < len(lengths):
                to = max(at + 1, int(np.searchsorted(ends, ends[at] + size, "right")) - 1)
                more = int(ends[to] - ends[at])
                yield self._files.numbers_of(word, word + more), lengths[at:to]
                word, at = word + more, to

    # -- the different words -------------------------------------------------------------------

    @property
    def names(self) -> list[str]:
        """The different words, in the order in which they first came."""
        return self._known[0]

    @property
    def kinds(self) -> NDArray[np.int64]:
        """For each number in :meth:`blocks`, the place of its word in `names`; -1 if forgotten.

        More than one number stands for a word only where so many different words came that some
        had to be forgotten for a while.
        """
        return self._known[1]

    @property
    def counts(self) -> NDArray[np.int64]:
        """How often each of `names` came."""
        return self._known[2]

    @cached_property
    def _known(self) -> tuple[list[str], NDArray[np.int64], NDArray[np.int64]]:
        by_number = np.zeros(self._files.names, np.int64)
        for numbers, _ in self.blocks():
            by_number += np.bincount(numbers, minlength=len(by_number))
        places, first = _alive(self._files, by_number, self._most)
        names = list(places)
        rank = np.full(len(by_number) + 1, -1, np.int64)  # the last is for -1: forgotten
        rank[list(places.values())] = np.arange(len(names))
        kinds = rank[first]
        counts = np.zeros(len(names), np.int64)
        np.add.at(counts, kinds[kinds >= 0], by_number[kinds >= 0])
        return names, kinds, counts


def tokenize(
    items: Iterable[str | Sequence[str]],
    tokenizer: Any = "words",
    *,
    folder: str | Path | None = None,
    version: str | None = None,
    tell: Stages = silent,
    most: int = MOST,
) -> Tokenized:
    """Cut texts into words, once, and keep them as numbers on disk.

    Memory holds the different words and some 10 MB, however long the texts are.

    Parameters
    ----------
    items : iterable of str, or of sequences of str
        A text each, or its words. Gone through once. What is tokenized already is given back,
        with phrases joined if the tokenizer is one that joins them; nothing is kept then.
    tokenizer : str, dict, path or tokenizer
        See :func:`as_tokenizer`. Lists of words are taken as they are.
    folder : path, optional
        Where to keep the numbers. If the same texts were cut there before by the same tokenizer,
        nothing is done again; if that was stopped on the way, it goes on from there. Without it
        they are in a file that goes with the result.
    version : str, optional
        Tells other texts from the same ones, for ``folder``. ``ks.read.lines`` and
        ``ks.read.texts`` know theirs (names, sizes and dates of the files); others are cut again
        unless it is given.
    tell : callable
        Told of ``("read", items, 0, words a second)``.
    most : int
        Different words that are held at once. When more came, the rarest half is forgotten; a
        forgotten word that comes again often enough gets all its places back.

    Returns
    -------
    Tokenized

    Raises
    ------
    InvalidInput
        If an item is neither a text nor a sequence of words; if the folder holds other things, or
        another process works with it.
    InvalidParameter
        If the texts were tokenized already by another tokenizer.
    ReadError
        If the folder's files are damaged.

    Examples
    --------
    >>> texts = tokenize(["A cat sat.", "The cat!"])
    >>> texts, list(texts)
    (Tokenized(2 texts, 5 words), [['a', 'cat', 'sat'], ['the', 'cat']])
    """
    if isinstance(items, str | bytes) or not isinstance(items, Iterable):
        raise InvalidInput(f"{items!r:.80} is not a list of texts.", "Give a list, also of one.")
    from kinspace.learn.text.phrases import Phrases

    cutter = as_tokenizer(tokenizer)
    if isinstance(items, Tokenized):
        return _same(items, cutter)
    if isinstance(cutter, Phrases):
        plain = tokenize(items, cutter.cutter, folder=folder, version=version, tell=tell, most=most)
        return cutter.joined(plain)
    stated = version if version is not None else _version(items)
    files = TokenFiles.open(folder, cutter.to_dict(), stated)
    if not files.complete:
        try:
            _Cutting(files, cutter, tell, most).run(items)
        except BaseException:
            files.close()  # what is in a folder stays there, and nobody is kept from it
            raise
    return Tokenized(files, most)


def words_of(item: Any, cutter: Tokenizer) -> Sequence[str]:
    """The words of an item: of a text by the tokenizer, of a sequence as they are.

    Raises
    ------
    InvalidInput
        If it is neither.
    """
    if isinstance(item, str):
        return cutter.words(item)
    if isinstance(item, Iterable) and not isinstance(item, bytes | Mapping | Set):
        return item if isinstance(item, Sequence) else list(item)
    raise InvalidInput(
        f"{item!r:.80} is neither a text nor its words.", "Give strings, or lists of strings."
    )


class _Cutting:
    """Reads texts into files, a block of words at a time."""

    def __init__(self, files: TokenFiles, cutter: Tokenizer, tell: Stages, most: int) -> None:
        self.files, self.cutter, self.tell, self.most = files, cutter, tell, most
        self.places: defaultdict[str, int] = defaultdict(count(files.names).__next__)
        self.counts = np.zeros(files.names, np.int64)
        self.began, self.words_before = time.perf_counter(), files.words
        if files.names:  # it was stopped on the way
            before = Tokenized(files, most)
            for numbers, _ in before.blocks():
                self.counts += np.bincount(numbers, minlength=files.names)
            alive, _ = _alive(files, self.counts, most)
            self.places.update(alive)

    def run(self, items: Iterable[str | Sequence[str]]) -> None:
        """All items that are not in the files yet."""
        numbers, lengths = array("I"), array("I")
        number_of = self.places.__getitem__
        total = len(items) if isinstance(items, Sized) else 0
        known = len(self.places)
        for item in islice(items, self.files.items, None):
            before = len(numbers)
            numbers.extend(map(number_of, words_of(item, self.cutter)))
            lengths.append(len(numbers) - before)
            if len(numbers) >= BLOCK:
                self._write(numbers, lengths, known, total)
                known = len(self.places)
                numbers, lengths = array("I"), array("I")
        self._write(numbers, lengths, known, self.files.items + len(lengths))
        self.files.finish()

    def _write(self, numbers: array[int], lengths: array[int], known: int, total: int) -> None:
        fresh = len(self.places) - known
        names = [*islice(reversed(self.places), fresh)][::-1]
        _check(names)
        self.files.append(np.frombuffer(numbers, "I"), np.frombuffer(lengths, "I"), names)
        self.counts = np.concatenate([self.counts, np.zeros(fresh, np.int64)])
        self.counts += np.bincount(np.frombuffer(numbers, "I"), minlength=len(self.counts))
        if len(self.places) > self.most:
            _forget(self.places, self.counts, self.most)
        taken = max(time.perf_counter() - self.began, 1e-9)
        rate = (self.files.words - self.words_before) / taken
        done = self.files.items
        self.tell("read", done, total, f"{self.files.words:,} words, {rate:,.0f} words/s")


def _check(names: list[str]) -> None:
    for name in names:
        if not isinstance(name, str):
            raise InvalidInput(f"{name!r:.80} is not a word.", "Give texts, or lists of strings.")
    try:
        "".join(names).encode()
    except UnicodeEncodeError as error:
        raise InvalidInput(
            f"{error.object[max(0, error.start - 20) : error.end + 20]!r} holds half a character "
            "(a lone surrogate).",
            "Clean it with: text.encode('utf-8', 'replace').decode().",
        ) from error


def _forget(places: dict[str, int], counts: NDArray[np.int64], most: int) -> None:
    """Drop the rarer words, so that no more than half of ``most`` are left."""
    found = counts[list(places.values())]
    limit = np.partition(found, len(found) - most // 2 - 1)[len(found) - most // 2 - 1]
    rare = [name for name, number in places.items() if counts[number] <= limit]
    for name in rare:
        del places[name]


def _alive(
    files: TokenFiles, counts: NDArray[np.int64], most: int
) -> tuple[dict[str, int], NDArray[np.int64]]:
    """The words that are known in the end, and for each number the one that its word goes by."""
    places: dict[str, int] = {}
    together = counts.copy()
    number = 0
    for block in files.names_in_blocks():
        for name in block:
            first = places.setdefault(name, number)
            if first != number:
                together[first] += counts[number]
            number += 1
        if len(places) > most:
            _forget(places, together, most)
    if len(places) == number:
        return places, np.arange(number)
    names = (name for block in files.names_in_blocks() for name in block)
    return places, np.fromiter((places.get(name, -1) for name in names), np.int64, number)


def _version(items: Any) -> str | None:
    """What tells these texts from others, where they know it themselves."""
    known = getattr(items, "version", None)
    return str(known()) if callable(known) else None


def _same(given: Tokenized, cutter: Tokenizer) -> Tokenized:
    """Texts that are cut already, for one who cuts likewise."""
    from kinspace.learn.text.phrases import Phrases

    if given.tokenizer == cutter.to_dict():
        return given
    if isinstance(cutter, Phrases):
        return cutter.joined(_same(given, cutter.cutter))
    raise InvalidParameter(
        f"These texts were cut by {as_tokenizer(given.tokenizer)!r}, not by {cutter!r}.",
        f"Give the learner tokenizer={given.tokenizer.get('kind')!r}, or the texts themselves.",
    )
