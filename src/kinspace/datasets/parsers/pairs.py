"""Pairs of words, sentences and documents with the similarity that people gave them."""

from __future__ import annotations

import numpy as np

from kinspace.datasets.content import PairSet
from kinspace.datasets.material import Blob, Material


def word_pairs(material: Material) -> PairSet:
    """Two words and a score a line, apart by tabs or blanks."""
    rows = [(number, line.split()) for number, line in enumerate(material.only.lines(), start=1)]
    cells = [(number, row) for number, row in rows if row]
    for number, row in cells:
        if len(row) != 3:
            raise material.only.wrong(number, f"{len(row)} cells, not two words and a score")
    scores = [_score(material.only, number, row[2]) for number, row in cells]
    return _set(material, [row[0] for _, row in cells], [row[1] for _, row in cells], scores)


def sts(material: Material) -> PairSet:
    """STS-B: the score (0 to 5) in the fifth cell, the texts in the sixth and seventh.

    Quotation marks stand for themselves there.
    """
    return _columns(material, score=4, left=5, right=6)


def msrp(material: Material) -> PairSet:
    """The Microsoft paraphrases: 1 if they mean the same, else 0, then two ids and the texts."""
    return _columns(material, score=0, left=3, right=4, header=True)


def lee(material: Material) -> PairSet:
    """All pairs of the 50 documents of Lee et al. with the mean of what people said (0 to 1)."""
    texts = material.files["texts"].lines(material.encoding)
    blob = material.files["similarities"]
    try:
        table = np.array([line.split() for line in blob.lines()], dtype=np.float64)
    except ValueError:
        raise blob.wrong(1, "this is no square table of numbers") from None
    if table.shape != (len(texts), len(texts)):
        raise blob.wrong(1, f"{table.shape} numbers for {len(texts)} documents")
    rows, columns = np.triu_indices(len(texts), k=1)
    left, right = [texts[i] for i in rows], [texts[j] for j in columns]
    return PairSet(material.name, left, right, table[rows, columns])


def _columns(
    material: Material, *, score: int, left: int, right: int, header: bool = False
) -> PairSet:
    """Pairs from a file with tabs, of which nothing is quoted."""
    blob = material.only
    lefts, rights, scores = [], [], []
    for number, line in enumerate(blob.lines(), start=1):
        if header and number == 1:
            continue
        cells = line.split("\t")
        if len(cells) <= max(score, left, right):
            raise blob.wrong(number, f"{len(cells)} cells, not {max(score, left, right) + 1}")
        lefts.append(cells[left])
        rights.append(cells[right])
        scores.append(_score(blob, number, cells[score]))
    return _set(material, lefts, rights, scores)


def _set(material: Material, left: list[str], right: list[str], scores: list[float]) -> PairSet:
    return PairSet(material.name, left, right, np.array(scores, dtype=np.float64))


def _score(blob: Blob, line: int, cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        raise blob.wrong(line, f"{cell!r} is no score") from None
