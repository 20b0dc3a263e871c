"""500,000 random additions, updates and removals over 100,000 vectors, beside other libraries.

    KINSPACE_DATA=../shared/data python bench/churn.py --vectors vectors.npy
    python bench/churn.py --vectors vectors.npy --size 5000 --operations 25000     # a quick look

The sentences of sentence_vectors.py: the first are in the index, vectors are drawn from all.
A third of the operations each, 500 of one kind at a time; what is compacted by hand is compacted
as soon as there is one removed for two that are left, and once more at the end. Now and then
queries are asked, and every id that comes back must be one that is there. In the end recall@10 is
held against an index that was made anew of what is left, as are memory, measured in a new process
that loads the file, and the file itself. Each side is a process of its own, two threads.
Writes bench/results/churn.json.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import numpy as np
from common import Target, machine, peak_memory, show, show_targets, versions, write
from numpy.typing import NDArray

SIZE, OPERATIONS, TOGETHER, K = 100_000, 500_000, 500, 10
LOOKS, QUERIES = 50, 500

Rows = NDArray[np.float32]
Names = NDArray[np.int64]


class Ours:
    """One of Kinspace's indexes."""

    def __init__(self, dim: int, capacity: int, module: str, name: str) -> None:
        self.kind = getattr(importlib.import_module(f"kinspace.index.{module}"), name)
        self.index = self.kind(dim)

    def add(self, rows: Rows, names: Names) -> None:
        self.index.add(rows, names)

    def update(self, rows: Rows, names: Names) -> None:
        self.index.update(rows, names)

    def remove(self, names: Names) -> None:
        if self.index.remove(names) != len(names):
            raise SystemExit("not all that were to be removed were there")

    def search(self, queries: Rows) -> Names:
        return np.asarray(self.index.search(queries, K).ids)

    def compact(self, at_once: bool) -> bool:
        stats = self.index.stats()
        if at_once or 2 * stats.removed > stats.count:
            self.index.compact()
            return True
        return False

    def save(self, path: Path) -> None:
        self.index.save(path)

    def load(self, path: Path) -> None:
        self.index = self.kind.load(path)


class Hnswlib:
    """hnswlib; places of what was removed are taken by what is added."""

    def __init__(self, dim: int, capacity: int) -> None:
        import hnswlib

        self.index = hnswlib.Index("ip", dim)
        self.capacity = capacity
        self.index.init_index(
            capacity, M=16, ef_construction=200, random_seed=1, allow_replace_deleted=True
        )
        self.index.set_ef(100)
        self.holes = 0

    def add(self, rows: Rows, names: Names) -> None:
        reused = min(self.holes, len(rows))
        if reused:
            self.index.add_items(rows[:reused], names[:reused], replace_deleted=True)
        if reused < len(rows):
            self.index.add_items(rows[reused:], names[reused:])
        self.holes -= reused

    def update(self, rows: Rows, names: Names) -> None:
        self.index.add_items(rows, names)

    def remove(self, names: Names) -> None:
        for name in names.tolist():
            self.index.mark_deleted(name)
        self.holes += len(names)

    def search(self, queries: Rows) -> Names:
        return np.asarray(self.index.knn_query(queries, K)[0], np.int64)

    def compact(self, at_once: bool) -> bool:
        return False

    def save(self, path: Path) -> None:
        self.index.save_index(str(path))

    def load(self, path: Path) -> None:
        self.index.load_index(str(path), max_elements=self.capacity, allow_replace_deleted=True)


class Usearch:
    """usearch."""

    def __init__(self, dim: int, capacity: int) -> None:
        from usearch.index import Index

        options = {"connectivity": 16, "expansion_add": 200, "expansion_search": 100}
        self.index = Index(ndim=dim, metric="ip", dtype="f32", **options)

    def add(self, rows: Rows, names: Names) -> None:
        self.index.add(names, rows)

    def update(self, rows: Rows, names: Names) -> None:
        self.index.remove(names)
        self.index.add(names, rows)

    def remove(self, names: Names) -> None:
        self.index.remove(names)

    def search(self, queries: Rows) -> Names:
        return np.asarray(self.index.search(queries, K).keys, np.int64)

    def compact(self, at_once: bool) -> bool:
        return False

    def save(self, path: Path) -> None:
        self.index.save(str(path))

    def load(self, path: Path) -> None:
        self.index.load(str(path))


class Voyager:
    """Voyager."""

    def __init__(self, dim: int, capacity: int) -> None:
        import voyager

        self.index = voyager.Index(
            voyager.Space.InnerProduct, dim, M=16, ef_construction=200, max_elements=1000
        )
        self.index.ef = 100

    def add(self, rows: Rows, names: Names) -> None:
        self.index.add_items(rows, names)

    def update(self, rows: Rows, names: Names) -> None:
        self.index.add_items(rows, names)

    def remove(self, names: Names) -> None:
        for name in names.tolist():
            self.index.mark_deleted(name)

    def search(self, queries: Rows) -> Names:
        return np.asarray(self.index.query(queries, K)[0], np.int64)

    def compact(self, at_once: bool) -> bool:
        return False

    def save(self, path: Path) -> None:
        self.index.save(str(path))

    def load(self, path: Path) -> None:
        import voyager

        self.index = voyager.Index.load(str(path))


class FaissIvf:
    """FAISS's inverted file of whole vectors (its HNSW cannot remove)."""

    def __init__(self, dim: int, capacity: int) -> None:
        import faiss

        self.index = faiss.index_factory(dim, "IVF512,Flat", faiss.METRIC_INNER_PRODUCT)
        self.index.nprobe = 48

    def add(self, rows: Rows, names: Names) -> None:
        if not self.index.is_trained:
            self.index.train(rows)
        self.index.add_with_ids(rows, names)

    def update(self, rows: Rows, names: Names) -> None:
        self.remove(names)
        self.add(rows, names)

    def remove(self, names: Names) -> None:
        self.index.remove_ids(names)

    def search(self, queries: Rows) -> Names:
        return np.asarray(self.index.search(queries, K)[1], np.int64)

    def compact(self, at_once: bool) -> bool:
        return False

    def save(self, path: Path) -> None:
        import faiss

        faiss.write_index(self.index, str(path))

    def load(self, path: Path) -> None:
        import faiss

        self.index = faiss.read_index(str(path))


OURS: Final = {
    "kinspace Exact": ("exact", "Exact"),
    "kinspace IvfScalar": ("ivf_scalar", "IvfScalar"),
    "kinspace Hnsw": ("hnsw", "Hnsw"),
    "kinspace Ivf": ("ivf", "Ivf"),
    "kinspace IvfProduct": ("ivf_product", "IvfProduct"),
    "kinspace RaBitQ": ("rabitq", "RaBitQ"),
    "kinspace Product": ("product", "Product"),
    "kinspace Binary": ("binary", "Binary"),
}
PEERS: Final[dict[str, Any]] = {
    "hnswlib": Hnswlib,
    "usearch": Usearch,
    "voyager": Voyager,
    "faiss IVF512,Flat": FaissIvf,
}


def made(name: str, dim: int, capacity: int) -> Any:
    """An empty index of one side."""
    return Ours(dim, capacity, *OURS[name]) if name in OURS else PEERS[name](dim, capacity)


# -- one side, in a process of its own ---------------------------------------------------------


class Churn:
    """The operations, the same ones for every side, and what should be there."""

    def __init__(self, size: int, operations: int, pool: Rows) -> None:
        self.rng = np.random.default_rng(0)
        self.pool = pool
        self.size = size
        self.rounds = operations // TOGETHER
        self.next = size
        self.names = np.arange(size)  # what is there
        self.row_of = np.full(size + operations, -1, np.int64)
        self.row_of[:size] = np.arange(size)

    def drawn(self) -> Names:
        """Some of those that are there."""
        return np.sort(self.rng.choice(self.names, TOGETHER, replace=False))

    def step(self, index: Any, number: int) -> str:
        """One operation on 500 vectors."""
        what = ("add", "update", "remove")[number % 3 if number < 3 else self.rng.integers(3)]
        if len(self.names) < 2 * TOGETHER:
            what = "add"
        rows = self.rng.integers(0, len(self.pool), TOGETHER)
        if what == "remove":
            names = self.drawn()
            index.remove(names)
            self.row_of[names] = -1
            self.names = np.setdiff1d(self.names, names, assume_unique=True)
            return what
        if what == "add":
            names = np.arange(self.next, self.next + TOGETHER)
            self.next += TOGETHER
            self.names = np.concatenate([self.names, names])
            index.add(self.pool[rows], names)
        else:
            names = self.drawn()
            index.update(self.pool[rows], names)
        self.row_of[names] = rows
        return what

    def table(self) -> Rows:
        """The vectors that are there, in the order of the names."""
        return self.pool[self.row_of[self.names]]


def recall(index: Any, queries: Rows, names: Names, table: Rows) -> float:
    """The mean share of what is found that is as near as the truly tenth."""
    found = index.search(queries)
    place = {name: row for row, name in enumerate(names.tolist())}
    hits = 0
    for query, line in zip(queries, found, strict=True):
        values = table @ query
        least = np.partition(values, -K)[-K] - 1e-5
        hits += sum(values[place[name]] >= least for name in line.tolist() if name in place)
    return hits / (K * len(queries))


def one_side(name: str, folder: Path) -> dict[str, Any]:
    """All operations on one index."""
    about = json.loads((folder / "about.json").read_text())
    pool, queries = np.load(folder / "pool.npy"), np.load(folder / "queries.npy")
    churn = Churn(about["size"], about["operations"], pool)
    index = made(name, pool.shape[1], about["size"] + about["operations"])
    started = time.perf_counter()
    index.add(pool[: churn.size], churn.names)
    result: dict[str, Any] = {"build_seconds": time.perf_counter() - started}
    ghosts, compacted, took = 0, 0, {"add": 0.0, "update": 0.0, "remove": 0.0, "compact": 0.0}
    for number in range(churn.rounds):
        started = time.perf_counter()
        what = churn.step(index, number)
        took[what] += time.perf_counter() - started
        started = time.perf_counter()
        compacted += index.compact(at_once=False)
        took["compact"] += time.perf_counter() - started
        if number % max(1, churn.rounds // LOOKS) == 0:
            found = index.search(queries[:100])
            ghosts += int((churn.row_of[found[found >= 0]] < 0).sum())
    result |= {"recall_before": recall(index, queries, churn.names, churn.table())}
    started = time.perf_counter()
    compacted += index.compact(at_once=True)
    took["compact"] += time.perf_counter() - started
    found = index.search(queries)
    ghosts += int((churn.row_of[found[found >= 0]] < 0).sum())
    result |= {"recall": recall(index, queries, churn.names, churn.table())}
    result |= {"removed_that_came_back": ghosts, "compactions": compacted, "peak_mb": peak_memory()}
    result |= {"seconds": {what: round(seconds, 2) for what, seconds in took.items()}}
    index.save(folder / "churned")
    fresh = made(name, pool.shape[1], len(churn.names))
    fresh.add(churn.table(), churn.names)
    result |= {"recall_fresh": recall(fresh, queries, churn.names, churn.table())}
    fresh.save(folder / "fresh")
    result |= {"left": len(churn.names)}
    return result


def resident(name: str, file: Path, dim: int, capacity: int, queries: Rows) -> float:
    """MB in memory of a process that has loaded a file and searched in it."""
    index = made(name, dim, capacity)
    index.load(file)
    index.search(queries)
    return peak_memory()


# -- all sides ---------------------------------------------------------------------------------


def job(*arguments: str) -> Any:
    """Run this script once more, in a new process with two threads."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "2")
    done = subprocess.run(
        [sys.executable, __file__, *arguments],
        env=os.environ | threads,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    return json.loads(done.stdout.splitlines()[-1]) if done.returncode == 0 else None


def run(name: str, folder: Path) -> dict[str, Any] | None:
    """One side, and what its files take."""
    result: dict[str, Any] | None = job("--side", name, "--folder", str(folder))
    if result is None:
        return None
    for part in ("churned", "fresh"):
        file = folder / part
        result[f"{part}_file_mb"] = round(file.stat().st_size / 1e6, 1)
        result[f"{part}_mb"] = job("--side", name, "--folder", str(folder), "--loads", str(file))
        file.unlink()
    return result


def tell(figures: dict[str, dict[str, Any]]) -> None:
    """Print the table."""
    rows = []
    for name, one in figures.items():
        took = one["seconds"]
        rows.append(
            [
                name,
                round(one["recall"], 4),
                round(one["recall_fresh"], 4),
                one["removed_that_came_back"],
                one["churned_file_mb"],
                one["fresh_file_mb"],
                one["churned_mb"],
                one["fresh_mb"],
                round(sum(took.values()), 1),
                round(took["compact"], 1),
                one["compactions"],
                one["peak_mb"],
            ]
        )
    header = ["", "recall", "of a new one", "came back", "file MB", "new", "memory MB", "new"]
    show([*header, "seconds", "to compact", "times", "peak MB"], rows)


def targets(figures: dict[str, dict[str, Any]]) -> list[Target]:
    """What was asked for of each of ours."""
    asked = []
    for name, one in figures.items():
        if name in OURS:
            lost = one["recall_fresh"] - one["recall"]
            asked += [
                Target(f"{name}: recall lost", 0.01, round(lost, 4), at_least=False),
                Target(f"{name}: ids that came back", 0, one["removed_that_came_back"], False),
                Target(
                    f"{name}: file, times a new one",
                    1.5,
                    round(one["churned_file_mb"] / one["fresh_file_mb"], 3),
                    at_least=False,
                ),
                Target(
                    f"{name}: memory, times a new one",
                    1.5,
                    round(one["churned_mb"] / one["fresh_mb"], 3),
                    at_least=False,
                ),
            ]
    return asked


def main() -> None:
    """Prepare, run all sides, print and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--vectors", type=Path, help="the sentences' vectors (.npy)")
    parser.add_argument("--size", type=int, default=SIZE)
    parser.add_argument("--operations", type=int, default=OPERATIONS)
    parser.add_argument("--contenders", nargs="+", help="those whose names begin so")
    parser.add_argument("--keep", action="store_true", help="write the result of a part, too")
    parser.add_argument("--work", type=Path, help="a folder for arrays and saved indexes")
    parser.add_argument("--side", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--loads", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.loads:
        about = json.loads((options.folder / "about.json").read_text())
        queries = np.load(options.folder / "queries.npy")
        capacity = about["size"] + about["operations"]
        print(resident(options.side, options.loads, about["dim"], capacity, queries))
        return
    if options.side:
        print(json.dumps(one_side(options.side, options.folder)))
        return
    if options.vectors is None:
        parser.error("say with --vectors where the sentences' vectors are")
    from sentence_vectors import vectors

    where, (pool, queries), figures = machine(), vectors(options.vectors), {}
    about = {"size": options.size, "operations": options.operations, "dim": pool.shape[1]}
    begins = tuple(options.contenders or [""])
    names = [name for name in (*OURS, *PEERS) if name.startswith(begins)]
    with tempfile.TemporaryDirectory(dir=options.work) as temporary:
        folder = Path(temporary)
        np.save(folder / "pool.npy", pool[: 2 * options.size])
        np.save(folder / "queries.npy", queries[:QUERIES])
        (folder / "about.json").write_text(json.dumps(about))
        for name in names:
            found = run(name, folder)
            print(f"  {name}: {'failed' if found is None else 'done'}", flush=True)
            if found is not None:
                figures[name] = found
    tell(figures)
    asked = targets(figures)
    show_targets(asked)
    result = {
        "machine": where,
        "versions": versions("faiss-cpu", "hnswlib", "usearch", "voyager", "numpy"),
        "input": about,
        "figures": figures,
        "targets": [target.to_dict() for target in asked],
    }
    whole = (options.size, options.operations) == (SIZE, OPERATIONS)
    write("churn", result, whole=options.keep or (whole and len(names) == len(OURS) + len(PEERS)))


if __name__ == "__main__":
    main()
