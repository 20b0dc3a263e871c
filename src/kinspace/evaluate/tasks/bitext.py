"""Bitext mining: whether a sentence's nearest neighbour in another language translates it."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from kinspace.datasets.content import BitextSet
from kinspace.encoder import Progress
from kinspace.errors import InvalidParameter
from kinspace.evaluate.estimate import Sample
from kinspace.evaluate.system import System
from kinspace.evaluate.task import Outcome, Task
from kinspace.evaluate.tasks.identity import identity
from kinspace.evaluate.tasks.neighbours import nearest


class BitextTask(Task):
    """Finds the translation of each sentence by nearest neighbours, both ways.

    ``f1``, ``precision``, ``recall`` and ``accuracy`` are those of left to right, averaged over
    the sentences of the right side, each weighted by 1: what MTEB's ``AbsTaskBitextMining``
    reports, so that ``recall`` and ``accuracy`` are equal. ``f1_back`` and ``accuracy_back`` go
    from right to left. ``margin_f1`` and ``margin_accuracy`` choose, left to right, by the ratio
    of a pair's similarity to the mean similarity of both sides' ``neighbours`` nearest, which
    keeps sentences that are near to everything from being chosen (Artetxe and Schwenk, 2019,
    eq. 2 and 3).

    A sentence that occurs twice counts as found only at its own place, as in MTEB; the notes say
    how many do.

    Parameters
    ----------
    content : BitextSet
    name : str, optional
        By default that of the content.
    main : str
    neighbours : int
        Of each side that the margin is taken over, and among which it chooses.

    Raises
    ------
    InvalidParameter
        If ``neighbours`` is not positive.

    Examples
    --------
    >>> from kinspace.evaluate.systems import as_system
    >>> bitext = BitextSet("mine", ["Berlin", "Paris 2"], ["Berlin!", "Paris 2?"])
    >>> outcome = BitextTask(bitext).run(as_system("default"))
    >>> outcome.samples["f1"].value()
    1.0
    """

    kind = "bitext"

    def __init__(
        self,
        content: BitextSet,
        *,
        name: str | None = None,
        main: str = "f1",
        neighbours: int = 4,
    ) -> None:
        if neighbours < 1:
            raise InvalidParameter(f"neighbours is {neighbours}.", "Give 1 or more.")
        self.content = content
        self.name = name or content.name
        self.main = main
        self.neighbours = neighbours

    @cached_property
    def fingerprint(self) -> str:
        """A hash of sentences and settings."""
        return identity("bitext-1", [self.content], {"neighbours": self.neighbours})

    def run(self, system: System, *, progress: Progress | None = None) -> Outcome:
        """Encode both sides in one call, and look for neighbours both ways."""
        content = self.content
        encoder = system.need_encoder(self.name)
        found = encoder.encode([*content.left, *content.right], progress=progress)
        half, metric = len(content.left), found.space.metric
        left, right = found.vectors[:half], found.vectors[half:]
        there, near_there = nearest(left, right, self.neighbours, metric)
        back, near_back = nearest(right, left, self.neighbours, metric)
        columns = _columns(there[:, 0])
        columns |= {
            f"{name}_back": values
            for name, values in _columns(back[:, 0]).items()
            if name in ("f1", "accuracy")
        }
        if metric == "cosine":
            chosen = _by_margin(there, near_there, near_back)
            columns |= {
                f"margin_{name}": values
                for name, values in _columns(chosen).items()
                if name in ("f1", "accuracy")
            }
        samples = {name: Sample("mean", {"values": values}) for name, values in columns.items()}
        return Outcome(samples, list(content.right), self._notes(metric))

    def _notes(self, metric: str) -> list[str]:
        notes = []
        for side, texts in (("left", self.content.left), ("right", self.content.right)):
            twice = len(texts) - len(set(texts))
            if twice:
                notes.append(f"{twice} sentences on the {side} occur more than once")
        if metric != "cosine":
            notes.append(f"no margin: it is a ratio of cosines, and the metric is {metric}")
        return notes


def _columns(chosen: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
    """The measures of each sentence of the side that was searched, shape (n,).

    Sentence j is right if j chose it; its precision is spoilt by all others that chose it too.
    """
    right = (chosen == np.arange(len(chosen))).astype(np.float64)
    times = np.bincount(chosen, minlength=len(chosen))
    return {
        "f1": 2 * right / (times + 1),
        "precision": right / np.maximum(times, 1),
        "recall": right,
        "accuracy": right,
    }


def _by_margin(
    rows: NDArray[np.int64], near: NDArray[np.float32], near_back: NDArray[np.float32]
) -> NDArray[np.int64]:
    """Of each row's nearest, the one whose cosine is highest against both neighbourhoods."""
    around = near.mean(1)[:, None] + near_back.mean(1)[rows]
    size = np.maximum(around / 2, np.float32(1e-6))  # cosines about 0 have no meaningful ratio
    best = np.argmax(near / size, axis=1)
    return np.take_along_axis(rows, best[:, None], 1)[:, 0]
