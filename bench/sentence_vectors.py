"""The vectors that indexes are measured on: 199,645 real ones, and 1,000 held-out queries.

Sentences of 25 characters and more out of ``$KINSPACE_DATA/text`` (the sources of
:mod:`passages`), each once, in one random order, encoded by all-MiniLM-L6-v2 in bfloat16. The last
thousand are the queries. Made once, in some minutes, and kept as a float32 ``.npy``:

    python bench/sentence_vectors.py vectors.npy
"""

from __future__ import annotations

import random
import re
import sys
from pathlib import Path

import numpy as np
from common import data_folder
from numpy.typing import NDArray
from passages import _paragraphs

COUNT, QUERIES, SHORTEST = 199_645, 1_000, 25
_END = re.compile(r"(?<=[.!?])[\"')\]]*\s+(?=[A-Z0-9\"'(])")


def sentences(data: Path) -> list[str]:
    """As many sentences as there are vectors and queries, the same ones every time."""
    found: dict[str, None] = {}
    for _, paragraph in _paragraphs(data / "text"):
        for sentence in _END.split(" ".join(paragraph.split())):
            if len(sentence) >= SHORTEST:
                found[sentence] = None
    texts = list(found)
    random.Random(0).shuffle(texts)
    if len(texts) < COUNT + QUERIES:
        raise SystemExit(f"There are only {len(texts):,} sentences in {data}.")
    return texts[: COUNT + QUERIES]


def vectors(path: Path) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Vectors, shape (199645, 384), and queries, shape (1000, 384); made if they are not there."""
    if not path.is_file():
        import kinspace as ks

        found = ks.load("all-MiniLM-L6-v2").encode(sentences(data_folder()))
        np.save(path, np.asarray(found.vectors, np.float32))
    table = np.load(path)
    return table[:COUNT], table[COUNT:]


if __name__ == "__main__":
    print(*(part.shape for part in vectors(Path(sys.argv[1]))))
