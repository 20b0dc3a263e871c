"""How well the shipped default finds and compares, beside BM25 and all-MiniLM-L6-v2.

    KINSPACE_DATA=../shared/data python bench/quality.py
    python bench/quality.py --models default --sets cacm,cranfield,sts-test    # a part of it

Everything goes through the public surface: `kinspace.load`, `Collection.open`, `upsert` and
`search` with k = 10. The retrieval columns are nDCG@10, those of STS-B Spearman's correlation of
the cosines with what people said. What there was to choose was chosen on the first three
columns; the last three are only reported. `--cache FOLDER` keeps the collections for the next
time; without it everything is made anew. Writes bench/results/quality.json.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from common import Target, machine, show, show_targets, versions, write
from judged import CHOICE, PAIRS, RETRIEVAL, Pairs, Retrieval, collection_of, ndcg

if TYPE_CHECKING:
    from kinspace import Collection, Encoder

MODELS = {"default": "default", "minilm": "all-MiniLM-L6-v2"}
COLUMNS = ("sts-dev", "scifact-train", "cacm", "sts-test", "scifact-test", "cranfield")
K = 10
BM25 = "BM25 alone"

Table = dict[str, dict[str, float]]


def spearman(pairs: Pairs, encoder: Encoder[str]) -> float:
    """Correlation of the cosines of pairs of vectors with people's scores."""
    from scipy.stats import spearmanr

    sides = [encoder.encode(texts).vectors for texts in (pairs.left, pairs.right)]
    left, right = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in sides)
    return float(spearmanr((left * right).sum(axis=1), pairs.scores).statistic)


def retrieval(found: Retrieval, collection: Collection, mode: Any) -> float:
    """Mean nDCG@10 over the queries."""
    values = []
    for name, query in found.queries.items():
        hits = collection.search(query, K, mode=mode)
        values.append(ndcg([hit.id for hit in hits], found.relevant[name], K))
    return statistics.fmean(values)


def measure(model: str, sets: Sequence[str], folder: Path, table: Table) -> dict[str, Any]:
    """Fill in a model's rows; BM25's too, if they are not there yet."""
    import kinspace as ks

    encoder = ks.load(MODELS[model])
    dense, hybrid = (table.setdefault(f"{MODELS[model]} {way}", {}) for way in ("alone", "hybrid"))
    words = table.setdefault(BM25, {})
    start = time.perf_counter()
    for name in sets:
        if name in PAIRS:
            dense[name] = spearman(PAIRS[name](), encoder)
            continue
        found = RETRIEVAL[name]()
        with collection_of(found, encoder, folder) as collection:
            dense[name] = retrieval(found, collection, "dense")
            hybrid[name] = retrieval(found, collection, "hybrid")
            if name not in words:
                words[name] = retrieval(found, collection, "keyword")
        print(f"  {MODELS[model]}, {name}: {time.perf_counter() - start:.0f} s", flush=True)
    return encoder.space.to_dict()


def targets(table: Table) -> list[Target]:
    """What was asked for."""
    alone = table.get("default alone", {})
    hybrid = table.get("default hybrid", {})
    larger = table.get("all-MiniLM-L6-v2 hybrid", {})
    return [
        Target("default alone, STS-B test", 0.78, alone.get("sts-test")),
        Target("default alone, SciFact test", 0.53, alone.get("scifact-test")),
        Target("default hybrid, SciFact test", 0.705, hybrid.get("scifact-test")),
        Target("default hybrid, Cranfield", 0.395, hybrid.get("cranfield")),
        Target("all-MiniLM-L6-v2 hybrid, SciFact test", 0.73, larger.get("scifact-test")),
    ]


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--models", default=",".join(MODELS), help="of: " + ", ".join(MODELS))
    parser.add_argument("--sets", default=",".join(COLUMNS), help="of: " + ", ".join(COLUMNS))
    parser.add_argument("--cache", type=Path, help="keep the collections in this folder")
    options = parser.parse_args()
    models = _chosen(options.models, MODELS)
    sets = _chosen(options.sets, COLUMNS)
    where = machine()
    table: Table = {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.cache or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        spaces = {model: measure(model, sets, folder, table) for model in models}
    rows = {
        name: {key: round(value, 4) for key, value in row.items()}
        for name, row in sorted(table.items(), key=lambda item: _place(item[0]))
    }
    print("\nSpearman for STS-B, nDCG@10 for the others. Chosen on:", ", ".join(CHOICE))
    show(["", *sets], [[name, *(row.get(one) for one in sets)] for name, row in rows.items()])
    asked = targets(table)
    show_targets(asked)
    result = {
        "machine": where,
        "versions": versions("tantivy", "numpy", "torch", "sentence-transformers"),
        "spaces": spaces,
        "chosen_on": list(CHOICE),
        "table": rows,
        "targets": [target.to_dict() for target in asked],
    }
    write("quality", result, whole=models == list(MODELS) and sets == list(COLUMNS))


def _place(row: str) -> int:
    order = ["default alone", BM25, "default hybrid"]
    return order.index(row) if row in order else len(order)


def _chosen(given: str, known: Any) -> list[str]:
    names = given.split(",")
    for name in names:
        if name not in known:
            raise SystemExit(f"{name!r} is none of: {', '.join(known)}.")
    return [name for name in known if name in names]


if __name__ == "__main__":
    main()
