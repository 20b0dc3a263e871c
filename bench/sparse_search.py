"""Sparse search: SparseInverted beside SparseExact, and beside scipy's product of matrices.

    python bench/sparse_search.py [--size 199645]

Vectors are of the sentences of `sentence_vectors.py`, in word pieces. `plain` weighs a sentence's
own pieces by TF-IDF. `expanded` looks as SPLADE's do, without its network: each piece brings the
pieces that lie nearest to it in the table of the default model (12 for a text, 4 for a query),
weights are log(1 + x), and small ones are left out. The last thousand sentences are the queries.

One thread, k = 10. `batch` asks all queries at once, `alone` one a call. Recall is against the
scores of SparseExact, ties aside. Times are of the processor. Writes
bench/results/sparse_search.json.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import tokenizers
from common import data_folder, machine, show, versions, write
from scipy.sparse import csr_array
from sentence_vectors import COUNT, sentences

import kinspace as ks
from kinspace.index import SparseExact
from kinspace.index.sparse_inverted import SparseInverted

QUERIES, K = 300, 10


def pieces(texts: list[str], model: Any) -> Any:
    """Word pieces by (1 + log tf) · idf, shape (texts, pieces)."""
    encoded = tokenizers.Tokenizer.from_str(model.tokenizer).encode_batch(
        texts, add_special_tokens=False
    )
    counted = [np.unique(np.array(one.ids, np.int64), return_counts=True) for one in encoded]
    starts = np.cumsum([0, *(len(found) for found, _ in counted)])
    found = np.concatenate([each for each, _ in counted])
    times = np.concatenate([each for _, each in counted])
    documents = np.bincount(found, minlength=len(model.table))
    idf = np.log(1 + (len(texts) - documents + 0.5) / (documents + 0.5))
    weights = ((1 + np.log(times)) * idf[found] / 5).astype(np.float32)
    return csr_array((weights, found, starts), shape=(len(texts), len(model.table)))


def nearest_pieces(table: Any, count: int) -> Any:
    """For each piece the nearest others by squared cosine, shape (pieces, pieces)."""
    unit = table / np.maximum(np.linalg.norm(table, axis=1, keepdims=True), 1e-9)
    parts = []
    for start in range(0, len(unit), 2000):
        cosines = unit[start : start + 2000] @ unit.T
        near = np.argpartition(-cosines, count, axis=1)[:, :count]
        values = np.maximum(np.take_along_axis(cosines, near, 1), 0) ** 2
        rows = np.repeat(np.arange(start, start + len(near)), count)
        parts.append((rows, near.ravel(), values.ravel()))
    rows, columns, values = (np.concatenate(part) for part in zip(*parts, strict=True))
    return csr_array((values, (rows, columns)), shape=(len(unit), len(unit)), dtype=np.float32)


def expanded(rows: Any, near: Any, least: float) -> Any:
    """Each piece with those that it brings; sums as logarithms, small ones left out."""
    made = (rows @ near).tocsr()
    made.data = np.log1p(made.data)
    made.data[made.data < least] = 0
    made.eliminate_zeros()
    made.sort_indices()
    return csr_array(made, dtype=np.float32)


class ByScipy:
    """What one would write without an index."""

    def __init__(self) -> None:
        self._by_dimension: Any = None

    def add(self, rows: Any) -> None:
        self._by_dimension = rows.T.tocsr()

    def search(self, queries: Any, k: int) -> Any:
        for start in range(0, queries.shape[0], 50):
            scores = (queries[start : start + 50] @ self._by_dimension).toarray()
            np.argpartition(-scores, k, axis=1)

    @property
    def nbytes(self) -> int:
        held = self._by_dimension
        return int(held.data.nbytes + held.indices.nbytes + held.indptr.nbytes)


def seconds(work: Callable[[], Any], times: int = 3) -> float:
    """The processor's time, the least of some turns."""
    taken = []
    for _ in range(times):
        start = time.process_time()
        work()
        taken.append(time.process_time() - start)
    return min(taken)


def measured(make: Callable[[], Any], rows: Any, queries: Any, truth: Any) -> dict[str, Any]:
    index = make()
    index.threads = 1
    built = seconds(lambda: index.add(rows), 1)
    index.search(queries[:2], K)
    singles = [queries[[row]] for row in range(queries.shape[0])]
    found = index.search(queries, K)
    batch = seconds(lambda: index.search(queries, K))
    alone = seconds(lambda: [index.search(one, K) for one in singles])
    recall = None if found is None else float((found.scores >= truth[:, -1:] - 1e-3).mean())
    return {
        "queries_a_second_batch": round(len(singles) / batch, 1),
        "queries_a_second_alone": round(len(singles) / alone, 1),
        "recall": recall,
        "build_seconds": round(built, 2),
        "megabytes": round(index.nbytes / 1e6),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--size", type=int, default=COUNT, help="how many texts")
    size = parser.parse_args().size
    where, model = machine(), ks.load()
    plain = pieces(sentences(data_folder()), model)
    table = np.asarray(model.table, np.float32)
    texts, asked = plain[:size], plain[COUNT : COUNT + QUERIES]
    sets = {
        "plain": (texts, asked),
        "expanded": (
            expanded(texts, nearest_pieces(table, 12), 0.12),
            expanded(asked, nearest_pieces(table, 4), 0.1),
        ),
    }
    results: dict[str, Any] = {}
    for name, (rows, queries) in sets.items():
        dim = rows.shape[1]
        exact = SparseExact(dim, "dot")
        exact.add(rows)
        truth = exact.search(queries, K).scores
        sides: dict[str, Callable[[], Any]] = {
            "scipy": ByScipy,
            "SparseExact": lambda dim=dim: SparseExact(dim, "dot"),
            "SparseInverted": lambda dim=dim: SparseInverted(dim, "dot"),
            "SparseInverted, alpha .95": lambda dim=dim: SparseInverted(dim, "dot", alpha=0.95),
        }
        found = {side: measured(make, rows, queries, truth) for side, make in sides.items()}
        numbers = [round(each.nnz / each.shape[0], 1) for each in (rows, queries)]
        results[name] = {"numbers_of_a_text_and_a_query": numbers, "sides": found}
        print(f"\n{name}: {rows.shape[0]:,} texts of {numbers[0]} numbers, queries of {numbers[1]}")
        header = ["", "q/s batch", "q/s alone", "recall@10", "build s", "MB"]
        show(header, [[side, *figures.values()] for side, figures in found.items()])
    result = {"machine": where, "versions": versions("scipy", "numba"), "sets": results}
    write("sparse_search", result, whole=size == COUNT)


if __name__ == "__main__":
    main()
