"""Texts a second of the shipped default, beside model2vec on the same folder.

    KINSPACE_DATA=../shared/data python bench/encode.py [--repeats 5] [--texts 100000]

Both encode the same 100,000 real short texts (sentences of 20 to 300 characters out of
War and Peace, WikiText-2 and 20 Newsgroups, shuffled, each once), warm, in turns, so that a
busy machine is busy for both. With one thread the process is pinned to one core. With two,
model2vec runs twice: as it comes (its own threads, one batch each), and with the threads of
`tokenizers` instead; the ratio is to the faster of the two. Then it is checked that the vectors
are the same, and the tokens of all texts those of `tokenizers`. The last table is the cold path:
a new process that encodes one query. Writes bench/results/encode.json.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import statistics
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from common import Target, data_folder, machine, show_targets, versions, write

COLD = """
import time
import numpy
t = [time.perf_counter()]
from kinspace.pretrained import load
from kinspace.pretrained.static import StaticEncoder
t.append(time.perf_counter())
model = load()
t.append(time.perf_counter())
model.space
t.append(time.perf_counter())
model.encode_query(["how are two models kept apart?"])
t.append(time.perf_counter())
print(*(1000 * (b - a) for a, b in zip(t, t[1:])))
"""


def real_texts(data: Path, count: int) -> list[str]:
    """Sentences, each once, in an order that is the same every time."""
    parts = [(data / "text" / "warandpeace.txt").read_text("utf-8", errors="replace")]
    parts += [(data / "text/wikitext-2" / f"{p}.txt").read_text("utf-8") for p in ("valid", "test")]
    with tarfile.open(data / "text" / "20_newsgroups.tar.bz2") as archive:
        for member in archive:
            content = archive.extractfile(member) if member.isfile() else None
            if content is not None and len(parts) < 15_000:
                parts.append(content.read().decode("latin-1"))
    pieces = re.split(r"(?<=[.!?])\s+|\n\s*\n", "\n\n".join(parts))
    found = list(dict.fromkeys(p.strip() for p in pieces if 20 <= len(p.strip()) <= 300))
    random.Random(0).shuffle(found)
    if len(found) < count:
        raise SystemExit(f"only {len(found)} texts in {data}")
    return found[:count]


def seconds(work: Callable[[], Any]) -> tuple[float, float]:
    """How long one call takes, by the clock and on the processor."""
    start, used = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - start, time.process_time() - used


def run(ours: Any, theirs: Any, texts: list[str], threads: int, repeats: int) -> dict[str, Any]:
    """Texts a second of all contenders, in turns."""

    def library_threads() -> None:
        os.environ["TOKENIZERS_PARALLELISM"] = "true" if threads > 1 else "false"
        theirs.encode(texts, use_multiprocessing=False)

    contenders = {"kinspace": lambda: ours.encode(texts)}
    if threads > 1:
        contenders["model2vec"] = lambda: theirs.encode(texts)
        contenders["model2vec, tokenizers' threads"] = library_threads
    else:
        contenders["model2vec"] = library_threads
    ours.set_params(threads=threads)
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, set(sorted(cores)[:threads]))
    try:
        ours.encode(texts)  # compiled code is loaded, memory touched
        theirs.encode(texts[:1000])
        taken: dict[str, list[float]] = {name: [] for name in contenders}
        used: dict[str, list[float]] = {name: [] for name in contenders}
        for _ in range(repeats):
            for name, work in contenders.items():
                clock, processor = seconds(work)
                taken[name].append(clock)
                used[name].append(processor)
    finally:
        os.sched_setaffinity(0, cores)
    rates = {name: round(len(texts) / statistics.median(t)) for name, t in taken.items()}
    fastest = max((name for name in rates if name != "kinspace"), key=lambda name: rates[name])
    each = [b / a for a, b in zip(taken["kinspace"], taken[fastest], strict=True)]
    return {
        "threads": threads,
        "texts_per_second": rates,
        "all_texts_per_second": {n: [round(len(texts) / s) for s in t] for n, t in taken.items()},
        "processor_seconds": {n: round(statistics.median(t), 3) for n, t in used.items()},
        "ratio": round(statistics.median(each), 1),
        "ratio_least": round(min(each), 1),
        "ratio_to": fastest,
    }


def compare(ours: Any, theirs: Any, texts: list[str]) -> dict[str, Any]:
    """Whether the vectors and the tokens are the same."""
    from tokenizers import Tokenizer

    a, b = ours.encode(texts).vectors, theirs.encode(texts)
    some = b.any(axis=1)
    cosines = (a[some] * b[some]).sum(1, dtype=np.float64)
    cosines /= np.linalg.norm(a[some], axis=1) * np.linalg.norm(b[some], axis=1)
    library = Tokenizer.from_str(ours.tokenizer)
    library.no_truncation()
    library.no_padding()
    exact = [e.ids for e in library.encode_batch_fast(texts, add_special_tokens=False)]
    ids, starts = ours._model.tokens.encode(texts, threads=2)
    return {
        "cosine_min": float(cosines.min()),
        "cosine_mean": float(cosines.mean()),
        "zero_for_both": int((~some & ~a.any(axis=1)).sum()),
        "zero_for_one": int((some != a.any(axis=1)).sum()),
        "texts_with_other_tokens": sum(
            ids[starts[i] : starts[i + 1]].tolist() != line for i, line in enumerate(exact)
        ),
        "tokens_per_text": round(len(ids) / len(texts), 1),
    }


def cold(repeats: int = 10) -> dict[str, float]:
    """Milliseconds in a new process, beyond importing numpy: the medians."""
    steps = ["import", "load", "fingerprint", "one query"]
    lines = []
    for _ in range(repeats):
        line = [sys.executable, "-c", COLD]
        run_ = subprocess.run(line, capture_output=True, text=True, check=True)
        lines.append([float(part) for part in run_.stdout.split()])
    found = {
        s: round(statistics.median(t), 1)
        for s, t in zip(steps, zip(*lines, strict=True), strict=True)
    }
    total = statistics.median(sum(line[1:]) for line in lines)
    return found | {"load, fingerprint and one query": round(total, 1)}


def main() -> None:
    """Measure, compare, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--texts", type=int, default=100_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument(
        "--model", default="default", help="the default, or a static model's folder"
    )
    options = parser.parse_args()
    data = data_folder()

    from model2vec import StaticModel

    from kinspace.pretrained import describe, load

    where = machine()
    texts = real_texts(data, options.texts)
    ours = load(options.model)
    theirs = StaticModel.from_pretrained(describe(options.model).where)
    result: dict[str, Any] = {
        "machine": where,
        "versions": versions("model2vec", "tokenizers", "numba", "numpy"),
        "texts": len(texts),
        "mean_characters": round(statistics.mean(map(len, texts)), 1),
        "model": {"rows": len(ours.table), "dim": ours.space.dim, "dtype": str(ours.table.dtype)},
        "speed": [run(ours, theirs, texts, n, options.repeats) for n in (1, 2)],
        "same": compare(ours, theirs, texts),
        "cold_ms": cold(),
    }
    asked = targets(result)
    result["targets"] = [target.to_dict() for target in asked]
    tell(result)
    show_targets(asked)
    write("encode", result, whole=options.texts == 100_000 and options.model == "default")


def targets(result: dict[str, Any]) -> list[Target]:
    """What was asked for."""
    ratios = [Target(f"times model2vec, {one['threads']} threads", 3, one["ratio"])
              for one in result["speed"]]  # fmt: skip
    return [*ratios, Target("cosine to model2vec's, least", 0.9999, result["same"]["cosine_min"])]


def tell(result: dict[str, Any]) -> None:
    """Print the tables."""
    print(f"{result['texts']:,} texts of {result['mean_characters']} characters; "
          f"{result['same']['tokens_per_text']} tokens; {result['model']}")  # fmt: skip
    print(f"{'threads':>7}  {'':32}{'texts/s':>9}  {'ratio':>5}  {'processor s':>11}")
    for line in result["speed"]:
        for name, rate in line["texts_per_second"].items():
            ratio = line["ratio"] if name == "kinspace" else ""
            cpu = line["processor_seconds"][name]
            print(f"{line['threads']:>7}  {name:32}{rate:>9,}  {ratio:>5}  {cpu:>11}")
    print("\n".join(f"{name}: {value}" for name, value in result["same"].items()))
    print("cold, ms:", result["cold_ms"])


if __name__ == "__main__":
    main()
