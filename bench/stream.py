"""A million short texts through ``kinspace encode``: flat memory, killed, gone on with, same file.

    KINSPACE_DATA=../shared/data python bench/stream.py [--texts 1000000] [--kills 3]

The texts are 4 to 16 words in a row out of War and Peace, each from another place. Two models
read them: the shipped static one, and a transformer of two layers with random weights, so small
that all else would show. Each writes a Parquet file three times: of a quarter of the texts, of all
of them, and of all of them with `kill -9` at moments that differ, after which the same command goes
on. What is shown: the most memory that a process had (a quarter of the texts against all), and
whether the killed runs left the same file, byte for byte. Writes bench/results/stream.json.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from common import Target, data_folder, machine, show, show_targets, versions, write

RUN = """
import sys
from kinspace.cli import run
code = run(sys.argv[1:])
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(peak.split()[1])
sys.exit(code)
"""


def write_texts(path: Path, count: int) -> None:
    """Short texts, a line each, the same every time."""
    words = (
        (data_folder() / "text" / "warandpeace.txt").read_text("utf-8", errors="replace").split()
    )
    choose = random.Random(0)
    with path.open("w", encoding="utf-8") as file:
        for _ in range(count):
            start, length = choose.randrange(len(words) - 16), choose.randint(4, 16)
            file.write(" ".join(words[start : start + length]) + "\n")


def make_tiny(folder: Path) -> Path:
    """A BERT of two layers of 64, with random weights and MiniLM's tokenizer."""
    import torch
    from transformers import AutoTokenizer, BertConfig, BertModel

    from kinspace.pretrained.resolve import resolve

    torch.manual_seed(0)
    tokenizer = AutoTokenizer.from_pretrained(resolve("all-MiniLM-L6-v2"))
    config = BertConfig(
        vocab_size=len(tokenizer), hidden_size=64, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=128,
    )  # fmt: skip
    BertModel(config).save_pretrained(folder / "tiny")
    tokenizer.save_pretrained(folder / "tiny")
    return folder / "tiny"


def encode(texts: Path, target: Path, model: str) -> dict[str, Any]:
    """Encode in a process of its own: seconds, and the most memory it had."""
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", RUN, "encode", str(texts), "-o", str(target), "--model", model],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(done.stderr)
    return {
        "seconds": round(time.monotonic() - began, 1),
        "peak_mb": round(int(done.stdout.split()[-1]) * 1024 / 1e6, 1),
    }


def encode_killed(texts: Path, target: Path, model: str, kills: int, count: int) -> list[int]:
    """The same, killed several times on the way; how many rows were committed each time."""
    journal = target.with_name(target.name + ".unfinished") / "journal.jsonl"
    command = [sys.executable, "-m", "kinspace", "encode", str(texts), "-o", str(target)]
    found = []
    for kill in range(kills):
        running = subprocess.Popen([*command, "--model", model], stderr=subprocess.DEVNULL)
        while committed(journal) < count * (kill + 1) // (kills + 2):
            if running.poll() is not None:
                raise SystemExit("It ended before it was killed.")
            time.sleep(0.05)
        running.kill()
        running.wait()
        found.append(committed(journal))
    encode(texts, target, model)
    return found


def committed(journal: Path) -> int:
    """Rows of the last mark."""
    rows = re.findall(r'"rows": (\d+)', journal.read_text("utf-8")) if journal.is_file() else []
    return int(rows[-1]) if rows else 0


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=int, default=1_000_000)
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--models", default="static,tiny")
    given = parser.parse_args()
    result: dict[str, Any] = {
        "machine": machine(), "versions": versions("pyarrow", "torch", "transformers"),
        "texts": given.texts, "models": {},
    }  # fmt: skip
    os.environ["HF_HUB_OFFLINE"] = "1"
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        all_, quarter = folder / "all.txt", folder / "quarter.txt"
        write_texts(all_, given.texts)
        write_texts(quarter, given.texts // 4)
        for name in given.models.split(","):
            model = "default" if name == "static" else str(make_tiny(folder))
            part = encode(quarter, folder / "part.parquet", model)
            whole = encode(all_, folder / "whole.parquet", model)
            killed = folder / "killed.parquet"
            rows = encode_killed(all_, killed, model, given.kills, given.texts)
            result["models"][name] = {
                "quarter": part, "all": whole, "rows_when_killed": rows,
                "texts_per_second": round(given.texts / whole["seconds"]),
                "file_mb": round(killed.stat().st_size / 1e6, 1),
                "same_file": digest(killed) == digest(folder / "whole.parquet"),
            }  # fmt: skip
            for path in folder.glob("*.parquet"):
                path.unlink()
    rows_shown = [
        [name, one["texts_per_second"], one["file_mb"], one["quarter"]["peak_mb"],
         one["all"]["peak_mb"], one["same_file"]]
        for name, one in result["models"].items()
    ]  # fmt: skip
    header = ["model", "texts/s", "file MB", "peak MB of a quarter", "of all", "same file"]
    show(header, rows_shown)
    targets = []
    for name, one in result["models"].items():
        grown = one["all"]["peak_mb"] / one["quarter"]["peak_mb"]
        targets.append(Target(f"{name}: peak, all ÷ a quarter", 1.1, round(grown, 3), False))
        targets.append(Target(f"{name}: same file after kills", 1, int(one["same_file"])))
    show_targets(targets)
    result["targets"] = [target.to_dict() for target in targets]
    write("stream", result, whole=given.texts == 1_000_000 and given.models == "static,tiny")


if __name__ == "__main__":
    main()
