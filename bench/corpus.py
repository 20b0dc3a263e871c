"""What a corpus costs as it grows: reading, reading again, and learning, at 1×, 2× and 4×.

    python bench/corpus.py [FOLDER]

FOLDER holds what `bench/word_corpus.py` makes (made there if it is not, or in the system's folder
for temporary files). 1× is its corpus.txt, 2× and 4× the same text two and four times, so that the
vocabulary stays and only the text grows. Each size has a new process, which cuts the text into
words, chooses the vocabulary, opens the kept numbers once more, and learns skip-gram for one epoch
(100 dimensions, 5 negatives, one worker) from them. The same text four times is read packed, too.

Memory is told twice: what the process holds by itself (anonymous), and with the pages of files
that it has mapped, which the system takes back when others need them.
Writes bench/results/corpus.json.
"""

from __future__ import annotations

import bz2
import gzip
import json
import re
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from common import Target, machine, peak_memory, show, show_targets, versions, write

TIMES = (1, 2, 4)
STEPS = ("read", "choose", "again", "learn")


def measure(path: Path, folder: Path) -> dict[str, Any]:
    """All steps with one file, in this process."""
    import kinspace as ks
    from kinspace.learn.text import as_tokenizer, read_corpus, tokenize

    ks.Word2Vec(dim=100, min_count=1, epochs=1).fit(["one two three"] * 20)  # compiled beforehand
    peak, clock = _Peak(), _Clock()
    texts = tokenize(ks.read.lines(path), "words", folder=folder)
    clock.took("read")
    corpus = read_corpus(texts, as_tokenizer("words"))
    clock.took("choose")
    read_peak = peak.mb
    kept = tokenize(ks.read.lines(path), "words", folder=folder)
    clock.took("again")
    if len(corpus.ids) != sum(corpus.vocabulary.counts):
        raise SystemExit("the corpus does not add up")
    known, words = len(corpus.vocabulary), len(corpus.ids)
    del corpus
    ks.Word2Vec(dim=100, epochs=1).fit(kept)
    clock.took("learn")
    return {
        "words": texts.words,
        "kept": words,
        "vocabulary": known,
        "seconds": clock.seconds,
        "processor_seconds": clock.processor,
        "own_memory_reading_mb": read_peak,
        "own_memory_mb": peak.mb,
        "memory_with_mapped_files_mb": peak_memory(),
    }


def measure_reading(path: Path) -> dict[str, Any]:
    """Only reading, of a packed file."""
    from kinspace import read
    from kinspace.learn.text import tokenize

    start = time.perf_counter()
    words = tokenize(read.lines(path), "words").words
    return {"words": words, "seconds": round(time.perf_counter() - start, 3)}


class _Clock:
    """Seconds of each step, by the wall and of the processor."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.processor: dict[str, float] = {}
        self._since = time.perf_counter(), time.process_time()

    def took(self, step: str) -> None:
        """A step ends here."""
        now = time.perf_counter(), time.process_time()
        self.seconds[step] = round(now[0] - self._since[0], 3)
        self.processor[step] = round(now[1] - self._since[1], 3)
        self._since = now


class _Peak:
    """The most anonymous memory that this process has held since, looked at 50 times a second."""

    def __init__(self) -> None:
        self.mb = 0.0
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        while True:
            found = re.search(r"RssAnon:\s*(\d+) kB", Path("/proc/self/status").read_text())
            self.mb = max(self.mb, round(int(found[1]) * 1024 / 1e6, 1) if found else 0.0)
            time.sleep(0.02)


def in_new_process(*arguments: object) -> dict[str, Any]:
    """The answer of this script in a new process."""
    line = [sys.executable, __file__, "--one", *map(str, arguments)]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def text_of(folder: Path) -> bytes:
    """The corpus of the word benchmarks."""
    if not (folder / "corpus.txt").exists():
        from word_corpus import build

        build(folder)
    return (folder / "corpus.txt").read_bytes()


def main(folder: Path) -> None:
    """Measure, print and write the figures."""
    where, text = machine(), text_of(folder)
    rows, packed = [], {}
    with tempfile.TemporaryDirectory() as scratch:
        for times in TIMES:
            file = Path(scratch) / f"{times}.txt"
            with file.open("wb") as out:
                for _ in range(times):
                    out.write(text)
            rows.append({"times": times, **in_new_process(file, Path(scratch) / f"kept-{times}")})
        import zstandard

        for ending, pack in (
            ("gz", lambda raw: gzip.compress(raw, 6)), ("bz2", bz2.compress),
            ("zst", zstandard.compress),
        ):  # fmt: skip
            file = Path(scratch) / f"1.txt.{ending}"
            file.write_bytes(pack(text))
            packed[ending] = in_new_process(file)
    show(
        ["", "words", *(f"{step}, s" for step in STEPS), "read, CPU s", "learn, CPU s", "own MB",
         "with mapped MB"],
        [
            [f"{row['times']}×", row["words"], *(row["seconds"][step] for step in STEPS),
             row["processor_seconds"]["read"], row["processor_seconds"]["learn"],
             row["own_memory_mb"], row["memory_with_mapped_files_mb"]]
            for row in rows
        ],
    )  # fmt: skip
    print()
    show(["packed", "words", "read, s"], [[e, p["words"], p["seconds"]] for e, p in packed.items()])
    first, last = rows[0], rows[-1]
    growth = {
        step: last["processor_seconds"][step] / first["processor_seconds"][step]
        for step in ("read", "choose", "learn")
    }
    targets = [
        *(Target(f"{step}: CPU s at 4× over 4 × those at 1×", 1.1, round(by / 4, 3), False)
          for step, by in growth.items()),
        Target("own memory at 4× over that at 1×", 1.1,
               round(last["own_memory_mb"] / first["own_memory_mb"], 3), False),
    ]  # fmt: skip
    show_targets(targets)
    write(
        "corpus",
        {
            "machine": where, "versions": versions("numpy", "numba", "zstandard"),
            "sizes": rows, "packed": packed, "targets": [target.to_dict() for target in targets],
        },
    )  # fmt: skip


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        paths = [Path(argument) for argument in sys.argv[2:]]
        print(json.dumps(measure(*paths) if len(paths) == 2 else measure_reading(*paths)))
    else:
        main(Path(sys.argv[1] if sys.argv[1:] else Path(tempfile.gettempdir()) / "kinspace-words"))
