"""Vectors with the space they live in and, where things have names, their ids."""

from kinspace.embeddings.table import Embeddings

__all__ = ["Embeddings"]
