"""Encoders whose vectors are given by hand, and systems made of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kinspace.encoder import Encoder, Side
from kinspace.evaluate.system import System
from kinspace.evaluate.systems import as_system
from kinspace.metric import Metric
from kinspace.space import Space, fingerprint_of


class Known(Encoder[str]):
    """Looks vectors up; queries in a table of their own where there is one.

    Parameters
    ----------
    table : dict of str to vector
    queries : dict of str to vector, optional
    metric : str
    """

    def __init__(
        self,
        table: Mapping[str, ArrayLike],
        queries: Mapping[str, ArrayLike] | None = None,
        metric: Metric = "cosine",
    ) -> None:
        self.table = table
        self.queries = queries
        self.metric = metric
        self.calls: list[tuple[Side, list[str]]] = []

    @property
    def space(self) -> Space:
        dim = len(np.asarray(next(iter(self.table.values()))))
        return Space("known", fingerprint_of("known", self.metric), dim, self.metric)

    def _encode_batch(self, items: Sequence[str], side: Side) -> NDArray[np.float32]:
        self.calls.append((side, list(items)))
        table = self.queries if side == "query" and self.queries is not None else self.table
        return np.array([table[item] for item in items], np.float32)


def known(
    texts: Sequence[str],
    vectors: ArrayLike,
    queries: Mapping[str, ArrayLike] | None = None,
    metric: Metric = "cosine",
) -> System:
    """A system that gives these texts these vectors."""
    rows = np.asarray(vectors)
    return as_system(Known(dict(zip(texts, rows, strict=True)), queries, metric))


def encoder_of(system: System) -> Known:
    """The encoder that :func:`known` made."""
    assert system.encoder is not None
    assert isinstance(system.encoder.inner, Known)
    return system.encoder.inner


def value(outcome: object, metric: str) -> float:
    """What a metric came to."""
    return outcome.samples[metric].value()  # type: ignore[attr-defined, no-any-return]
