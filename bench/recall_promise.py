"""Is the recall that is promised the recall that is delivered? Twenty data sets, real and hostile.

    KINSPACE_DATA=../shared/data python bench/recall_promise.py --vectors vectors.npy
    python bench/recall_promise.py --sets clustered "heavy tails" --recalls 0.95     # a quick look

For each set and each recall, ``build_index`` sees the table only (in one set the first half of it,
and then what is added), and what it finds is measured by queries that it never saw, against exact
search in float64, ties counted as found. A promise is kept if what is found is not below it by
more than 0.01, or if the index says that it could not. Writes bench/results/recall_promise.json.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from common import Target, machine, show, show_targets, versions, write
from indexes import material
from numpy.typing import NDArray

from kinspace.index.exact_search import nearest_rows, prepare_queries
from kinspace.index.tune import NotReached, build_index, retune
from kinspace.index.tuning.recall import shares, trial_of

K = 10
RECALLS = (0.9, 0.95, 0.99)
SLACK = 0.01
QUERIES = 1000

Rows = NDArray[np.float32]
Made = tuple[Rows, Rows, str]
"""Table, queries and metric."""


# -- the sets --------------------------------------------------------------------------------------


def real(name: str, change: Callable[[Rows, Rows], Made] | None = None) -> Callable[[Any], Made]:
    """A real set, or what is made of it."""

    def make(options: Any) -> Made:
        table, queries, metric = material(name, options.vectors)
        table, queries = np.asarray(table, np.float32), np.asarray(queries, np.float32)
        return (table, queries, metric) if change is None else change(table, queries)

    return make


def made(count: int, draw: Callable[[Any, int], Rows], metric: str) -> Callable[[Any], Made]:
    """A set of random vectors, queries among them drawn in the same way."""

    def make(options: Any) -> Made:
        del options
        rows = draw(np.random.default_rng(5), count + QUERIES).astype(np.float32)
        return rows[:count], rows[count:], metric

    return make


def clustered(rng: Any, count: int, spread: Any = 1.0, clusters: int = 200, dim: int = 96) -> Any:
    """Normal clouds around random centres."""
    centres = 4 * rng.standard_normal((clusters, dim))
    own = rng.integers(0, clusters, count)
    width = np.broadcast_to(spread, clusters)[own, None]
    return centres[own] + width * rng.standard_normal((count, dim))


def unequal(rng: Any, count: int) -> Any:
    """Clusters of which the largest holds a third, and the smallest a handful."""
    centres = 3 * rng.standard_normal((300, 64))
    share = 1 / np.arange(1, 301) ** 1.2
    own = rng.choice(300, count, p=share / share.sum())
    return centres[own] + rng.standard_normal((count, 64)) * rng.uniform(0.1, 2, 300)[own, None]


def low_rank(rng: Any, count: int, rank: int = 8, dim: int = 256) -> Any:
    """A curved sheet of few directions in many dimensions."""
    turn = np.random.default_rng(1).standard_normal((rank, dim))
    return np.tanh(rng.standard_normal((count, rank)) @ turn) + 0.01 * rng.standard_normal(
        (count, dim)
    )


def curve(rng: Any, count: int) -> Any:
    """Points of one line that winds through 64 dimensions."""
    return np.sin(rng.uniform(0, 6, (count, 1)) * np.arange(1, 65) / 4)


def repeated(rng: Any, count: int) -> Any:
    """Each vector some twenty times."""
    return rng.standard_normal((count // 20, 64))[rng.integers(0, count // 20, count)]


def heavy_tails(rng: Any, count: int) -> Any:
    """Norms of which a few are a hundred times the others."""
    return rng.standard_normal((count, 64)) * (1 + rng.pareto(1.5, (count, 1)))


def steps(rng: Any, count: int) -> Any:
    """Small whole numbers, so that distances are equal again and again."""
    return rng.integers(0, 4, (count, 24))


def near_copies(table: Rows, queries: Rows) -> Made:
    """A quarter of the sentences, each four times with a little noise."""
    rng = np.random.default_rng(2)
    rows = np.repeat(table[: len(table) // 4], 4, axis=0)
    return rows + 0.005 * rng.standard_normal(rows.shape, dtype=np.float32), queries, "cosine"


def with_norms(table: Rows, queries: Rows) -> Made:
    """Sentences with lognormal norms, by dot product: popular items."""
    norms = np.random.default_rng(3).lognormal(0, 0.5, (len(table), 1)).astype(np.float32)
    return (table * norms)[:100_000], queries, "dot"


def drifting(table: Rows, queries: Rows) -> Made:
    """Sentences in the order of one direction; the queries are like the last third."""
    order = np.argsort(table @ table[0])
    far = queries[np.argsort(queries @ table[0])[-len(queries) // 3 :]]
    return np.ascontiguousarray(table[order][::2]), far, "cosine"


SETS: dict[str, Callable[[Any], Made]] = {
    "sentences": real("minilm"),
    "sentences, a quarter": real("minilm", lambda t, q: (t[:50_000], q, "cosine")),
    "sentences, by distance": real("minilm", lambda t, q: (t[50_000:150_000], q, "euclidean")),
    "sentences, 64 numbers": real(
        "minilm", lambda t, q: (t[:100_000, :64].copy(), q[:, :64].copy(), "cosine")
    ),
    "sentences, near copies": real("minilm", near_copies),
    "sentences with norms": real("minilm", with_norms),
    "sentences, drifting": real("minilm", drifting),
    "scifact": real("scifact"),
    "cranfield": real("cranfield"),
    "fashion": real("fashion"),
    "fashion, by dot": real("fashion", lambda t, q: (t, q, "dot")),
    "normal": made(50_000, lambda rng, n: rng.standard_normal((n, 128)), "euclidean"),
    "normal, by cosine": made(30_000, lambda rng, n: rng.standard_normal((n, 256)), "cosine"),
    "uniform": made(100_000, lambda rng, n: rng.random((n, 16)), "euclidean"),
    "plane": made(100_000, lambda rng, n: rng.random((n, 2)), "euclidean"),
    "clustered": made(100_000, clustered, "euclidean"),
    "clusters of all sizes": made(60_000, unequal, "euclidean"),
    "low rank": made(60_000, low_rank, "euclidean"),
    "curve": made(50_000, curve, "euclidean"),
    "repeated": made(60_000, repeated, "cosine"),
    "heavy tails": made(60_000, heavy_tails, "dot"),
    "small whole numbers": made(60_000, steps, "euclidean"),
}
GROWING = "sentences, drifting"


# -- measuring -------------------------------------------------------------------------------------


def built(name: str, table: Rows, metric: Any, recall: float) -> tuple[Any, float]:
    """The index, and how long it took."""
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotReached)
        half = len(table) // 2
        index = build_index(table[:half] if name == GROWING else table, metric, recall, K)
        if name == GROWING:
            index.add(table[half:])
            retune(index)
    return index, time.perf_counter() - start


def delivered(index: Any, table: Rows, queries: Rows, metric: Any) -> float:
    """What share of the true neighbours an index finds."""
    rows, asked = (prepare_queries(part, part.shape[1], metric) for part in (table, queries))
    truth = nearest_rows(asked, rows, np.arange(len(rows)), K, metric)
    found = index.search(queries, K)
    trial = trial_of(asked, truth.ids, truth.scores, None)
    return float(shares(found.ids, found.scores, trial, K).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--vectors", type=Path, help="where the sentences' vectors are kept")
    parser.add_argument("--sets", nargs="+", default=list(SETS), choices=list(SETS))
    parser.add_argument("--recalls", nargs="+", type=float, default=list(RECALLS))
    options = parser.parse_args()
    lines: list[dict[str, Any]] = []
    for name in options.sets:
        table, queries, metric = SETS[name](options)
        for recall in options.recalls:
            index, seconds = built(name, table, metric, recall)
            got = delivered(index, table, queries, metric)
            choice = index.choice
            line = {
                "set": name,
                "vectors": len(table),
                "dim": table.shape[1],
                "metric": metric,
                "promised": recall,
                "delivered": round(got, 4),
                "proof": round(choice.proofs[0].recall, 4),
                "said so": not choice.met,
                "kept": got >= recall - SLACK or not choice.met,
                "index": choice.index,
                "seconds": round(seconds, 1),
                "queries/s": round(choice.alternatives[0].queries_per_second),
                "by comparing all": round(
                    next(
                        (
                            one.queries_per_second
                            for one in choice.alternatives
                            if one.index.startswith("Exact")
                        ),
                        0,
                    )
                ),
            }
            lines.append(line)
            print(*line.values(), sep="  ", flush=True)
    print()
    show(list(lines[0]), [list(line.values()) for line in lines])
    targets = [
        Target("promises kept", 1.0, sum(line["kept"] for line in lines) / len(lines)),
        Target("least of delivered - promised", -SLACK,
               min(line["delivered"] - line["promised"] for line in lines)),
    ]  # fmt: skip
    show_targets(targets)
    whole = len(options.sets) == len(SETS) and len(options.recalls) == len(RECALLS)
    result = {
        "machine": machine(),
        "versions": versions("faiss-cpu", "numpy"),
        "lines": lines,
        "targets": [target.to_dict() for target in targets],
    }
    write("recall_promise", result, whole=whole)


if __name__ == "__main__":
    main()
