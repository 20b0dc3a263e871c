"""Sentences of words with a tag each."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain

from kinspace.datasets.content import TaggedSet
from kinspace.datasets.material import Blob, Material
from kinspace.datasets.parsers.archive import zipped


def conll(material: Material) -> TaggedSet:
    """A word, a tab and its tag a line; a blank line ends a sentence."""
    sentences: list[list[str]] = []
    tags: list[list[str]] = []
    begun = False
    for number, line in enumerate(material.only.lines(), start=1):
        if not line.strip():
            begun = False
            continue
        word, tab, tag = line.partition("\t")
        if not tab or not tag.strip():
            raise material.only.wrong(number, "this is no word and tag")
        if not begun:
            sentences.append([])
            tags.append([])
            begun = True
        sentences[-1].append(word)
        tags[-1].append(tag.strip())
    return TaggedSet(material.name, sentences, tags)


def brown(material: Material) -> TaggedSet:
    """The Brown corpus: ``word/tag``, a sentence a line."""
    sentences: list[list[str]] = []
    tags: list[list[str]] = []
    for words, marks in chain.from_iterable(map(brown_sentences, brown_samples(material.only))):
        sentences.append(words)
        tags.append(marks)
    return TaggedSet(material.name, sentences, tags)


def brown_samples(blob: Blob) -> Iterator[Blob]:
    """The 500 samples that the archive of the Brown corpus holds."""
    for inside in zipped(blob):
        if re.fullmatch(r"c[a-r]\d\d", inside.name.rpartition("/")[2]):
            yield inside


def brown_sentences(sample: Blob) -> Iterator[tuple[list[str], list[str]]]:
    """The sentences of a sample: words, and their tags."""
    for number, line in enumerate(sample.lines(), start=1):
        pairs = [token.rpartition("/") for token in line.split()]
        if not all(slash for _, slash, _ in pairs):
            raise sample.wrong(number, "a word without a tag")
        if pairs:
            yield [word for word, _, _ in pairs], [tag for _, _, tag in pairs]
