"""Exact search in batches: the same ten as FAISS's flat index, on the same threads.

    KINSPACE_DATA=../shared/data python bench/exact.py --vectors vectors.npy

199,645 real vectors, 1,000 queries (sentence_vectors.py) and pictures of Fashion-MNIST by euclidean
distance; one call with all queries, one thread and two. Sides take turns; figures are medians of
``--rounds``. The same ten are found, ties aside: where ids differ, scores are within 1e-6.
Writes bench/results/exact.json.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from common import Target, machine, show, show_targets, versions, write
from indexes import material

K = 10


def sides(table: Any, metric: str, threads: int) -> dict[str, Callable[[Any], Any]]:
    """What is compared: each takes queries, and gives ids and scores."""
    import faiss

    from kinspace.index import Exact

    faiss.omp_set_num_threads(threads)
    flat = (faiss.IndexFlatL2 if metric == "euclidean" else faiss.IndexFlatIP)(table.shape[1])
    flat.add(table)
    mine = Exact(table.shape[1], metric)
    mine.add(table)
    mine.threads = threads

    def by_faiss(queries: Any) -> Any:
        values, ids = flat.search(queries, K)
        return ids, -np.sqrt(np.maximum(values, 0)) if metric == "euclidean" else values

    def by_kinspace(queries: Any) -> Any:
        found = mine.search(queries, K)
        return found.ids, found.scores

    return {"kinspace": by_kinspace, "faiss flat": by_faiss}


def same(a: Any, b: Any) -> float:
    """The share of queries with the same ten, ties aside."""
    close = np.abs(np.sort(a[1], 1) - np.sort(b[1], 1)).max(1) <= 1e-6 * np.abs(a[1]).max(1) + 1e-6
    alike = [set(x) == set(y) for x, y in zip(a[0].tolist(), b[0].tolist(), strict=True)]
    return float((np.array(alike) | close).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--vectors", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    rows, result = [], {}
    for name in ("minilm", "fashion"):
        table, queries, metric = material(name, given.vectors)
        table, queries = np.ascontiguousarray(table), np.ascontiguousarray(queries)
        for threads in (1, 2):
            ways = sides(table, metric, threads)
            found = {way: run(queries) for way, run in ways.items()}  # and warm
            seconds: dict[str, list[float]] = {way: [] for way in ways}
            for turn in range(given.rounds):
                for way in list(ways)[:: 1 if turn % 2 else -1]:
                    start = time.perf_counter()
                    ways[way](queries)
                    seconds[way].append(time.perf_counter() - start)
            rate = {way: len(queries) / statistics.median(each) for way, each in seconds.items()}
            ratio = rate["kinspace"] / rate["faiss flat"]
            alike = same(*found.values())
            result[f"{name}, {threads} threads"] = {
                "queries_per_second": rate, "ratio": ratio, "same_ten": alike
            }  # fmt: skip
            rows.append(
                [
                    name,
                    threads,
                    *(f"{each:,.0f}" for each in rate.values()),
                    f"{ratio:.1f}×",
                    f"{alike:.4f}",
                ]
            )
    show(["set", "threads", "Kinspace", "FAISS flat", "ratio", "same ten"], rows)
    two = result["minilm, 2 threads"]
    show_targets(
        [
            Target("times FAISS flat on two threads", 1.5, round(two["ratio"], 2)),
            Target("queries with the same ten", 1.0, two["same_ten"]),
        ]
    )
    write(
        "exact",
        {"machine": machine(), "versions": versions("faiss-cpu", "numpy", "numba"), "sets": result},
    )


if __name__ == "__main__":
    main()
