"""A million texts: memory stays flat, and a killed run leaves the same file."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import ROOT

RUN = """
import sys
from kinspace.cli import run
code = run(sys.argv[1:])
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(peak.split()[1])
sys.exit(code)
"""


def encode(texts: Path, target: Path, model: str) -> int:
    """Encode in a process of its own; the most kB of memory that it had."""
    command = [sys.executable, "-c", RUN, "encode", str(texts), "-o", str(target)]
    done = subprocess.run(
        [*command, "--model", model], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return int(done.stdout.split()[-1])


def same_bytes(a: Path, b: Path) -> bool:
    with a.open("rb") as one, b.open("rb") as other:
        while block := one.read(1 << 20):
            if block != other.read(1 << 20):
                return False
        return not other.read(1)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("name", ["static", "transformer"])
def test_a_million_texts(name: str, tmp_path: Path) -> None:
    model = "default"
    if name == "transformer":
        pytest.importorskip("torch")
        from tests.pretrained.neural import tiny

        model = str(tiny.made(tiny.bert))
    texts, few = tmp_path / "texts.txt", tmp_path / "few.txt"
    lines = [f"the cat {i} sat on river bank {i * 7919 % 1000}\n" for i in range(1_000_000)]
    texts.write_text("".join(lines))
    few.write_text("".join(lines[:100_000]))
    del lines
    whole, killed = tmp_path / "whole.parquet", tmp_path / "killed.parquet"
    of_few = encode(few, tmp_path / "few.parquet", model)
    of_all = encode(texts, whole, model)
    assert of_all < 1.1 * of_few + 32 * 1024, "ten times as many texts take no more memory"

    journal = killed.with_name(killed.name + ".unfinished") / "journal.jsonl"
    command = [sys.executable, "-m", "kinspace", "encode", str(texts), "-o", str(killed)]
    for lines_wanted in (2, 4):
        running = subprocess.Popen([*command, "--model", model], cwd=ROOT)
        until = time.monotonic() + 600
        while not journal.is_file() or journal.read_bytes().count(b"\n") < lines_wanted:
            assert time.monotonic() < until
            assert running.poll() is None
            time.sleep(0.05)
        running.kill()
        running.wait()
    encode(texts, killed, model)
    assert same_bytes(whole, killed)
