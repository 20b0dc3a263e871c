"""Exact scores of candidates: a few rows of a table for each query, and the best of them.

:func:`rescore` is the whole; :func:`score_rows` is plain Python, which :mod:`.rescoring_code`
replaces by vector code that reads float16 as well.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kinspace.engines.scanning import halve


def rescore(
    table: Any, queries: Any, rows: Any, by_distance: int, values: Any, near: Any, best: Any,
    places: Any,
) -> None:  # fmt: skip
    """Bring the candidates of each query into the order of their scores, and keep the first.

    Parameters
    ----------
    table : array of float32, shape (n, dim), or of uint16 that holds float16
    queries : array of float32, shape (queries, dim)
    rows : array of int64, shape (queries, m)
        Candidates, each once; -1 for none.
    by_distance : int
        Whether scores are squared distances, made negative; else dot products.
    values, near : arrays of float32 and int64, shape (m,)
        To work in.
    best, places : arrays of float32 and int64, shape (queries, k)
        Written to, the best first; minus infinity and -1 where there are fewer. Of equal scores
        the lower row comes first.
    """
    k = best.shape[1]
    for query in range(len(queries)):
        many = 0
        for j in range(rows.shape[1]):
            if rows[query, j] >= 0:
                near[many] = rows[query, j]
                many += 1
        score_rows(table, near, many, queries, query, by_distance, values)
        if many > 4 * k:
            halve(values, near, many, k)
            many = k
        for i in range(k):
            best[query, i], places[query, i] = -np.inf, -1
        for j in range(many):
            value, place = values[j], near[j]
            i = min(j, k)
            while i > 0 and (
                best[query, i - 1] < value
                or (best[query, i - 1] == value and places[query, i - 1] > place)
            ):
                if i < k:
                    best[query, i], places[query, i] = best[query, i - 1], places[query, i - 1]
                i -= 1
            if i < k:
                best[query, i], places[query, i] = value, place


def score_all(table: Any, rows: Any, queries: Any, by_distance: int, scores: Any) -> None:
    """Scores of listed rows with some queries, shape (queries, rows)."""
    for query in range(len(queries)):
        score_rows(table, rows, len(rows), queries, query, by_distance, scores[query])


def score_rows(
    table: Any, rows: Any, many: int, queries: Any, query: int, by_distance: int, values: Any
) -> None:
    """Scores of the first of some listed rows with one query."""
    for n in range(many):
        total = np.float32(0)
        if by_distance:
            for j in range(queries.shape[1]):
                apart = table[rows[n], j] - queries[query, j]
                total -= apart * apart
        else:
            for j in range(queries.shape[1]):
                total += table[rows[n], j] * queries[query, j]
        values[n] = total
