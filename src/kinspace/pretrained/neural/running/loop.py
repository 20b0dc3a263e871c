"""The loop of all text models: tokenise ahead, batch by tokens, run, hand over."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from itertools import chain, islice
from typing import Final, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from kinspace.pretrained.neural.running.batches import Batch, batches
from kinspace.pretrained.neural.running.tokens import Tokens

Text = TypeVar("Text")
Result = TypeVar("Result")

_AHEAD: Final = 1 << 18
"""Characters that are tokenised while those before them go through the model."""


def run(
    texts: Sequence[Text],
    tokenizer: Callable[[Sequence[Text], str], Tokens],
    model: Callable[[Batch], Result],
    *,
    prompt: str = "",
    budget: int,
    side_by_side: bool = False,
) -> Iterator[tuple[Tokens, Batch, Result]]:
    """Run a model over texts, batch by batch; the next texts are tokenised meanwhile.

    Parameters
    ----------
    texts : sequence
        Of str, or of whatever the tokenizer takes, such as pairs.
    tokenizer : callable
        A :class:`~kinspace.pretrained.neural.running.tokens.Tokenizer`, or what is called like
        one.
    model : callable
        From a batch to whatever is made of it, for example ``backbone.states``. It is called in
        inference mode.
    prompt : str
        What stands before each text.
    budget : int
        The most tokens of a batch.
    side_by_side : bool
        Run as many batches at a time as torch has threads, with one thread each: no thread waits
        for another then. ``backbone.side_by_side`` says whether that is right.

    Yields
    ------
    tuple of Tokens, Batch and what the model gave
        ``batch.pieces`` says which pieces of ``tokens`` they are. The tokens are those of all texts
        that were read so far; the last ones are those of all texts.
    """
    import torch

    def work(batch: Batch) -> Result:
        with torch.inference_mode():
            return model(batch)

    every = _batches(texts, lambda some: tokenizer(some, prompt), budget)
    workers = torch.get_num_threads() if side_by_side else 1
    start = list(islice(every, 2))
    every = chain(start, every)
    if workers > 1 and len(start) > 1:
        yield from _side_by_side(every, work, workers)
    else:
        yield from ((tokens, batch, work(batch)) for tokens, batch in every)


def rows_of(
    texts: Sequence[Text],
    tokenizer: Callable[[Sequence[Text], str], Tokens],
    model: Callable[[Batch], NDArray[np.float32]],
    *,
    prompt: str = "",
    budget: int,
    side_by_side: bool = False,
) -> tuple[Tokens, NDArray[np.float32]]:
    """Run a model that gives a row for each piece; the tokens and the rows of all texts.

    Parameters
    ----------
    texts : sequence, not empty
    model : callable
        From a batch of n pieces to an array of float32, shape (n, dim).
    tokenizer, prompt, budget, side_by_side
        As for :func:`run`.
    """
    pieces, parts = [], []
    ran = run(texts, tokenizer, model, prompt=prompt, budget=budget, side_by_side=side_by_side)
    for tokens, batch, rows in ran:  # noqa: B007 - the last ones are those of all texts
        pieces.append(batch.pieces)
        parts.append(rows)
    found = np.empty((len(tokens.lengths), parts[0].shape[1]), np.float32)
    found[np.concatenate(pieces)] = np.concatenate(parts)
    return tokens, found


def _batches(
    texts: Sequence[Text], read: Callable[[Sequence[Text]], Tokens], budget: int
) -> Iterator[tuple[Tokens, Batch]]:
    """The batches of all texts; while some go through the model, the next texts are tokenised."""
    parts = list(_parts(texts))
    if len(parts) == 1:
        tokens = read(texts)
        yield from ((tokens, batch) for batch in batches(tokens, budget))
        return
    with ThreadPoolExecutor(1) as reader:
        coming = reader.submit(read, parts[0])
        so_far: Tokens | None = None
        for following in [*parts[1:], None]:
            some = coming.result()
            if following is not None:
                coming = reader.submit(read, following)
            before = 0 if so_far is None else len(so_far.lengths)
            so_far = some if so_far is None else so_far.followed_by(some)
            for batch in batches(some, budget):
                yield so_far, replace(batch, pieces=batch.pieces + before)


def _parts(texts: Sequence[Text]) -> Iterator[Sequence[Text]]:
    """Texts in parts of about as many characters; a pair counts by its two texts."""
    first = size = 0
    for place, text in enumerate(texts):
        size += len(text) if isinstance(text, str) else sum(map(len, cast("tuple[str]", text)))
        if size >= _AHEAD and place + 1 < len(texts):
            yield texts[first : place + 1]
            first, size = place + 1, 0
    yield texts[first:]


def _side_by_side(
    every: Iterator[tuple[Tokens, Batch]], work: Callable[[Batch], Result], workers: int
) -> Iterator[tuple[Tokens, Batch, Result]]:
    """The batches in order, each run by a thread of its own; few are held at a time."""
    import torch

    def alone() -> None:
        torch.set_num_threads(1)

    waiting: deque[tuple[Tokens, Batch, Future[Result]]] = deque()

    def first() -> tuple[Tokens, Batch, Result]:
        tokens, batch, future = waiting.popleft()
        return tokens, batch, future.result()

    try:
        with ThreadPoolExecutor(workers, initializer=alone) as pool:
            for tokens, batch in every:
                waiting.append((tokens, batch, pool.submit(work, batch)))
                if len(waiting) > 2 * workers:
                    yield first()
            while waiting:
                yield first()
    finally:  # torch gives threads that come later what was set last, wherever that was
        torch.set_num_threads(workers)
