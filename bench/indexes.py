"""Indexes side by side: queries per second at a recall of .95 and .99, build time, bytes.

    KINSPACE_DATA=../shared/data python bench/indexes.py --vectors vectors.npy
    python bench/indexes.py --sets fashion --contenders kinspace hnswlib --rounds 1   # a quick look

Sets: ``minilm``, 199,645 sentences and 1,000 queries that are not among them (made and kept by
sentence_vectors.py); ``scifact`` and ``cranfield``, documents and queries encoded by
all-MiniLM-L6-v2; ``fashion``, 19,000 pictures of Fashion-MNIST as 784 pixels, by euclidean
distance, and 1,000 more as queries.

Each contender is a process of its own (index_contenders.py), built with two threads, one after the
other. All of its settings are tried; at each recall the fastest that reaches it is timed. Queries
have one thread and one core: all in one call, and one a call. Sides take turns, the order is
reversed every other round, and figures are medians. What Kinspace chooses has not seen
the queries, while every other setting was picked by them. A neighbour as near as the tenth counts.
Writes bench/results/indexes.json.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import statistics
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from common import Target, data_folder, machine, show, show_targets, versions, write
from index_contenders import BUILDERS, RECALLS, K, names
from numpy.typing import NDArray

SETS = ("minilm", "scifact", "cranfield", "fashion")
ROUNDS = 5
ONE_THREAD = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
BUILD_THREADS = ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "TF_NUM_INTRAOP_THREADS")

Figures = dict[str, dict[str, Any]]
Rows = NDArray[np.float32]


# -- preparing ---------------------------------------------------------------------------------


def material(name: str, vectors: Path | None) -> tuple[Rows, Rows, str]:
    """Table, queries and metric of a set."""
    if name == "minilm":
        from sentence_vectors import vectors as of_sentences

        if vectors is None:
            raise SystemExit("Say with --vectors where the sentences' vectors are to be kept.")
        return *of_sentences(vectors), "cosine"
    if name == "fashion":
        pictures = _pictures(data_folder() / "images")
        rows = pictures[np.random.default_rng(0).permutation(len(pictures))]
        return rows[:-1000], rows[-1000:], "euclidean"
    import kinspace as ks
    from kinspace.datasets import load

    found: Any = load(name)
    model = ks.load("all-MiniLM-L6-v2")
    documents = [f"{one.title} {one.text}".strip() for one in found.documents.values()]
    asked = list(found.queries.values())
    return model.encode(documents).vectors, model.encode_query(asked).vectors, "cosine"


def _pictures(folder: Path) -> Rows:
    from PIL import Image

    rows = []
    for file in sorted(folder.glob("fashion_mnist_*.tar.gz")):
        with tarfile.open(file) as archive:
            for member in archive:
                if member.name.endswith(".png"):
                    content = archive.extractfile(member)
                    assert content
                    picture = Image.open(io.BytesIO(content.read())).convert("L")
                    rows.append(np.asarray(picture, np.float32).ravel())
    return np.stack(rows)


def prepare(name: str, folder: Path, vectors: Path | None) -> dict[str, Any]:
    """Write table, queries, and how near the tenth of each is."""
    table, queries, metric = material(name, vectors)
    if metric == "cosine":
        table, queries = (a / np.linalg.norm(a, axis=1, keepdims=True) for a in (table, queries))
    table, queries = (np.ascontiguousarray(a, np.float32) for a in (table, queries))
    least = []
    for query in queries:
        values = table @ query
        if metric == "euclidean":
            values = 2 * values - np.einsum("ij,ij->i", table, table) - query @ query
        least.append(-np.partition(-values, K - 1)[K - 1])
    tenth = np.array(least, np.float32)
    if metric == "euclidean":
        tenth = -np.sqrt(np.maximum(-tenth, 0))
    for part, array in (("table", table), ("queries", queries), ("least", tenth)):
        np.save(folder / f"{part}.npy", array)
    about = {
        "vectors": len(table),
        "dim": table.shape[1],
        "queries": len(queries),
        "metric": metric,
        "cores": sorted(os.sched_getaffinity(0)),
    }
    (folder / "about.json").write_text(json.dumps(about))
    return about


# -- running -----------------------------------------------------------------------------------


class Side:
    """The process of one contender."""

    def __init__(self, name: str, folder: Path) -> None:
        script = Path(__file__).with_name("index_contenders.py")
        threads = dict.fromkeys(BUILD_THREADS, str(BUILDERS))
        self.name = name
        self.process = subprocess.Popen(
            [sys.executable, str(script), name, str(folder)],
            env=os.environ | dict.fromkeys(ONE_THREAD, "1") | threads,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def do(self, what: str, **options: Any) -> Any:
        """Send a command and wait for its result."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps({"do": what, **options}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name} failed at {what}")
        return json.loads(line)

    def close(self) -> None:
        """End the process."""
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait()


def run(contenders: list[str], folder: Path, rounds: int) -> Figures:
    """Build and sweep one after the other, then time in turns."""
    figures: Figures = {}
    sides: dict[str, Side] = {}
    for name in contenders:
        side = Side(name, folder)
        try:
            figures[name] = side.do("build")
            figures[name]["sweep"] = side.do("sweep")
        except RuntimeError as error:
            print(f"  {error}", flush=True)
            side.close()
            continue
        sides[name] = side
        best = max(each["recall"] for each in figures[name]["sweep"])
        built = figures[name]["build_seconds"]
        print(f"  {name}: built in {built} s, recall up to {best}", flush=True)
    figures = {name: figures[name] for name in sides}
    wanted = [(name, recall, _fastest(figures[name]["sweep"], recall)) for name in sides
              for recall in RECALLS if _is_asked(name, recall)]  # fmt: skip
    times: dict[tuple[str, float], list[dict[str, float]]] = {}
    for number in range(rounds):
        for name, recall, setting in wanted if number % 2 == 0 else reversed(wanted):
            if setting is not None:
                took = sides[name].do("time", setting=setting["setting"])
                times.setdefault((name, recall), []).append(took)
    for side in sides.values():
        side.close()
    for name, recall, setting in wanted:
        figures[name].setdefault("at", {})[str(recall)] = setting and {
            "setting": setting["setting"],
            "recall": setting["recall"],
            **{way: round(statistics.median(turn[way] for turn in times[name, recall]))
               for way in ("batch_qps", "single_qps")},
        }  # fmt: skip
    return figures


def _is_asked(name: str, recall: float) -> bool:
    """What was chosen for one recall is not measured at the other."""
    return not _is_chosen(name) or name.endswith(f" {recall}")


def _is_chosen(name: str) -> bool:
    return name in [f"kinspace {recall}" for recall in RECALLS]


def _fastest(sweep: list[dict[str, Any]], recall: float) -> dict[str, Any] | None:
    reached = [each for each in sweep if each["recall"] >= recall]
    if len(sweep) == 1:  # nothing was to be set: it is what it is
        return sweep[0]
    return min(reached, key=lambda each: each["seconds"], default=None)


# -- telling -----------------------------------------------------------------------------------


def tell(name: str, about: dict[str, Any], figures: Figures) -> None:
    """Print the tables of one set."""
    print(f"\n{name}: {about['vectors']:,} × {about['dim']}, {about['metric']}")
    for recall in RECALLS:
        rows = []
        for side, one in figures.items():
            at = one["at"].get(str(recall))
            if at:
                options = ", ".join(f"{k} {v}" for k, v in at["setting"].items())
                rows.append([side, at["recall"], at["batch_qps"], at["single_qps"],
                             one["build_seconds"], one["saved_mb"], one["resident_mb"],
                             options or one.get("kind", "")])  # fmt: skip
        rows.sort(key=lambda row: -row[2])
        print(f"\nrecall@{K} ≥ {recall}")
        header = ["", "recall", "queries/s", "one a call", "build s", "file MB", "memory MB", ""]
        show(header, rows)


def targets(found: dict[str, Figures]) -> list[Target]:
    """What was asked for, on the sentences."""
    figures = found.get("minilm", {})

    def speed(name: str, recall: float) -> float | None:
        at = figures.get(name, {}).get("at", {}).get(str(recall))
        return at["batch_qps"] if at else None

    asked = []
    for recall, times in zip(RECALLS, (2.4, 2.0), strict=True):
        ours, peer = speed(f"kinspace {recall}", recall), speed("hnswlib", recall)
        if not ours:
            return []
        other = [speed(name, recall) or 0 for name in figures if name.startswith("faiss ")]
        got = figures[f"kinspace {recall}"]["at"][str(recall)]["recall"]
        asked.append(Target(f"recall promised as {recall}", recall - 0.01, got))
        asked.append(Target(f"times hnswlib at {recall}", times, ours / peer if peer else None))
        share = ours / max(other) if any(other) else None
        asked.append(Target(f"share of the best of FAISS at {recall}", 0.9, share))
        svs = speed("svs LVQ4x8", recall)
        asked.append(Target(f"share of SVS at {recall}", 1.0, ours / svs if svs else None))
        if "hnswlib" in figures:
            faster = figures["hnswlib"]["build_seconds"]
            faster /= figures[f"kinspace {recall}"]["build_seconds"]
            asked.append(Target(f"built times as fast as hnswlib, {recall}", 8.0, faster))
    return asked


def main() -> None:
    """Prepare, measure, print and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--vectors", type=Path, help="the sentences' vectors (.npy)")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument("--contenders", nargs="+", help="those whose names begin so")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--keep", action="store_true", help="write the result of a part, too")
    parser.add_argument("--work", type=Path, help="a folder for arrays and saved indexes")
    options = parser.parse_args()
    begins = tuple(options.contenders or [""])
    contenders = [name for name in names() if name.startswith(begins)]
    where, found, abouts = machine(), {}, {}
    for name in options.sets:
        with tempfile.TemporaryDirectory(dir=options.work) as temporary:
            folder = Path(temporary)
            abouts[name] = prepare(name, folder, options.vectors)
            print(f"\n{name}: {json.dumps(abouts[name])}", flush=True)
            found[name] = run(contenders, folder, options.rounds)
        tell(name, abouts[name], found[name])
    asked = targets(found)
    show_targets(asked)
    peers = ("faiss-cpu", "hnswlib", "usearch", "voyager", "annoy", "scann", "scalable-vs", "numpy")
    result = {
        "machine": where,
        "versions": versions(*peers),
        "threads": {"build": BUILDERS, "queries": 1},
        "sets": abouts,
        "figures": found,
        "targets": [target.to_dict() for target in asked],
    }
    whole = set(options.sets) == set(SETS) and contenders == names()
    write("indexes", result, whole=options.keep or (whole and options.rounds >= ROUNDS))


if __name__ == "__main__":
    main()
