"""The loop of all text models: tokenise, batch by tokens, run, hand over."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from kinspace.pretrained.neural.batches import Batch, batches
from kinspace.pretrained.neural.tokens import Tokens

Text = TypeVar("Text")
Result = TypeVar("Result")


def run(
    texts: Sequence[Text],
    tokenizer: Callable[[Sequence[Text], str], Tokens],
    model: Callable[[Batch], Result],
    *,
    prompt: str = "",
    budget: int,
    side_by_side: bool = False,
) -> Iterator[tuple[Tokens, Batch, Result]]:
    """Run a model over texts, batch by batch.

    Parameters
    ----------
    texts : sequence
        Of str, or of whatever the tokenizer takes, such as pairs.
    tokenizer : callable
        A :class:`~kinspace.pretrained.neural.tokens.Tokenizer`, or what is called as one is.
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
        ``batch.pieces`` says which pieces of ``tokens`` they are.
    """
    import torch

    def work(batch: Batch) -> Result:
        with torch.inference_mode():
            return model(batch)

    tokens = tokenizer(texts, prompt)
    workers = torch.get_num_threads() if side_by_side else 1
    if workers > 1 and len(tokens.ids) > budget:
        for batch, result in _side_by_side(batches(tokens, budget), work, workers):
            yield tokens, batch, result
        return
    for batch in batches(tokens, budget):
        yield tokens, batch, work(batch)


def _side_by_side(
    every: Iterator[Batch], work: Callable[[Batch], Result], workers: int
) -> Iterator[tuple[Batch, Result]]:
    """The batches in order, each run by a thread of its own; few are held at a time."""
    import torch

    def alone() -> None:
        torch.set_num_threads(1)

    waiting: deque[tuple[Batch, Future[Result]]] = deque()
    try:
        with ThreadPoolExecutor(workers, initializer=alone) as pool:
            for batch in every:
                waiting.append((batch, pool.submit(work, batch)))
                if len(waiting) > 2 * workers:
                    yield _first(waiting)
            while waiting:
                yield _first(waiting)
    finally:  # torch gives threads that come later what was set last, wherever that was
        torch.set_num_threads(workers)


def _first(waiting: deque[tuple[Batch, Future[Result]]]) -> tuple[Batch, Result]:
    batch, future = waiting.popleft()
    return batch, future.result()
