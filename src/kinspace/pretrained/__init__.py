"""Models made elsewhere, and the one that is shipped: ``load()`` is ready for English text."""

from kinspace.pretrained.registry import ModelInfo, describe, load, models

__all__ = ["ModelInfo", "describe", "load", "models"]
