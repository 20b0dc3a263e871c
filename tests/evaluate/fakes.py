"""Tasks and encoders that count what is asked of them, for tests of the runner and the reports."""

from __future__ import annotations

import os
import signal
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kinspace.datasets.content import Document, RetrievalSet
from kinspace.encoder import Progress, Side
from kinspace.evaluate.costs import Costs
from kinspace.evaluate.estimate import Estimate, Sample
from kinspace.evaluate.report import Report
from kinspace.evaluate.results import Failed, Result, Skipped
from kinspace.evaluate.system import System
from kinspace.evaluate.task import Outcome, Task
from tests.toys import HashEncoder


class Quiz(Task):
    """Gives every system reproducible figures, and notes which systems it was run with.

    Parameters
    ----------
    name : str
    n : int
        Items.
    log : Path, optional
        A file to which a line is added for each run.
    fails, refuses : str
        Names of systems with which it goes wrong, and which it cannot judge.
    dies : str
        The name of a system at which the process kills itself.
    """

    kind = "quiz"

    def __init__(
        self,
        name: str = "quiz",
        n: int = 40,
        *,
        log: Path | None = None,
        fails: str = "",
        dies: str = "",
        version: int = 1,
        before: Callable[[], None] = lambda: None,
    ) -> None:
        self.name, self.n, self.main = name, n, "accuracy"
        self.log, self.fails, self.dies, self.version = log, fails, dies, version
        self.before = before
        self.runs: list[str] = []

    @property
    def fingerprint(self) -> str:
        return f"{self.kind}-{self.name}-{self.n}-{self.version}"

    def run(self, system: System, *, progress: Progress | None = None) -> Outcome:
        self.runs.append(system.name)
        if self.log is not None:
            with self.log.open("a") as file:
                file.write(f"{self.name} {system.name}\n")
        if system.name == self.dies:
            os.kill(os.getpid(), signal.SIGKILL)
        if system.name == self.fails:
            raise RuntimeError("out of memory")
        self.before()
        encoder = system.need_encoder(self.name)
        encoder.encode([f"item {i}" for i in range(self.n)], progress=progress)
        values = figures(system.name, self.n)
        return Outcome(
            {
                "accuracy": Sample("mean", {"values": values}),
                "spearman": Sample("spearman", {"predicted": values, "gold": np.arange(self.n)}),
            },
            [f"item {i}" for i in range(self.n)],
            ["two items were cut"],
        )


def figures(name: str, n: int) -> NDArray[np.float64]:
    """Figures between 0 and 1 that depend on a name only."""
    return np.random.default_rng(zlib.crc32(name.encode())).random(n)


class CountingEncoder(HashEncoder):
    """Notes all texts that it encodes, by side."""

    def __init__(self, dim: int = 32, seed: int = 0) -> None:
        super().__init__(dim, seed)
        self.seen: list[tuple[Side, str]] = []

    def _encode_batch(self, items: Sequence[str], side: Side) -> NDArray[np.float32]:
        self.seen += [(side, item) for item in items]
        return super()._encode_batch(items, side)

    def count(self, text: str) -> int:
        """How often a text was encoded as a document."""
        return self.seen.count(("document", text))


def library(n: int = 20) -> RetrievalSet:
    """Documents of which each query names one by a word that is its alone."""
    documents = {f"d{i}": Document(f"d{i}", f"word{i} beside other words") for i in range(n)}
    queries = {f"q{i}": f"where is word{i} ?" for i in range(n)}
    return RetrievalSet("library", documents, queries, {f"q{i}": {f"d{i}": 1} for i in range(n)})


def made(
    values: dict[tuple[str, str], Sequence[float]],
    *,
    items: Sequence[str] = (),
    texts: dict[str, str] | None = None,
    notes: Sequence[str] = (),
    costs: Costs | None = None,
    skipped: Sequence[Skipped] = (),
    failed: Sequence[Failed] = (),
) -> Report:
    """A report from figures of single items, by task and system."""
    results = []
    for (task, system), column in values.items():
        array = np.asarray(column, np.float64)
        names = list(items) or [f"q{i}" for i in range(len(array))]
        mean = float(array.mean())
        results.append(
            Result(
                task=task,
                kind="retrieval",
                system=system,
                main="ndcg_at_10",
                measures={"ndcg_at_10": Estimate(mean, mean - 0.0512, mean + 0.0512)},
                outcome=Outcome({"ndcg_at_10": Sample("mean", {"values": array})}, names, notes),
                costs=costs or Costs(1.5, texts=3000, text_seconds=1.2),
                texts=texts or {},
                origin={},
            )
        )
    gone = [(one.task, one.system) for one in (*skipped, *failed)]
    return Report(
        results,
        tasks=list(dict.fromkeys(task for task, _ in [*values, *gone])),
        systems=list(dict.fromkeys(system for _, system in [*values, *gone])),
        skipped=skipped,
        failed=failed,
        parameters={"models": ["a"], "tasks": ["b"], "seed": 0},
        machine={
            "system": "Linux",
            "processor": "A processor",
            "cores": 2,
            "memory_bytes": 8_000_000_000,
            "python": "3.11.0",
            "versions": {"kinspace": "0.1.0", "numpy": "2.0.0"},
        },
        made="2026-11-20T12:00:00+00:00",
    )
