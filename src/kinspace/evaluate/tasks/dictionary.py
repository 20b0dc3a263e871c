"""Word translation: whether a word's nearest neighbour in another language translates it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from kinspace.datasets.content import DictionarySet
from kinspace.encoder import Progress
from kinspace.engines.csls import cosines, density
from kinspace.errors import InvalidParameter
from kinspace.evaluate.estimate import Sample
from kinspace.evaluate.system import System
from kinspace.evaluate.task import Outcome, Task
from kinspace.evaluate.tasks.identity import identity
from kinspace.evaluate.tasks.words import look_up, require_known, words_of

DEPTHS = (1, 5, 10)

HUBS = 10
"""Neighbours over which CSLS takes the density around a word, as in its paper."""


class WordTranslationTask(Task):
    """The share of words with a right translation among the nearest 1, 5 and 10 words.

    Targets are ranked by cosine, and by CSLS (Conneau et al., 2017): 2 cos(x, y) - r(y), where
    r(y) is the mean cosine of y with its 10 nearest source words, so that words which are near to
    everything (hubs) step back. (Its third term depends on x alone and changes no order.)

    Gives ``precision_at_1``, ``_5`` and ``_10``; ``csls_precision_at_1`` and so on;
    ``precision_at_1_all``, where words that are unknown, or have no known translation, count as
    wrong instead of being left out; and ``precision_at_1_unlike`` over the words that have no
    translation spelled as they are, where there are both kinds: an encoder finds
    "Berlin" by its spelling alone.

    Parameters
    ----------
    content : DictionarySet
    asked : (int, int), optional
        The positions of the first word of the set that is asked about and of the one after the
        last; by default all words are. MUSE's dictionaries are sorted by frequency, and its tests
        are the words 5000 to 6500: ``(5000, 6500)`` of a whole dictionary is that test, with the
        translations of all words to choose from.
    vocabulary : sequence of str, optional
        Words of the other language to be chosen from, beside the translations of the set. By
        default an encoder chooses among the set's translations, and a table also among its own
        ids, less the source words of the set: it may hold both languages.
    restrict : int, optional
        How many ids of a table count, in their order; None is all.
    name : str, optional
    main : str
        One of the figures above.

    Raises
    ------
    InvalidParameter
        If no word is asked about.
    """

    kind = "word_translation"

    def __init__(
        self,
        content: DictionarySet,
        *,
        asked: Sequence[int] | None = None,
        vocabulary: Sequence[str] | None = None,
        restrict: int | None = 200_000,
        name: str | None = None,
        main: str = "precision_at_1",
    ) -> None:
        if asked is not None and not 0 <= asked[0] < min(asked[1], len(content.translations)):
            raise InvalidParameter(
                f"{content.name} has {len(content.translations)} words, none of which are "
                f"{asked[0]} to {asked[1]}.",
                "Give the positions of the first word and of the one after the last.",
            )
        self.content = content
        self.asked = None if asked is None else list(asked)
        self.vocabulary = vocabulary
        self.restrict = restrict
        self.name = name or content.name
        self.main = main

    @cached_property
    def fingerprint(self) -> str:
        """A hash of content, settings and protocol."""
        words = None if self.vocabulary is None else list(self.vocabulary)
        settings = {"asked": self.asked, "vocabulary": words, "restrict": self.restrict}
        return identity("word-translation-1", [self.content], settings)

    def run(self, system: System, *, progress: Progress | None = None) -> Outcome:
        """Look the words of both sides up, each once, and rank the targets both ways."""
        translations = self.content.translations
        if self.asked is not None:
            translations = dict(islice(translations.items(), *self.asked))
        targets, added = self._targets(system)
        found = look_up(system, [*translations, *targets], self.name, progress=progress)
        targets = [word for word in targets if found.knows(word)]
        place = {word: row for row, word in enumerate(targets)}
        gold = {
            word: [place[target] for target in dict.fromkeys(right) if target in place]
            for word, right in translations.items()
            if found.knows(word)
        }
        asked = [word for word, rows in gold.items() if rows]
        require_known(len(asked), 1, "translations", system, self.name)
        near, csls = ranks(found.unit(asked), found.unit(targets), [gold[word] for word in asked])
        known = np.array([bool(gold.get(word)) for word in translations])
        samples = self._samples(near, csls, known, asked)
        notes = [
            f"translations are chosen among {len(targets):,} words: those of the set" + added,
            *self._unknown(known),
        ]
        items = list(translations) if self.main == "precision_at_1_all" else asked
        return Outcome(samples, items, notes)

    def _targets(self, system: System) -> tuple[list[str], str]:
        """The words to choose from, and what a note says of those beside the set's own."""
        own = [word for right in self.content.translations.values() for word in right]
        added: list[str] = []
        said = ""
        if self.vocabulary is not None:
            added, said = list(self.vocabulary), " and the vocabulary given"
        elif system.words is not None:
            listed = map(str, (words_of(system).ids or [])[: self.restrict])
            added = [word for word in listed if word not in self.content.translations]
            said = " and the table's, less the set's source words"
        return list(dict.fromkeys([*own, *added])), said

    def _samples(
        self,
        near: NDArray[np.int64],
        csls: NDArray[np.int64],
        known: NDArray[np.bool_],
        asked: Sequence[str],
    ) -> dict[str, Sample]:
        parts = {f"precision_at_{k}": near <= k for k in DEPTHS}
        parts |= {f"csls_precision_at_{k}": csls <= k for k in DEPTHS}
        everywhere = np.zeros(len(known), bool)
        everywhere[known] = near <= 1
        parts["precision_at_1_all"] = everywhere
        right = self.content.translations
        unlike = np.array([word.lower() not in map(str.lower, right[word]) for word in asked])
        if unlike.any() and not unlike.all():
            parts["precision_at_1_unlike"] = (near <= 1)[unlike]
        return {
            name: Sample("mean", {"values": hits.astype(np.float64)})
            for name, hits in parts.items()
        }

    def _unknown(self, known: NDArray[np.bool_]) -> list[str]:
        unknown = int((~known).sum())
        if not unknown:
            return []
        return [
            f"{unknown:,} of {len(known):,} words are unknown or have no known translation; they "
            "are left out, but of precision_at_1_all, where they are wrong"
        ]


def ranks(
    sources: NDArray[np.float32], targets: NDArray[np.float32], gold: Sequence[Sequence[int]]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The rank of the best right translation of each source, by cosine and by CSLS.

    Parameters
    ----------
    sources, targets : ndarray of float32, shapes (n, dim) and (m, dim)
        Vectors of length 1.
    gold : sequence of sequence of int
        Rows of ``targets`` that are right, one or more for each source.

    Returns
    -------
    by_cosine, by_csls : ndarray of int64, shape (n,)
        From 1; a wrong target of the same score comes first.

    Examples
    --------
    >>> import numpy as np
    >>> here, there = np.eye(2, dtype=np.float32), np.eye(2, dtype=np.float32)[::-1]
    >>> ranks(here, there, [[1], [1]])[0]
    array([1, 2])
    """
    around = density(targets, sources, HUBS)
    near = np.empty(len(sources), np.int64)
    csls = np.empty(len(sources), np.int64)
    for start, block in cosines(sources, targets):
        for line, row in zip(block, range(start, len(sources)), strict=False):
            right = np.array(gold[row])
            near[row] = _rank(line, right)
            csls[row] = _rank(2 * line - around, right)
    return near, csls


def _rank(line: NDArray[np.float32], right: NDArray[np.int64]) -> int:
    best = line[right].max()
    return 1 + int((line >= best).sum()) - int((line[right] >= best).sum())
