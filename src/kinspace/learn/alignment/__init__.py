"""Two spaces brought together: a map from one to the other, and what is whose counterpart."""

from kinspace.learn.alignment.procrustes import Procrustes
from kinspace.learn.alignment.translation import translate, translation_precision

__all__ = ["Procrustes", "translate", "translation_precision"]
