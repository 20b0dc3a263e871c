"""Outlier detection: the word that does not belong to the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from kinspace.datasets.content import OutlierSet
from kinspace.encoder import Progress
from kinspace.errors import EmptyInput
from kinspace.evaluate.estimate import Sample
from kinspace.evaluate.system import System
from kinspace.evaluate.task import Outcome, Task
from kinspace.evaluate.tasks.identity import identity
from kinspace.evaluate.tasks.words import Found, look_up, require_known, told_apart
from kinspace.metric import scores


class OutlierTask(Task):
    """The share of outliers that are found, and how near to being found they are.

    A group's n members and one outlier are put together; the compactness of each word is the mean
    similarity of the *other* words with one another (Camacho-Collados and Navigli, 2016, equation
    1), so that the word whose removal leaves the most compact group does not belong.

    Gives ``accuracy``, the share of outliers with the highest compactness of all; ``opp``, the
    outlier position percentage: the share of members with less compactness than the outlier, so
    that 1 is a find and 0 is last; and ``accuracy_all``, where outliers that are unknown, or
    whose group has fewer than two known members, count as missed instead of being left out.

    Parameters
    ----------
    content : OutlierSet
    name : str, optional
    main : {"accuracy", "opp", "accuracy_all"}

    Examples
    --------
    >>> from kinspace.embeddings import Embeddings
    >>> from kinspace.space import Space
    >>> words = ["cat", "dog", "cow", "car"]
    >>> table = Embeddings([[1, 0], [1, 0.1], [1, 0.2], [0, 1]], Space("by hand", "0", 2), words)
    >>> animals = OutlierSet("mine", {"animals": (["cat", "dog", "cow"], ["car"])})
    >>> outcome = OutlierTask(animals).run(System("by hand", "0", words=table))
    >>> outcome.samples["accuracy"].value()
    1.0
    """

    kind = "outliers"

    def __init__(
        self, content: OutlierSet, *, name: str | None = None, main: str = "accuracy"
    ) -> None:
        self.content = content
        self.name = name or content.name
        self.main = main

    @cached_property
    def fingerprint(self) -> str:
        """A hash of content, settings and protocol."""
        return identity("outliers-1", [self.content], {})

    def run(self, system: System, *, progress: Progress | None = None) -> Outcome:
        """Look the words up, each once, and place every outlier among its group."""
        groups = self.content.groups
        words = [word for group in groups.values() for part in group for word in part]
        found = look_up(system, words, self.name, progress=progress)
        named, positions, lost = [], [], 0
        for name, (members, outliers) in groups.items():
            known = [word for word in members if found.knows(word)]
            lost += len(members) - len(known)
            for outlier in outliers:
                named.append(f"{name}: {outlier}")
                judged = found.knows(outlier) and len(known) >= 2
                positions.append(position(found, known, outlier) if judged else np.nan)
        opp = np.array(positions)
        judged_rows = ~np.isnan(opp)
        require_known(int(judged_rows.sum()), 1, "outliers", system, self.name)
        right = (opp == 1).astype(np.float64)
        parts = {"accuracy": right[judged_rows], "opp": opp[judged_rows], "accuracy_all": right}
        items = told_apart(named)
        if self.main != "accuracy_all":
            items = [item for item, is_judged in zip(items, judged_rows, strict=True) if is_judged]
        samples = {name: Sample("mean", {"values": values}) for name, values in parts.items()}
        return Outcome(samples, items, _notes(int((~judged_rows).sum()), len(opp), lost))


def position(found: Found, members: Sequence[str], outlier: str) -> float:
    """The share of members that belong more than the outlier does, 0 to 1; ties count against it.

    Compactness without a word is the sum of all similarities less twice those of the word, over
    as many pairs for each word: the order is that of the words' own sums, turned around.
    """
    vectors = found.vectors[found.rows([*members, outlier])]
    near = scores(vectors, vectors, found.metric).astype(np.float64)
    np.fill_diagonal(near, 0)
    sums: NDArray[np.float64] = near.sum(axis=1)
    return float((sums[:-1] > sums[-1]).mean())


def outliers_among(
    *families: Mapping[str, Sequence[str]],
    name: str = "outliers",
    members: int = 8,
    outliers: int = 8,
    seed: int = 0,
) -> OutlierSet:
    """Make groups with outliers out of word lists: each list, with words of its family's others.

    The words of a group are the first ones of its list. Its outliers come from the other lists of
    its family in turn; a word that stands in the group's list too, in any case, is none.

    Parameters
    ----------
    *families : mapping of str to sequence of str
        Categories that exclude one another, such as the lists of a
        :class:`~kinspace.datasets.content.WordListSet`. Two that overlap in meaning (names of
        women, names of the old) would make outliers that are none: put them into two families.
    name : str
    members, outliers : int
        At most so many words of each kind in a group.
    seed : int
        For which words of the other lists are taken.

    Raises
    ------
    EmptyInput
        If no family has two lists, one of them of two words.

    Examples
    --------
    >>> made = outliers_among({"pets": ["cat", "dog"], "cars": ["audi", "fiat"]}, outliers=1)
    >>> members, strangers = made.groups["pets"]
    >>> members, strangers[0] in ("audi", "fiat")
    (['cat', 'dog'], True)
    """
    rng = np.random.default_rng(seed)
    found: list[tuple[str, tuple[list[str], list[str]]]] = []
    for lists in families:
        for category, words in lists.items():
            others = [theirs for other, theirs in lists.items() if other != category]
            strange = _strangers(words, others, rng)[:outliers]
            if strange and len(words) >= 2:
                found.append((category, (list(words[:members]), strange)))
    if not found:
        raise EmptyInput(f"{name}: no two lists of words.", "Give two categories or more.")
    names = told_apart(category for category, _ in found)
    return OutlierSet(name, dict(zip(names, (group for _, group in found), strict=True)))


def _strangers(
    words: Sequence[str], others: Sequence[Sequence[str]], rng: np.random.Generator
) -> list[str]:
    """Words of other lists, drawn from each in turn, that are not in this one."""
    own = {word.lower() for word in words}
    drawn = []
    for theirs in others:
        free = [word for word in theirs if word.lower() not in own]
        drawn.append([free[place] for place in rng.permutation(len(free))])
    longest = max(map(len, drawn), default=0)
    turns = (line[turn] for turn in range(longest) for line in drawn if turn < len(line))
    return list(dict.fromkeys(turns))


def _notes(left_out: int, total: int, lost: int) -> list[str]:
    notes = []
    if left_out:
        notes.append(
            f"{left_out} of {total} outliers are unknown or have no known group; they are left "
            "out, but of accuracy_all, where they are missed"
        )
    if lost:
        notes.append(f"{lost} members of groups are unknown; their groups are judged without them")
    return notes
