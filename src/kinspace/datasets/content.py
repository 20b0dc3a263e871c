"""What datasets hold, once they are read: the shapes that tasks work on.

A parser gives one of these for a split; what a set is called and where it comes from is in its
record. All are frozen, and check what they are given: whoever has one can rely on it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from kinspace.errors import DimensionMismatch, EmptyInput, InvalidJudgements, InvalidVectors


@dataclass(frozen=True, slots=True)
class Document:
    """A text that can be found.

    Parameters
    ----------
    id : str
    text : str
    title : str
        Empty if it has none.
    """

    id: str
    text: str
    title: str = ""

    @property
    def whole(self) -> str:
        """Title and text as one text, the way BEIR and MTEB join them.

        Examples
        --------
        >>> Document("1", "It purrs.", "Cats").whole
        'Cats It purrs.'
        """
        return f"{self.title} {self.text}".strip()


@dataclass(frozen=True)
class RetrievalSet:
    """Documents, queries, and which documents answer a query.

    Parameters
    ----------
    name : str
    documents : mapping of str to Document
        By id.
    queries : mapping of str to str
        Texts by id; those without judgements are not asked.
    qrels : mapping of str to mapping of str to int
        Grades of documents by query: 1 and more is relevant, 0 and less was judged and is not.
    candidates : mapping of str to sequence of str, optional
        Documents to be brought into order, by query, where the set is one for reranking.

    Raises
    ------
    EmptyInput
        If there are no documents.
    InvalidJudgements
        If judgements name documents or queries that do not exist, or no query has a relevant one.
    """

    name: str
    documents: Mapping[str, Document]
    queries: Mapping[str, str]
    qrels: Mapping[str, Mapping[str, int]]
    candidates: Mapping[str, Sequence[str]] | None = None

    def __post_init__(self) -> None:
        if not self.documents:
            raise EmptyInput(f"{self.name} has no documents.", "Give a corpus with texts.")
        for query, grades in self.qrels.items():
            if query not in self.queries:
                raise InvalidJudgements(
                    f"{self.name}: the judgements name the query {query!r}, which does not exist.",
                    "Check that queries and judgements belong together.",
                )
            for document in grades:
                if document not in self.documents:
                    raise InvalidJudgements(
                        f"{self.name}: query {query!r} is judged on the document {document!r}, "
                        "which does not exist.",
                        "Check that corpus and judgements belong together.",
                    )
        if not any(grade > 0 for grades in self.qrels.values() for grade in grades.values()):
            raise InvalidJudgements(
                f"{self.name}: no query has a relevant document.",
                "Give judgements with grades of 1 or more.",
            )

    @property
    def judged(self) -> dict[str, str]:
        """The queries that have a relevant document: those on which a system is judged."""
        return {
            name: text
            for name, text in self.queries.items()
            if any(grade > 0 for grade in self.qrels.get(name, {}).values())
        }


@dataclass(frozen=True)
class PairSet:
    """Pairs of texts (or words) with a number each: a similarity, or 1 and 0 for yes and no.

    Parameters
    ----------
    name : str
    left, right : sequence of str
    scores : ndarray of float64, shape (n,)
    """

    name: str
    left: Sequence[str]
    right: Sequence[str]
    scores: NDArray[np.float64]

    def __post_init__(self) -> None:
        if not len(self.scores):
            raise EmptyInput(f"{self.name} has no pairs.", "Give at least two.")
        if not len(self.left) == len(self.right) == len(self.scores):
            raise DimensionMismatch(
                f"{self.name} has {len(self.left)} texts on the left, {len(self.right)} on the "
                f"right and {len(self.scores)} scores.",
                "Give one of each a pair.",
            )
        if not np.isfinite(self.scores).all():
            row = int(np.flatnonzero(~np.isfinite(self.scores))[0])
            raise InvalidVectors(
                f"{self.name}: pair {row} has the score {self.scores[row]}.", "Give a number."
            )

    def __len__(self) -> int:
        return len(self.scores)

    @property
    def is_binary(self) -> bool:
        """Whether the scores are 0 and 1 only."""
        return bool(np.isin(self.scores, (0, 1)).all())


@dataclass(frozen=True)
class LabelledSet:
    """Texts with a label each: classes, clusters, or groups of duplicates.

    Parameters
    ----------
    name : str
    texts : sequence of str
    labels : sequence of str
    """

    name: str
    texts: Sequence[str]
    labels: Sequence[str]

    def __post_init__(self) -> None:
        if not len(self.texts):
            raise EmptyInput(f"{self.name} has no texts.", "Give texts with labels.")
        if len(self.texts) != len(self.labels):
            raise DimensionMismatch(
                f"{self.name} has {len(self.texts)} texts and {len(self.labels)} labels.",
                "Give one label a text.",
            )

    def __len__(self) -> int:
        return len(self.texts)


@dataclass(frozen=True)
class BitextSet:
    """Sentences of two languages; those at the same position are translations of each other."""

    name: str
    left: Sequence[str]
    right: Sequence[str]

    def __post_init__(self) -> None:
        if not len(self.left):
            raise EmptyInput(f"{self.name} has no sentences.", "Give pairs of sentences.")
        if len(self.left) != len(self.right):
            raise DimensionMismatch(
                f"{self.name} has {len(self.left)} and {len(self.right)} sentences.",
                "Give one translation a sentence.",
            )


@dataclass(frozen=True)
class DictionarySet:
    """Words of one language and their translations into another; a word may have several."""

    name: str
    translations: Mapping[str, Sequence[str]]

    def __post_init__(self) -> None:
        if not self.translations:
            raise EmptyInput(f"{self.name} has no words.", "Give pairs of words.")


@dataclass(frozen=True)
class AnalogySet:
    """Questions by section: ``(a, b, c, d)`` is read "a is to b as c is to d"."""

    name: str
    sections: Mapping[str, Sequence[tuple[str, str, str, str]]]

    def __post_init__(self) -> None:
        if not any(self.sections.values()):
            raise EmptyInput(f"{self.name} has no questions.", "Give lines of four words.")

    def __len__(self) -> int:
        return sum(map(len, self.sections.values()))


@dataclass(frozen=True)
class OutlierSet:
    """Groups of words that belong together, each with words that do not.

    Parameters
    ----------
    name : str
    groups : mapping of str to (sequence of str, sequence of str)
        Members and outliers by the group's name.
    """

    name: str
    groups: Mapping[str, tuple[Sequence[str], Sequence[str]]]

    def __post_init__(self) -> None:
        if not self.groups:
            raise EmptyInput(f"{self.name} has no groups.", "Give groups of words.")


@dataclass(frozen=True)
class TextSet:
    """Running text: documents in their order.

    Parameters
    ----------
    name : str
    texts : sequence of str
    """

    name: str
    texts: Sequence[str]

    def __post_init__(self) -> None:
        if not len(self.texts):
            raise EmptyInput(f"{self.name} has no texts.", "Give at least one.")

    def __len__(self) -> int:
        return len(self.texts)


@dataclass(frozen=True)
class TaggedSet:
    """Sentences of words with a tag each.

    Parameters
    ----------
    name : str
    sentences, tags : sequence of sequence of str
    """

    name: str
    sentences: Sequence[Sequence[str]]
    tags: Sequence[Sequence[str]]

    def __post_init__(self) -> None:
        if not len(self.sentences):
            raise EmptyInput(f"{self.name} has no sentences.", "Give sentences with tags.")
        for row, (words, tags) in enumerate(zip(self.sentences, self.tags, strict=True)):
            if len(words) != len(tags):
                raise DimensionMismatch(
                    f"{self.name}: sentence {row} has {len(words)} words and {len(tags)} tags.",
                    "Give one tag a word.",
                )


@dataclass(frozen=True)
class WordListSet:
    """Lists of words by name, such as the targets and attributes of an association test."""

    name: str
    lists: Mapping[str, Sequence[str]]
    notes: Mapping[str, str] = field(default_factory=dict)


Content = (
    RetrievalSet
    | PairSet
    | LabelledSet
    | BitextSet
    | DictionarySet
    | AnalogySet
    | OutlierSet
    | TextSet
    | TaggedSet
    | WordListSet
)
"""Everything that a parser may give."""
