"""Inference and PV-DM concatenated: plain and compiled bit for bit, gradients, what stays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from kinspace.engines import concatenated, inference
from kinspace.engines import sgns_kernel as kernel
from kinspace.engines.blocks import in_blocks
from kinspace.engines.rows import table
from kinspace.engines.sgns import Text, workspace
from tests.engines.test_sgns import Task, loss, slope, task

KINDS: dict[str, dict[str, Any]] = {
    "PV-DBOW": {"window": 0},
    "PV-DM mean": {},
    "PV-DM sum": {"mean": False, "dim": 40},
    "PV-DM, tree": {"tree": True, "negative": 0, "dim": 33},
    "PV-DBOW, tree and noise": {"window": 0, "tree": True},
}
each_kind = pytest.mark.parametrize("kind", KINDS)
OUTSIDE = 40 + 8  # a row that no word has


def bare(given: Task) -> Text:
    """The text without tags."""
    none = np.zeros(0, np.int32), np.zeros(len(given.text.starts), np.int64)
    return Text(given.text.ids, given.text.starts, *none)


def wide(given: Task, rng: np.random.Generator) -> Task:
    """The same task with output rows for PV-DM concatenated."""
    rows, columns = given.outputs.shape
    outputs = table(rows, concatenated.parts_of(given.plan.window) * columns)
    dim = int((given.inputs != 0).any(axis=0).sum())
    parts = outputs.reshape(rows, -1, columns)
    parts[:, :, :dim] = rng.standard_normal((rows, parts.shape[1], dim)) / 8
    return Task(given.text, given.words, given.plan, given.inputs, outputs)


def plain_settle(given: Task, firsts: Any) -> Any:
    text = bare(given)
    documents = table(len(firsts) - 1, given.inputs.shape[1])
    text = text._replace(tags=np.arange(len(documents), dtype=np.int32))
    plan = given.plan._replace(window=max(given.plan.window, 1))
    work = workspace(text, given.words, plan, given.inputs.shape[1])
    copies = table(len(work.onto), given.outputs.shape[1])
    inference.settle(
        text, firsts, given.words, given.plan, given.inputs, given.outputs, documents, copies,
        work, 0, len(documents),
    )  # fmt: skip
    return documents


@each_kind
def test_inference_is_exact_and_moves_nothing_else(rng: np.random.Generator, kind: str) -> None:
    given = task(rng, lengths=(30, 1, 0, 69, 20), **KINDS[kind])
    before = given.inputs.copy(), given.outputs.copy()
    firsts = np.array([0, 1, 2, 3, 5])  # the last document has two sentences
    args = (given.words, given.plan, given.inputs, given.outputs)
    found = inference.infer(bare(given), firsts, *args)
    np.testing.assert_array_equal(found, plain_settle(given, firsts))
    np.testing.assert_array_equal(inference.infer(bare(given), firsts, *args, workers=3), found)
    assert not found[2].any()  # it has no words
    assert abs(found[[0, 3]]).max() > 0.01
    np.testing.assert_array_equal(given.inputs, before[0])
    np.testing.assert_array_equal(given.outputs, before[1])


@each_kind
def test_a_document_does_not_depend_on_others(rng: np.random.Generator, kind: str) -> None:
    given = task(rng, lengths=(300, 50, 69), **KINDS[kind])
    text = bare(given)
    args = (given.words, given.plan, given.inputs, given.outputs)
    found = inference.infer(text, np.arange(4), *args)
    for d in range(3):
        own = text.ids[text.starts[d] : text.starts[d + 1]]
        alone = Text(own, np.array([0, len(own)]), text.tags, np.zeros(2, np.int64))
        np.testing.assert_array_equal(inference.infer(alone, np.arange(2), *args)[0], found[d])


def test_a_document_of_one_word_moves_towards_it(rng: np.random.Generator) -> None:
    # One word, itself the only target: the gradient of log σ(d · o) is (1 − σ) o.
    given = task(rng, lengths=(1,), window=0, tree=True, negative=0, epochs=1, sample=0)
    found = inference.infer(
        bare(given), np.arange(2), given.words, given.plan, given.inputs, given.outputs
    )
    word = given.text.ids[0]
    path = slice(*given.words.target_starts[word : word + 2])
    rows, labels = given.outputs[given.words.targets[path]], given.words.labels[path]
    onto = np.arange(len(rows))
    by_start = slope(lambda x: loss(x, rows.astype(float), onto, labels, 1), np.zeros(32))
    np.testing.assert_allclose(found[0] / -0.2, by_start, atol=2e-4)


def test_noise_of_documents_is_never_used_twice(rng: np.random.Generator) -> None:
    given = task(rng, lengths=(40, 60), sample=0, stretch=kernel.POOL // 5)
    work = workspace(given.text, given.words, given.plan, 32)
    kernel.sample(given.text, given.words, given.plan, 0, 0, 40, work)
    np.testing.assert_array_equal(work.noise[:200], work.pool[:200])
    kernel.sample(given.text, given.words, given.plan, 0, 1, 11, work)  # words 40 to 50
    np.testing.assert_array_equal(work.noise[:55], work.pool[200:255])
    before = work.pool.copy()
    kernel.sample(given.text, given.words, given.plan, 0, 1, 12, work)  # the next stretch
    assert (work.pool != before).any()


# -- concatenated ----------------------------------------------------------------------------------

WIDE: dict[str, dict[str, Any]] = {
    "noise": {"tags": 1},
    "tree": {"tree": True, "negative": 0, "tags": 1, "dim": 33},
    "several tags": {"tags": 3, "window": 2},
}


@pytest.mark.parametrize("kind", WIDE)
def test_concatenated_plain_and_compiled_agree(rng: np.random.Generator, kind: str) -> None:
    given = wide(task(rng, **WIDE[kind]), rng)
    plain, native = given.tables(), given.tables()
    concatenated.fit(given.text, given.words, given.plan, OUTSIDE, *native)
    columns = given.inputs.shape[1]
    work = workspace(given.text, given.words, given.plan, columns)
    side = concatenated.beside(given.plan, columns)
    for epoch in range(given.plan.epochs):
        concatenated.train(
            given.text, given.words, given.plan, OUTSIDE, *plain, work, side, 0,
            len(given.text.starts) - 1, epoch,
        )  # fmt: skip
    for a, b, start in zip(plain, native, (given.inputs, given.outputs), strict=True):
        np.testing.assert_array_equal(a, b)
        assert abs(a - start).max() > 0.01
    assert (plain[0][OUTSIDE] != given.inputs[OUTSIDE]).any()  # it is learned too


def test_concatenated_inference(rng: np.random.Generator) -> None:
    given = wide(task(rng, lengths=(30, 1, 0, 69)), rng)
    text, before = bare(given), given.tables()
    firsts = np.arange(5)
    args = (given.words, given.plan, OUTSIDE, given.inputs, given.outputs)
    found = concatenated.infer(text, firsts, *args)
    np.testing.assert_array_equal(concatenated.infer(text, firsts, *args, workers=2), found)
    for a, b in zip((given.inputs, given.outputs), before, strict=True):
        np.testing.assert_array_equal(a, b)
    documents = table(4, given.inputs.shape[1])
    work = workspace(text, given.words, given.plan, given.inputs.shape[1])
    side = concatenated.beside(given.plan, given.inputs.shape[1])
    concatenated.settle(
        text._replace(tags=np.arange(4, dtype=np.int32)), firsts, given.words, given.plan, OUTSIDE,
        given.inputs, given.outputs, documents, table(len(work.onto), given.outputs.shape[1]),
        work, side, 0, 4,
    )  # fmt: skip
    np.testing.assert_array_equal(found, documents)


def test_concatenated_gradients(rng: np.random.Generator) -> None:
    given = wide(task(rng, dim=16, window=2, negative=9), rng)
    work, rate, k = workspace(given.text, given.words, given.plan, 16), 1e-3, 10
    side = concatenated.beside(given.plan, 16)
    work.kept[:3] = [4, 9, 4]
    side.parts[0] = own = rng.standard_normal(16)
    concatenated.gather(given.inputs, OUTSIDE, 2, work, side, 1, 3)
    assert side.near.tolist() == [OUTSIDE, 4, 4, OUTSIDE]
    around = given.inputs[side.near].astype(float)
    whole = np.concatenate([own.astype(np.float32).astype(float), around.ravel()])
    np.testing.assert_array_equal(side.whole[0], whole.astype(np.float32))
    work.onto[:k] = onto = rng.permutation(40)[:k]
    work.labels[:k] = labels = np.arange(k) % 3 == 0
    work.weights[:k] = rate
    outputs = given.outputs.astype(float)
    by_whole = slope(lambda x: loss(x, outputs, onto, labels, 1), whole)
    by_outputs = slope(lambda y: loss(whole, y, np.arange(k), labels, 1), outputs[onto])
    changed = given.tables()[1]
    concatenated.predict(changed, k, False, work, side)
    np.testing.assert_allclose(side.whole_change[0] / -rate, by_whole, atol=2e-3)
    np.testing.assert_allclose((changed - outputs)[onto] / -rate, by_outputs, atol=2e-3)


def test_blocks_cover_every_epoch() -> None:
    starts = np.arange(0, 200_001, 100)
    seen: list[tuple[int, int, int]] = []
    told: list[tuple[int, int, float]] = []
    in_blocks(
        starts, 2, lambda: lambda *block: float(len(seen.append(block) or seen)),
        progress=lambda *now: told.append(now),
    )  # fmt: skip
    assert [(a, b, e) for a, b, e in seen if a == 0] == [(0, seen[0][1], 0), (0, seen[0][1], 1)]
    assert sum(b - a for a, b, _ in seen) == 2 * 2000
    assert told[-1][:2] == (400_000, 400_000)


def test_a_worker_that_fails_stops_the_others() -> None:
    done: list[int] = []

    def make() -> Any:
        def run(first: int, last: int, epoch: int) -> float:
            done.append(first)
            if len(done) == 3:
                raise KeyboardInterrupt
            return 0.0

        return run

    with pytest.raises(KeyboardInterrupt):
        in_blocks(np.arange(0, 10_000_001, 100), 9, make, workers=2)
    assert len(done) <= 4
