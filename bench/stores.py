"""A collection and four other embedded stores, each doing one job in a process of its own.

bench/million.py starts it:

    python bench/stores.py {ingest,query} NAME INPUT STORE

INPUT is the folder that million.py prepared, STORE the store's own. Each gets numbers and vectors,
nothing else, and is used as its own introduction does it; what was chosen beyond that is said
beside it. The figures are printed as one line of JSON. Vectors are read piece by piece, so that
memory is the store's and not the bench's.
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common import milliseconds, peak_memory

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Block = tuple[range, NDArray[np.float32]]

K = 10
BATCH = 4096
RECALL = 0.95

Search = Callable[[Any], list[int]]
"""The numbers of the K nearest to a vector."""


def blocks(folder: Path, size: int = BATCH) -> Iterator[Block]:
    """All vectors with their numbers, piece by piece."""
    import numpy as np

    dim = json.loads((folder / "about.json").read_text())["dim"]
    start = 0
    with (folder / "vectors.f32").open("rb") as file:
        while len(block := np.fromfile(file, np.float32, size * dim)):
            rows = block.reshape(-1, dim)
            yield range(start, start + len(rows)), rows
            start += len(rows)


class Kinspace:
    """A collection whose vectors are given; it is to find 95 % of the ten nearest."""

    package = "kinspace"

    def ingest(self, folder: Path, store: Path) -> None:
        import kinspace as ks

        dim = json.loads((folder / "about.json").read_text())["dim"]
        space = ks.Space("given", "0" * 16, dim)
        with ks.Collection.open(store, space=space, recall=RECALL) as collection:
            collection.add(
                {"id": str(number), "n": number, "vector": row}
                for numbers, rows in blocks(folder)
                for number, row in zip(numbers, rows, strict=True)
            )

    def open(self, store: Path) -> Search:
        import kinspace as ks

        collection = ks.Collection.open(store, read_only=True)
        return lambda vector: [int(hit.id) for hit in collection.search(vector, K)]

    def says(self, store: Path) -> str:
        import kinspace as ks

        with ks.Collection.open(store, read_only=True) as collection:
            return collection.info().search


class Chroma:
    """PersistentClient, its HNSW index as it comes, cosine."""

    package = "chromadb"

    def _client(self, store: Path) -> Any:
        import chromadb
        from chromadb.config import Settings

        return chromadb.PersistentClient(str(store), settings=Settings(anonymized_telemetry=False))

    def ingest(self, folder: Path, store: Path) -> None:
        client = self._client(store)
        made: dict[str, Any] = {"configuration": {"hnsw": {"space": "cosine"}}}
        collection = client.create_collection("vectors", **made, embedding_function=None)
        for numbers, rows in blocks(folder, min(BATCH, client.get_max_batch_size())):
            ids = [str(number) for number in numbers]
            collection.add(ids, embeddings=rows, metadatas=[{"n": n} for n in numbers])

    def open(self, store: Path) -> Search:
        collection = self._client(store).get_collection("vectors", embedding_function=None)

        def search(vector: Any) -> list[int]:
            found = collection.query([vector], n_results=K, include=["metadatas", "distances"])
            return [int(name) for name in found["ids"][0]]

        return search

    def says(self, store: Path) -> str:
        return "HNSW"


class LanceDB:
    """A table with its default vector index (IVF_PQ), cosine, and ``refine_factor=10``."""

    package = "lancedb"

    def ingest(self, folder: Path, store: Path) -> None:
        import lancedb
        import pyarrow as pa
        from lancedb.index import IvfPq

        dim = json.loads((folder / "about.json").read_text())["dim"]
        schema = pa.schema([("n", pa.int64()), ("vector", pa.list_(pa.float32(), dim))])

        def batches() -> Iterator[Any]:
            for numbers, rows in blocks(folder):
                vectors = pa.FixedSizeListArray.from_arrays(pa.array(rows.ravel()), dim)
                yield pa.record_batch([pa.array(numbers, pa.int64()), vectors], schema=schema)

        table = lancedb.connect(str(store)).create_table("vectors", batches(), schema=schema)
        table.create_index("vector", config=IvfPq(distance_type="cosine"))

    def open(self, store: Path) -> Search:
        import lancedb

        table: Any = lancedb.connect(str(store)).open_table("vectors")

        def search(vector: Any) -> list[int]:
            query = table.search(vector).refine_factor(10).select(["n"]).limit(K)
            return [row["n"] for row in query.to_list()]

        return search

    def says(self, store: Path) -> str:
        return "IVF_PQ, refined"


class Milvus:
    """Milvus Lite, its AUTOINDEX, cosine."""

    package = "pymilvus"

    def _client(self, store: Path) -> Any:
        from pymilvus import MilvusClient

        store.mkdir(exist_ok=True)
        return MilvusClient(str(store / "vectors.db"))

    def ingest(self, folder: Path, store: Path) -> None:
        client = self._client(store)
        dim = json.loads((folder / "about.json").read_text())["dim"]
        client.create_collection("vectors", dimension=dim, metric_type="COSINE")
        for numbers, rows in blocks(folder, 1000):
            pairs = zip(numbers, rows, strict=True)
            client.insert("vectors", [{"id": number, "vector": row} for number, row in pairs])
        client.flush("vectors")
        client.close()

    def open(self, store: Path) -> Search:
        client = self._client(store)
        client.load_collection("vectors")

        def search(vector: Any) -> list[int]:
            found = client.search("vectors", data=[vector], limit=K, output_fields=["id"])
            return [int(hit["id"]) for hit in found[0]]

        return search

    def says(self, store: Path) -> str:
        return "AUTOINDEX"


class Qdrant:
    """The local mode of its client, which compares all vectors; not meant for more than 20,000."""

    package = "qdrant_client"
    largest = 100_000

    def ingest(self, folder: Path, store: Path) -> None:
        from qdrant_client import QdrantClient, models

        client = QdrantClient(path=str(store))
        dim = json.loads((folder / "about.json").read_text())["dim"]
        vectors = models.VectorParams(size=dim, distance=models.Distance.COSINE)
        client.create_collection("vectors", vectors_config=vectors)
        for numbers, rows in blocks(folder):
            client.upsert("vectors", models.Batch(ids=list(numbers), vectors=rows.tolist()))
        client.close()

    def open(self, store: Path) -> Search:
        from qdrant_client import QdrantClient

        client = QdrantClient(path=str(store))

        def search(vector: Any) -> list[int]:
            found = client.query_points("vectors", vector.tolist(), limit=K)
            return [int(point.id) for point in found.points]

        return search

    def says(self, store: Path) -> str:
        return "exact"


STORES: Mapping[str, Any] = {
    "kinspace": Kinspace,
    "chroma": Chroma,
    "lancedb": LanceDB,
    "milvus lite": Milvus,
    "qdrant, local": Qdrant,
}


def ingest(name: str, folder: Path, store: Path) -> dict[str, Any]:
    """From nothing until everything can be found; importing the package is not counted."""
    contender = STORES[name]()
    __import__(contender.package)
    start, cpu = time.perf_counter(), time.process_time()
    contender.ingest(folder, store)
    return {
        "seconds": round(time.perf_counter() - start, 1),
        "cpu_seconds": round(time.process_time() - cpu, 1),
        "peak_mb": peak_memory(),
    }


def query(name: str, folder: Path, store: Path) -> dict[str, Any]:
    """Every query alone, warm: 50 others go before."""
    import numpy as np

    about = json.loads((folder / "about.json").read_text())
    contender = STORES[name]()
    search = contender.open(store)
    taken, found, resident = [], [], 0.0
    for number, vector in enumerate(np.load(folder / "queries.npy")):
        start = time.perf_counter()
        hits = search(vector)
        if number >= about["warm_up"]:
            taken.append(time.perf_counter() - start)
            found.append(hits)
            resident = max(resident, resident_memory())
    return {
        **milliseconds(taken),
        "resident_mb": resident,
        "peak_mb": peak_memory(),
        "index": contender.says(store),
        "found": found,
    }


def resident_memory() -> float:
    """MB that this process has in memory now, mapped files included."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    found = re.search(r"VmRSS:\s*(\d+) kB", status)
    return round(int(found[1]) * 1024 / 1e6, 1) if found else float("nan")


def main() -> None:
    """Do one job, print its figures."""
    job, name, folder, store = sys.argv[1:5]
    result = {"ingest": ingest, "query": query}[job](name, Path(folder), Path(store))
    print(json.dumps(result), flush=True)
    os._exit(0)  # the threads of some keep the process waiting


if __name__ == "__main__":
    main()
