"""100,000 real passages: ingest, search, memory and disk, beside Chroma and LanceDB.

    KINSPACE_DATA=../shared/data python bench/collection.py
    python bench/collection.py --size 5000 --rounds 1 --contenders kinspace     # a quick look

All in one run, every contender in a new process of its own for ingest, for warm queries and for
cold ones, 2 threads each, in turns whose order is reversed every other round; each figure is the
median over the rounds. Kinspace takes texts, encodes them and indexes words and vectors; the
others are given the vectors of the same model (made once, not counted in their time), and so
is Kinspace once more. Queries (see bench/passages.py): 1,000 after 50 others for warmth, k = 10,
texts and fields fetched. "dense" encodes the query, "vector given" does not. Recall is to exact
search over the same float32 vectors; a hit as near as the tenth counts. Memory is the process's
peak, mapped files included. Writes bench/results/collection.json.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from common import Target, data_folder, machine, show, show_targets, versions, write
from contenders import CONTENDERS, K
from numpy.typing import NDArray
from passages import Passage, passages, queries

SIZE, ROUNDS, THREADS = 100_000, 3, 2
QUERIES, WARM_UP = 1000, 50
VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "RAYON_NUM_THREADS",
    "TOKIO_WORKER_THREADS",
    "LANCE_CPU_THREADS",
)
INGEST_ONLY = "kinspace, vectors given"

Figures = dict[str, dict[str, Any]]


# -- preparing ---------------------------------------------------------------------------------


def prepare(folder: Path, size: int) -> dict[str, Any]:
    """Write passages, vectors and queries; what is true is found by looking at everything."""
    import kinspace as ks

    data = data_folder()
    found = passages(data, size)
    model = ks.load()
    model.encode([one.text for one in found])  # compiles what is not compiled yet
    start = time.perf_counter()
    vectors = model.encode([one.text for one in found]).vectors
    seconds = time.perf_counter() - start
    texts = queries(data, found, QUERIES + WARM_UP)
    wanted = model.encode_query(texts).vectors
    _write_inputs(folder, found, vectors, texts, wanted)
    about = {
        "passages": size,
        "mean_characters": round(statistics.mean(len(one.text) for one in found), 1),
        "queries": QUERIES,
        "warm_up": WARM_UP,
        "dim": vectors.shape[1],
        "encoding_passages_per_second": round(size / seconds),
        "encoding_a_query_ms": _encoding_a_query(model, texts),
    }
    (folder / "about.json").write_text(json.dumps(about))
    return about


def _write_inputs(
    folder: Path,
    found: list[Passage],
    vectors: NDArray[np.float32],
    texts: list[str],
    wanted: NDArray[np.float32],
) -> None:
    with (folder / "passages.jsonl").open("w", encoding="utf-8") as file:
        for number, one in enumerate(found):
            file.write(json.dumps({"id": str(number), **one._asdict()}) + "\n")
    vectors.tofile(folder / "vectors.f32")
    (folder / "queries.json").write_text(json.dumps(texts))
    np.save(folder / "query_vectors.npy", wanted)


def _encoding_a_query(model: Any, texts: list[str]) -> float:
    taken = []
    for text in texts:
        start = time.perf_counter()
        model.encode_query([text])
        taken.append(time.perf_counter() - start)
    return round(1000 * statistics.median(taken), 3)


def recall(folder: Path, dim: int, found: list[list[str]]) -> float:
    """The mean share of the K found that are as near as the K truly nearest."""
    vectors = np.fromfile(folder / "vectors.f32", np.float32).reshape(-1, dim)
    wanted = np.load(folder / "query_vectors.npy")[WARM_UP:]
    shares = []
    for start in range(0, len(wanted), 100):
        scores = _unit(wanted[start : start + 100]) @ _unit(vectors).T
        tenth = -np.partition(-scores, K - 1, axis=1)[:, K - 1]
        for line, least, ids in zip(scores, tenth, found[start : start + 100], strict=True):
            near = line[np.array(ids, np.int64)] >= least - 1e-6
            shares.append(near.sum() / K)
    return float(np.mean(shares))


def _unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12))


# -- running -----------------------------------------------------------------------------------


def job(what: str, name: str, folder: Path, store: Path) -> dict[str, Any]:
    """One job of one contender in a new process with a fixed number of threads."""
    threads = dict.fromkeys(VARIABLES, str(THREADS)) | {"TOKENIZERS_PARALLELISM": "true"}
    quiet = {"LANCEDB_LOG": "error"}  # it warns at each query, which costs it time
    script = Path(__file__).with_name("contenders.py")
    done = subprocess.run(
        [sys.executable, str(script), what, name, str(folder), str(store)],
        env=os.environ | threads | quiet,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def one_turn(name: str, folder: Path, about: dict[str, Any], store: Path) -> dict[str, Any]:
    """Everything about one contender, once."""
    figures: dict[str, Any] = {"ingest": job("ingest", name, folder, store)}
    if figures["ingest"]["count"] != about["passages"]:
        raise SystemExit(f"{name} holds {figures['ingest']['count']} of {about['passages']}.")
    figures["disk_mb"] = round(
        sum(p.stat().st_blocks * 512 for p in store.rglob("*") if p.is_file()) / 1e6, 1
    )
    if name == INGEST_ONLY:
        return figures
    warm = job("query", name, folder, store)
    found = warm.pop("found")
    for mode, times in warm["modes"].items():
        if mode.startswith("dense"):
            times["recall_at_10"] = round(recall(folder, about["dim"], found[mode]), 4)
    figures["query"] = warm
    figures["cold"] = job("cold", name, folder, store)
    return figures


def run(names: list[str], rounds: int, folder: Path, about: dict[str, Any]) -> Figures:
    """All contenders in turns; the medians over the rounds, and every round beside them."""
    turns: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    for number in range(rounds):
        for name in names if number % 2 == 0 else reversed(names):
            store = folder / "store"
            turns[name].append(one_turn(name, folder, about, store))
            shutil.rmtree(store)
            print(f"  round {number + 1}: {name} done, load {os.getloadavg()[0]:.1f}", flush=True)
    return {name: medians(each) | {"rounds": each} for name, each in turns.items()}


def medians(turns: list[Any]) -> Any:
    """Figure by figure, through nested dicts; what is no number is left out."""
    first = turns[0]
    if isinstance(first, dict):
        joined = {key: medians([turn[key] for turn in turns]) for key in first}
        return {key: value for key, value in joined.items() if value is not None}
    return statistics.median(turns) if isinstance(first, int | float) else None


# -- telling -----------------------------------------------------------------------------------


def tell(figures: Figures) -> None:
    """Print the tables."""
    print("\nIngest, until everything can be found")
    header = ["", "gets", "indexes", "passages/s", "seconds", "CPU s", "peak MB", "disk MB"]
    show(header, [_ingest_row(name, one) for name, one in figures.items()])
    print("\nOne query at a time, warm")
    keys = ("p50_ms", "p99_ms", "recall_at_10")
    rows = [
        [f"{name}: {mode}", *(times.get(key) for key in keys), one["query"]["peak_mb"]]
        for name, one in figures.items()
        if "query" in one
        for mode, times in one["query"]["modes"].items()
    ]
    show(["", "p50 ms", "p99 ms", "recall@10", "peak MB, all modes"], rows)
    print("\nA new process, one query (Kinspace: the command; the others: their Python package)")
    rows = [
        [name, one["cold"]["seconds"], one["cold"]["peak_mb"]]
        for name, one in figures.items()
        if "cold" in one
    ]
    show(["", "seconds", "peak MB"], rows)


def _ingest_row(name: str, one: dict[str, Any]) -> list[Any]:
    gets = "texts" if name == "kinspace" else "texts and vectors"
    indexes = "vectors" if name == "chroma" else "words, vectors"
    took = one["ingest"]
    keys = ("passages_per_second", "seconds", "cpu_seconds", "peak_mb")
    return [name, gets, indexes, *(took[key] for key in keys), one["disk_mb"]]


def targets(figures: Figures) -> list[Target]:
    """What was asked for, at 100,000 passages."""
    ours = figures.get("kinspace")
    if ours is None:
        return []
    hybrid = ours["query"]["modes"]["hybrid"]
    peak = max(part["peak_mb"] for part in (ours["ingest"], ours["query"], ours["cold"]))
    return [
        Target("ingest, passages/s", 5000, ours["ingest"]["passages_per_second"]),
        Target("warm hybrid query, p50 ms", 4, hybrid["p50_ms"], at_least=False),
        Target("warm hybrid query, p99 ms", 12, hybrid["p99_ms"], at_least=False),
        Target("kinspace search -c, cold, s", 0.8, ours["cold"]["seconds"], at_least=False),
        Target("peak memory of any of them, MB", 600, peak, at_least=False),
    ]


def main() -> None:
    """Prepare, measure, print and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--size", type=int, default=SIZE, help="how many passages")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument(
        "--contenders", nargs="+", choices=list(CONTENDERS), default=list(CONTENDERS)
    )
    parser.add_argument("--work", type=Path, help="a folder for the stores, on the disk to measure")
    options = parser.parse_args()
    where = machine()
    with tempfile.TemporaryDirectory(dir=options.work) as temporary:
        folder = Path(temporary)
        about = prepare(folder, options.size)
        print(json.dumps(about, indent=2))
        figures = run(options.contenders, options.rounds, folder, about)
    tell(figures)
    asked = targets(figures)
    show_targets(asked)
    result = {
        "machine": where,
        "versions": versions("tantivy", "faiss-cpu", "numpy", "chromadb", "lancedb"),
        "threads": THREADS,
        "input": about,
        "figures": figures,
        "targets": [target.to_dict() for target in asked],
    }
    whole = options.size == SIZE and options.contenders == list(CONTENDERS)
    write("collection", result, whole=whole and options.rounds >= ROUNDS)


if __name__ == "__main__":
    main()
