"""Vectors → neighbours, under one contract."""

from kinspace.index.base import Index
from kinspace.index.exact import Exact
from kinspace.index.ivf import Ivf
from kinspace.index.product import Product

__all__ = ["Exact", "Index", "Ivf", "Product"]
