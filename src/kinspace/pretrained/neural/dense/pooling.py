"""From the states of tokens to one vector of each text, without padding.

The ways are those of sentence-transformers, under its names, and give the same vectors.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, Literal, get_args

from kinspace.errors import InvalidParameter
from kinspace.pretrained.neural.running.batches import Batch

Pooling = Literal["mean", "max", "cls", "lasttoken", "weightedmean", "mean_sqrt_len_tokens"]


def check_pooling(pooling: str | Sequence[str]) -> tuple[str, ...]:
    """Poolings by name, as a tuple.

    Raises
    ------
    InvalidParameter
        If there are none, or one is unknown.
    """
    if isinstance(pooling, str) or not isinstance(pooling, Sequence):
        named: tuple[str, ...] = (pooling,)
    else:
        named = tuple(pooling)
    unknown = [name for name in named if name not in get_args(Pooling)]
    if unknown or not named:
        what = f"Unknown pooling {unknown[0]!r}." if unknown else "No pooling was named."
        raise InvalidParameter(what, f"Choose from: {', '.join(get_args(Pooling))}.")
    return named


def pool(rows: Any, batch: Batch, poolings: Sequence[str], *, skip: int = 0) -> Any:
    """Pool the tokens of each text.

    Parameters
    ----------
    rows : torch.Tensor, shape (total, hidden)
        The states of the batch's tokens, in any precision.
    batch : Batch
        Texts of one length lie beside each other, and are pooled together.
    poolings : sequence of str
        The vectors of several are joined.
    skip : int
        So many tokens at the start of each text, its prompt, are left out. A text that has no
        others becomes zeros.

    Returns
    -------
    torch.Tensor of float32, shape (n, hidden * len(poolings))
    """
    import torch

    width = rows.shape[1]
    found = torch.zeros(len(batch.lengths), width * len(poolings), device=rows.device)
    row = 0
    for start, count, length in batch.groups():
        if length > skip:
            block = rows[start : start + count * length].view(count, length, width)[:, skip:]
            parts = [_POOLED[name](block, skip) for name in poolings]
            found[row : row + count] = torch.cat(parts, dim=1)
        row += count
    return found


def _mean(block: Any, skip: int) -> Any:
    import torch

    return block.mean(1, dtype=torch.float32)


def _max(block: Any, skip: int) -> Any:
    return block.amax(1).float()


def _first(block: Any, skip: int) -> Any:
    return block[:, 0].float()


def _last(block: Any, skip: int) -> Any:
    return block[:, -1].float()


def _mean_by_place(block: Any, skip: int) -> Any:
    """Later tokens, which have seen more, count more: 1, 2, 3 … (Muennighoff 2022, "SGPT")."""
    import torch

    places = torch.arange(1, block.shape[1] + 1, device=block.device, dtype=torch.float32) + skip
    return (block.float() * places[:, None]).sum(1) / places.sum()


def _sum_by_root(block: Any, skip: int) -> Any:
    import torch

    return block.sum(1, dtype=torch.float32) / block.shape[1] ** 0.5


_POOLED: Final[dict[str, Callable[[Any, int], Any]]] = {
    "mean": _mean,
    "max": _max,
    "cls": _first,
    "lasttoken": _last,
    "weightedmean": _mean_by_place,
    "mean_sqrt_len_tokens": _sum_by_root,
}
"""From states, shape (n, length, hidden), and tokens left out before them, to (n, hidden)."""
