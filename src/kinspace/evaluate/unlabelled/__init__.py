"""Judging models on texts of one's own, without labels.

:func:`tasks_of` makes the tasks from a collection, from documents or from files: known-item
search, neighbour stability and near-duplicates, and judgements from a query log if there is one.
:func:`~kinspace.evaluate.unlabelled.questions.questions` has a chat model write questions, where
one is to be asked and paid.

How far such a ranking of models can be trusted was measured: docs/how-to/evaluate-your-own.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from kinspace.datasets.content import Document, RetrievalSet
from kinspace.evaluate.task import Task
from kinspace.evaluate.unlabelled.chat import Chat
from kinspace.evaluate.unlabelled.clicks import Click, judgements_of, read_clicks
from kinspace.evaluate.unlabelled.known_item import KnownItems, KnownItemTask, Leak, known_items
from kinspace.evaluate.unlabelled.near_duplicates import NearDuplicateTask
from kinspace.evaluate.unlabelled.questions import Plan, Questions, plan, questions
from kinspace.evaluate.unlabelled.sources import MOST, documents_of, sample_of
from kinspace.evaluate.unlabelled.stability import StabilityTask

if TYPE_CHECKING:
    from kinspace.store import Collection

__all__ = [
    "Chat",
    "Click",
    "KnownItemTask",
    "KnownItems",
    "Leak",
    "NearDuplicateTask",
    "Plan",
    "Questions",
    "StabilityTask",
    "documents_of",
    "judgements_of",
    "known_items",
    "plan",
    "questions",
    "read_clicks",
    "tasks_of",
]


def tasks_of(
    source: Collection | Sequence[Document] | str | Path,
    *,
    queries: str | Path | RetrievalSet | None = None,
    n: int = 300,
    seed: int = 0,
    most: int = MOST,
) -> list[Task]:
    """The tasks that judge models on texts without labels, the most telling first.

    Parameters
    ----------
    source : Collection, sequence of Document, str or Path
        A path is a collection's folder, or files and folders to read.
    queries : str, Path or RetrievalSet, optional
        A query log with clicks (:func:`read_clicks`), or queries with judgements, such as
        :attr:`Questions.content`. They are judged on all texts.
    n : int
        Queries of known-item search, and copies of near-duplicates; of texts that are changed for
        stability, two thirds of it.
    seed : int
    most : int
        Of more texts than these, a sample is searched in, which is easier than the whole.

    Raises
    ------
    EmptyInput, InvalidInput
        If the texts are too few to judge on.
    PathNotFound, ReadError, DuplicateId, InvalidJudgements
        As the pieces raise them.

    Examples
    --------
    >>> import kinspace, pathlib
    >>> code = pathlib.Path(kinspace.__file__).parent / "store"
    >>> [task.kind for task in tasks_of(code, n=15)]
    ['known_item', 'near_duplicates', 'neighbour_stability']
    """
    from kinspace.evaluate.tasks.retrieval import RetrievalTask

    documents = documents_of(source)
    sample = sample_of(documents, most, seed)
    tasks: list[Task] = []
    if isinstance(queries, RetrievalSet):
        tasks.append(RetrievalTask(queries))
    elif queries is not None:
        tasks.append(RetrievalTask(judgements_of(queries, documents)))
    cut = len(sample) < len(documents)
    notes = [f"a sample of {len(sample)} of {len(documents)} texts was searched in"] if cut else []
    tasks.append(KnownItemTask(known_items(sample, n=n, seed=seed), notes=notes))
    tasks.append(NearDuplicateTask(sample, n=n, seed=seed))
    tasks.append(StabilityTask(sample, n=max(1, 2 * n // 3), seed=seed))
    return tasks
