"""Kinspace, Chroma and LanceDB doing one job, each in a process of its own.

bench/collection.py starts it:

    python bench/contenders.py {ingest,query,once,cold} NAME INPUT STORE

INPUT is the folder that collection.py prepared (passages, vectors, queries), STORE the
contender's own. The figures are printed as one line of JSON. Passages and vectors are read piece
by piece, so that memory is the contender's and not the bench's.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common import milliseconds, peak_memory

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Row = tuple[dict[str, Any], NDArray[np.float32]]

K = 10
BATCH = 4096
COLD_RUNS = 10

Search = Callable[[str, Any], list[str]]
"""Looks for a text, or for its vector; gives the ids of the K best."""


def rows(folder: Path) -> Iterator[Row]:
    """Every passage as a dict, with its vector."""
    import numpy as np

    about = json.loads((folder / "about.json").read_text())
    texts = (folder / "passages.jsonl").open(encoding="utf-8")
    with texts, (folder / "vectors.f32").open("rb") as vectors:
        while batch := list(islice(texts, BATCH)):
            block = np.fromfile(vectors, np.float32, len(batch) * about["dim"])
            yield from zip(map(json.loads, batch), block.reshape(len(batch), -1), strict=True)


class Kinspace:
    """Text in, searchable out: it encodes by itself, and indexes words and vectors."""

    given = False

    def ingest(self, folder: Path, store: Path) -> None:
        import kinspace as ks

        with ks.Collection.open(store, encoder=ks.load()) as collection:
            collection.upsert(self.record(*row) for row in rows(folder))

    def record(self, fields: dict[str, Any], vector: Any) -> dict[str, Any]:
        return fields | {"vector": vector} if self.given else fields

    def open(self, store: Path) -> Mapping[str, Search]:
        import kinspace as ks

        collection = ks.Collection.open(store, read_only=True)

        def by(mode: Any) -> Search:
            return lambda text, _: [hit.id for hit in collection.search(text, K, mode=mode)]

        return {
            "hybrid": by("hybrid"),
            "dense": by("dense"),
            "dense, vector given": lambda _, vector: [h.id for h in collection.search(vector, K)],
            "keyword": by("keyword"),
        }

    def count(self, store: Path) -> int:
        import kinspace as ks

        with ks.Collection.open(store, read_only=True) as collection:
            return len(collection)


class KinspaceGiven(Kinspace):
    """The same with vectors given, as the others get them."""

    given = True


class Chroma:
    """PersistentClient, its HNSW index as it comes, cosine. Its local search has no BM25."""

    def _client(self, store: Path) -> Any:
        import chromadb
        from chromadb.config import Settings

        settings = Settings(anonymized_telemetry=False)
        return chromadb.PersistentClient(str(store), settings=settings)

    def ingest(self, folder: Path, store: Path) -> None:
        client = self._client(store)
        made: dict[str, Any] = {"hnsw": {"space": "cosine"}}
        collection = client.create_collection(
            "passages", configuration=made, embedding_function=None
        )
        stream = rows(folder)
        size = min(BATCH, client.get_max_batch_size())
        while batch := list(islice(stream, size)):
            collection.add(
                ids=[fields["id"] for fields, _ in batch],
                documents=[fields["text"] for fields, _ in batch],
                metadatas=[{k: fields[k] for k in ("source", "words")} for fields, _ in batch],
                embeddings=[vector for _, vector in batch],
            )

    def open(self, store: Path) -> Mapping[str, Search]:
        collection = self._client(store).get_collection("passages", embedding_function=None)

        def dense(_: str, vector: Any) -> list[str]:
            found = collection.query(
                query_embeddings=[vector],
                n_results=K,
                include=["documents", "metadatas", "distances"],
            )
            return list(found["ids"][0])

        return {"dense, vector given": dense}

    def count(self, store: Path) -> int:
        collection = self._client(store).get_collection("passages", embedding_function=None)
        return int(collection.count())


class LanceDB:
    """A table with its default vector index (IVF_PQ, cosine) and its full-text index."""

    def ingest(self, folder: Path, store: Path) -> None:
        import lancedb
        import pyarrow as pa
        from lancedb.index import FTS, IvfPq

        dim = json.loads((folder / "about.json").read_text())["dim"]
        schema = pa.schema(
            [
                ("id", pa.string()),
                ("text", pa.string()),
                ("source", pa.string()),
                ("words", pa.int32()),
                ("vector", pa.list_(pa.float32(), dim)),
            ]
        )
        batches = _arrow(rows(folder), schema, dim)
        table = lancedb.connect(str(store)).create_table("passages", batches, schema=schema)
        table.create_index("vector", config=IvfPq(distance_type="cosine"))
        table.create_index("text", config=FTS())

    def open(self, store: Path) -> Mapping[str, Search]:
        import lancedb
        from lancedb.rerankers import RRFReranker

        table: Any = lancedb.connect(str(store)).open_table("passages")
        fusion = RRFReranker()
        columns = ["id", "text", "source", "words"]

        def taken(query: Any) -> list[str]:
            return [row["id"] for row in query.select(columns).limit(K).to_list()]

        def hybrid(text: str, vector: Any) -> list[str]:
            query = table.search(query_type="hybrid", vector_column_name="vector")
            return taken(query.vector(vector).text(text).rerank(fusion))

        def dense(_: str, vector: Any) -> list[str]:
            return taken(table.search(vector))

        def refined(_: str, vector: Any) -> list[str]:
            return taken(table.search(vector).refine_factor(10))

        def keyword(text: str, _: Any) -> list[str]:
            return taken(table.search(text, query_type="fts"))

        return {
            "hybrid, vector given": hybrid,
            "dense, vector given": dense,
            "dense, vector given, refine_factor=10": refined,
            "keyword": keyword,
        }

    def count(self, store: Path) -> int:
        import lancedb

        return int(lancedb.connect(str(store)).open_table("passages").count_rows())


def _arrow(stream: Iterator[Row], schema: Any, dim: int) -> Iterator[Any]:
    import numpy as np
    import pyarrow as pa

    while batch := list(islice(stream, BATCH)):
        flat = pa.array(np.concatenate([vector for _, vector in batch]))
        columns = [[fields[name] for fields, _ in batch] for name in schema.names[:-1]]
        arrays = [pa.array(c, t) for c, t in zip(columns, (f.type for f in schema), strict=False)]
        vectors = pa.FixedSizeListArray.from_arrays(flat, dim)
        yield pa.record_batch([*arrays, vectors], schema=schema)


CONTENDERS: Mapping[str, Any] = {
    "kinspace": Kinspace,
    "kinspace, vectors given": KinspaceGiven,
    "chroma": Chroma,
    "lancedb": LanceDB,
}
MODULES = {"kinspace": "kinspace", "chroma": "chromadb", "lancedb": "lancedb"}


def ingest(name: str, folder: Path, store: Path) -> dict[str, Any]:
    """From an empty store until everything can be found; importing the package not counted."""
    __import__(MODULES[name.partition(",")[0]])
    contender = CONTENDERS[name]()
    start, cpu = time.perf_counter(), time.process_time()
    contender.ingest(folder, store)
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    peak = peak_memory()
    count = contender.count(store)
    return {
        "count": count,
        "seconds": round(seconds, 2),
        "passages_per_second": round(count / seconds),
        "cpu_seconds": round(cpu, 2),
        "peak_mb": peak,
    }


def query(name: str, folder: Path, store: Path) -> dict[str, Any]:
    """Every mode on every query, warm: 50 other queries go before."""
    import numpy as np

    about = json.loads((folder / "about.json").read_text())
    texts = json.loads((folder / "queries.json").read_text())
    vectors = np.load(folder / "query_vectors.npy")
    modes = CONTENDERS[name]().open(store)
    found, times = {}, {}
    for mode, search in modes.items():
        taken, ids = [], []
        for number, (text, vector) in enumerate(zip(texts, vectors, strict=True)):
            start = time.perf_counter()
            hits = search(text, vector)
            if number >= about["warm_up"]:
                taken.append(time.perf_counter() - start)
                ids.append(hits)
        times[mode], found[mode] = milliseconds(taken), ids
    return {"modes": times, "found": found, "peak_mb": peak_memory()}


def once(name: str, folder: Path, store: Path) -> dict[str, Any]:
    """One query, as the whole work of a process."""
    import numpy as np

    text = json.loads((folder / "queries.json").read_text())[0]
    vector = np.load(folder / "query_vectors.npy", mmap_mode="r")[0]
    search = next(iter(CONTENDERS[name]().open(store).values()))
    return {"found": search(text, vector)}


def cold(name: str, folder: Path, store: Path) -> dict[str, Any]:
    """New processes, one query each: Kinspace's command, the others by a line of Python."""
    texts = json.loads((folder / "queries.json").read_text())
    command = Path(sys.executable).with_name("kinspace")
    taken = []
    for run in range(COLD_RUNS + 1):
        line = [sys.executable, __file__, "once", name, str(folder), str(store)]
        if name == "kinspace":
            line = [str(command), "search", texts[run], "-c", str(store)]
        start = time.perf_counter()
        subprocess.run(line, stdout=subprocess.DEVNULL, check=True)
        taken.append(time.perf_counter() - start)
    measured = taken[1:]  # the first brings the files into the page cache
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / 1e6
    return {
        "seconds": round(statistics.median(measured), 3),
        "all_seconds": [round(one, 3) for one in measured],
        "peak_mb": round(peak, 1),
    }


def main() -> None:
    """Do one job, print its figures."""
    job, name, folder, store = sys.argv[1:5]
    work = {"ingest": ingest, "query": query, "once": once, "cold": cold}[job]
    result = work(name, Path(folder), Path(store))
    print(json.dumps(result), flush=True)
    if name == "chroma":
        os._exit(0)  # its threads sometimes keep the process waiting


if __name__ == "__main__":
    main()
