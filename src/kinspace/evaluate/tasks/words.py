"""Words looked up in a system: in its table, or by encoding them. All tasks on words share it."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinspace.embeddings import Embeddings
from kinspace.encoder import Progress
from kinspace.errors import NotApplicable
from kinspace.evaluate.system import System
from kinspace.metric import Metric, normalise, paired_scores


@dataclass(frozen=True, eq=False)
class Found:
    """What a system knows of some words.

    Parameters
    ----------
    places : dict of str to int
        The row of each word that is known; the others are not in it.
    vectors : ndarray of float32, shape (n, dim)
    metric : str
        How the system compares its vectors.
    """

    places: dict[str, int]
    vectors: NDArray[np.float32]
    metric: Metric

    def knows(self, *words: str) -> bool:
        """Whether all of these are known."""
        return all(word in self.places for word in words)

    def rows(self, words: Iterable[str]) -> NDArray[np.int64]:
        """The rows of words that are all known, shape (n,)."""
        return np.array([self.places[word] for word in words], np.int64)

    def unit(self, words: Iterable[str]) -> NDArray[np.float32]:
        """Their vectors at length 1, shape (n, dim)."""
        return normalise(self.vectors[self.rows(words)])

    def similarities(self, left: Sequence[str], right: Sequence[str]) -> NDArray[np.float64]:
        """How near the two words of each pair are by the system's own metric, shape (n,)."""
        sides = self.vectors[self.rows(left)], self.vectors[self.rows(right)]
        return paired_scores(*sides, self.metric)


def look_up(
    system: System, words: Iterable[str], task: str, *, progress: Progress | None = None
) -> Found:
    """The vectors of words: rows of the system's table, or what its encoder makes of them.

    A table is asked for the word as it is written, then in lower case, then in whatever case it
    comes first ("arafat" finds "Arafat"). A vector of zeros says nothing, so that its word counts
    as unknown, of a table and of an encoder alike.

    Parameters
    ----------
    system : System
    words : iterable of str
        Repetitions are looked up once.
    task : str
        What needs them, for the message.

    Raises
    ------
    NotApplicable
        If the system has neither words nor an encoder.
    """
    distinct = list(dict.fromkeys(words))
    if system.words is not None:
        table = words_of(system)
        names = spelled(table, distinct)
        kept = [word for word in distinct if word in names]
        rows = [table[names[word]] for word in kept]
        vectors = np.array(rows, np.float32).reshape(len(kept), table.space.dim)
        metric = table.space.metric
    else:
        encoded = system.need_encoder(task).encode(distinct, progress=progress)
        kept, vectors, metric = distinct, encoded.vectors, encoded.space.metric
    said: NDArray[np.bool_] = (vectors != 0).sum(axis=1) > 0
    known = [word for word, is_said in zip(kept, said, strict=True) if is_said]
    return Found({word: row for row, word in enumerate(known)}, vectors[said], metric)


def words_of(system: System) -> Embeddings:
    """The system's table of words.

    Raises
    ------
    NotApplicable
        If its rows have no names.
    """
    if system.words is None or system.words.ids is None:
        raise NotApplicable(
            f"The rows of {system.name} have no names.", "Give Embeddings whose ids are words."
        )
    return system.words


def spelled(table: Embeddings, words: Sequence[str]) -> dict[str, Hashable]:
    """The id under which a table has each word, where it has it in any case."""
    found: dict[str, Hashable] = {}
    for word in words:
        if word in table:
            found[word] = word
        elif word.lower() in table:
            found[word] = word.lower()
    if len(found) < len(words):
        folded: dict[str, Hashable] = {}
        for name in table.ids or ():
            folded.setdefault(str(name).lower(), name)
        lost = [word for word in words if word not in found and word.lower() in folded]
        found |= {word: folded[word.lower()] for word in lost}
    return found


def told_apart(names: Iterable[str]) -> list[str]:
    """The names; one that comes again gets a number, so that rows can be matched by name.

    Examples
    --------
    >>> told_apart(["money, cash", "tiger, cat", "money, cash"])
    ['money, cash', 'tiger, cat', 'money, cash (2)']
    """
    counts: dict[str, int] = {}
    listed = []
    for name in names:
        counts[name] = counts.get(name, 0) + 1
        listed.append(name if counts[name] == 1 else f"{name} ({counts[name]})")
    return listed


def require_known(known: int, least: int, what: str, system: System, task: str) -> None:
    """Raise :class:`NotApplicable` if a system knows too little for a figure to mean anything."""
    if known < least:
        raise NotApplicable(
            f"{system.name} knows the words of {known} {what} of {task}; at least {least} are "
            "needed.",
            "Judge it on words of its own language and case.",
        )
