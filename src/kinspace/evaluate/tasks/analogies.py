"""Analogies: a is to b as c is to what? By 3CosAdd and by 3CosMul, per section."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from itertools import islice
from typing import Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from kinspace.datasets.content import AnalogySet
from kinspace.encoder import Progress
from kinspace.errors import InvalidParameter
from kinspace.evaluate.estimate import Sample
from kinspace.evaluate.system import System
from kinspace.evaluate.task import Outcome, Task
from kinspace.evaluate.tasks.identity import identity
from kinspace.evaluate.tasks.words import look_up, require_known, told_apart, words_of
from kinspace.metric import normalise

Method = Literal["3cosadd", "3cosmul"]
Rule = Method | Literal["nearest"]

EPSILON = 0.001
"""Keeps 3CosMul from dividing by zero; the value of Levy and Goldberg (2014)."""

RULES: Final[tuple[Rule, ...]] = (*get_args(Method), "nearest")

_BLOCK = 1 << 23
"""Cosines held at once (32 MiB), beside as many of what is made from them."""


class AnalogyTask(Task):
    """The share of analogy questions whose answer comes first.

    For "a is to b as c is to d", the answer is the word d' of the vocabulary, other than a, b
    and c, which is highest in

    - 3CosAdd (Mikolov, Yih and Zweig, 2013): cos(d', b) - cos(d', a) + cos(d', c)
    - 3CosMul (Levy and Goldberg, 2014, equation 4): cos(d', b) cos(d', c) / (cos(d', a) + 0.001),
      with cosines brought to [0, 1] by (cos + 1) / 2

    Words are compared in lower case; of several forms of a word the first one counts. Gives
    ``accuracy`` by ``method`` and the other method's beside it (``accuracy_cosmul`` or
    ``accuracy_cosadd``), ``section_…`` for each section, ``accuracy_semantic`` and
    ``accuracy_syntactic`` where sections begin with "gram" as Google's do, ``accuracy_all``,
    where questions with unknown words count as wrong instead of being left out, and
    ``accuracy_nearest``, where the answer is just the nearest word to c: what a model gets
    without knowing what a and b have to do with each other (Linzen, 2016).

    Parameters
    ----------
    content : AnalogySet
    method : {"3cosadd", "3cosmul"}
    vocabulary : sequence of str, optional
        Words to be chosen from, beside those of the questions. By default a table's own first
        ``restrict`` ids; an encoder, which has no list of words, then chooses among the words
        of the questions, which is easier.
    restrict : int, optional
        How many ids of a table count, in their order (which is by frequency in most tables);
        None is all.
    name : str, optional
    main : str
        One of the figures above.

    Raises
    ------
    InvalidParameter
    """

    kind = "analogies"

    def __init__(
        self,
        content: AnalogySet,
        *,
        method: Method = "3cosadd",
        vocabulary: Sequence[str] | None = None,
        restrict: int | None = 30_000,
        name: str | None = None,
        main: str = "accuracy",
    ) -> None:
        if method not in get_args(Method):
            raise InvalidParameter(
                f"Unknown method {method!r}.", f"Choose one of: {', '.join(get_args(Method))}."
            )
        if restrict is not None and restrict < 4:
            raise InvalidParameter(
                f"{restrict} words cannot hold a question.", "Give 4 or more, or None."
            )
        self.content = content
        self.method = method
        self.vocabulary = vocabulary
        self.restrict = restrict
        self.name = name or content.name
        self.main = main

    @cached_property
    def fingerprint(self) -> str:
        """A hash of content, settings and protocol."""
        words = None if self.vocabulary is None else list(self.vocabulary)
        settings = {"method": self.method, "vocabulary": words, "restrict": self.restrict}
        return identity("analogies-1", [self.content], settings)

    def run(self, system: System, *, progress: Progress | None = None) -> Outcome:
        """Answer each question by both methods."""
        words, unit, note = self._candidates(system, progress)
        places = {word.lower(): row for row, word in enumerate(words)}
        asked = list(self._questions())
        folded = [[word.lower() for word in question] for _, question in asked]
        known = np.array([all(word in places for word in question) for question in folded])
        require_known(int(known.sum()), 1, "questions", system, self.name)
        rows = [[places[word] for word in folded[i]] for i in np.flatnonzero(known)]
        questions = np.array(rows, np.int64)
        right = {
            rule: (answers(unit, questions[:, :3], rule) == questions[:, 3]).astype(np.float64)
            for rule in RULES
        }
        named = told_apart(f"{name}: {' '.join(question)}" for name, question in asked)
        items = [name for name, is_known in zip(named, known, strict=True) if is_known]
        sections = np.array([name for name, _ in asked])
        samples = self._samples(right, sections[known], known)
        if self.main == "accuracy_all":
            items = named
        return Outcome(samples, items, [note, *self._unknown(known)])

    def _questions(self) -> Iterator[tuple[str, tuple[str, str, str, str]]]:
        for section, asked in self.content.sections.items():
            for question in asked:
                yield section, question

    def _candidates(
        self, system: System, progress: Progress | None
    ) -> tuple[list[str], NDArray[np.float32], str]:
        """Words to choose from, once each whatever their case; unit vectors; a note on them."""
        asked = [word for _, question in self._questions() for word in question]
        if system.words is not None and self.vocabulary is None:
            table = words_of(system)
            named = once([str(name) for name in islice(table.ids or (), self.restrict)])
            vectors = table.vectors[list(named.values())]
            said: NDArray[np.bool_] = np.any(vectors != 0, axis=1)
            words = [word for word, is_said in zip(named, said, strict=True) if is_said]
            note = f"the answer is chosen among the table's first {len(words):,} words"
            return words, normalise(vectors[said]), note
        added = [] if self.vocabulary is None else list(self.vocabulary)
        found = look_up(system, once([*asked, *added]), self.name, progress=progress)
        words = list(found.places)
        note = f"the answer is chosen among {len(words):,} words, those of the questions"
        return words, found.unit(words), note + (" and the vocabulary given" if added else "")

    def _samples(
        self,
        right: dict[Rule, NDArray[np.float64]],
        section: NDArray[np.str_],
        known: NDArray[np.bool_],
    ) -> dict[str, Sample]:
        main = right[self.method]
        other: Method = "3cosmul" if self.method == "3cosadd" else "3cosadd"
        everywhere = np.zeros(len(known))
        everywhere[known] = main
        parts = {
            "accuracy": main,
            f"accuracy_{other.removeprefix('3')}": right[other],
            "accuracy_nearest": right["nearest"],
            "accuracy_all": everywhere,
        }
        syntactic = np.array([name.startswith("gram") for name in section])
        if syntactic.any() and not syntactic.all():
            parts["accuracy_semantic"] = main[~syntactic]
            parts["accuracy_syntactic"] = main[syntactic]
        names = list(dict.fromkeys(section))
        for name, metric in zip(names, section_metrics(names), strict=True):
            parts[metric] = main[section == name]
        return {name: Sample("mean", {"values": values}) for name, values in parts.items()}

    def _unknown(self, known: NDArray[np.bool_]) -> list[str]:
        unknown = int((~known).sum())
        if not unknown:
            return []
        return [
            f"{unknown:,} of {len(known):,} questions have unknown words; they are left out, but "
            "of accuracy_all, where they are wrong"
        ]


def once(words: Sequence[str]) -> dict[str, int]:
    """Words that differ by more than case, with the position of the first form of each.

    Examples
    --------
    >>> once(["the", "Paris", "paris", "The"])
    {'the': 0, 'Paris': 1}
    """
    seen: set[str] = set()
    kept: dict[str, int] = {}
    for place, word in enumerate(words):
        if word.lower() not in seen:
            seen.add(word.lower())
            kept[word] = place
    return kept


def section_metrics(sections: Sequence[str]) -> list[str]:
    """Names of metrics for sections: ``"gram2-opposite"`` is ``"section_gram2_opposite"``."""
    plain = [f"section_{re.sub(r'[^0-9A-Za-z]+', '_', name).strip('_')}" for name in sections]
    return [name.replace(" (", "_").rstrip(")") for name in told_apart(plain)]


def answers(
    unit: NDArray[np.float32], questions: NDArray[np.int64], rule: Rule
) -> NDArray[np.int64]:
    """The word that completes each analogy.

    Cosines are computed once for each word that is asked about, not for each question, in blocks
    of candidates; a question then costs two additions or two products over them.

    Parameters
    ----------
    unit : ndarray of float32, shape (n_words, dim)
        Vectors of length 1.
    questions : ndarray of int64, shape (n, 3)
        Rows of a, b and c.
    rule : {"3cosadd", "3cosmul", "nearest"}
        The last looks at c alone.

    Returns
    -------
    ndarray of int64, shape (n,)
        Rows of the answers; of equal ones the first.

    Examples
    --------
    >>> import numpy as np
    >>> unit = normalise(np.array([[1, 0, 0], [1, 1, 0], [1, 0, 1], [1, 1, 1]], np.float32))
    >>> answers(unit, np.array([[0, 1, 2]]), "3cosadd")
    array([3])
    """
    asked, places = np.unique(questions, return_inverse=True)
    places = places.reshape(questions.shape)
    best = np.full(len(questions), -np.inf, np.float32)
    chosen = np.full(len(questions), -1, np.int64)
    step = max(1, _BLOCK // max(1, len(asked)))
    for start in range(0, len(unit), step):
        cosines = unit[asked] @ unit[start : start + step].T  # (asked, candidates)
        score = _scorer(cosines, rule)
        line = np.empty(cosines.shape[1], np.float32)
        for row, (a, b, c) in enumerate(places):
            score(a, b, c, line)
            for own in questions[row] - start:
                if 0 <= own < len(line):
                    line[own] = -np.inf
            top = int(line.argmax())
            if line[top] > best[row]:
                best[row], chosen[row] = line[top], start + top
    return chosen


def _scorer(cosines: NDArray[np.float32], rule: Rule) -> Callable[..., None]:
    """What writes the scores of all candidates into a line, from the rows of a, b and c."""
    if rule == "nearest":
        return lambda a, b, c, line: np.copyto(line, cosines[c])
    if rule == "3cosadd":
        plus, minus = cosines, -cosines
        combine: np.ufunc = np.add
    else:
        plus = np.maximum((cosines + 1) / 2, 0)
        minus = np.reciprocal(plus + np.float32(EPSILON))
        combine = np.multiply

    def score(a: int, b: int, c: int, line: NDArray[np.float32]) -> None:
        combine(plus[b], plus[c], out=line)
        combine(line, minus[a], out=line)

    return score
