"""The other half of indexes.py: one index of one library, in a process of its own.

    python bench/index_contenders.py NAME FOLDER

It holds ``FOLDER/table.npy`` and answers commands, one line of JSON each: build, sweep, time, end.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
from common import peak_memory
from numpy.typing import NDArray

K: Final = 10
BUILDERS: Final = 2
"""Threads that build; queries have one."""
ENOUGH: Final = 0.997
"""Recall at which a sweep ends."""

Rows = NDArray[np.float32]
Found = NDArray[np.int64]
EF: Final = (
    10,
    12,
    15,
    18,
    22,
    27,
    33,
    40,
    50,
    60,
    75,
    90,
    110,
    140,
    180,
    240,
    320,
    480,
    640,
    1000,
)
PROBES: Final = (1, 2, 4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512)


class Contender:
    """One index: how it is made, what there is to set, and how it is asked."""

    settings: list[dict[str, Any]] = [{}]  # from the fastest to the most thorough

    def __init__(self, metric: str, folder: Path) -> None:
        self.metric = metric
        self.folder = folder

    def warm(self, dim: int) -> None:
        """Load what is compiled once and kept on disk, which is no part of building."""

    def build(self, table: Rows) -> None:
        """Make it ready for queries; vectors have length 1 for cosine."""
        raise SystemExit("nothing to build")

    def set(self, setting: dict[str, Any]) -> None:
        """Use these options from now on."""

    def ask(self, queries: Rows) -> Found:
        """The positions of the K nearest of each, by one thread."""
        raise SystemExit("nothing to ask")

    def ask_one(self, query: Rows) -> Found:
        """The same for one query, shape (dim,)."""
        return self.ask(query[None])

    def save(self, path: Path) -> None:
        """Write it to a file or a folder, for its size."""

    def about(self) -> dict[str, Any]:
        """What it says about itself."""
        return {}


class Hnswlib(Contender):
    """hnswlib: M 16, ef_construction 200."""

    def build(self, table: Rows) -> None:
        import hnswlib

        space = "l2" if self.metric == "euclidean" else "ip"
        self.index = hnswlib.Index(space, table.shape[1])
        self.index.init_index(len(table), M=16, ef_construction=200, random_seed=1)
        self.index.add_items(table, num_threads=BUILDERS)
        self.index.set_num_threads(1)
        self.settings = [{"ef": ef} for ef in EF]

    def set(self, setting: dict[str, Any]) -> None:
        self.index.set_ef(setting["ef"])

    def ask(self, queries: Rows) -> Found:
        return np.asarray(self.index.knn_query(queries, K, num_threads=1)[0], np.int64)

    def save(self, path: Path) -> None:
        self.index.save_index(str(path))


class Usearch(Contender):
    """usearch: connectivity 16, expansion 200 at adding; numbers of some type."""

    def __init__(self, metric: str, folder: Path, dtype: str) -> None:
        super().__init__(metric, folder)
        self.dtype = dtype

    def build(self, table: Rows) -> None:
        from usearch.index import Index

        metric = "l2sq" if self.metric == "euclidean" else "ip"
        self.index = Index(
            ndim=table.shape[1],
            metric=metric,
            dtype=self.dtype,
            connectivity=16,
            expansion_add=200,
        )
        self.index.add(np.arange(len(table)), table, threads=BUILDERS)
        self.settings = [{"ef": ef} for ef in EF]

    def set(self, setting: dict[str, Any]) -> None:
        self.index.expansion_search = setting["ef"]

    def ask(self, queries: Rows) -> Found:
        found = self.index.search(queries, K, threads=1)
        return np.asarray(found.keys, np.int64).reshape(len(queries), K)

    def save(self, path: Path) -> None:
        self.index.save(str(path))


class Voyager(Contender):
    """Voyager: M 16, ef_construction 200."""

    def build(self, table: Rows) -> None:
        import voyager

        space = (
            voyager.Space.Euclidean if self.metric == "euclidean" else voyager.Space.InnerProduct
        )
        self.index = voyager.Index(
            space, table.shape[1], M=16, ef_construction=200, max_elements=len(table)
        )
        self.index.add_items(table, num_threads=BUILDERS)
        self.settings = [{"ef": ef} for ef in EF]
        self.ef = EF[0]

    def set(self, setting: dict[str, Any]) -> None:
        self.ef = setting["ef"]

    def ask(self, queries: Rows) -> Found:
        found = self.index.query(queries, K, num_threads=1, query_ef=self.ef)[0]
        return np.asarray(found, np.int64)

    def save(self, path: Path) -> None:
        self.index.save(str(path))


class Annoy(Contender):
    """Annoy: 50 trees."""

    def build(self, table: Rows) -> None:
        from annoy import AnnoyIndex

        kind = "euclidean" if self.metric == "euclidean" else "angular"
        self.index = AnnoyIndex(table.shape[1], kind)
        self.index.set_seed(1)
        for place, row in enumerate(table):
            self.index.add_item(place, row)
        self.index.build(50, n_jobs=BUILDERS)
        self.settings = [{"search_k": k} for k in (500, 1000, 2000, 5000, 10_000, 20_000, 50_000)]
        self.search_k = 0

    def set(self, setting: dict[str, Any]) -> None:
        self.search_k = setting["search_k"]

    def ask(self, queries: Rows) -> Found:
        found = np.full((len(queries), K), -1, np.int64)
        for line, query in zip(found, queries, strict=True):
            near = self.index.get_nns_by_vector(query, K, search_k=self.search_k)
            line[: len(near)] = near
        return found

    def save(self, path: Path) -> None:
        self.index.save(str(path))


class Scann(Contender):
    """ScaNN: partitions, anisotropic codes of 4 bits for 2 numbers, reordering."""

    def build(self, table: Rows) -> None:
        import scann

        metric = "squared_l2" if self.metric == "euclidean" else "dot_product"
        leaves = max(10, min(2000, 4 * int(len(table) ** 0.5)))
        threshold = 0.2 if metric == "dot_product" else float("nan")
        builder = scann.scann_ops_pybind.builder(table, K, metric)
        builder = builder.tree(leaves, leaves // 20, training_sample_size=len(table))
        builder = builder.score_ah(2, anisotropic_quantization_threshold=threshold).reorder(100)
        builder.set_n_training_threads(BUILDERS)
        self.index = builder.build()
        probes = [p for p in PROBES if p <= leaves]
        self.settings = [{"leaves": p, "reorder": r} for p in probes for r in (30, 60, 120, 250)]
        self.setting = self.settings[0]

    def set(self, setting: dict[str, Any]) -> None:
        self.setting = setting

    def _options(self) -> dict[str, int]:
        return {
            "final_num_neighbors": K,
            "leaves_to_search": self.setting["leaves"],
            "pre_reorder_num_neighbors": self.setting["reorder"],
        }

    def ask(self, queries: Rows) -> Found:
        return _padded(self.index.search_batched(queries, **self._options())[0], len(queries))

    def ask_one(self, query: Rows) -> Found:
        return _padded(self.index.search(query, **self._options())[0][None], 1)

    def save(self, path: Path) -> None:
        path.mkdir()
        self.index.serialize(str(path))


class Svs(Contender):
    """Intel SVS: Vamana of degree 64 over codes of 4 and 8 bits (LVQ4x8)."""

    def build(self, table: Rows) -> None:
        import svs

        file = str(self.folder / "table.fvecs")
        svs.write_vecs(table, file)
        started = time.perf_counter()
        plain = svs.VectorDataLoader(file, svs.DataType.float32, dims=table.shape[1])
        loader = svs.LVQLoader(plain, primary=4, residual=8)
        is_l2 = self.metric == "euclidean"
        options = svs.VamanaBuildParameters(
            alpha=1.2 if is_l2 else 0.95,
            graph_max_degree=64,
            window_size=128,
            prune_to=60,
        )
        kind = svs.DistanceType.L2 if is_l2 else svs.DistanceType.MIP
        self.index = svs.Vamana.build(options, loader, kind, num_threads=BUILDERS)
        self.seconds = time.perf_counter() - started  # without writing the file that it wants
        self.index.num_threads = 1
        self.settings = [{"window": ef} for ef in EF]

    def set(self, setting: dict[str, Any]) -> None:
        self.index.search_window_size = setting["window"]

    def ask(self, queries: Rows) -> Found:
        return np.asarray(self.index.search(queries, K)[0], np.int64)

    def save(self, path: Path) -> None:
        path.mkdir()
        parts = [str(path / part) for part in ("config", "graph", "data")]
        self.index.save(*parts)


class Faiss(Contender):
    """FAISS by the description that its factory takes; ``RFlat`` scores candidates exactly."""

    def __init__(self, metric: str, folder: Path, description: str) -> None:
        super().__init__(metric, folder)
        self.description = description

    def build(self, table: Rows) -> None:
        import faiss

        faiss.omp_set_num_threads(BUILDERS)
        kind = faiss.METRIC_L2 if self.metric == "euclidean" else faiss.METRIC_INNER_PRODUCT
        self.index = faiss.index_factory(table.shape[1], self.description, kind)
        inner = self.index.base_index if isinstance(self.index, faiss.IndexRefine) else self.index
        inner = faiss.downcast_index(inner)
        self.ivf = faiss.try_extract_index_ivf(inner)
        if self.ivf is not None:
            self.ivf.cp.min_points_per_centroid = 1
            self.ivf.cp.max_points_per_centroid = 64
        self.index.train(table)
        self.index.add(table)
        faiss.omp_set_num_threads(1)
        self.settings = list(self._settings())
        self.space = faiss.ParameterSpace()

    def _settings(self) -> Iterator[dict[str, Any]]:
        rerank = (2, 4, 8, 16, 32, 64) if "RFlat" in self.description else (None,)
        if "HNSW" in self.description.split(",")[0] and "IVF" not in self.description:
            more = ({"k_factor_rf": 1}, {"k_factor_rf": 3}) if rerank[0] else ({},)
            yield from ({"efSearch": ef} | each for ef in EF for each in more)
        elif self.ivf is None:
            yield from ({"k_factor_rf": r} if r else {} for r in rerank)
        else:
            for nprobe in (p for p in PROBES if p <= self.ivf.nlist):
                for r in rerank:
                    yield {"nprobe": nprobe} | ({"k_factor_rf": r} if r else {})

    def set(self, setting: dict[str, Any]) -> None:
        for name, value in setting.items():
            self.space.set_index_parameter(self.index, name, value)

    def ask(self, queries: Rows) -> Found:
        return np.asarray(self.index.search(queries, K)[1], np.int64)

    def save(self, path: Path) -> None:
        import faiss

        faiss.write_index(self.index, str(path))


class Ours(Contender):
    """One of Kinspace's own."""

    index: Any

    def warm(self, dim: int) -> None:
        rows = np.random.default_rng(0).standard_normal((3000, dim)).astype(np.float32)
        for module, name, _ in FAMILIES.values():
            warmed = _kind(module, name)(dim, self.metric)
            warmed.add(rows)
            warmed.search(rows[:64], K)
            warmed.search(rows[0], K)

    def ask(self, queries: Rows) -> Found:
        return np.asarray(self.index.search(queries, K).ids)

    def ask_one(self, query: Rows) -> Found:
        return np.asarray(self.index.search(query, K).ids)

    def save(self, path: Path) -> None:
        self.index.save(path)


class Chosen(Ours):
    """What Kinspace chooses for a recall; it has not seen the queries."""

    def __init__(self, metric: str, folder: Path, recall: float) -> None:
        super().__init__(metric, folder)
        self.recall = recall

    def build(self, table: Rows) -> None:
        from kinspace.index.tune import build_index

        self.index = build_index(table, self.metric, self.recall, K, threads=BUILDERS)
        self.index.threads = 1

    def about(self) -> dict[str, Any]:
        stats = self.index.stats()
        return {
            "kind": stats.kind,
            "options": {k: v for k, v in stats.options.items() if v is not None},
            "tuned": stats.tuned,
            "parts": stats.parts,
        }


class Family(Ours):
    """One of Kinspace's own indexes, at all values of what there is to set."""

    def __init__(
        self, metric: str, folder: Path, module: str, name: str, grid: dict[str, tuple[int, ...]]
    ) -> None:
        super().__init__(metric, folder)
        self.kind = module, name
        self.grid = grid

    def build(self, table: Rows) -> None:
        self.index = _kind(*self.kind)(table.shape[1], self.metric)
        self.index.threads = BUILDERS
        self.index.add(table)
        self.index.threads = 1
        self.settings = [{}]
        for option, values in self.grid.items():
            self.settings = [s | {option: v} for s in self.settings for v in values]

    def set(self, setting: dict[str, Any]) -> None:
        for name, value in setting.items():
            setattr(self.index, name, value)


FAISS: Final = (
    "Flat",
    *(f"IVF{n},Flat" for n in (512, 1024, 2048)),
    *(f"IVF{n},SQ8" for n in (512, 1024, 2048)),
    *(f"IVF{n},PQd/2x4fs,RFlat" for n in (512, 1024, 2048)),
    "IVF1024,PQd/4x4fs,RFlat",
    "IVF1024,OPQd/4_d/4,PQd/4x4fs,RFlat",
    "IVF1024,RaBitQ,RFlat",
    "IVF1024,RaBitQfs,RFlat",
    "PQd/2x4fs,RFlat",
    "HNSW16",
    "HNSW32",
    "HNSW32_SQ8,RFlat",
)
CANDIDATES: Final = (30, 60, 120, 250)
FAMILIES: Final[dict[str, tuple[str, str, dict[str, tuple[int, ...]]]]] = {
    "kinspace IvfScalar": ("ivf_scalar", "IvfScalar", {"nprobe": PROBES, "candidates": CANDIDATES}),
    "kinspace Hnsw": ("hnsw", "Hnsw", {"ef_search": EF}),
    "kinspace Ivf": ("ivf", "Ivf", {"nprobe": PROBES}),
    "kinspace IvfProduct": (
        "ivf_product",
        "IvfProduct",
        {"nprobe": PROBES, "candidates": CANDIDATES},
    ),
    "kinspace RaBitQ": ("rabitq", "RaBitQ", {"nprobe": PROBES, "candidates": CANDIDATES}),
    "kinspace Product": ("product", "Product", {"candidates": (30, 60, 120, 250, 500, 1000)}),
}
RECALLS: Final = (0.95, 0.99)


def names() -> list[str]:
    """All contenders, those of Kinspace first."""
    peers = ["hnswlib", "usearch f32", "usearch bf16", "voyager", "annoy", "scann", "svs LVQ4x8"]
    chosen = [f"kinspace {recall}" for recall in RECALLS]
    return [*chosen, *FAMILIES, *peers, *(f"faiss {each}" for each in FAISS)]


def contender(name: str, metric: str, folder: Path, dim: int) -> Contender:
    """The contender of that name."""
    simple = {
        "hnswlib": Hnswlib,
        "voyager": Voyager,
        "annoy": Annoy,
        "scann": Scann,
        "svs LVQ4x8": Svs,
    }
    if name in simple:
        return simple[name](metric, folder)
    library, _, rest = name.partition(" ")
    if library == "usearch":
        return Usearch(metric, folder, rest)
    if library == "faiss":
        description = rest.replace("d/2", str(dim // 2)).replace("d/4", str(dim // 4))
        return Faiss(metric, folder, description)
    if name in FAMILIES:
        return Family(metric, folder, *FAMILIES[name])
    return Chosen(metric, folder, float(rest))


def _kind(module: str, name: str) -> Any:
    return getattr(importlib.import_module(f"kinspace.index.{module}"), name)


def _padded(found: Any, count: int) -> Found:
    ids = np.full((count, K), -1, np.int64)
    given = np.asarray(found, np.int64)[:, :K]
    ids[:, : given.shape[1]] = given
    return ids


def recall(found: Found, table: Rows, queries: Rows, least: Rows, metric: str) -> float:
    """The mean share of what was found that is as near as the truly tenth."""
    near = table[np.maximum(found, 0)]
    if metric == "euclidean":
        values = -np.sqrt(((near - queries[:, None]) ** 2).sum(-1))
    else:
        values = np.einsum("qkd,qd->qk", near, queries)
    close = 1e-5 * np.maximum(1, np.abs(least))
    return float(((values >= (least - close)[:, None]) & (found >= 0)).mean())


class Session:
    """What the commands are about."""

    def __init__(self, name: str, folder: Path) -> None:
        self.about = json.loads((folder / "about.json").read_text())
        self.metric = self.about["metric"]
        self.folder = folder
        self.table = np.load(folder / "table.npy")
        self.queries = np.load(folder / "queries.npy")
        self.least = np.load(folder / "least.npy")
        self.made = contender(name, self.metric, folder, self.table.shape[1])

    def build(self) -> dict[str, Any]:
        """Make the index; what it takes."""
        self.made.warm(self.table.shape[1])
        before = _resident()
        started = time.perf_counter()
        self.made.build(self.table)
        seconds = getattr(self.made, "seconds", time.perf_counter() - started)
        self.made.set(self.made.settings[0])
        self.made.ask(self.queries[:20])  # whatever is done at a first query
        self.made.ask_one(self.queries[0])
        result = {"build_seconds": round(seconds, 2), "peak_mb": peak_memory()}
        result["resident_mb"] = round(_resident() - before, 1)
        path = self.folder / f"saved-{os.getpid()}"
        self.made.save(path)
        files = [path] if path.is_file() else [p for p in path.rglob("*") if p.is_file()]
        result["saved_mb"] = round(sum(p.stat().st_size for p in files) / 1e6, 1)
        return result | self.made.about()

    def sweep(self) -> list[dict[str, Any]]:
        """Recall and time of all settings, up to where more is of no use."""
        self._one_core()
        results: list[dict[str, Any]] = []
        thorough: set[str] = set()
        for setting in self.made.settings:
            option = json.dumps({k: v for k, v in setting.items() if k in ("nprobe", "leaves")})
            if thorough - {option}:
                break
            self.made.set(setting)
            started = time.perf_counter()
            found = self.made.ask(self.queries)
            seconds = time.perf_counter() - started
            reached = recall(found, self.table, self.queries, self.least, self.metric)
            results.append({"setting": setting, "recall": round(reached, 4), "seconds": seconds})
            if reached >= ENOUGH:
                thorough.add(option)
                if option == "{}":
                    break
        return results

    def time(self, setting: dict[str, Any]) -> dict[str, float]:
        """Queries per second, together and one by one, on one core."""
        self._one_core()
        self.made.set(setting)
        self.made.ask(self.queries[:20])
        started = time.perf_counter()
        self.made.ask(self.queries)
        together = time.perf_counter() - started
        started = time.perf_counter()
        for query in self.queries:
            self.made.ask_one(query)
        alone = time.perf_counter() - started
        return {"batch_qps": len(self.queries) / together, "single_qps": len(self.queries) / alone}

    def _one_core(self) -> None:
        os.sched_setaffinity(0, {max(self.about["cores"])})


def _resident() -> float:
    import psutil

    return float(psutil.Process().memory_info().rss) / 1e6


def main() -> None:
    """Answer commands until the input ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no answer
    session = Session(sys.argv[1], Path(sys.argv[2]))
    for line in sys.stdin:
        command = json.loads(line)
        result = getattr(session, command.pop("do"))(**command)
        answers.write(json.dumps(result) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
