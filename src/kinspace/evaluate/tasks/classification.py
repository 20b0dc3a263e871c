"""Classification: how much of a text's class can be read from its vector."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from kinspace.datasets.content import LabelledSet
from kinspace.embeddings import Embeddings
from kinspace.encoder import Progress
from kinspace.errors import InvalidJudgements, InvalidParameter
from kinspace.evaluate.estimate import Sample
from kinspace.evaluate.system import System
from kinspace.evaluate.task import Outcome, Task
from kinspace.evaluate.tasks.classifiers import logistic, nearest_label, quiet
from kinspace.evaluate.tasks.identity import identity
from kinspace.evaluate.tasks.influence import Floats, contingency, macro_f1, spread
from kinspace.evaluate.tasks.sampling import class_codes, first_of_each, shuffles
from kinspace.evaluate.tasks.threads import one_thread
from kinspace.evaluate.tasks.words import told_apart

SHOTS: Final = (1, 4, 16)
"""Examples of a class in the few-shot figures, so far as the smallest class has them."""

Rows = NDArray[np.int64]
Round = list[tuple[Rows, Rows]]
"""Trainings, each on the first rows and judged on the second; every judged row comes once."""


@dataclass(frozen=True)
class Training:
    """How the classifiers learn.

    Parameters
    ----------
    examples : int
        Of each class in a training for ``accuracy``, where there is a training set.
    experiments : int
        Trainings on other draws of examples, whose results are averaged.
    shots : sequence of int, optional
        Examples of each class for the few-shot figures; 1, 4 and 16 by default, so far as the
        smallest class has them.
    neighbours : int
        Whose classes a nearest-neighbour vote counts.
    folds : int
        Of the cross-validation, where there is no test set.
    whole : bool
        Learn from the whole training set too (``knn_accuracy``, ``full_accuracy``). Otherwise
        only those of its texts are encoded that some experiment draws.
    seed : int

    Raises
    ------
    InvalidParameter
        If a number is too small to mean anything.
    """

    examples: int = 8
    experiments: int = 10
    shots: Sequence[int] | None = None
    neighbours: int = 5
    folds: int = 10
    whole: bool = True
    seed: int = 42

    def __post_init__(self) -> None:
        least = {"examples": 1, "experiments": 1, "neighbours": 1, "folds": 2}
        for name, smallest in least.items():
            if getattr(self, name) < smallest:
                raise InvalidParameter(
                    f"{name} is {getattr(self, name)}.", f"Give {smallest} or more."
                )
        if self.shots is not None and any(k < 1 for k in self.shots):
            raise InvalidParameter(f"shots are {list(self.shots)}.", "Give 1 or more each.")


@dataclass
class _Learner:
    """The vectors of the rows that are needed, and two ways of telling one row's class by others.

    ``places`` says where each row's vector is.
    """

    found: Embeddings
    places: Rows
    codes: Rows
    training: Training
    unconverged: list[Rows] = field(default_factory=list)

    def regress(self, train: Rows, test: Rows) -> Rows:
        told, converged = logistic(*self._given(train, test), seed=self.training.seed)
        if not converged:
            self.unconverged.append(train)
        return told

    def vote(self, train: Rows, test: Rows) -> Rows:
        metric = self.found.space.metric
        return nearest_label(*self._given(train, test), k=self.training.neighbours, metric=metric)

    def _given(
        self, train: Rows, test: Rows
    ) -> tuple[NDArray[np.float32], Rows, NDArray[np.float32]]:
        vectors = self.found.vectors
        return vectors[self.places[train]], self.codes[train], vectors[self.places[test]]


class ClassificationTask(Task):
    """Learns classes from vectors of some texts, and tells those of others.

    With a test set, the protocol is that of MTEB's ``AbsTaskClassification``: ``accuracy`` and
    ``f1_macro`` are means over 10 logistic regressions, each trained on 8 examples a class drawn
    as MTEB draws them; they agree with its ``accuracy`` and ``f1`` (labels that are whole numbers
    are put in the order of numbers, others in that of texts). Beside them stand ``shots_1``,
    ``shots_4`` and ``shots_16``, the accuracies with so many examples of each class, over as many
    draws; ``knn_accuracy`` by a vote of the 5 nearest of the whole training set, under the
    space's own metric; and ``full_accuracy`` of one logistic regression on the whole training set.

    Without a test set, all is by stratified 10-fold cross-validation, as is usual for sets that
    have no split (Kim, 2014; SentEval): ``accuracy``, ``f1_macro`` and ``knn_accuracy`` learn
    from nine parts and tell the tenth; the few-shot figures draw their examples from the nine.
    Classifiers are not tuned (C = 1), so figures stay a little below SentEval's, which are.

    Rows of the samples are test texts: intervals say what other test texts would change. What
    other draws of training examples would change is in the notes, as a standard deviation.

    Parameters
    ----------
    train : LabelledSet
    test : LabelledSet, optional
    name : str, optional
        By default that of the test set, or of the only one.
    main : str
    training : Training

    Raises
    ------
    InvalidJudgements
        If there is one class only, a class is in the test set and not in the training set, or a
        class has fewer texts than there are folds.
    InvalidParameter
        If more shots are asked for than a class has examples.

    Examples
    --------
    >>> from kinspace.evaluate.systems import as_system
    >>> train = LabelledSet("mine", ["a cat", "a dog", "Stocks fell.", "Rates rose."],
    ...                     ["animal", "animal", "money", "money"])
    >>> test = LabelledSet("mine", ["a kitten", "Shares gained."], ["animal", "money"])
    >>> outcome = ClassificationTask(train, test).run(as_system("default"))
    >>> outcome.samples["accuracy"].value()
    1.0
    """

    kind = "classification"

    def __init__(
        self,
        train: LabelledSet,
        test: LabelledSet | None = None,
        *,
        name: str | None = None,
        main: str = "accuracy",
        training: Training | None = None,
    ) -> None:
        self.train = train
        self.test = test
        self.name = name or (test or train).name
        self.main = main
        self.training = training or Training()
        labels = [train.labels] if test is None else [train.labels, test.labels]
        self._classes, codes = class_codes(*labels)
        self._codes = np.concatenate(codes)
        self._check()
        self._shots = self._possible_shots()

    @cached_property
    def fingerprint(self) -> str:
        """A hash of both sets, the protocol and its settings."""
        settings = asdict(self.training) | {"shots": list(self._shots)}
        return identity("classification-1", [self.train, self.test], settings)

    def run(self, system: System, *, progress: Progress | None = None) -> Outcome:
        """Encode the texts that are needed, once, in one call; then learn and tell."""
        rounds = self._plan()
        needed = np.zeros(len(self._codes), np.bool_)
        for train, test in (
            pair for planned in rounds.values() for step in planned for pair in step
        ):
            needed[train] = needed[test] = True
        texts = [*self.train.texts, *(self.test.texts if self.test else ())]
        encoder = system.need_encoder(self.name)
        found = encoder.encode([texts[row] for row in np.flatnonzero(needed)], progress=progress)
        learner = _Learner(found, needed.cumsum() - 1, self._codes, self.training)
        with one_thread(), quiet():
            told = {
                name: self._tell(
                    planned, learner.vote if name == "knn_accuracy" else learner.regress
                )
                for name, planned in rounds.items()
            }
        gold = self._codes[self._judged]
        samples = {
            name: Sample("mean", {"values": (assigned == gold).mean(axis=0)})
            for name, assigned in told.items()
        }
        f1 = {"values": self._f1(told["accuracy"], gold)}
        samples["f1_macro"] = Sample("influence", f1)
        judged = [texts[row] for row in self._judged]
        return Outcome(
            samples, told_apart(judged), self._notes(told, gold, len(learner.unconverged))
        )

    # -- what is learned from what -------------------------------------------------------------

    @cached_property
    def _judged(self) -> Rows:
        """Rows that are told: of the test set, which come behind the training set's, or all."""
        return np.arange(0 if self.test is None else len(self.train), len(self._codes))

    def _plan(self) -> dict[str, list[Round]]:
        """Rounds of trainings by metric."""
        whole = self._parts()
        drawn = {f"shots_{k}": self._draws(k) for k in self._shots}
        if self.test is None:
            return {"accuracy": [whole], **drawn, "knn_accuracy": [whole]}
        plan = {"accuracy": self._draws(self.training.examples), **drawn}
        if self.training.whole:
            plan |= {"full_accuracy": [whole], "knn_accuracy": [whole]}
        return plan

    def _parts(self) -> Round:
        """All that may be learned from, and what is told from it: once, or once a fold."""
        if self.test is not None:
            return [(np.arange(len(self.train)), self._judged)]
        from sklearn.model_selection import StratifiedKFold

        cut = StratifiedKFold(self.training.folds, shuffle=True, random_state=self.training.seed)
        return list(cut.split(self._codes, self._codes))

    def _draws(self, k: int) -> list[Round]:
        """Trainings on ``k`` examples of each class: 10 on one part, or one on each of 10."""
        if self.test is None:
            step: Round = []
            for train, test in self._parts():
                order = train[shuffles(len(train), 1, self.training.seed)[0]]
                step.append((first_of_each(order, self._codes, k), test))
            return [step]
        orders = shuffles(len(self.train), self.training.experiments, self.training.seed)
        return [[(first_of_each(order, self._codes, k), self._judged)] for order in orders]

    def _tell(self, rounds: list[Round], method: Callable[[Rows, Rows], Rows]) -> Rows:
        """The class that each round told each judged row to have, shape (rounds, judged)."""
        told = np.empty((len(rounds), len(self._judged)), np.int64)

        def fill(number: int, train: Rows, test: Rows) -> None:
            told[number, test - self._judged[0]] = method(train, test)

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            trainings = [(number, *pair) for number, step in enumerate(rounds) for pair in step]
            for _ in pool.map(lambda training: fill(*training), trainings):
                pass
        return told

    def _f1(self, told: Rows, gold: Rows) -> Floats:
        """One value an item, whose mean is the macro F1, averaged over rounds."""
        shape = (len(self._classes), len(self._classes))
        figures = [macro_f1(contingency(gold, assigned, shape)) for assigned in told]
        influence = [
            gradient[gold, assigned] for (_, gradient), assigned in zip(figures, told, strict=True)
        ]
        value = float(np.mean([value for value, _ in figures]))
        return spread(value, np.mean(influence, axis=0))

    # -- what must hold, and what must be said -------------------------------------------------

    @cached_property
    def _fewest(self) -> int:
        """Training texts of the smallest class (of all texts, where there is no test set)."""
        counted = self._codes[: len(self.train)]
        return int(np.bincount(counted, minlength=len(self._classes)).min())

    def _check(self) -> None:
        if len(self._classes) < 2:
            raise InvalidJudgements(
                f"{self.name}: all texts have the label {self._classes[0]!r}.",
                "Give texts of at least two classes.",
            )
        if self.test is not None and self._fewest == 0:
            lost = sorted(set(self.test.labels) - set(self.train.labels))
            raise InvalidJudgements(
                f"{self.name}: nothing in the training set has the label {lost[0]!r}"
                + (f", nor {len(lost) - 1} others of the test set." if lost[1:] else "."),
                "Give examples of each class to learn from.",
            )
        if self.test is None and self._fewest < self.training.folds:
            raise InvalidJudgements(
                f"{self.name}: its smallest class has {self._fewest} texts, too few for "
                f"{self.training.folds} folds.",
                "Leave that class out, or give fewer folds: Training(folds=…).",
            )

    def _possible_shots(self) -> list[int]:
        asked = SHOTS if self.training.shots is None else self.training.shots
        fewest = self._fewest
        if self.test is None:
            fewest -= -(-fewest // self.training.folds)  # the most that a fold may take
        if self.training.shots is not None and any(k > fewest for k in asked):
            raise InvalidParameter(
                f"{self.name}: {max(asked)} examples of each class were asked for, and the "
                f"smallest has {fewest} to learn from.",
                f"Ask for up to {fewest} shots.",
            )
        return [k for k in asked if k <= fewest]

    def _notes(self, told: dict[str, Rows], gold: Rows, unconverged: int) -> list[str]:
        notes = []
        for name, assigned in told.items():
            if len(assigned) > 1:
                each = (assigned == gold).mean(axis=1)
                notes.append(
                    f"{name}: mean of {len(assigned)} draws of training texts, standard "
                    f"deviation {each.std(ddof=1):.4f}"
                )
        if self.test is None:
            notes.append(f"by stratified cross-validation with {self.training.folds} folds")
        elif self._fewest < self.training.examples:
            notes.append(
                f"the smallest class has {self._fewest} training texts, fewer than the "
                f"{self.training.examples} that an experiment takes"
            )
        if unconverged:
            notes.append(f"{unconverged} logistic regressions did not converge in 100 steps")
        return notes
