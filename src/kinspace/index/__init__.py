"""Vectors → neighbours, under one contract."""

from kinspace.index.base import Index
from kinspace.index.exact import Exact
from kinspace.index.forms import exact_index
from kinspace.index.ivf import Ivf
from kinspace.index.multi_exact import MultiExact
from kinspace.index.product import Product
from kinspace.index.sparse_exact import SparseExact

__all__ = ["Exact", "Index", "Ivf", "MultiExact", "Product", "SparseExact", "exact_index"]
