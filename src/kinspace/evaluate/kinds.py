"""The kinds of tasks: which class judges what content, by which main metric."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, is_dataclass
from typing import Any, Final

from kinspace.datasets.content import (
    AnalogySet,
    BitextSet,
    Content,
    DictionarySet,
    LabelledSet,
    OutlierSet,
    PairSet,
    RetrievalSet,
    TextSet,
    WordListSet,
)
from kinspace.errors import InvalidParameter
from kinspace.evaluate.task import Task


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of task.

    Parameters
    ----------
    module, judge : str
        Where its class is; loaded when it is first needed.
    content : type
        What the class judges on.
    main : str
        The metric by which systems are ranked.
    configs : mapping of str to str
        Arguments of the class that hold several settings, and the classes of these; a mapping is
        as good, which a record can hold.
    """

    module: str
    judge: str
    content: type
    main: str
    configs: Mapping[str, str] = field(default_factory=dict)


KINDS: Final[dict[str, Kind]] = {
    "retrieval": Kind("retrieval", "RetrievalTask", RetrievalSet, "ndcg_at_10"),
    "reranking": Kind("reranking", "RerankingTask", RetrievalSet, "map"),
    "similarity": Kind("similarity", "SimilarityTask", PairSet, "spearman"),
    "pair_classification": Kind(
        "pair_classification", "PairClassificationTask", PairSet, "average_precision"
    ),
    "classification": Kind(
        "classification", "ClassificationTask", LabelledSet, "accuracy", {"training": "Training"}
    ),
    "clustering": Kind(
        "clustering", "ClusteringTask", LabelledSet, "v_measure", {"clusterings": "Clusterings"}
    ),
    "bitext": Kind("bitext", "BitextTask", BitextSet, "f1"),
    "duplicates": Kind("duplicates", "DuplicateTask", LabelledSet, "average_precision"),
    "word_similarity": Kind("word_similarity", "WordSimilarityTask", PairSet, "spearman"),
    "analogies": Kind("analogies", "AnalogyTask", AnalogySet, "accuracy"),
    "outliers": Kind("outliers", "OutlierTask", OutlierSet, "accuracy"),
    "word_translation": Kind("dictionary", "WordTranslationTask", DictionarySet, "precision_at_1"),
    "topics": Kind("topics", "TopicTask", TextSet, "npmi"),
}
"""Kinds by name, in the order in which they are listed."""

DIAGNOSES: Final = frozenset({"near_duplicates", "neighbour_stability"})
"""Kinds that say what a system is sensitive to, and were measured not to rank systems as labels
do (docs/how-to/evaluate-your-own.md): they stand in a report and in no mean."""

_NATURAL: Final[dict[type, str]] = {
    RetrievalSet: "retrieval",
    LabelledSet: "classification",
    BitextSet: "bitext",
    AnalogySet: "analogies",
    OutlierSet: "outliers",
    WordListSet: "outliers",
    DictionarySet: "word_translation",
    TextSet: "topics",
}


def kind_of(content: Content) -> str:
    """What content is judged on unless something else is asked for.

    Pairs of single words are for word similarity; other pairs with scores of 0 and 1 only for
    pair classification, else for similarity. Documents with candidates are for reranking.

    Raises
    ------
    InvalidParameter
        If there is no task for such content.

    Examples
    --------
    >>> kind_of(BitextSet("mine", ["a cat"], ["eine Katze"]))
    'bitext'
    """
    if isinstance(content, PairSet):
        if content.is_binary:
            return "pair_classification"
        texts = [*content.left, *content.right]
        return "similarity" if any(len(text.split()) > 1 for text in texts) else "word_similarity"
    if isinstance(content, RetrievalSet) and content.candidates is not None:
        return "reranking"
    kind = _NATURAL.get(type(content))
    if kind is None:
        raise InvalidParameter(
            f"There is no task on a {type(content).__name__}.",
            f"Give one of: {', '.join(one.__name__ for one in (PairSet, *_NATURAL))}.",
        )
    return kind


def made(
    kind: str,
    content: Content | Sequence[WordListSet],
    settings: Mapping[str, Any],
    *,
    judged_on: Content | None = None,
) -> Task:
    """Make a task of a kind.

    Parameters
    ----------
    kind : str
        A name in :data:`KINDS`; hyphens are as good as underscores.
    content : Content
        What it judges on, or learns from where ``judged_on`` is given. Word lists (also several
        sets of them) become outliers, and labelled texts become texts, where the kind needs those.
    settings : mapping
        Arguments of the task's class. Where it takes a config, such as
        :class:`kinspace.evaluate.tasks.clustering.Clusterings`, a mapping becomes one.
    judged_on : Content, optional
        The test split of a classification.

    Raises
    ------
    InvalidParameter
        If the kind is unknown or does not fit the content, or there is no such setting.
    """
    known = KINDS.get(kind.replace("-", "_"))
    if known is None:
        raise InvalidParameter(
            f"There is no kind of task {kind!r}.", f"Choose one of: {', '.join(KINDS)}."
        )
    settings = dict(settings)
    content = _fitting(known, content, settings)
    if not isinstance(content, known.content):
        raise InvalidParameter(
            f"{content.name} is a {type(content).__name__}, on which {kind} cannot be judged.",
            f"It needs a {known.content.__name__}.",
        )
    module = importlib.import_module(f"kinspace.evaluate.tasks.{known.module}")
    for name, config in known.configs.items():
        if isinstance(settings.get(name), Mapping):
            settings[name] = _called(getattr(module, config), **settings[name])
    given = [content] if judged_on is None else [content, judged_on]
    task: Task = _called(getattr(module, known.judge), *given, **settings)
    return task


def _called(what: type, *given: Any, **settings: Any) -> Any:
    """An object of a class; a setting that it has not is told as such."""
    try:
        return what(*given, **settings)
    except TypeError as error:
        if "unexpected keyword" not in str(error):
            raise
        raise InvalidParameter(
            f"{what.__name__}: {str(error).partition(' got ')[2] or error}.",
            f"It takes: {', '.join(_settings_of(what))}.",
        ) from error


def _settings_of(what: type) -> list[str]:
    found = inspect.signature(what).parameters.values()
    return [one.name for one in found if one.kind is one.KEYWORD_ONLY or is_dataclass(what)]


def _fitting(
    kind: Kind, content: Content | Sequence[WordListSet], settings: dict[str, Any]
) -> Content:
    """The content in the shape that a kind needs; settings of the change are taken out."""
    several = [content] if isinstance(content, WordListSet) else content
    if kind.content is OutlierSet and isinstance(several, Sequence):
        from kinspace.evaluate.tasks.outliers import outliers_among

        names = [name for name in ("members", "outliers", "seed") if name in settings]
        given = {name: settings.pop(name) for name in names}
        return outliers_among(*(one.lists for one in several), name=several[0].name, **given)
    if isinstance(content, Sequence):
        raise InvalidParameter("Several sets were given.", "Give one.")
    if kind.content is TextSet and isinstance(content, LabelledSet):
        return TextSet(content.name, content.texts)
    return content
