"""A model whose vectors are made smaller as they come."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinspace.compress.files import State
from kinspace.compress.kinds import of_state
from kinspace.compress.quantizer import Quantizer
from kinspace.encoder import Encoder, Side
from kinspace.metric import normalise
from kinspace.space import Space


class CompressedEncoder(Encoder[Any]):
    """An encoder, and what its vectors go through.

    Parameters
    ----------
    encoder : Encoder
    quantizer : Quantizer
        Fitted to vectors of that encoder.

    Examples
    --------
    >>> from kinspace.compress import Truncation
    >>> from kinspace.loading import load
    >>> model = load()
    >>> short = CompressedEncoder(model, Truncation(64).fit(model.encode(["a text"])))
    >>> short.encode(["a cat", "a kitten"]).shape
    (2, 64)
    """

    def __init__(self, encoder: Encoder[Any], quantizer: Quantizer) -> None:
        self.encoder = encoder
        self.quantizer = quantizer

    @property
    def space(self) -> Space:
        """That of the encoder, compressed."""
        return self.quantizer.space(self.encoder.space)

    @property
    def keyword_share(self) -> float:  # type: ignore[override]
        """How much words count beside it: as beside the encoder."""
        return self.encoder.keyword_share

    def _encode_batch(self, items: Sequence[Any], side: Side) -> NDArray[np.float32]:
        if side == "query":
            return self.moved(np.asarray(self.encoder.encode_query(items).vectors), side)
        return self.moved(np.asarray(self.encoder.encode(items).vectors), side)

    def moved(self, vectors: NDArray[np.float32], side: Side = "document") -> NDArray[np.float32]:
        """Vectors of the encoder as those of the derived space; of length 1 for cosine."""
        quantizer = self.quantizer
        if side == "query":
            rows = quantizer.query(vectors)
        else:
            rows = quantizer.vectors(quantizer.encode(vectors))
        return normalise(rows) if self.encoder.space.metric == "cosine" else rows


def packed(quantizer: Quantizer) -> dict[str, Any]:
    """A quantizer as plain values, for JSON."""
    state = quantizer.state()
    arrays = {
        name: {
            "dtype": array.dtype.str,
            "shape": list(array.shape),
            "bytes": base64.b64encode(array.tobytes()).decode(),
        }
        for name, array in state.arrays.items()
    }
    return {**state.plain, "arrays": arrays}


def unpacked(values: Mapping[str, Any]) -> Quantizer:
    """The quantizer that :func:`packed` wrote."""
    arrays = {
        name: np.frombuffer(base64.b64decode(one["bytes"]), one["dtype"]).reshape(one["shape"])
        for name, one in values["arrays"].items()
    }
    return of_state(State.of(values, arrays))
