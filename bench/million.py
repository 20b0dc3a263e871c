"""1,000,000 vectors in a collection, beside Chroma, LanceDB, Milvus Lite (and, of fewer, Qdrant).

    python bench/million.py --vectors vectors.npy            # from bench/sentence_vectors.py
    python bench/million.py --vectors vectors.npy --size 50000 --stores kinspace chroma

The vectors are the 199,645 real ones of bench/sentence_vectors.py, five times over, each with
noise of its own of a fifth of its length, brought to length 1 again: there are no more real ones.
The 1,000 queries are real, and no noise is put on them. Each store is filled, and then searched, in
a new process of its own, with 2 threads for filling and one query at a time; a hit that is as near
as the tenth counts as found. Resident memory is the most that the searching process had between two
queries, mapped files included; its peak counts opening too. Writes bench/results/million.json.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from common import Target, machine, show, show_targets, versions, write
from numpy.typing import NDArray
from sentence_vectors import vectors
from stores import STORES, K

SIZE, NOISE, WARM_UP, THREADS = 1_000_000, 0.2, 50, 2
_BLOCK = 50_000
VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "RAYON_NUM_THREADS",
    "TOKIO_WORKER_THREADS",
    "LANCE_CPU_THREADS",
)


def prepare(folder: Path, source: Path, size: int) -> dict[str, Any]:
    """Write vectors, queries, and the score of the tenth nearest to each."""
    table, queries = vectors(source)
    tenth = np.full((len(queries), K), -np.inf, np.float32)
    rng = np.random.default_rng(0)
    with (folder / "vectors.f32").open("wb") as file:
        for start in range(0, size, _BLOCK):
            places = np.arange(start, min(start + _BLOCK, size))
            rows = noisy(table[places % len(table)], rng)
            rows.tofile(file)
            best = np.concatenate([tenth, queries @ rows.T], axis=1)
            tenth = -np.partition(-best, K - 1, axis=1)[:, :K]
    np.save(folder / "queries.npy", queries)
    np.save(folder / "tenth.npy", tenth.min(axis=1))
    about = {
        "vectors": size,
        "real": len(table),
        "dim": table.shape[1],
        "noise": NOISE,
        "queries": len(queries) - WARM_UP,
        "warm_up": WARM_UP,
    }
    (folder / "about.json").write_text(json.dumps(about))
    return about


def noisy(rows: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Vectors of length 1 with noise of a fifth of their length, brought to length 1 again."""
    noise = rng.standard_normal(rows.shape, np.float32)
    mixed = rows + NOISE / np.sqrt(rows.shape[1]) * noise
    return np.asarray(mixed / np.linalg.norm(mixed, axis=1, keepdims=True), np.float32)


def recall(folder: Path, found: list[list[int]]) -> float:
    """The mean share of the K found that are as near as the K truly nearest."""
    about = json.loads((folder / "about.json").read_text())
    rows = np.memmap(folder / "vectors.f32", np.float32, "r").reshape(-1, about["dim"])
    queries = np.load(folder / "queries.npy")[WARM_UP:]
    tenth = np.load(folder / "tenth.npy")[WARM_UP:]
    shares = [
        np.count_nonzero(rows[ids] @ query >= least - 1e-5) / K
        for query, least, ids in zip(queries, tenth, found, strict=True)
    ]
    return round(float(np.mean(shares)), 4)


def job(what: str, name: str, folder: Path, store: Path) -> dict[str, Any]:
    """One job of one store in a new process with a fixed number of threads."""
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("stores.py")), what, name, folder, store],
        env=os.environ | dict.fromkeys(VARIABLES, str(THREADS)) | {"LANCEDB_LOG": "error"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def turn(name: str, folder: Path, store: Path) -> dict[str, Any]:
    """Everything about one store."""
    figures: dict[str, Any] = {"ingest": job("ingest", name, folder, store)}
    sizes = (p.stat().st_blocks * 512 for p in store.rglob("*") if p.is_file())
    figures["disk_mb"] = round(sum(sizes) / 1e6, 1)
    figures["query"] = job("query", name, folder, store)
    figures["query"]["recall_at_10"] = recall(folder, figures["query"].pop("found"))
    return figures


def tell(figures: dict[str, dict[str, Any]]) -> None:
    """Print the table."""
    keys = ("p50_ms", "p99_ms", "recall_at_10", "resident_mb", "peak_mb", "index")
    rows = [
        [name, one["ingest"]["seconds"], one["ingest"]["peak_mb"], one["disk_mb"]]
        + [one["query"][key] for key in keys]
        for name, one in figures.items()
    ]
    header = ["", "filled in s", "peak MB", "disk MB", "p50 ms", "p99 ms", "recall@10"]
    show([*header, "resident MB", "peak MB", "index"], rows)


def main() -> None:
    """Prepare, measure, print and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--vectors", type=Path, required=True, help="made if it is not there")
    parser.add_argument("--size", type=int, default=SIZE, help="how many vectors")
    parser.add_argument("--stores", nargs="+", choices=list(STORES), default=list(STORES))
    parser.add_argument("--keep", action="store_true", help="write the result of a part, too")
    parser.add_argument("--work", type=Path, help="a folder for the stores, on the disk to measure")
    options = parser.parse_args()
    where, figures = machine(), {}
    with tempfile.TemporaryDirectory(dir=options.work) as temporary:
        folder = Path(temporary)
        about = prepare(folder, options.vectors, options.size)
        print(json.dumps(about, indent=2), flush=True)
        for name in options.stores:
            if options.size > getattr(STORES[name], "largest", options.size):
                print(f"  {name} is left out: {STORES[name].__doc__}", flush=True)
                continue
            try:
                figures[name] = turn(name, folder, folder / "store")
                print(f"  {name} done, load {os.getloadavg()[0]:.1f}", flush=True)
            except subprocess.CalledProcessError as error:
                print(f"  {name} failed: {error}", flush=True)
            shutil.rmtree(folder / "store", ignore_errors=True)
    tell(figures)
    asked = []
    if "kinspace" in figures:
        ours = figures["kinspace"]["query"]
        asked = [
            Target("recall@10", 0.95, ours["recall_at_10"]),
            Target("resident MB while searching", 800, ours["resident_mb"], at_least=False),
        ]
        show_targets(asked)
    packages = ("faiss-cpu", "numpy", "chromadb", "lancedb", "milvus-lite", "qdrant-client")
    result = {
        "machine": where,
        "versions": versions(*packages),
        "threads": THREADS,
        "input": about,
        "figures": figures,
        "targets": [target.to_dict() for target in asked],
    }
    whole = options.keep or (options.size == SIZE and options.stores == list(STORES))
    write("million", result, whole=whole)


if __name__ == "__main__":
    main()
