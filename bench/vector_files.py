"""Reading and writing files of word vectors: Kinspace beside gensim, 100,000 words × 300.

    python bench/vector_files.py [--words 100000] [--rounds 3]

One table of random vectors. Each round writes it and reads it back, by each in turn, as word2vec's
text and as its binary format; every table read is compared with what was written, bit for bit.
Times are medians of the rounds; Kinspace's compiled parser is warm, as from its cache on disk.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from common import Target, machine, peak_memory, show, show_targets, versions, write
from gensim.models import KeyedVectors

from kinspace.embeddings import Embeddings
from kinspace.loading import read_vectors
from kinspace.pretrained.vector_files import write_vectors
from kinspace.space import Space

DIM = 300


def timed(work: Callable[..., Any], *arguments: Any, **named: Any) -> tuple[float, Any]:
    start = time.perf_counter()
    found = work(*arguments, **named)
    return time.perf_counter() - start, found


def require_same(vectors: Any, words: list[str], table: Embeddings) -> None:
    assert words == table.ids
    np.testing.assert_array_equal(vectors, table.vectors)


def once(folder: Path, table: Embeddings, theirs: KeyedVectors) -> dict[str, float]:
    """One round: seconds by what was done."""
    took: dict[str, float] = {}
    for name, binary in (("text", False), ("binary", True)):
        ours, other = folder / f"ours.{name}", folder / f"gensim.{name}"
        kind = "word2vec-binary" if binary else "word2vec"
        took[f"{name} write kinspace"], _ = timed(write_vectors, table, ours, kind)
        took[f"{name} write gensim"], _ = timed(theirs.save_word2vec_format, other, binary=binary)
        took[f"{name} read kinspace"], found = timed(read_vectors, other)
        require_same(found.vectors, found.ids, table)
        took[f"{name} read gensim"], back = timed(
            KeyedVectors.load_word2vec_format, ours, binary=binary
        )
        require_same(back.vectors, list(back.index_to_key), table)
    theirs.save(str(folder / "gensim.kv"))
    took["native read kinspace"], found = timed(read_vectors, folder / "gensim.kv")
    require_same(found.vectors, found.ids, table)
    took["native read gensim"], _ = timed(KeyedVectors.load, str(folder / "gensim.kv"))
    return took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--words", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    about = machine()
    rng = np.random.default_rng(0)
    vectors = (0.1 * rng.standard_normal((chosen.words, DIM))).astype(np.float32)
    words = [f"word{i}" for i in range(chosen.words)]
    table = Embeddings(vectors, Space("random", "0", dim=DIM), words)
    theirs = KeyedVectors(DIM)
    theirs.add_vectors(words, vectors)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        small = Embeddings(vectors[:3000], table.space, words[:3000])
        write_vectors(small, folder / "warm.txt")  # compiles, or takes from numba's cache
        read_vectors(folder / "warm.txt")
        rounds = [once(folder, table, theirs) for _ in range(chosen.rounds)]
        size = (folder / "ours.text").stat().st_size
    seconds = {key: round(statistics.median(r[key] for r in rounds), 3) for key in rounds[0]}
    rows = [
        [what, seconds[f"{what} kinspace"], seconds[f"{what} gensim"],
         seconds[f"{what} gensim"] / seconds[f"{what} kinspace"]]
        for what in ("text read", "text write", "binary read", "binary write")
    ]  # fmt: skip
    native = seconds["native read kinspace"], seconds["native read gensim"]
    rows.append(["native read", *native, native[1] / native[0]])
    show([f"{chosen.words:,} × {DIM}, seconds", "kinspace", "gensim", "ratio"], rows)
    targets = [Target("seconds to read the text", 5, seconds["text read kinspace"], at_least=False)]
    show_targets(targets)
    result = {
        "machine": about, "versions": versions("gensim", "numpy", "numba"), "words": chosen.words,
        "dim": DIM, "rounds": chosen.rounds, "text_bytes": size, "seconds": seconds,
        "peak_memory_mb": peak_memory(), "targets": [target.to_dict() for target in targets],
    }  # fmt: skip
    write("vector_files", result, whole=chosen.words == 100_000)


if __name__ == "__main__":
    main()
