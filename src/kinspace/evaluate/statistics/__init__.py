"""How sure a figure is, and whether two systems differ.

``interval`` gives a figure its confidence interval, ``compare`` tests a difference, ``holm``
corrects several tests for their number, ``moved`` names the items that make a difference. How
often they are right was measured: ``docs/explain/statistics.md``.
"""

from __future__ import annotations

from kinspace.evaluate.statistics.intervals import interval
from kinspace.evaluate.statistics.paired import Comparison, Moved, compare, holm, moved

__all__ = ["Comparison", "Moved", "compare", "holm", "interval", "moved"]
