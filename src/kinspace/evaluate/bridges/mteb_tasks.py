"""Kinspace's tasks in MTEB: its own protocols, on data that is there already.

A task made here holds its data, so that no hub is asked; all else, from the batches to the
figures, is MTEB's. The other way is :mod:`kinspace.evaluate.bridges.mteb_data`.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from kinspace.datasets.content import Content
from kinspace.errors import NotApplicable
from kinspace.evaluate.bridges.mteb import need_mteb
from kinspace.evaluate.catalogue import RecordedTask
from kinspace.evaluate.catalogue import task as task_of
from kinspace.evaluate.task import Task
from kinspace.evaluate.tasks.bitext import BitextTask
from kinspace.evaluate.tasks.classification import ClassificationTask
from kinspace.evaluate.tasks.clustering import ClusteringTask
from kinspace.evaluate.tasks.pair_classification import PairClassificationTask
from kinspace.evaluate.tasks.reranking import RerankingTask
from kinspace.evaluate.tasks.retrieval import RetrievalTask
from kinspace.evaluate.tasks.sampling import class_codes
from kinspace.evaluate.tasks.similarity import SimilarityTask

SPLIT: Final = "test"
SUBSET: Final = "default"
_CUTOFFS: Final = (1, 3, 5, 10, 20, 100, 1000)
_MEASURES: Final = {
    "ndcg": "ndcg_cut",
    "map": "map_cut",
    "recall": "recall",
    "precision": "P",
    "hit_rate": "success",
}
"""Means over queries, and trec_eval's names of what they are means of."""


@dataclass(frozen=True)
class _Form:
    """What a kind of task is in MTEB.

    Parameters
    ----------
    kind : type
        Of Kinspace's task.
    base : str
        The name of MTEB's class.
    type, category : str
        MTEB's words for it.
    tables : callable
        The data as MTEB's class has it.
    settings : callable
        Attributes of that class, and perhaps a ``seed``, that make its protocol the task's.
    mains : mapping of str to str
        MTEB's names of the measures that it has too.
    """

    kind: type[Task]
    base: str
    type: str
    category: str
    tables: Callable[[Any], Any]
    settings: Callable[[Any], dict[str, Any]]
    mains: Mapping[str, str]


def to_mteb_task(
    task: Task | Content | str | Path,
    *,
    kind: str | None = None,
    languages: Sequence[str] = ("eng-Latn",),
    description: str = "",
) -> Any:
    """A task of Kinspace's as one of MTEB's, with its data in it.

    Parameters
    ----------
    task : Task, content, str or Path
        What :func:`kinspace.evaluate.catalogue.task` takes: a name, a file or folder of one's
        own, content, or a task. Retrieval, reranking, similarity, pair classification,
        classification, clustering and bitext mining have their like in MTEB.
    kind : str, optional
        What to judge content or a path on, where that does not follow: labelled texts can be
        classified or clustered.
    languages : sequence of str
        As MTEB writes them: ISO 639-3 and script.
    description : str
        What MTEB's record of the task says.

    Returns
    -------
    mteb.abstasks.AbsTask
        For ``mteb.evaluate``. Its one split is ``"test"``, and its revision the task's
        fingerprint. Two things are other than MTEB has them: means over queries are not rounded
        to five digits, and every model is judged on the same draws of texts to cluster.

    Raises
    ------
    MissingExtra
        If mteb is not installed.
    NotApplicable
        If MTEB has no such task, or not its main measure.

    Examples
    --------
    >>> from kinspace.datasets.content import BitextSet
    >>> task = to_mteb_task(BitextSet("tiny", ["cat", "stocks"], ["cats", "stock"]))
    >>> task.metadata.type, task.metadata.name
    ('BitextMining', 'tiny')
    >>> import mteb                                                        # doctest: +SKIP
    >>> mteb.evaluate(as_mteb("default"), task, cache=None)                # doctest: +SKIP
    """
    need_mteb("to_mteb_task")
    made = task_of(task, kind=kind)
    made = made.task if isinstance(made, RecordedTask) else made
    form = next((form for form in _FORMS if type(made) is form.kind), None)
    if form is None:
        raise NotApplicable(
            f"MTEB has no task like {made.name}, which is one of {made.kind}.",
            f"It has: {', '.join(form.kind.kind for form in _FORMS)}.",
        )
    return _make(made, form, list(languages), description)


def _make(made: Task, form: _Form, languages: list[str], description: str) -> Any:
    import mteb.abstasks
    from mteb.abstasks.task_metadata import TaskMetadata

    if made.main not in form.mains:
        raise NotApplicable(
            f"MTEB does not have {made.main}, by which {made.name} ranks systems.",
            f"Make the task with main= one of: {', '.join(form.mains)}.",
        )
    base = getattr(mteb.abstasks, form.base)
    settings = form.settings(made)
    last = max(settings.get("k_values", (0,)))
    metadata = TaskMetadata(
        name=made.name,
        description=description or f"{made.name} ({made.kind}), from local data by Kinspace.",
        dataset={"path": f"kinspace/{made.name}", "revision": made.fingerprint},
        type=form.type,
        category=form.category,
        eval_splits=[SPLIT],
        eval_langs=languages,
        main_score=form.mains[made.main].format(last=last),
    )
    seed = settings.pop("seed", 42)

    def load_data(self: Any, num_proc: int | None = None, **_: Any) -> None:
        """Make the tables from the content; no hub is asked."""
        if not self.data_loaded:
            self.dataset = form.tables(made)
            self.data_loaded = True

    def evaluate(self: Any, *arguments: Any, **options: Any) -> Any:
        """Judge a model on the draws of the first one; MTEB's own go on from model to model."""
        self.rng_state = random.Random(seed)
        return base.evaluate(self, *arguments, **options)

    members = {"metadata": metadata, "load_data": load_data, "evaluate": evaluate}
    return type(f"Local{form.base.removeprefix('AbsTask')}", (base,), members | settings)(seed=seed)


def _table(**columns: Iterable[Any]) -> Any:
    from datasets import Dataset

    return Dataset.from_dict({name: list(values) for name, values in columns.items()})


# -- retrieval and reranking ---------------------------------------------------------------------


def _search_tables(task: RetrievalTask | RerankingTask) -> Any:
    content, asked = task.content, task.content.judged
    documents = list(content.documents.values())
    ranked = task.candidates if isinstance(task, RerankingTask) else None
    split = {
        "corpus": _table(
            id=[one.id for one in documents],
            title=[one.title for one in documents],
            text=[one.text for one in documents],
        ),
        "queries": _table(id=list(asked), text=list(asked.values())),
        "relevant_docs": {name: dict(content.qrels[name]) for name in asked},
        "top_ranked": ranked,
    }
    return {SUBSET: {SPLIT: split}}


def _search_settings(task: RetrievalTask) -> dict[str, Any]:
    cutoffs = {k for k in _CUTOFFS if k < task.depth} | {task.depth}
    return {
        "k_values": tuple(sorted(cutoffs)),
        "ignore_identical_ids": task.exclude_self,
        "task_specific_scores": _whole_means,
    }


def _reranking_settings(task: RerankingTask) -> dict[str, Any]:
    cutoffs = {*_CUTOFFS, max(task.depth, _CUTOFFS[-1])}
    return {"k_values": tuple(sorted(cutoffs)), "task_specific_scores": _whole_means}


def _whole_means(
    self: Any,
    scores: Mapping[str, Mapping[str, float]],
    qrels: Mapping[str, Any],
    *_: Any,
    **__: Any,
) -> dict[str, float]:
    """The means that MTEB rounds to five digits, as they are."""
    return {
        f"{name}_at_{k}": sum(one[f"{measure}_{k}"] for one in scores.values()) / len(qrels)
        for name, measure in _MEASURES.items()
        for k in self.k_values
    }


# -- pairs ---------------------------------------------------------------------------------------


def _rated_tables(task: SimilarityTask) -> Any:
    pairs = task.content
    return {SPLIT: _table(sentence1=pairs.left, sentence2=pairs.right, score=pairs.scores)}


def _rated_settings(task: SimilarityTask) -> dict[str, Any]:
    ratings = task.content.scores
    return {"min_score": float(ratings.min()), "max_score": float(ratings.max())}


def _paired_tables(task: PairClassificationTask) -> Any:
    pairs = task.content
    labels = pairs.scores.astype(np.int64)
    return {SPLIT: _table(sentence1=pairs.left, sentence2=pairs.right, labels=labels)}


def _bitext_tables(task: BitextTask) -> Any:
    return {SPLIT: _table(sentence1=task.content.left, sentence2=task.content.right)}


# -- labels --------------------------------------------------------------------------------------


def _labelled_tables(task: ClassificationTask) -> Any:
    assert task.test is not None
    _, (train, test) = class_codes(task.train.labels, task.test.labels)
    return {
        "train": _table(text=task.train.texts, label=train),
        SPLIT: _table(text=task.test.texts, label=test),
    }


def _labelled_settings(task: ClassificationTask) -> dict[str, Any]:
    if task.test is None:
        raise NotApplicable(
            f"{task.name} has no test set, and MTEB's cross-validation has other folds.",
            "Give texts to learn from and others to be judged on.",
        )
    training = task.training
    return {
        "samples_per_label": training.examples,
        "n_experiments": training.experiments,
        "seed": training.seed,
    }


def _clustered_tables(task: ClusteringTask) -> Any:
    _, (labels,) = class_codes(task.content.labels)
    return {SPLIT: _table(sentences=task.content.texts, labels=labels)}


def _clustered_settings(task: ClusteringTask) -> dict[str, Any]:
    settings = task.clusterings
    return {
        "max_fraction_of_documents_to_embed": None,
        "max_document_to_embed": settings.documents,
        "max_documents_per_cluster": settings.size,
        "n_clusters": settings.experiments,
        "k_mean_batch_size": settings.batch_size,
        "seed": settings.seed,
    }


def _nothing(task: Task) -> dict[str, Any]:
    return {}


_SEARCHED: Final = {
    f"{name}_at_{k}": f"{theirs}_at_{k}"
    for name, theirs in {**{name: name for name in _MEASURES}, "success": "hit_rate"}.items()
    for k in _CUTOFFS
} | {"map": "map_at_{last}", "mrr": "mrr_at_{last}", "mrr_at_10": "mrr_at_10"}
_RATED: Final = {
    f"{metric}{name}": f"{metric}{name}"
    for metric in ("", "cosine_", "euclidean_", "manhattan_")
    for name in ("spearman", "pearson")
}
_PAIRED: Final = {
    "average_precision": "similarity_ap",
    "best_f1": "similarity_f1",
    "best_accuracy": "similarity_accuracy",
}

_FORMS: Final = [
    _Form(
        RetrievalTask, "AbsTaskRetrieval", "Retrieval", "t2t",
        _search_tables, _search_settings, _SEARCHED,
    ),
    _Form(
        RerankingTask, "AbsTaskRetrieval", "Reranking", "t2t",
        _search_tables, _reranking_settings, _SEARCHED,
    ),
    _Form(SimilarityTask, "AbsTaskSTS", "STS", "t2t", _rated_tables, _rated_settings, _RATED),
    _Form(
        PairClassificationTask, "AbsTaskPairClassification", "PairClassification", "t2t",
        _paired_tables, _nothing, _PAIRED,
    ),
    _Form(
        ClassificationTask, "AbsTaskClassification", "Classification", "t2c",
        _labelled_tables, _labelled_settings, {"accuracy": "accuracy", "f1_macro": "f1"},
    ),
    _Form(
        ClusteringTask, "AbsTaskClustering", "Clustering", "t2c",
        _clustered_tables, _clustered_settings, {"v_measure": "v_measure", "nmi": "v_measure"},
    ),
    _Form(
        BitextTask, "AbsTaskBitextMining", "BitextMining", "t2t", _bitext_tables, _nothing,
        {name: name for name in ("f1", "precision", "recall", "accuracy")},
    ),
]  # fmt: skip
