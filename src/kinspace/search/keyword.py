"""Keyword search: words, phrases and fields, read from a query and scored by BM25."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

K1: Final = 1.2
B: Final = 0.75
"""BM25's constants, those of tantivy and Lucene (Robertson and Zaragoza, 2009)."""

_LONGEST: Final = 80
"""Characters of the longest word that is indexed; what is longer is no word."""

_WORD = re.compile(r"[^\W_]+")

# -- words -------------------------------------------------------------------------------------


@functools.cache
def analyser(*, without_stopwords: bool = False) -> Any:
    """Tantivy's text analyser: words in lower case, without accents, stemmed (English Snowball).

    Everything is indexed, and common words are left out of queries only: a phrase like
    "to be or not to be" can still be found, and BM25 on the SciFact training claims and CACM
    is best this way (see bench/LOG.md).
    """
    from tantivy import Filter, TextAnalyzerBuilder, Tokenizer

    builder = (
        TextAnalyzerBuilder(Tokenizer.simple())
        .filter(Filter.remove_long(_LONGEST))
        .filter(Filter.lowercase())
        .filter(Filter.ascii_fold())
    )
    if without_stopwords:
        builder = builder.filter(Filter.stopword("english"))
    return builder.filter(Filter.stemmer("english")).build()


def words_of(text: str) -> list[str]:
    """The text's words as they are indexed, in order.

    Examples
    --------
    >>> words_of("The models' vectors")
    ['the', 'model', 'vector']
    """
    return list(analyser().analyze(text))


@functools.lru_cache(1 << 16)
def _stem(word: str) -> str:
    return " ".join(words_of(word))


# -- queries -----------------------------------------------------------------------------------

Need = Literal["should", "must", "not"]
_NEEDS: Final[dict[str | None, Need]] = {None: "should", "+": "must", "-": "not"}


@dataclass(frozen=True, slots=True)
class Clause:
    """One part of a keyword query.

    Parameters
    ----------
    words : tuple of str
        As indexed; several make a phrase.
    field : str
        ``""`` for the whole record, ``"title"``, or the path of another field.
    need : {"should", "must", "not"}
    """

    words: tuple[str, ...]
    field: str = ""
    need: Need = "should"

    @property
    def label(self) -> str:
        """The clause as it is shown to people."""
        shown = " ".join(self.words) if len(self.words) == 1 else f'"{" ".join(self.words)}"'
        return f"{self.field}:{shown}" if self.field else shown


_PART = re.compile(
    r"""(?P<sign>(?<!\S)[+-])?
        (?:(?P<field>(?<![^\s+-])[A-Za-z_][\w.]*):(?=["\w]))?
        (?:"(?P<phrase>[^"]*)"|(?P<word>[^\s"]+))""",
    re.VERBOSE,
)


def parse(query: str) -> list[Clause]:
    """Read a query as people type it.

    Words may stand alone; ``"a phrase"`` holds its words together; ``title:word`` looks in one
    field; ``+word`` must be there and ``-word`` must not. Common words count only where nothing
    else is left, or inside a phrase. Any text is a query; nothing is an error.

    Examples
    --------
    >>> [clause.label for clause in parse('how are "two models" kept apart?')]
    ['how', '"two model"', 'kept', 'apart']
    >>> parse("title:stores -draft")[1].need
    'not'
    """
    clauses: list[Clause] = []
    common: list[Clause] = []
    for match in _PART.finditer(query):
        field, phrase, word = match["field"] or "", match["phrase"], match["word"]
        need = _NEEDS[match["sign"]]
        if phrase is not None:
            if found := words_of(phrase):
                clauses.append(Clause(tuple(found), field, need))
            continue
        kept = analyser(without_stopwords=need == "should").analyze(word)
        clauses += [Clause((one,), field, need) for one in kept]
        if not kept:
            common += [Clause((one,), field, need) for one in words_of(word)]
    return clauses if any(clause.need != "not" for clause in clauses) else clauses + common


# -- scores ------------------------------------------------------------------------------------


def idf(documents: int, containing: int) -> float:
    """Inverse document frequency as in Lucene: ``log(1 + (N - n + 0.5) / (n + 0.5))``."""
    containing = min(containing, documents)
    return math.log1p((documents - containing + 0.5) / (containing + 0.5))


def bm25(frequency: int, length: int, mean_length: float, weight: float) -> float:
    """BM25 of one word in one text; ``weight`` is its idf, lengths are in words."""
    norm = K1 * (1 - B + B * length / max(mean_length, 1.0))
    return weight * frequency * (K1 + 1) / (frequency + norm)


class Tail:
    """Records that the keyword index does not hold yet, scored here with its statistics.

    So what has just been written is found at once, while the index takes it in larger pieces.
    """

    def __init__(self) -> None:
        self._texts: dict[int, dict[str, list[str]]] = {}

    def __len__(self) -> int:
        return len(self._texts)

    def __iter__(self) -> Iterator[int]:
        return iter(self._texts)

    def words(self) -> int:
        """How many words the texts have together."""
        return sum(_length(texts, "") for texts in self._texts.values())

    def add(self, seq: int, fields: Mapping[str, Sequence[str]]) -> None:
        """Take in one record: its texts under ``""``, those of other fields by path.

        No phrase reaches from one text of a field into the next.
        """
        self._texts[seq] = {
            name: [word for text in texts for word in (*words_of(text), _GAP)]
            for name, texts in fields.items()
        }

    def forget(self, seqs: Iterable[int]) -> None:
        """Leave records out from now on."""
        for seq in seqs:
            self._texts.pop(seq, None)

    def containing(self, clause: Clause) -> int:
        """How many records satisfy a clause."""
        return sum(1 for words in self._texts.values() if _frequency(words, clause))

    def search(
        self, clauses: Sequence[Clause], weights: Mapping[Clause, float], mean_length: float
    ) -> dict[int, dict[Clause, float]]:
        """Scores by record and clause, for records that satisfy the query.

        Parameters
        ----------
        clauses : sequence of Clause
        weights : mapping of Clause to float
            Each clause's idf over index and tail together.
        mean_length : float
            Words of an average text.
        """
        found = {}
        for seq, words in self._texts.items():
            by_clause: dict[Clause, float] = {}
            excluded = False
            for clause in clauses:
                frequency = _frequency(words, clause)
                if (frequency > 0) == (clause.need == "not") and clause.need != "should":
                    excluded = True
                    break
                if frequency and clause.need != "not":
                    length = _length(words, clause.field)
                    by_clause[clause] = by_clause.get(clause, 0.0) + bm25(
                        frequency, length, mean_length, weights[clause]
                    )
            if by_clause and not excluded:
                found[seq] = by_clause
        return found


_GAP: Final = ""
"""Stands behind each text of a field; no word is empty."""


def _length(words: Mapping[str, list[str]], field: str) -> int:
    text = words.get(field, [])
    return len(text) - text.count(_GAP)


def _frequency(words: Mapping[str, list[str]], clause: Clause) -> int:
    text = words.get(clause.field)
    if not text:
        return 0
    if len(clause.words) == 1:
        return text.count(clause.words[0])
    size = len(clause.words)
    return sum(tuple(text[i : i + size]) == clause.words for i in range(len(text) - size + 1))


# -- marks -------------------------------------------------------------------------------------


def marks(text: str, clauses: Sequence[Clause]) -> list[tuple[int, int]]:
    """Where the query's words stand in a text, as (start, end) in characters.

    Examples
    --------
    >>> marks("Two models are apart", parse("model"))
    [(4, 10)]
    """
    wanted = {word for clause in clauses if clause.need != "not" for word in clause.words}
    if not wanted:
        return []
    # A stem begins as its word does, so most words need no stemming; accents are folded first.
    firsts = {word[0] for word in wanted}
    firsts |= {first.upper() for first in firsts}
    return [
        match.span()
        for match in _WORD.finditer(text)
        if (match[0][0] in firsts or not match[0].isascii())
        and _stem(match[0][:_LONGEST]) in wanted
    ]
