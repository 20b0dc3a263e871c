"""The loop of all text models: tokenise ahead, batch by tokens, run, hand over."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from kinspace.pretrained.neural.batches import Batch, batches
from kinspace.pretrained.neural.tokens import Tokenizer, Tokens

Result = TypeVar("Result")


def run(
    texts: Sequence[str],
    tokenizer: Tokenizer,
    model: Callable[[Batch], Result],
    *,
    prompt: str = "",
    budget: int,
) -> Iterator[tuple[Tokens, Batch, Result]]:
    """Run a model over texts, batch by batch; the next texts are tokenised meanwhile.

    Parameters
    ----------
    texts : sequence of str
    tokenizer : Tokenizer
    model : callable
        From a batch to whatever is made of it, for example ``backbone.states``.
    prompt : str
        What stands before each text.
    budget : int
        The most tokens of a batch.

    Yields
    ------
    tuple of Tokens, Batch and what the model gave
        ``batch.pieces`` says which pieces of ``tokens`` they are.
    """
    import torch

    tokens = tokenizer(texts, prompt)
    for batch in batches(tokens, budget):
        with torch.inference_mode():
            yield tokens, batch, model(batch)
