"""The best index for a stated recall: chosen on a sample, set and proven on everything.

What is asked for is *what*: a share of the true neighbours, perhaps a limit of memory or of time.
Which index, and which options, follow from the vectors themselves, by measuring. Queries that
were used to choose prove nothing, so the proof is by others.
"""

from __future__ import annotations

import warnings
from typing import Any

from kinspace.index.tuning.asked import Asked
from kinspace.index.tuning.choice import Choice
from kinspace.index.tuning.data import data_of
from kinspace.index.tuning.retuning import retuned
from kinspace.index.tuning.tuner import Progress, Tuner
from kinspace.metric import Metric


class NotReached(UserWarning):
    """Not all that was asked for could be had; ``index.choice.misses`` says what."""


def build_index(
    vectors: Any,
    metric: Metric | None = None,
    recall: float = 0.95,
    k: int = 10,
    *,
    memory: str | float | None = None,
    latency: str | float | None = None,
    queries: Any = None,
    threads: int | None = None,
    copy: bool = True,
    thorough: bool = False,
    seed: int = 0,
    progress: Progress | None = None,
) -> Any:
    """The fastest index that finds a stated share of the true neighbours.

    Indexes are tried on a sample; the best is built, its options set for ``k`` of 1, 10 and 100,
    and proven by queries that had no part in that. Comparing all is right, and chosen, where
    nothing is faster.

    Parameters
    ----------
    vectors : Embeddings or array_like, shape (n, dim)
        Sparse ones and several for each item too. Ids are positions: 0, 1, 2 …
    metric : str, optional
        By default that of the Embeddings' space, or cosine.
    recall : float
        The share of the ``k`` nearest that are to be found: with 95 % confidence, the index finds
        more.
    k : int
    memory : str or int, optional
        The largest size of the index with its vectors: ``"400MB"``, or bytes. Vectors may be kept
        as float16 for it.
    latency : str or float, optional
        The longest that a query alone may take: ``"2ms"``, or seconds. Indexes are then compared
        by this time; otherwise by it and by that in batches.
    queries : Embeddings or array_like, shape (m, dim), optional
        Such as will be asked; 200 or more. By default vectors of the data are asked for, and not
        found themselves. Give some where queries differ from what they look for.
    threads : int, optional
        How many a batch is shared among; by default one for each processor.
    copy : bool
        Whether to copy an array of vectors. Without, it must be float32 or float16, not change,
        have rows of length 1 for cosine, and may be a file that is mapped into memory.
    thorough : bool
        Whether to try all kinds of index on the sample, also those that are hardly ever the best
        for such vectors, so that the table of alternatives is long.
    seed : int
        For the sample and the choice of queries.
    progress : callable, optional
        Called with how much is done, how much there is, and what is at hand.

    Returns
    -------
    VectorIndex
        Its ``choice`` says what was chosen, why, and what others cost; its ``tuned`` holds the
        options.

    Warns
    -----
    NotReached
        If not all could be had; ``choice.misses`` says what.

    Raises
    ------
    InvalidVectors, DimensionMismatch, InvalidParameter, SpaceMismatch

    Examples
    --------
    >>> import numpy as np
    >>> vectors = np.random.default_rng(0).standard_normal((500, 16))
    >>> index = build_index(vectors, metric="cosine", recall=0.95)
    >>> index.search(vectors[7], k=1)[0].ids
    [7]
    >>> print(index.choice.why)
    comparing 500 vectors takes no time
    """
    asked = Asked.of(recall, k, memory, latency, threads)
    data, given = data_of(vectors, metric, queries, copy=copy)
    index = Tuner(data, given, asked, seed, progress, may_halve=copy, thorough=thorough).run()
    warn(index.choice)
    return index


def warn(choice: Choice) -> None:
    """Say aloud what could not be had."""
    if choice.misses:
        warnings.warn(
            f"{choice.index} could not {'; could not '.join(choice.misses)}.",
            NotReached,
            stacklevel=3,
        )


def retune(
    index: Any,
    queries: Any = None,
    *,
    recall: float | None = None,
    k: int | None = None,
    seed: int = 0,
) -> Choice:
    """Set the options of an index anew, for the vectors that it holds now.

    After many additions and removals, or when queries have changed, what was once set may find
    less, or look at more than it need. The structure stays as it is; ``compact`` makes it anew.

    Parameters
    ----------
    index : VectorIndex
        Searches may go on meanwhile.
    queries : array_like, shape (m, dim), optional
        Such as are asked; 200 or more. By default vectors of the index are asked for, and not
        found themselves.
    recall, k
        By default what the index was built for: else 0.95 of the 10 nearest.
    seed : int
        For the choice of queries.

    Returns
    -------
    Choice
        The same as ``index.choice``; ``choice.proofs`` says what is found now.

    Warns
    -----
    NotReached
        If no options find enough: the highest are set then, and ``compact`` may help.

    Raises
    ------
    InvalidVectors, DimensionMismatch, InvalidParameter

    Examples
    --------
    >>> import numpy as np
    >>> vectors = np.random.default_rng(0).standard_normal((500, 16))
    >>> index = build_index(vectors)
    >>> index.add(vectors + 1)
    >>> print(retune(index).proofs[0])
    recall@10 1.0000: all are compared
    """
    last = index.choice
    asked = Asked.of(
        recall or (last.recall if last is not None else 0.95),
        k or (last.k if last is not None else 10),
        None,
        None,
        index.threads,
    )
    choice = retuned(index, queries, asked, seed)
    warn(choice)
    return choice
