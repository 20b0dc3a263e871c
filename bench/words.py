"""Word and document vectors beside gensim: speed and quality in one table.

    KINSPACE_DATA=../shared/data python bench/words.py --folder /tmp/words

One corpus (`word_corpus.py`, made in the folder if it is not there), the same lines, parameters
and threads on both sides, every run in a new process, three seeds. Speed is the median of one
epoch each, sides in turns; quality is the mean after five epochs. Then Kinspace alone: one thread
and two, and a quarter, a half and the whole of the corpus. Runs are kept in the folder: what was
stopped goes on where it was (`--quality` does the long part, which a busy machine does not
change, and leaves the speed to a quiet one). Writes bench/results/words.json.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from common import Target, machine, show, show_targets, versions, write
from word_contenders import KINDS, SIMILARITY
from word_corpus import build

FASTER = {
    "skip-gram": 4.0, "cbow": 3.0, "hierarchical": 2.5, "fasttext": 3.0, "pv-dbow": 3.0,
    "pv-dm": 2.5,
}  # fmt: skip
"""How many times gensim's speed is asked for."""
NO_LOWER = -0.01
SIDES = ("kinspace", "gensim")
SEEDS = (1, 2, 3)
SIZES = (4, 2, 1)
"""Parts of the corpus."""


class Runs:
    """Training runs, kept in a file as they are done."""

    def __init__(self, folder: Path) -> None:
        self.corpus = folder / "corpus.txt"
        self.file = folder / "runs.jsonl"
        lines = self.file.read_text("utf-8").splitlines() if self.file.is_file() else []
        self.done = {tuple(run["asked"]): run for run in map(json.loads, lines)}

    def __call__(self, side: str, kind: str, *options: str) -> dict[str, Any]:
        """One run, unless it was done."""
        asked = (side, kind, *options)
        if asked not in self.done:
            script = Path(__file__).with_name("word_contenders.py")
            command = [sys.executable, str(script), side, kind, str(self.corpus), *options]
            out = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
            run = {"asked": asked, **json.loads(out.splitlines()[-1])}
            with self.file.open("a", encoding="utf-8") as file:
                file.write(json.dumps(run) + "\n")
            self.done[asked] = run
            print(f"{' '.join(asked)}: {run['words_per_second']:,} words/s", flush=True)
        return self.done[asked]


def quality(runs: Runs, kinds: Sequence[str], seeds: Sequence[int]) -> dict[str, Any]:
    """Mean and spread of each measure after five epochs, by kind and side.

    PV-DBOW learns no words; `doc2vec.py` judges its documents.
    """
    found: dict[str, Any] = {}
    kinds = [kind for kind in kinds if kind != "pv-dbow"]
    for seed in seeds:
        for kind in kinds:
            for side in SIDES:
                runs(side, kind, "--seed", str(seed), "--judged")
    for kind in kinds:
        found[kind] = {}
        for side in SIDES:
            done = [runs(side, kind, "--seed", str(seed), "--judged") for seed in seeds]
            names = [name for name in (*SIMILARITY, "rw_unknown", "analogies") if name in done[0]]
            values = {name: [run[name] for run in done] for name in names}
            found[kind][side] = {
                "mean": {name: round(statistics.fmean(v), 4) for name, v in values.items()},
                "spread": {name: round(statistics.pstdev(v), 4) for name, v in values.items()},
            }
    return found


def speed(runs: Runs, kinds: Sequence[str], seeds: Sequence[int]) -> dict[str, Any]:
    """Words a second of one epoch, sides in turns."""
    found: dict[str, Any] = {}
    for kind in kinds:
        both: dict[str, list[int]] = {side: [] for side in SIDES}
        for seed in seeds:
            for side, done in both.items():
                run = runs(side, kind, "--seed", str(seed), "--epochs", "1")
                done.append(run["words_per_second"])
        ours, theirs = (statistics.median(both[side]) for side in SIDES)
        found[kind] = {
            "kinspace": round(ours), "gensim": round(theirs), "ratio": round(ours / theirs, 2),
            "all": both,
        }  # fmt: skip
    return found


def threads(runs: Runs, fast: dict[str, Any], seeds: Sequence[int]) -> dict[str, Any]:
    """Words a second with one thread, beside two."""
    found = {}
    for kind, both in fast.items():
        asked = [("--seed", str(seed), "--epochs", "1", "--workers", "1") for seed in seeds]
        speeds = [runs("kinspace", kind, *options)["words_per_second"] for options in asked]
        one, two = round(statistics.median(speeds)), both["kinspace"]
        found[kind] = {"one": one, "two": two, "ratio": round(two / one, 2)}
    return found


def sizes(runs: Runs, total: int) -> list[dict[str, Any]]:
    """Skip-gram on parts of the corpus: seconds and the most memory."""
    found = []
    for part in SIZES:
        options = ("--epochs", "1", "--words", str(total // part), "--workers", "2")
        run = runs("kinspace", "skip-gram", *options)
        found.append({name: run[name] for name in ("words", "seconds", "peak_mb")})
    return found


def report(fast: dict[str, Any], good: dict[str, Any]) -> list[Target]:
    """Print the table; what was asked for."""
    columns = [*SIMILARITY, "rw_unknown", "analogies"]
    rows, targets = [], []
    for kind in {**good, **fast}:
        pace, both = fast.get(kind, {}), good.get(kind, {})
        means: dict[str, dict[str, float]] = {
            side: both.get(side, {}).get("mean", {}) for side in SIDES
        }
        for side in SIDES:
            ratio = pace.get("ratio") if side == "kinspace" else None
            rows.append([f"{kind} {side}", pace.get(side), ratio, *map(means[side].get, columns)])
        targets.append(Target(f"{kind}: times gensim's speed", FASTER[kind], pace.get("ratio")))
        ours, theirs = (means[side] for side in SIDES)
        for measure in ours:
            least = 0.0 if measure == "rw_unknown" else NO_LOWER
            ahead = round(ours[measure] - theirs[measure], 4)
            targets.append(Target(f"{kind}: {measure} less gensim's", least, ahead))
    show(["", "words/s", "ratio", *columns], rows)
    return targets


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="for the corpus and the runs")
    parser.add_argument("--kinds", nargs="*", default=list(KINDS), choices=KINDS)
    parser.add_argument("--seeds", nargs="*", type=int, default=list(SEEDS))
    parser.add_argument("--quality", action="store_true", help="only the runs of five epochs")
    given = parser.parse_args()
    if not (given.folder / "corpus.txt").is_file():
        build(given.folder)
    runs = Runs(given.folder)
    result: dict[str, Any] = {"quality": quality(runs, given.kinds, given.seeds)}
    if given.quality:
        show_targets(report({}, result["quality"]))
        return
    result = {"machine": machine(), "versions": versions("gensim", "numpy"), **result}
    result["speed"] = speed(runs, given.kinds, given.seeds)
    targets = report(result["speed"], result["quality"])
    result["threads"] = threads(runs, result["speed"], given.seeds)
    print()
    show(
        ["", "1 thread", "2 threads", "ratio"],
        [[kind, *both.values()] for kind, both in result["threads"].items()],
    )
    for kind, both in result["threads"].items():
        targets.append(Target(f"{kind}: 2 threads to 1", 1.8, both["ratio"]))
    total = runs("kinspace", "skip-gram", "--epochs", "1", "--workers", "2")["words"]
    result["sizes"] = sizes(runs, total)
    print()
    show(["skip-gram, words", "seconds", "peak MB"], [list(s.values()) for s in result["sizes"]])
    show_targets(targets)
    result["targets"] = [target.to_dict() for target in targets]
    whole = given.kinds == list(KINDS) and given.seeds == list(SEEDS)
    write("words", result, whole=whole)


if __name__ == "__main__":
    main()
