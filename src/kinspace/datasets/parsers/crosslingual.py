"""Translations: of sentences, of words, and captions of one picture."""

from __future__ import annotations

from kinspace.datasets.content import BitextSet, DictionarySet, LabelledSet
from kinspace.datasets.material import Material
from kinspace.errors import ReadError


def bitext(material: Material) -> BitextSet:
    """Two files of which the same lines are translations of each other."""
    left = [line.strip() for line in material.files["left"].lines()]
    right = [line.strip() for line in material.files["right"].lines()]
    return BitextSet(material.name, left, right)


def captions(material: Material) -> LabelledSet:
    """Five files of captions, and one of pictures: the label of a caption is its picture."""
    pictures = material.files["pictures"].lines()
    texts: list[str] = []
    labels: list[str] = []
    columns = [blob.lines() for role, blob in sorted(material.files.items()) if role != "pictures"]
    for number, column in enumerate(columns, start=1):
        if len(column) != len(pictures):
            raise ReadError(
                f"{material.name}: {len(column)} captions in file {number}, "
                f"{len(pictures)} pictures.",
                "Check that the files are the ones that are meant.",
            )
    for picture, *about in zip(pictures, *columns, strict=True):
        texts += [caption.strip() for caption in about]
        labels += [picture] * len(about)
    return LabelledSet(material.name, texts, labels)


def dictionary(material: Material) -> DictionarySet:
    """Words and their translations, a pair a line, from all files of the split.

    ``source TAB target`` in the tests, ``target @ source`` in the whole dictionaries.
    """
    found: dict[str, list[str]] = {}
    for _, blob in sorted(material.files.items()):
        for number, line in enumerate(blob.lines(), start=1):
            if not line.strip():
                continue
            if " @ " in line:
                target, _, source = line.partition(" @ ")
            else:
                source, _, target = line.partition("\t")
            if not source.strip() or not target.strip():
                raise blob.wrong(number, "this is no pair of words")
            known = found.setdefault(source.strip(), [])
            if target.strip() not in known:
                known.append(target.strip())
    return DictionarySet(material.name, found)
