"""What a table may be: pairs with a score, labelled texts, translations; told by its columns."""

from __future__ import annotations

import numpy as np

from kinspace.datasets.content import BitextSet, DictionarySet, LabelledSet, PairSet
from kinspace.datasets.own.table import Table, is_number, wrong
from kinspace.errors import ReadError

SIDES = (
    ("sentence1", "sentence2"), ("text1", "text2"), ("word1", "word2"), ("s1", "s2"),
    ("sentencea", "sentenceb"), ("left", "right"), ("question1", "question2"),
    ("1string", "2string"), ("texta", "textb"),
)  # fmt: skip
SCORES = (
    *("score", "similarity", "relatedness", "gold", "goldscore", "rating", "mean", "quality"),
    *("isduplicate", "label"),
)
TEXTS = (
    *("text", "sentence", "question", "utterance", "query", "review", "tweet", "content"),
    *("body", "message", "comment", "document", "title"),
)
LABELS = (
    *("label", "labels", "category", "class", "intent", "target", "sentiment", "topic"),
    *("group", "cluster", "coarselabel", "labeltext"),
)
NAMES = frozenset({*(name for pair in SIDES for name in pair), *SCORES, *TEXTS, *LABELS})
"""Names by which the first row of a table is told from the others."""

_STS = (5, 6, 4)  # STS-B: nothing has a name, the texts are in the sixth and seventh column


def pair_columns(table: Table) -> tuple[int, int, int] | None:
    """Which columns hold the two texts and their score; ``None`` if there are no such."""
    if table.columns:
        score = table.column(SCORES)
        for one, other in SIDES:
            if {one, other} <= set(table.columns) and score is not None:
                return table.columns.index(one), table.columns.index(other), score
        return None
    width = min(len(row.cells) for row in table.rows)
    if width >= 7 and _all_numbers(table, _STS[2]) and not _all_numbers(table, _STS[0]):
        return _STS
    if width != 3:
        return None
    numeric = [column for column in range(3) if _all_numbers(table, column)]
    if len(numeric) != 1:
        return None
    left, right = (column for column in range(3) if column not in numeric)
    return left, right, numeric[0]


def label_columns(table: Table) -> tuple[int, int] | None:
    """Which columns hold the text and its label; ``None`` if that cannot be told."""
    if table.columns:
        text, label = table.column(TEXTS), table.column(LABELS)
        return None if text is None or label is None or text == label else (text, label)
    if {len(row.cells) for row in table.rows} != {2}:
        return None
    kinds = [len(set(table.cells(column))) for column in (0, 1)]
    few = min(kinds)
    if kinds[0] == kinds[1] or few * 2 > len(table.rows):
        return None
    return (1, 0) if kinds[0] == few else (0, 1)


def is_bitext(table: Table) -> bool:
    """Whether there are two columns of sentences that do not repeat: translations, it seems."""
    if table.columns or {len(row.cells) for row in table.rows} != {2}:
        return False
    sides = [table.cells(column) for column in (0, 1)]
    count = len(table.rows)
    return count >= 4 and all(
        len(set(side)) >= 0.9 * count and sum(len(text.split()) for text in side) >= 3 * count
        for side in sides
    )


def pairs(table: Table, name: str) -> PairSet:
    """The table as pairs with scores."""
    found = pair_columns(table)
    if found is None:
        raise ReadError(
            f"{table.path} has no two columns of texts and one of scores that can be told apart.",
            "Name the columns sentence1, sentence2 and score; or give three without names.",
        )
    left, right, score = found
    scores = np.array(table.numbers(score), dtype=np.float64)
    return PairSet(name, table.cells(left), table.cells(right), scores)


def labelled(table: Table, name: str) -> LabelledSet:
    """The table as texts with labels."""
    found = label_columns(table)
    if found is None:
        raise ReadError(
            f"{table.path} has no column of texts and one of labels that can be told apart.",
            "Name the columns text and label.",
        )
    text, label = found
    labels = table.cells(label)
    for row, value in zip(table.rows, labels, strict=True):
        if not value:
            raise wrong(table.path, row.line, "no label")
    return LabelledSet(name, table.cells(text), labels)


def bitext(table: Table, name: str) -> BitextSet:
    """The first two columns as sentences and their translations."""
    return BitextSet(name, table.cells(0), table.cells(1))


def dictionary(table: Table, name: str) -> DictionarySet:
    """The first two columns as words and their translations; a word may be there again."""
    found: dict[str, list[str]] = {}
    for source, target in zip(table.cells(0), table.cells(1), strict=True):
        found.setdefault(source, [])
        if target not in found[source]:
            found[source].append(target)
    return DictionarySet(name, found)


def _all_numbers(table: Table, column: int) -> bool:
    return all(is_number(row.cells[column]) for row in table.rows)
