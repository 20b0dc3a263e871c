"""Filters that leave 100, 10, 1, 0.1 and 0.01 %: recall and time of an index and of a collection.

    python bench/filtered.py --vectors vectors.npy           # from bench/sentence_vectors.py
    python bench/filtered.py --vectors vectors.npy --size 50000

An index by ``build_index(recall=0.95)`` gets a mask of randomly chosen ids; the same vectors in a
collection are filtered by a field, each filter once for warmth. One query at a time, 1,000 held-out
queries for each share, k = 10; a hit as near as the tenth of those that are allowed counts as
found. Writes bench/results/filtered.json.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from common import Target, machine, milliseconds, show, show_targets, versions, write
from numpy.typing import NDArray
from sentence_vectors import COUNT, vectors

import kinspace as ks
from kinspace.index.tune import build_index

SHARES, K, RECALL = (1.0, 0.1, 0.01, 0.001, 0.0001), 10, 0.95


def measured(
    search: Callable[[NDArray[np.float32]], NDArray[np.int64]],
    table: NDArray[np.float32],
    queries: NDArray[np.float32],
    allowed: NDArray[np.int64],
) -> dict[str, float]:
    """Recall and times of searches that should find the nearest of some rows."""
    some = table[allowed]
    k = min(K, len(allowed))
    search(queries[0])
    taken, found = [], []
    for query in queries:
        start = time.perf_counter()
        ids = search(query)
        taken.append(time.perf_counter() - start)
        if not np.isin(ids, allowed).all():
            raise SystemExit("Something was found that the filter leaves out.")
        tenth = -np.partition(-(some @ query), k - 1)[k - 1]
        found.append(np.count_nonzero(table[ids] @ query >= tenth - 1e-3) / k)
    return {"recall_at_10": round(float(np.mean(found)), 4), **milliseconds(taken)}


def main() -> None:
    """Build, measure, print and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--vectors", type=Path, required=True, help="made if it is not there")
    parser.add_argument("--size", type=int, default=COUNT, help="how many vectors")
    options = parser.parse_args()
    where = machine()
    table, queries = vectors(options.vectors)
    table = table[: options.size]
    order = np.random.default_rng(0).permutation(len(table))
    index = build_index(table, metric="cosine", recall=RECALL)
    figures: dict[str, dict[str, Any]] = {"index": {}, "collection": {}}
    with tempfile.TemporaryDirectory() as temporary:
        space = ks.Space("given", "0" * 16, table.shape[1])
        with ks.Collection.open(Path(temporary) / "c.kin", space=space, recall=RECALL) as opened:
            opened.add({"id": str(i), "vector": row, "rank": int(order[i])}
                       for i, row in enumerate(table))  # fmt: skip
            for share in SHARES:
                least = round(share * len(table))
                mask = order < least
                allowed = np.flatnonzero(mask)

                def by_index(query: Any, mask: Any = mask) -> NDArray[np.int64]:
                    ids = index.search(query, K, allowed=mask).ids[0]
                    return np.asarray(ids[ids >= 0])

                def by_collection(query: Any, least: int = least) -> NDArray[np.int64]:
                    hits = opened.search(query, K, {"rank": {"$lt": least}})
                    return np.array([int(hit.id) for hit in hits])

                for name, search in (("index", by_index), ("collection", by_collection)):
                    figures[name][f"{share:.2%}"] = measured(search, table, queries, allowed)
            how = {"index": type(index).__name__, "collection": opened.info().search}
    rows = [[f"{name}, {share}", *one.values()] for name in figures for share, one in
            figures[name].items()]  # fmt: skip
    show(["", "recall@10", "p50 ms", "p99 ms"], rows)
    asked = [
        Target(f"{name}, {share}: recall@10", RECALL, one["recall_at_10"])
        for name in figures
        for share, one in figures[name].items()
    ]
    show_targets(asked)
    result = {
        "machine": where,
        "versions": versions("numpy", "numba", "faiss-cpu"),
        "vectors": len(table),
        "queries": len(queries),
        "searched_by": how,
        "figures": figures,
        "targets": [target.to_dict() for target in asked],
    }
    write("filtered", result, whole=options.size == COUNT)


if __name__ == "__main__":
    main()
