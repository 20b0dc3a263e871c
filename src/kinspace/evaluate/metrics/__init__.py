"""What is measured: each metric once, over columns of numbers.

:data:`STATISTICS` are the figures that are computed from columns, a row an item. Each takes
columns of shape (n,) and gives a number, or columns of shape (draws, n) and gives (draws,), so that
a bootstrap is a few calls and not thousands. Metrics of rankings are computed query by query
(:mod:`kinspace.evaluate.metrics.ranking`); what is reported is their mean.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from kinspace.evaluate.metrics.classes import f1, f1_macro, mean
from kinspace.evaluate.metrics.clusters import ari, nmi, v_measure
from kinspace.evaluate.metrics.correlation import pearson, spearman
from kinspace.evaluate.metrics.pairs import average_precision, best_accuracy, best_f1

__all__ = ["MEANS", "ORDINAL", "RANGES", "STATISTICS"]

STATISTICS: Mapping[str, Callable[..., Any]] = {
    "mean": mean,
    "influence": mean,
    "adjusted_influence": mean,
    "spearman": spearman,
    "pearson": pearson,
    "average_precision": average_precision,
    "best_f1": best_f1,
    "best_accuracy": best_accuracy,
    "v_measure": v_measure,
    "ari": ari,
    "nmi": nmi,
    "f1": f1,
    "f1_macro": f1_macro,
}
"""Statistics by name; their columns are the names of their parameters."""

MEANS = ("mean", "influence", "adjusted_influence")
"""Statistics that are the mean of one column. The values of a ``mean`` are the items' own figures;
those of the others are what each item contributes to a figure of all items together
(:mod:`kinspace.evaluate.tasks.influence`), which may be below or above what the figure can be:
``influence`` is for figures from 0 to 1, ``adjusted_influence`` for those adjusted for chance."""

ORDINAL: Mapping[str, tuple[str, ...]] = {
    "spearman": ("predicted", "gold"),
    "average_precision": ("scores",),
    "best_f1": ("scores",),
    "best_accuracy": ("scores",),
}
"""Columns of which only the order counts: before they are drawn from again and again, they are
brought into order once."""

RANGES: Mapping[str, tuple[float, float]] = {
    "influence": (0.0, 1.0),
    "adjusted_influence": (-0.5, 1.0),
    "spearman": (-1.0, 1.0),
    "pearson": (-1.0, 1.0),
    "average_precision": (0.0, 1.0),
    "best_f1": (0.0, 1.0),
    "best_accuracy": (0.0, 1.0),
    "v_measure": (0.0, 1.0),
    "ari": (-0.5, 1.0),
    "nmi": (0.0, 1.0),
    "f1": (0.0, 1.0),
    "f1_macro": (0.0, 1.0),
}
"""Within what a statistic lies; a mean lies within what its values do."""
