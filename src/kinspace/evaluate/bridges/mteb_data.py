"""MTEB's tasks in Kinspace: their data, judged with intervals and by any system."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from kinspace.datasets.content import BitextSet, Document, LabelledSet, PairSet, RetrievalSet
from kinspace.errors import InvalidParameter, NotApplicable
from kinspace.evaluate.bridges.mteb import need_mteb, questions
from kinspace.evaluate.task import Task
from kinspace.evaluate.tasks.bitext import BitextTask
from kinspace.evaluate.tasks.classification import ClassificationTask, Training
from kinspace.evaluate.tasks.clustering import Clusterings, ClusteringTask
from kinspace.evaluate.tasks.pair_classification import PairClassificationTask
from kinspace.evaluate.tasks.reranking import RerankingTask
from kinspace.evaluate.tasks.retrieval import RetrievalTask
from kinspace.evaluate.tasks.similarity import SimilarityTask


def from_mteb(task: Any, *, split: str | None = None, subset: str | None = None) -> Task:
    """A task of MTEB's as one of Kinspace's.

    Parameters
    ----------
    task : mteb.abstasks.AbsTask
        Such as ``mteb.get_task("SciFact")``. It is asked to load its data, if it has not; where
        that is not on this machine, MTEB fetches it.
    split : str, optional
        The first that MTEB judges on by default.
    subset : str, optional
        Such as ``"de-en"``; needed where the task has several.

    Returns
    -------
    Task
        For :func:`kinspace.evaluate`, with the settings of MTEB's. Prompts of the task are left
        out: models have their own.

    Raises
    ------
    MissingExtra
        If mteb is not installed.
    NotApplicable
        If Kinspace has no such task.
    InvalidParameter
        If there is no such split or subset, or several subsets and none was named.

    Examples
    --------
    >>> from kinspace.evaluate.bridges import to_mteb_task
    >>> theirs = to_mteb_task(BitextSet("tiny", ["cat", "stocks"], ["cats", "stock"]))
    >>> from_mteb(theirs).kind
    'bitext'
    """
    need_mteb("from_mteb")
    make = _MAKERS.get(str(task.metadata.type))
    if make is None:
        raise NotApplicable(
            f"{task.metadata.name} is a task of the type {task.metadata.type}.",
            f"Kinspace takes those of the types {', '.join(_MAKERS)}.",
        )
    if not task.data_loaded:
        task.load_data()
    name = str(task.metadata.name)
    subset = _chosen("subset", subset, list(task.hf_subsets), name)
    is_flat = subset == "default" and "default" not in task.dataset
    splits = task.dataset if is_flat else task.dataset[subset]
    split = split or next(one for one in task.eval_splits if one in splits)
    if split not in splits:
        raise InvalidParameter(f"{name} has no split {split!r}.", f"It has: {', '.join(splits)}.")
    called = name if subset == "default" else f"{name} {subset}"
    return make(task, called, splits, split)


def _chosen(what: str, given: str | None, known: list[str], name: str) -> str:
    if given is None and len(known) == 1:
        return known[0]
    if given not in known:
        missing = f"several {what}s" if given is None else f"no {what} {given!r}"
        raise InvalidParameter(f"{name} has {missing}.", f"Choose one of: {', '.join(known)}.")
    return given


def _search(task: Any, name: str, splits: Any, split: str) -> Task:
    data = splits[split]
    corpus, queries = data["corpus"], data["queries"]
    titles = corpus["title"] if "title" in corpus.column_names else [None] * len(corpus)
    documents = {
        one: Document(one, text, title or "")
        for one, text, title in zip(corpus["id"], corpus["text"], titles, strict=True)
    }
    content = RetrievalSet(
        name,
        documents,
        dict(zip(queries["id"], questions(queries), strict=True)),
        {query: dict(grades) for query, grades in data["relevant_docs"].items()},
        data.get("top_ranked"),
    )
    depth = max(task.k_values)
    if content.candidates is not None:
        return RerankingTask(content, depth=depth)
    return RetrievalTask(content, depth=depth, exclude_self=task.ignore_identical_ids)


def _ratings(task: Any, name: str, splits: Any, split: str) -> Task:
    left, right = task.column_names
    return SimilarityTask(_pairs(name, splits[split], left, right, "score"))


def _labelled_pairs(task: Any, name: str, splits: Any, split: str) -> Task:
    rows = splits[split]
    left, right = task.input1_column_name, task.input2_column_name
    if len(rows) == 1 and isinstance(rows[0][left], list):
        rows = rows[0]  # older sets hold their columns in one row
    return PairClassificationTask(_pairs(name, rows, left, right, task.label_column_name))


def _pairs(name: str, rows: Any, left: str, right: str, scores: str) -> PairSet:
    return PairSet(name, list(rows[left]), list(rows[right]), np.asarray(rows[scores], np.float64))


def _classes(task: Any, name: str, splits: Any, split: str) -> Task:
    if task.is_cross_validation:
        raise NotApplicable(
            f"{name} cross-validates on few examples, which Kinspace does not.",
            "Take its texts: ClassificationTask(LabelledSet(…)).",
        )
    train, test = (
        _labelled(name, splits[part], task.input_column_name, task.label_column_name)
        for part in (task.train_split, split)
    )
    training = Training(
        examples=task.samples_per_label, experiments=task.n_experiments, seed=task.seed
    )
    return ClassificationTask(train, test, training=training)


def _clusters(task: Any, name: str, splits: Any, split: str) -> Task:
    if not hasattr(task, "n_clusters"):
        raise NotApplicable(
            f"{name} clusters many small sets, which Kinspace does not.",
            "Choose its successor, if it has one: MTEB calls it superseded_by.",
        )
    content = _labelled(name, splits[split], task.input_column_name, task.label_column_name)
    documents = task.max_document_to_embed
    if task.max_fraction_of_documents_to_embed is not None:
        documents = int(task.max_fraction_of_documents_to_embed * len(content))
    settings = Clusterings(
        documents=documents,
        size=task.max_documents_per_cluster,
        experiments=task.n_clusters,
        batch_size=task.k_mean_batch_size,
        seed=task.seed,
    )
    return ClusteringTask(content, clusterings=settings)


def _labelled(name: str, rows: Any, text: Any, label: str) -> LabelledSet:
    labels = list(rows[label])
    if not isinstance(text, str) or any(isinstance(one, list) for one in labels):
        raise NotApplicable(
            f"{name} has several inputs or labels a row.", "Choose a task with one of each."
        )
    return LabelledSet(name, list(rows[text]), [str(one) for one in labels])


def _bitext(task: Any, name: str, splits: Any, split: str) -> Task:
    rows = splits[split]
    if task.parallel_subsets or "gold" in rows.column_names:
        raise NotApplicable(
            f"{name} has more than two sides, or pairs that are not row by row.",
            "Choose a bitext task with sentence1 and sentence2.",
        )
    return BitextTask(BitextSet(name, list(rows["sentence1"]), list(rows["sentence2"])))


_MAKERS: Final[Mapping[str, Callable[[Any, str, Any, str], Task]]] = {
    "Retrieval": _search,
    "Reranking": _search,
    "STS": _ratings,
    "PairClassification": _labelled_pairs,
    "Classification": _classes,
    "Clustering": _clusters,
    "BitextMining": _bitext,
}
