"""The table of a static model: its tokens, their rows and weights, made from parts and checked."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinspace.engines.wordpiece import LibraryTokenizer, WordPiece
from kinspace.errors import InvalidInput


@dataclass
class TokenTable:
    """What an encoder works with, made from its parameters and checked."""

    table: NDArray[Any]
    text: str
    """The tokenizer, as JSON."""
    spec: dict[str, Any]
    tokens: WordPiece | LibraryTokenizer
    places: NDArray[np.int32]
    """(vocabulary,) the row of each token; -1 for unknown ones."""
    weights: NDArray[np.float32]
    pieces: list[str]
    """The tokens by id."""
    parts: list[NDArray[Any] | None]
    """Weights and mapping as they were given."""

    @classmethod
    def of(
        cls,
        table: NDArray[Any],
        text: str,
        weights: NDArray[Any] | None,
        mapping: NDArray[Any] | None,
    ) -> TokenTable:
        if table.ndim != 2 or table.dtype not in (np.int8, np.float16, np.float32):
            raise InvalidInput(
                f"A table of {table.dtype} with {table.ndim} axes cannot hold token vectors.",
                "Give int8, float16 or float32 of shape (tokens, dim).",
            )
        spec, pieces = _read_tokenizer(text)
        size = len(pieces)
        places = np.arange(size) if mapping is None else np.asarray(mapping)
        for what, values in (("weights", weights), ("mapping", mapping)):
            if values is not None and (values.ndim != 1 or len(values) < size):
                raise InvalidInput(
                    f"The {what} have shape {values.shape}, and the tokenizer {size} tokens.",
                    "Give one for each token.",
                )
        least = 0 if mapping is None else -1
        if len(places) and not (least <= places.min() and 0 <= places.max() < len(table)):
            raise InvalidInput(
                f"The tokenizer's {size} tokens do not fit a table of {len(table)} rows.",
                "Give the tokenizer that the table was made with.",
            )
        rows: NDArray[np.int32] = places.astype(np.int32)
        unknown = _unknown_token(spec, pieces)
        if unknown is not None:
            rows[unknown] = -1
        given = np.ones(len(places)) if weights is None else weights
        fast = WordPiece.supports(spec)
        return cls(
            table, text, spec, WordPiece(spec) if fast else LibraryTokenizer(text),
            rows, np.asarray(given, np.float32), pieces, [weights, mapping],
        )  # fmt: skip

    @cached_property
    def median_length(self) -> int:
        return int(np.median([len(piece) for piece in self.pieces if piece]))

    @cached_property
    def fast_table(self) -> NDArray[Any]:
        """The table as compiled code wants it: without gaps, and without float16."""
        halves = self.table.dtype == np.float16
        return np.ascontiguousarray(self.table, np.float32 if halves else None)

    def digest(self) -> str:
        """A hash of table, weights, mapping, and what of the tokenizer changes token ids."""
        whole = hashlib.sha256()
        model = {k: v for k, v in self.spec["model"].items() if k != "vocab"}
        kept = [model, *(self.spec.get(k) for k in ("normalizer", "pre_tokenizer", "added_tokens"))]
        if not isinstance(self.spec["model"].get("vocab"), dict):  # Unigram: pieces with scores
            kept.append(self.spec["model"].get("vocab"))
        whole.update(json.dumps(kept, sort_keys=True).encode())
        whole.update("".join(self.pieces).encode())
        lengths = np.fromiter(map(len, self.pieces), np.int32)
        for array in (lengths, self.table, *self.parts):
            shape = None if array is None else (array.shape, array.dtype.str)
            whole.update(f"\n{shape}\n".encode())
            if array is not None:
                whole.update(np.ascontiguousarray(array).data)
        return whole.hexdigest()[:32]


def _read_tokenizer(text: str) -> tuple[dict[str, Any], list[str]]:
    """The content of a tokenizer.json, and its tokens by id, the added ones among them."""
    try:
        spec = json.loads(text)
        vocab = spec["model"]["vocab"]
        if not isinstance(vocab, dict):  # Unigram: pieces with scores
            vocab = {piece: i for i, (piece, _) in enumerate(vocab)}
        pieces, ids = list(vocab), list(vocab.values())
        added = spec.get("added_tokens") or []
        if ids != list(range(len(ids))):  # not in order, or with gaps
            pieces = [""] * (max(ids, default=-1) + 1)
            for piece, i in vocab.items():
                pieces[i] = piece
        pieces += [""] * (max((token["id"] for token in added), default=-1) + 1 - len(pieces))
        for token in added:
            pieces[token["id"]] = token["content"]
        if not pieces:
            raise ValueError("it has no tokens")
        return spec, pieces
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidInput(
            f"The tokenizer cannot be read: {error!r}.", "Give the text of a tokenizer.json."
        ) from error


def _unknown_token(spec: dict[str, Any], pieces: list[str]) -> int | None:
    model = spec["model"]
    if isinstance(model.get("unk_id"), int):  # Unigram
        return int(model["unk_id"])
    return pieces.index(model["unk_token"]) if model.get("unk_token") in pieces else None
