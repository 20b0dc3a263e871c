"""What a task is: a set, a way of judging a system on it, and a main metric."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from kinspace.encoder import Progress
from kinspace.evaluate.estimate import Sample
from kinspace.evaluate.runs import Run
from kinspace.evaluate.system import System


@dataclass(frozen=True, eq=False)
class Outcome:
    """What came of a task, before anything is said about how sure it is.

    Parameters
    ----------
    samples : mapping of str to Sample
        By metric: ``"ndcg_at_10"``, ``"spearman"`` …; names are Python identifiers.
    items : sequence of str
        What the rows of the main metric's sample are: ids of queries, pairs, texts.
    notes : sequence of str
        What a reader of the figures must know: words that were unknown, texts that were cut.
    run : Run, optional
        What a retrieval system answered.
    query_seconds : ndarray of float64
        How long single queries took, encoding included; empty where there are none.
    """

    samples: Mapping[str, Sample]
    items: Sequence[str]
    notes: Sequence[str] = ()
    run: Run | None = None
    query_seconds: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))


class Task(ABC):
    """Judges a system on a set.

    A task is made from a record (:mod:`kinspace.evaluate.catalogue`) or from content of the
    user's own; ``run`` may be called for one system after the other.

    Attributes
    ----------
    kind : str
        ``"retrieval"``, ``"similarity"`` …
    name : str
    main : str
        The metric by which systems are ranked on it.
    """

    kind: ClassVar[str]
    name: str
    main: str

    @property
    @abstractmethod
    def fingerprint(self) -> str:
        """A hash of the set's content and of all settings: results are cached by it."""

    @abstractmethod
    def run(self, system: System, *, progress: Progress | None = None) -> Outcome:
        """Judge a system.

        Raises
        ------
        NotApplicable
            If such a system cannot do this task.
        """
