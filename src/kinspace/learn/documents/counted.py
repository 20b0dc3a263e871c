"""What learners over counted terms share: their terms, the folder, topics as words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinspace.encoder import learned
from kinspace.learn import saved as files
from kinspace.learn.documents.tfidf import TfidfEncoder
from kinspace.learn.documents.weighting import Weighting

Topic = list[tuple[str, float]]
"""Words with their weights, the greatest first."""
SHOWN = 10
"""Words of a topic."""


def terms_of(learner: Any, weighting: Weighting) -> TfidfEncoder:
    """A new encoder of terms with a learner's settings, by their names."""
    return TfidfEncoder(
        weighting,
        tokenizer=learner.tokenizer,
        stop_words=learner.stop_words,
        min_ngram=learner.min_ngram,
        max_ngram=learner.max_ngram,
        min_df=learner.min_df,
        max_df=learner.max_df,
        max_vocabulary=learner.max_vocabulary,
    )


def fitted_terms(learner: Any) -> TfidfEncoder:
    """The terms that a learner has learned.

    Raises
    ------
    NotFitted
        Before :meth:`fit`.
    """
    terms: TfidfEncoder = learned(learner, "terms_")
    return terms


def save(learner: Any, folder: str | Path, state: dict[str, NDArray[Any]]) -> None:
    """Write a learner with its terms to a folder; see :mod:`kinspace.learn.saved`."""
    terms = fitted_terms(learner)
    facts, arrays = terms.written()
    params = learner.get_params(deep=False)
    plain = {**params, **{k: v for k, v in terms.plain_params().items() if k in params}}
    files.write(folder, files.Saved(learner.method, plain, facts, None, arrays | state))


def load(cls: Any, folder: str | Path) -> tuple[Any, dict[str, NDArray[Any]]]:
    """A learner of class ``cls`` with the terms that :func:`save` wrote, and the other arrays.

    Raises
    ------
    ModelNotFound, ReadError
    """
    found = files.read(folder, cls.method)
    learner = cls(**found.params)
    learner.terms_ = terms_of(learner, getattr(learner, "weighting", "counts")).restored(found)
    return learner, found.state


def as_topics(weights: NDArray[np.float32], words: list[str], by_size: bool) -> list[Topic]:
    """Topics as words: those that weigh most.

    Parameters
    ----------
    weights : ndarray, shape (terms, topics)
    words : list of str
        The terms.
    by_size : bool
        Whether a negative weight counts by its size.
    """
    topics = []
    for column in weights.T:
        order = np.argsort(-(np.abs(column) if by_size else column), kind="stable")[:SHOWN]
        topics.append([(words[i], float(column[i])) for i in order.tolist()])
    return topics
