"""Where records and vectors are kept: the embedded default, and (later) external databases."""

from kinspace.store.base import Store
from kinspace.store.collection import Collection

__all__ = ["Collection", "Store"]
