"""How long until a table of 100,000 words × 300 numbers is open, and until `near` has answered.

    python bench/near.py

The table lies in the folder of a learned model, as `kinspace learn word2vec` writes it (the
vectors are random: time does not depend on what they say). Each figure is the median of 15 new
processes, taken in turns; the files are in the system's memory, as they are after learning.

`open` is what `Embeddings.load` takes inside a new process, its imports apart; `load, whole` is
that process from start to end. Beside it: the same file read whole by the safetensors package, and
gensim, which maps a file of its own (`KeyedVectors.load(mmap="r")`) or reads word2vec's binary one.
`processor` is the time that the process worked, on all cores together: on a busy machine it tells
more than the clock. Writes bench/results/near.json.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from common import Target, machine, show, show_targets, versions, write

RUNS = 15
WORDS, DIM = 100_000, 300

OPEN = """
import time
from kinspace.embeddings import Embeddings
start = time.perf_counter()
table = Embeddings.load("model/vectors.safetensors")
print(time.perf_counter() - start)
"""
READ = "from safetensors.numpy import load_file; load_file('model/vectors.safetensors')"
GENSIM = "from gensim.models import KeyedVectors; KeyedVectors.load('gensim', mmap='r')"
BINARY = """
from gensim.models import KeyedVectors
KeyedVectors.load_word2vec_format("word2vec.bin", binary=True)
"""
COMMAND = "import sys; sys.argv[0] = 'kinspace'; from kinspace.cli import main; main()"
ASKED = """
import time
from kinspace.embeddings import Embeddings
table = Embeddings.load("model/vectors.safetensors")
for _ in range(5):
    start = time.perf_counter()
    table.nearest("king")
    last = time.perf_counter() - start
print(last)
"""


def make(folder: Path) -> bool:
    """Write the model's folder, and gensim's files where gensim is installed; whether it is."""
    import numpy as np

    from kinspace.embeddings import Embeddings
    from kinspace.learn import saved
    from kinspace.space import Space

    words = [*(f"word{i}" for i in range(WORDS - 1)), "king"]
    vectors = np.random.default_rng(0).standard_normal((WORDS, DIM), dtype=np.float32)
    table = Embeddings(vectors, Space("word2vec", "0", DIM), words)
    counts = {"counts": np.arange(WORDS, 0, -1)}
    saved.write(folder / "model", saved.Saved("word2vec", {}, {}, table, counts))
    try:
        from gensim.models import KeyedVectors
    except ImportError:
        return False
    keyed = KeyedVectors(DIM)
    keyed.add_vectors(words, vectors)
    keyed.save(str(folder / "gensim"))
    keyed.save_word2vec_format(str(folder / "word2vec.bin"), binary=True)
    return True


def run(arguments: list[str], folder: Path) -> dict[str, float]:
    """A new Python with these arguments: wall clock, processor time, and what it prints, if any."""
    before = os.times()
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, stdout=subprocess.PIPE, text=True, check=True
    )
    clock = time.perf_counter() - start
    after = os.times()
    processor = (after.children_user - before.children_user) + (
        after.children_system - before.children_system
    )
    try:
        printed = float(done.stdout)
    except ValueError:
        printed = float("nan")
    return {"clock": clock, "processor": processor, "printed": printed}


def measure(folder: Path, commands: dict[str, list[str]]) -> dict[str, dict[str, float]]:
    """Medians and the best of each command."""
    turns = [{name: run(line, folder) for name, line in commands.items()} for _ in range(RUNS)]
    table = {}
    for name in commands:
        taken = {kind: [turn[name][kind] for turn in turns] for kind in turns[0][name]}
        table[name] = {
            "median": round(statistics.median(taken["clock"]), 4),
            "best": round(min(taken["clock"]), 4),
            "processor": round(statistics.median(taken["processor"]), 4),
        }
        if statistics.median(taken["printed"]) == statistics.median(taken["printed"]):
            table[name]["inside"] = round(statistics.median(taken["printed"]), 5)
    return table


def main() -> None:
    """Measure, print and write the figures."""
    where = machine()
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        has_gensim = make(folder)
        commands: dict[str, list[str]] = {
            "python -c pass": ["-c", "pass"],
            "import numpy": ["-c", "import numpy"],
            "load, whole": ["-c", OPEN],
            "load, then nearest": ["-c", ASKED],
            "kinspace near": ["-c", COMMAND, "near", "model", "king"],
            "kinspace near --json": ["-c", COMMAND, "near", "model", "king", "--json"],
            "kinspace near, misspelled": ["-c", f"import sys\n{_FAILING}", "near", "model", "kign"],
            "safetensors reads it": ["-c", READ],
        }
        if has_gensim:
            commands |= {"gensim maps its own": ["-c", GENSIM], "gensim reads .bin": ["-c", BINARY]}
        table = measure(folder, commands)
    show(
        ["seconds", "median", "best", "processor", "inside"],
        [[name, *(row.get(k) for k in ("median", "best", "processor", "inside"))]
         for name, row in table.items()],
    )  # fmt: skip
    asked = [
        Target("load of 100k × 300 in a new process, whole, s", 0.5,
               table["load, whole"]["median"], False),
        Target("kinspace near, whole process, s", 0.3, table["kinspace near"]["median"], False),
    ]  # fmt: skip
    show_targets(asked)
    result: dict[str, Any] = {
        "machine": where,
        "versions": versions("numpy", "typer", "rich", "safetensors", "gensim"),
        "runs": RUNS,
        "words": WORDS,
        "dim": DIM,
        "seconds": table,
        "targets": [target.to_dict() for target in asked],
    }
    write("near", result)


_FAILING = """
from kinspace.cli import run
assert run(sys.argv[1:]) == 1
"""


if __name__ == "__main__":
    main()
