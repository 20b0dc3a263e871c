"""A writer killed at any instant: what it had acknowledged is there, whole and searchable."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kinspace.store import Collection
from tests.conftest import ROOT
from tests.store import crash_writer
from tests.store.crash_writer import BATCH, FEW, SPACES, record

State = dict[str, str]
"""The unique word of each record, by id."""


class Zygote:
    """The process that forks writers."""

    def __init__(self, log: Path, module: str = "tests.store.crash_writer") -> None:
        self.log = log
        self.process = subprocess.Popen(
            [sys.executable, "-m", module],
            cwd=ROOT,
            env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def killed_after(self, delay: float, **options: Any) -> list[Any]:
        """Start a writer with these options, kill it, and return what it logged.

        The delay counts from when it is ready; a negative one from when it is started.
        """
        assert self.process.stdin and self.process.stdout
        self.log.write_text("")
        wanted = {**options, "log": str(self.log)}
        self.process.stdin.write(json.dumps(wanted) + "\n")
        self.process.stdin.flush()
        child = int(self.process.stdout.readline())
        until = time.monotonic() + 60
        while delay >= 0 and not self.log.stat().st_size and time.monotonic() < until:
            time.sleep(0.001)
        time.sleep(abs(delay))
        os.kill(child, signal.SIGKILL)
        status = int(self.process.stdout.readline())
        error = Path(f"{self.log}.error")
        assert os.WTERMSIG(status) == signal.SIGKILL, error.read_text() if error.exists() else ""
        lines = self.log.read_text().splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.endswith("\n")]

    def close(self) -> None:
        """End it."""
        assert self.process.stdin and self.process.stdout
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


@pytest.fixture
def zygote(tmp_path: Path) -> Iterator[Zygote]:
    started = Zygote(tmp_path / "log")
    yield started
    started.close()


def after(state: State, kind: str, what: Any) -> list[State]:
    """All states that an operation goes through: one step a batch."""
    if kind == "upsert":
        pairs = list(what.items())
        steps = [dict(pairs[: i + BATCH]) for i in range(0, len(pairs), BATCH)]
        return [state | step for step in steps]
    return [{name: word for name, word in state.items() if name not in (what or ())}]


def allowed(state: State, log: list[Any]) -> list[State]:
    """What may be there after a log: what was acknowledged, and steps of what was under way."""
    possible = [state]
    for kind, what in log:
        if kind == "want":
            possible += after(possible[0], *what)
        elif kind == "done":
            possible = possible[-1:]
    return possible


def verify(folder: Path, possible: list[State], form: str = "dense") -> State:
    """Open the collection, and hold it against what may be there."""
    with Collection.open(folder, space=SPACES[form]) as opened:
        state = {r["id"]: r["text"].split()[-1] for r in opened.records()}
        assert state in possible
        assert opened.check() == []
        everything = opened.search("common", k=500, mode="keyword")
        assert sorted(hit.id for hit in everything) == sorted(state)
        for name, word in state.items():
            assert [hit.id for hit in opened.search(word, mode="keyword")] == [name]
            assert opened.search(record(name, word, form)["vector"], k=1)[0].id == name
        opened.upsert([])  # takes the lock, so it is free
        assert opened.count() == len(state)
    return state


def test_killed_at_two_hundred_random_instants(
    zygote: Zygote, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = 200
    rng = random.Random(count)
    folder, state, kills = tmp_path / "c.kin", {}, 0
    wishes_seen = {"upsert": 0, "delete": 0, "compact": 0}
    for number in range(count):
        compacts = 0.5 if number % 2 else 0.05
        if number % 10 == 9:  # now and then killed while the collection is being made
            fresh = tmp_path / f"fresh-{number}.kin"
            options = {"folder": str(fresh), "seed": number, "compacts": compacts}
            log = zygote.killed_after(-rng.uniform(0.0, 0.08), **options)
            verify(fresh, allowed({}, log))
            continue
        options = {"folder": str(folder), "seed": number, "compacts": compacts}
        log = zygote.killed_after(rng.uniform(0.0, 0.06), **options)
        if log[-1][0] == "want":
            wishes_seen[log[-1][1][0]] += 1
        kills += len(log) > 1
        with monkeypatch.context() as patch:
            for module, name, value in (
                (crash_writer.view, "LONGEST_TAIL", 10),
                (crash_writer.collection, "LONGEST_TAIL", 10),
                (crash_writer.neighbours, "SMALLEST", FEW),
            ):
                if number % 3:  # else the tail stands in for what the indexes lack
                    patch.setattr(module, name, value)
            state = verify(folder, allowed(state, log))
    assert kills > count // 2
    assert all(wishes_seen.values()), wishes_seen


@pytest.mark.parametrize("form", ["sparse", "multi"])
def test_killed_while_vectors_of_other_forms_are_written(
    form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crash_writer.view, "LONGEST_TAIL", 10)
    monkeypatch.setattr(crash_writer.neighbours, "SMALLEST", FEW)
    started = Zygote(tmp_path / "log", "tests.store.crash_forms")
    folder, state, rng = tmp_path / "c.kin", {}, random.Random(form)
    try:
        for number in range(20):
            options = {"folder": str(folder), "seed": number, "compacts": 0.3, "form": form}
            log = started.killed_after(rng.uniform(0.0, 0.12), **options)
            state = verify(folder, allowed(state, log), form)
    finally:
        started.close()
    assert state
