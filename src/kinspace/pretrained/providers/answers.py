"""Answers that cannot be: of another shape, of too few vectors, or of another length."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinspace.errors import ProviderError
from kinspace.pretrained.providers.keys import without

Read = Callable[[Any], tuple[Sequence[Any] | NDArray[Any], int]]
"""From an answer to its vectors, in order, and how many tokens were paid for."""


def understood(answer: Any, read: Read, service: str, key: str) -> tuple[NDArray[np.float32], int]:
    """The vectors and tokens in an answer.

    Raises
    ------
    ProviderError
        If it has another shape; the key is not in it, should the service repeat it.
    """
    try:
        vectors, tokens = read(answer)
        with np.errstate(over="ignore"):
            return np.asarray(vectors, np.float32), tokens
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
        says = answer.get("error") if isinstance(answer, dict) else None  # with status 200
        problem = without(key, str(says or repr(error)))
    # Outside of the handler: what was raised would hang on to this error, and show what was sent.
    raise ProviderError(
        f"{service} gives an answer that cannot be understood: {problem:.200}.",
        "Check that the address is that of such a service.",
    )


def require_rows(rows: NDArray[np.float32], count: int, service: str) -> None:
    """Raise :class:`ProviderError` unless there is a vector for each of ``count`` items."""
    found = len(rows) if rows.ndim == 2 else 0
    if found != count:
        raise ProviderError(
            f"{service} gives {found} vectors for {count} items.",
            "Report it to whoever runs the service.",
        )


def require_dim(rows: NDArray[np.float32], dim: int, service: str) -> None:
    """Raise :class:`ProviderError` unless vectors are ``dim`` long."""
    if rows.shape[1] != dim:
        raise ProviderError(
            f"{service} gives vectors of {rows.shape[1]} dimensions where {dim} are expected.",
            "Check the name of the model, and whether it offers other dimensions.",
        )
