"""The classifier's kernel: plain and compiled bit for bit, gradients, and the rows of a text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from kinspace.engines import classifier as engine
from kinspace.engines import classifier_kernel as kernel
from kinspace.engines.classifier import Lines, Makeup, Plan
from kinspace.engines.rows import Floats, padded, table
from kinspace.engines.sampling import Paths, huffman

LABELS, WORDS, BUCKETS = 11, 30, 50
LOSSES = {"softmax": kernel.SOFTMAX, "tree": kernel.TREE, "each": kernel.EACH}
each_loss = pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)


@dataclass
class Task:
    """Texts, and two tables of random numbers."""

    lines: Lines
    makeup: Makeup
    plan: Plan
    paths: Paths
    inputs: Floats
    outputs: Floats

    def tables(self) -> tuple[Floats, Floats]:
        copies = table(*self.inputs.shape), table(*self.outputs.shape)
        copies[0][:], copies[1][:] = self.inputs, self.outputs
        return copies


def starts_of(lengths: Any) -> Any:
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


def task(rng: np.random.Generator, loss: int, *, texts: int = 40, dim: int = 20) -> Task:
    lengths, many = rng.integers(0, 9, texts), rng.integers(0, 3, texts)
    labels = [rng.permutation(LABELS)[:k] for k in many]
    lines = Lines(
        rng.integers(0, WORDS, lengths.sum()).astype(np.uint32), starts_of(lengths),
        np.concatenate(labels).astype(np.int32), starts_of(many),
    )  # fmt: skip
    sizes = rng.integers(0, 4, WORDS)
    buckets = np.where(rng.random(BUCKETS) < 0.2, -1, WORDS + np.arange(BUCKETS)).astype(np.int32)
    makeup = Makeup(
        rng.integers(0, WORDS, sizes.sum()).astype(np.int32), starts_of(sizes),
        rng.integers(0, 2**63, WORDS).astype(np.uint64), 3, buckets,
    )  # fmt: skip
    inputs, outputs = table(WORDS + BUCKETS, padded(dim)), table(LABELS, padded(dim))
    inputs[:, :dim] = rng.standard_normal((len(inputs), dim)) / 2
    outputs[:, :dim] = rng.standard_normal((len(outputs), dim)) / 2
    paths = huffman(rng.integers(1, 100, LABELS))
    return Task(lines, makeup, Plan(loss, LABELS, 3, 0.3, 5), paths, inputs, outputs)


@each_loss
def test_plain_and_compiled_agree_bit_for_bit(rng: np.random.Generator, loss: int) -> None:
    given = task(rng, loss)
    plain, native = given.tables(), given.tables()
    engine.fit(given.lines, given.makeup, given.plan, given.paths, *native)
    work = engine.workspace(500, given.plan, given.inputs.shape[1])
    with np.errstate(over="ignore"):  # hashes run over, as they should
        for epoch in range(given.plan.epochs):
            kernel.train(
                given.lines, given.makeup, given.plan, given.paths, *plain, work, 0, 40, epoch
            )
    for a, b, start in zip(plain, native, (given.inputs, given.outputs), strict=True):
        np.testing.assert_array_equal(a, b)
        assert abs(a - start).max() > 0.01
        assert not a[:, 20:].any()


def test_the_rows_of_a_text(rng: np.random.Generator) -> None:
    given = task(rng, kernel.SOFTMAX)
    lines, makeup = given.lines, given.makeup
    rows, ends = engine.rows_of(lines, makeup)
    for i in range(40):
        ids = lines.ids[lines.starts[i] : lines.starts[i + 1]].astype(int).tolist()
        expected = [
            row
            for w in ids
            for row in makeup.rows[makeup.row_starts[w] : makeup.row_starts[w + 1]].tolist()
        ]
        for t in range(len(ids)):
            value = int(makeup.hashes[ids[t]])
            for u in range(t + 1, min(len(ids), t + 3)):
                value = (value * 116049371 + int(makeup.hashes[ids[u]])) % 2**64
                expected += [row] if (row := int(makeup.buckets[value % BUCKETS])) >= 0 else []
        assert rows[ends[i] : ends[i + 1]].tolist() == expected


def loss_of(given: Task, rows: Any, labels: Any, target: int, inputs: Any, outputs: Any) -> float:
    """What a step goes down, in float64."""
    scores = outputs @ inputs[rows].mean(axis=0)
    if given.plan.loss == kernel.SOFTMAX:
        return float(np.log(np.exp(scores).sum()) - scores[target])
    wanted = np.isin(np.arange(LABELS), labels).astype(float)
    if given.plan.loss == kernel.TREE:
        here = slice(given.paths.starts[target], given.paths.starts[target + 1])
        scores, wanted = scores[given.paths.nodes[here]], given.paths.labels[here]
    return float(np.logaddexp(0, np.where(wanted == 1, -scores, scores)).sum())


@each_loss
def test_gradients(rng: np.random.Generator, loss: int) -> None:
    given = task(rng, loss, dim=16)
    rows, labels, target, rate = np.array([3, 7, 7, 40]), [2, 9], 9, 1e-3
    lines = Lines(np.zeros(0, np.uint32), starts_of([0]), np.array(labels), starts_of([2]))
    work = engine.workspace(8, given.plan, 16)
    work.rows[:4] = rows
    inputs, outputs = given.tables()
    kernel.step(
        lines, given.plan, given.paths, inputs, outputs, 0, 4, target, np.float32(rate), work
    )
    start = given.inputs.astype(float), given.outputs.astype(float)
    for which, now in enumerate((inputs, outputs)):
        expected = np.zeros_like(start[which])
        for place in np.ndindex(expected.shape):
            sides = []
            for move in (1e-5, -1e-5):
                at = [x.copy() for x in start]
                at[which][place] += move
                sides.append(loss_of(given, rows, labels, target, *at))
            expected[place] = (sides[0] - sides[1]) / 2e-5
        np.testing.assert_allclose((now - start[which]) / -rate, expected, atol=2e-3)


def test_means(rng: np.random.Generator) -> None:
    given = task(rng, kernel.SOFTMAX)
    rows, ends = np.array([4, 4, 9, 1], np.int32), np.array([0, 3, 3, 4])
    x, plain = given.inputs, table(3, given.inputs.shape[1])
    kernel.blend(x, rows, ends, 0, 3, plain)
    expected = [(2 * x[4] + x[9]) / 3, 0 * x[0], x[1]]
    np.testing.assert_allclose(plain, expected, atol=1e-6)
    engine.machine_code()  # numba is there now, so that what follows is compiled
    for workers in (1, 2):
        found = engine.means(x, rows, ends, workers=workers)
        np.testing.assert_array_equal(found, plain)


def test_one_worker_repeats_and_two_learn_the_same_things(rng: np.random.Generator) -> None:
    given = task(rng, kernel.SOFTMAX)
    first, second, both = given.tables(), given.tables(), given.tables()
    for tables, workers in ((first, 1), (second, 1), (both, 2)):
        engine.fit(given.lines, given.makeup, given.plan, given.paths, *tables, workers=workers)
    np.testing.assert_array_equal(first[0], second[0])
    np.testing.assert_allclose(first[0], both[0], atol=0.5)
