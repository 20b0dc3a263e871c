"""Vectors → neighbours, under one contract."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kinspace.index.base import Index, IndexStats
    from kinspace.index.binary import Binary
    from kinspace.index.exact import Exact
    from kinspace.index.files import load_index
    from kinspace.index.forest import Forest
    from kinspace.index.forms import exact_index
    from kinspace.index.hnsw import Hnsw
    from kinspace.index.ivf import Ivf
    from kinspace.index.ivf_product import IvfProduct
    from kinspace.index.ivf_scalar import IvfScalar
    from kinspace.index.libraries.annoy import AnnoyIndex
    from kinspace.index.libraries.hnswlib import HnswlibIndex
    from kinspace.index.libraries.scann import ScannIndex
    from kinspace.index.libraries.usearch import UsearchIndex
    from kinspace.index.libraries.voyager import VoyagerIndex
    from kinspace.index.lsh import Lsh
    from kinspace.index.multi_centroids import MultiCentroids
    from kinspace.index.multi_exact import MultiExact
    from kinspace.index.product import Product
    from kinspace.index.rabitq import RaBitQ
    from kinspace.index.sparse_exact import SparseExact
    from kinspace.index.sparse_inverted import SparseInverted
    from kinspace.index.tune import build_index, retune

_HOMES = {
    "AnnoyIndex": "libraries.annoy",
    "Binary": "binary",
    "Exact": "exact",
    "Forest": "forest",
    "Hnsw": "hnsw",
    "HnswlibIndex": "libraries.hnswlib",
    "Index": "base",
    "IndexStats": "base",
    "Ivf": "ivf",
    "IvfProduct": "ivf_product",
    "IvfScalar": "ivf_scalar",
    "Lsh": "lsh",
    "MultiCentroids": "multi_centroids",
    "MultiExact": "multi_exact",
    "Product": "product",
    "RaBitQ": "rabitq",
    "ScannIndex": "libraries.scann",
    "SparseExact": "sparse_exact",
    "SparseInverted": "sparse_inverted",
    "UsearchIndex": "libraries.usearch",
    "VoyagerIndex": "libraries.voyager",
    "build_index": "tune",
    "exact_index": "forms",
    "load_index": "files",
    "retune": "tune",
}

__all__ = [
    "AnnoyIndex",
    "Binary",
    "Exact",
    "Forest",
    "Hnsw",
    "HnswlibIndex",
    "Index",
    "IndexStats",
    "Ivf",
    "IvfProduct",
    "IvfScalar",
    "Lsh",
    "MultiCentroids",
    "MultiExact",
    "Product",
    "RaBitQ",
    "ScannIndex",
    "SparseExact",
    "SparseInverted",
    "UsearchIndex",
    "VoyagerIndex",
    "build_index",
    "exact_index",
    "load_index",
    "retune",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
