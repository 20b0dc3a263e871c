"""Writers that are killed: started once, this process forks one for each line on stdin.

A line is a JSON object: folder, seed, and how often to compact. The child opens the collection
and writes at random until it is killed. Before each call it writes what it wants to the log,
and after the call has returned that it is done, with one `write` each, which SIGKILL does not
tear. Started as `python -m tests.store.crash_writer` from the repository's root.
"""

from __future__ import annotations

import json
import os
import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from kinspace.space import Space
from kinspace.store import Collection, collection, neighbours, view

SPACE = Space("crash", "0123456789abcdef", 12)
SPACES: dict[str, Space] = {
    "dense": SPACE,
    "sparse": Space("crash", "0123456789abcdef", 4096, "dot", "sparse"),
    "multi": Space("crash", "0123456789abcdef", 12, "cosine", "multi"),
}
FEW = dict.fromkeys(SPACES, 30)
BATCH = 12
NAMES = [f"r{i}" for i in range(48)]


def make_small() -> None:
    """Limits so low that flushing, and making the neighbour index, happen all the time."""
    collection.BATCH = BATCH
    collection._FLUSH = 2 * BATCH
    collection.LONGEST_TAIL = view.LONGEST_TAIL = 10
    neighbours.SMALLEST = FEW  # type: ignore[misc]


def record(name: str, word: str, form: str = "dense") -> dict[str, Any]:
    """A record whose text has a word of its own, and whose vector depends on that word."""
    rng = np.random.default_rng(list(word.encode()))
    dim = SPACES[form].dim
    if form == "sparse":
        vector = np.zeros(dim, np.float32)
        vector[rng.choice(dim, 5, replace=False)] = 1
    else:
        shape = (1 + len(word) % 3, dim) if form == "multi" else (dim,)
        vector = rng.standard_normal(shape).astype(np.float32)
    return {"id": name, "text": f"common words and {word}", "vector": vector}


def wishes(seed: int, compacts: float) -> Any:
    """Endless operations: ("upsert", {id: word}), ("delete", ids) or ("compact", None)."""
    rng = random.Random(seed)
    step = 0
    while True:
        step += 1
        dice = rng.random()
        if dice < compacts:
            yield "compact", None
        elif dice < compacts + 0.2:
            yield "delete", rng.sample(NAMES, rng.randint(1, 8))
        else:
            count = rng.choice([1, 3, BATCH, 3 * BATCH])
            names = rng.sample(NAMES, count)
            yield "upsert", {name: f"w{seed}x{step}x{i}" for i, name in enumerate(names)}


def write(folder: str, seed: int, compacts: float, log: str, form: str = "dense") -> None:
    """Write until somebody ends this process."""
    make_small()
    handle = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def say(kind: str, what: Any = None) -> None:
        os.write(handle, (json.dumps([kind, what]) + "\n").encode())

    with Collection.open(folder, space=SPACES[form], lock_timeout=5) as opened:
        say("ready")
        for kind, what in wishes(seed, compacts):
            say("want", [kind, what])
            if kind == "upsert":
                opened.upsert([record(name, word, form) for name, word in what.items()])
            elif kind == "delete":
                opened.delete(what)
            else:
                opened.compact()
            say("done")


def main(work: Callable[..., None] = write) -> None:
    """Fork a writer for each line; say its process id, and later that it is gone."""
    import faiss  # noqa: F401 - imported once here, so that a child need not
    import tantivy  # noqa: F401

    for line in sys.stdin:
        wanted = json.loads(line)
        child = os.fork()
        if not child:
            try:
                work(**wanted)
            except BaseException as error:
                Path(wanted["log"] + ".error").write_text(repr(error))
                raise
            finally:
                os._exit(1)
        print(child, flush=True)
        _, status = os.waitpid(child, 0)
        print(status, flush=True)


if __name__ == "__main__":
    main()
