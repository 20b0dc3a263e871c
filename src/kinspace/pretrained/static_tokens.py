"""Vectors of the tokens and words of texts, out of a static table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kinspace.engines.characters import mend
from kinspace.errors import require_choice
from kinspace.pretrained.spans import Merge, TokenVectors, described
from kinspace.pretrained.token_table import TokenTable
from kinspace.space import Space

if TYPE_CHECKING:
    from tokenizers import Tokenizer


def token_vectors(
    texts: Sequence[str],
    read: Sequence[str],
    table: TokenTable,
    rows: Callable[[NDArray[np.int32]], NDArray[np.float32]],
    space: Space,
    *,
    longest: int | None,
    merge: Merge,
) -> list[TokenVectors]:
    """Look up the tokens of texts.

    Parameters
    ----------
    texts : sequence of str
    read : sequence of str
        What the encoder reads of each: its first characters.
    table : TokenTable
    rows : callable
        The vectors of known tokens, by their ids.
    space : Space
        Of the encoder's whole texts.
    longest : int or None
        The most tokens of a text.
    merge : {"mean", "first"}
    """
    require_choice("merge", merge, Merge)
    own = space.derive("tokens", dim=table.table.shape[1])
    found = []
    for text, part in zip(texts, read, strict=True):
        encoding: Any = _tokenizer(table.text).encode(mend(part), add_special_tokens=False)
        ids = np.array(encoding.ids, np.int32)
        kept = np.flatnonzero(table.places[ids[:longest]] >= 0)
        names, offsets = encoding.tokens, np.array(encoding.offsets, np.int64).reshape(-1, 2)
        found.append(
            described(
                text, [names[i] for i in kept], offsets[kept], rows(ids[kept]), own, merge=merge,
                cut=len(ids) - len(ids[:longest]) + _count(table.text, text[len(part) :]),
            )
        )  # fmt: skip
    return found


def _count(tokenizer: str, text: str) -> int:
    """How many tokens a text has that is not read."""
    return len(_tokenizer(tokenizer).encode(mend(text), add_special_tokens=False)) if text else 0


@lru_cache(maxsize=2)
def _tokenizer(text: str) -> Tokenizer:
    from tokenizers import Tokenizer

    made = Tokenizer.from_str(text)
    made.no_truncation()
    made.no_padding()
    return made
