"""Kinspace: one house for the whole life of an embedding.

read → learn → encode → index → store → search → evaluate → show → audit → serve.

Nothing heavy is imported until it is used; ``import kinspace`` costs little more than numpy.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kinspace import datasets, errors, read
    from kinspace.embeddings import Embeddings
    from kinspace.encoder import Encoder, Learner
    from kinspace.errors import KinspaceError
    from kinspace.evaluate.report import Report
    from kinspace.evaluate.runner import evaluate
    from kinspace.index import Exact, Index, Ivf, Product
    from kinspace.learn.sentences.distill import Distill
    from kinspace.loading import load
    from kinspace.pretrained import models
    from kinspace.pretrained.static import StaticEncoder
    from kinspace.pretrained.transformer import TransformerEncoder
    from kinspace.results import Hit, Neighbours
    from kinspace.space import Space
    from kinspace.store import Collection, Store

__version__ = "0.1.0"

_HOMES = {
    "Collection": "kinspace.store",
    "Distill": "kinspace.learn.sentences.distill",
    "Embeddings": "kinspace.embeddings",
    "Encoder": "kinspace.encoder",
    "Exact": "kinspace.index",
    "Hit": "kinspace.results",
    "Index": "kinspace.index",
    "Ivf": "kinspace.index",
    "KinspaceError": "kinspace.errors",
    "Learner": "kinspace.encoder",
    "Neighbours": "kinspace.results",
    "Product": "kinspace.index",
    "Report": "kinspace.evaluate.report",
    "Space": "kinspace.space",
    "StaticEncoder": "kinspace.pretrained.static",
    "Store": "kinspace.store",
    "TransformerEncoder": "kinspace.pretrained.transformer",
    "load": "kinspace.loading",
    "models": "kinspace.pretrained",
}
_ROOMS = {"datasets", "errors", "evaluate", "read"}
"""``evaluate`` is both: the room, and a function by the same name."""

__all__ = [
    "Collection",
    "Distill",
    "Embeddings",
    "Encoder",
    "Exact",
    "Hit",
    "Index",
    "Ivf",
    "KinspaceError",
    "Learner",
    "Neighbours",
    "Product",
    "Report",
    "Space",
    "StaticEncoder",
    "Store",
    "TransformerEncoder",
    "__version__",
    "datasets",
    "errors",
    "evaluate",
    "load",
    "models",
    "read",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        value = getattr(importlib.import_module(_HOMES[name]), name)
    elif name in _ROOMS:
        value = importlib.import_module(f"kinspace.{name}")
    else:
        raise AttributeError(f"module 'kinspace' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
