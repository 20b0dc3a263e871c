"""Fewer bytes for vectors: fewer bits a number, fewer numbers, or sketches of sets and features.

Nothing is imported until it is asked for: most who come here want one thing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from kinspace.compress.binary import Binary
    from kinspace.compress.chain import Chain
    from kinspace.compress.compressed import Compressed, compress
    from kinspace.compress.count_sketch import CountSketch
    from kinspace.compress.float16 import Float16
    from kinspace.compress.int4 import Int4
    from kinspace.compress.int8 import Int8, RowInt8
    from kinspace.compress.kinds import parse_quantizer
    from kinspace.compress.loss import Loss, measure
    from kinspace.compress.minhash import MinHash
    from kinspace.compress.multiplexing import UnifiedEmbedding
    from kinspace.compress.pca import PCA
    from kinspace.compress.product_quantizer import ProductQuantizer
    from kinspace.compress.quantizer import Quantizer
    from kinspace.compress.random_projection import RandomProjection
    from kinspace.compress.simhash import SimHash
    from kinspace.compress.truncation import Truncation

_HOMES: Final = {
    "PCA": "kinspace.compress.pca",
    "Binary": "kinspace.compress.binary",
    "Chain": "kinspace.compress.chain",
    "Compressed": "kinspace.compress.compressed",
    "CountSketch": "kinspace.compress.count_sketch",
    "Float16": "kinspace.compress.float16",
    "Int4": "kinspace.compress.int4",
    "Int8": "kinspace.compress.int8",
    "Loss": "kinspace.compress.loss",
    "MinHash": "kinspace.compress.minhash",
    "ProductQuantizer": "kinspace.compress.product_quantizer",
    "Quantizer": "kinspace.compress.quantizer",
    "RandomProjection": "kinspace.compress.random_projection",
    "RowInt8": "kinspace.compress.int8",
    "SimHash": "kinspace.compress.simhash",
    "Truncation": "kinspace.compress.truncation",
    "UnifiedEmbedding": "kinspace.compress.multiplexing",
    "compress": "kinspace.compress.compressed",
    "measure": "kinspace.compress.loss",
    "parse_quantizer": "kinspace.compress.kinds",
}

__all__ = [
    "PCA",
    "Binary",
    "Chain",
    "Compressed",
    "CountSketch",
    "Float16",
    "Int4",
    "Int8",
    "Loss",
    "MinHash",
    "ProductQuantizer",
    "Quantizer",
    "RandomProjection",
    "RowInt8",
    "SimHash",
    "Truncation",
    "UnifiedEmbedding",
    "compress",
    "measure",
    "parse_quantizer",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'kinspace.compress' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value
