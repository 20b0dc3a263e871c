"""The word kernel: plain and compiled bit for bit, gradients, chances, and what it learns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from scipy import stats

from kinspace.engines import sgns_kernel as kernel
from kinspace.engines.rows import Floats, padded, table
from kinspace.engines.sampling import alias, huffman, keep_limits
from kinspace.engines.sgns import Plan, Text, Words, fit, machine_code, workspace

INTS = np.int32


@dataclass
class Task:
    """Something to learn, and two tables of random numbers."""

    text: Text
    words: Words
    plan: Plan
    inputs: Floats
    outputs: Floats

    def tables(self) -> tuple[Floats, Floats]:
        copies = table(*self.inputs.shape), table(*self.outputs.shape)
        copies[0][:], copies[1][:] = self.inputs, self.outputs
        return copies


def listed(lists: list[list[int]], kind: Any = INTS) -> tuple[Any, Any]:
    flat = np.array([x for each in lists for x in each], kind)
    return flat, np.concatenate([[0], np.cumsum([len(each) for each in lists])]).astype(np.int64)


def task(
    rng: np.random.Generator, *, dim: int = 20, vocabulary: int = 40, lengths: Any = (30, 1, 0, 69),
    tags: int = 0, several: bool = False, tree: bool = False, sample: float = 0.03, **plan: Any,
) -> Task:  # fmt: skip
    """A random text, of words of one row or several, aiming at themselves or through a tree."""
    n = sum(lengths)
    ids = (rng.integers(0, vocabulary, n) * rng.random(n)).astype(np.uint32)
    counts = np.bincount(ids, minlength=vocabulary) + 1
    many = [int(rng.integers(0, 4)) if several else 0 for _ in range(vocabulary)]
    rows = [[w, *(vocabulary + rng.permutation(9)[:k]).tolist()] for w, k in enumerate(many)]
    full = Plan(
        **{"window": 3, "negative": 5, "together": False, "mean": True, "epochs": 2, "rate": 0.2,
           "last_rate": 0.001, "seed": 7} | plan
    )  # fmt: skip
    targets: list[list[int]] = [[w] if full.negative else [] for w in range(vocabulary)]
    labels: list[list[int]] = [[1] * len(each) for each in targets]
    if tree:
        nodes, sides, starts = huffman(counts)
        for w in range(vocabulary):
            targets[w] += (vocabulary + nodes[starts[w] : starts[w + 1]]).tolist()
            labels[w] += sides[starts[w] : starts[w + 1]].astype(int).tolist()
    words = Words(
        *listed(rows), listed(targets)[0], listed(labels, np.float32)[0], listed(targets)[1],
        keep_limits(counts, sample), alias(counts**0.75),
    )  # fmt: skip
    starts = np.concatenate([[0], np.cumsum(lengths)])
    own = [(vocabulary + 9 + tags * i + np.arange(tags)).tolist() for i in range(len(lengths))]
    inputs = table(vocabulary + 9 + tags * len(lengths), padded(dim))
    outputs = table(2 * vocabulary, padded(dim))
    inputs[:, :dim] = rng.standard_normal((len(inputs), dim)) / 4
    outputs[:, :dim] = rng.standard_normal((len(outputs), dim)) / 4
    return Task(Text(ids, starts, *listed(own)), words, full, inputs, outputs)


KINDS: dict[str, dict[str, Any]] = {
    "skip-gram": {},
    "CBOW, mean": {"together": True},
    "CBOW, sum": {"together": True, "mean": False, "dim": 40},
    "hierarchical softmax": {"tree": True, "negative": 0, "dim": 33},
    "both, wide": {"tree": True, "dim": 150},
    "CBOW with n-grams": {"together": True, "several": True},
    "skip-gram with n-grams": {"several": True},
    "PV-DBOW": {"window": 0, "tags": 1},
    "PV-DM with two tags": {"together": True, "tags": 2},
    "skip-gram with a tag": {"tags": 1, "window": 5, "sample": 0},
}
each_kind = pytest.mark.parametrize("kind", KINDS)


@each_kind
def test_plain_and_compiled_agree_bit_for_bit(rng: np.random.Generator, kind: str) -> None:
    given = task(rng, **KINDS[kind])
    plain, native = given.tables(), given.tables()
    fit(given.text, given.words, given.plan, *native)
    scratch = workspace(given.text, given.words, given.plan, plain[0].shape[1])
    for epoch in range(given.plan.epochs):
        kernel.train(
            given.text,
            given.words,
            given.plan,
            *plain,
            scratch,
            0,
            len(given.text.starts) - 1,
            epoch,
        )
    for a, b, start in zip(plain, native, (given.inputs, given.outputs), strict=True):
        np.testing.assert_array_equal(a, b)
        assert abs(a - start).max() > 0.01
        assert not a[:, KINDS[kind].get("dim", 20) :].any()  # what is not needed stays zero


def test_one_worker_repeats_and_blocks_do_not_matter(rng: np.random.Generator) -> None:
    given = task(rng, several=True, lengths=[40] * 20, epochs=1)
    first, second, cut = given.tables(), given.tables(), given.tables()
    for tables in (first, second):
        fit(given.text, given.words, given.plan, *tables)
    scratch = workspace(given.text, given.words, given.plan, given.inputs.shape[1])
    for s in range(20):
        machine_code()(given.text, given.words, given.plan, *cut, scratch, s, s + 1, 0)
    for a, b, c in zip(first, second, cut, strict=True):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(a, c)
    other = given.tables()
    fit(given.text, given.words, given.plan._replace(seed=8), *other)
    assert (other[0] != first[0]).any()


def loss(hidden: Any, outputs: Any, onto: Any, labels: Any, times: Any) -> float:
    """Minus the log of the chance that all labels come true."""
    scores = hidden @ outputs[onto].T
    return float((times * np.logaddexp(0, np.where(labels == 1, -scores, scores))).sum())


def slope(function: Any, at: Any) -> Any:
    """The gradient by central differences, in float64."""
    found = np.zeros_like(at)
    for place in np.ndindex(at.shape):
        up, down = at.copy(), at.copy()
        up[place] += 1e-5
        down[place] -= 1e-5
        found[place] = (function(up) - function(down)) / 2e-5
    return found


@pytest.mark.parametrize("kind", ["alone", "mean", "sum"])
def test_gradients(rng: np.random.Generator, kind: str) -> None:
    # One step with four inputs, and six targets, of which one was drawn twice.
    given = task(rng, dim=16, several=True)
    work, rate, m, k = workspace(given.text, given.words, given.plan, 16), 1e-3, 4, 6
    work.now[:] = rng.standard_normal(work.now.shape)
    work.sizes[:] = rng.integers(1, 4, len(work.sizes))
    work.near[:m] = near = rng.permutation(7)[:m]
    work.onto[:k] = onto = rng.permutation(40)[:k]
    work.labels[:k] = labels = np.array([1, 0, 0, 1, 0, 0])
    times = np.array([1, 1, 2, 1, 1, 1])
    work.weights[:k] = rate * times
    inputs, outputs = work.now.astype(float), given.outputs.astype(float)
    sizes = work.sizes[near].astype(float)
    # Each place is a sum of rows where all go together; `blend` makes what predicts of the places.
    blend = {
        "alone": np.eye(m),
        "mean": np.full((1, m), 1 / sizes.sum()),
        "sum": np.ones((1, m)),
    }[kind]
    by_inputs = slope(lambda x: loss(blend @ x[near], outputs, onto, labels, times), inputs)
    by_outputs = slope(lambda y: loss(blend @ inputs[near], y, onto, labels, times), outputs)
    changed = given.tables()[1]
    if kind == "alone":
        kernel.each_alone(changed, m, k, False, work)
        factor = np.ones(m)
    else:
        kernel.all_together(changed, m, k, kind == "mean", False, work)
        # word2vec's convention: the gradient of the mean goes whole to each row, so `sum of sizes`
        # times what calculus says; that of the sum is divided by as much.
        factor = sizes * (sizes.sum() if kind == "mean" else 1 / sizes.sum())
    moved = (work.now - inputs)[near] / -rate
    np.testing.assert_allclose(moved, by_inputs[near] * factor[:, None], atol=2e-3)
    np.testing.assert_allclose((changed - outputs) / -rate, by_outputs, atol=2e-3)


def test_noise_is_not_the_word_and_counts_as_often_as_drawn(rng: np.random.Generator) -> None:
    given = task(rng)
    work = workspace(given.text, given.words, given.plan, 32)
    work.noise[:5] = [7, 3, 9, 3, 3]
    k = kernel.aim(given.words, 7, 0, 5, np.float32(0.5), work)
    assert work.onto[:k].tolist() == [7, 3, 9]
    assert work.labels[:k].tolist() == [1, 0, 0]
    assert work.weights[:k].tolist() == [0.5, 1.5, 0.5]


def test_chances(rng: np.random.Generator) -> None:
    given = task(rng, lengths=[400] * 200, sample=0.02)
    text, words = given.text, given.words
    work = workspace(text, words, given.plan, 32)
    kept, drawn, taken, reaches = np.zeros(40), np.zeros(40), np.zeros(256), np.zeros(5)
    for s in range(200):
        kernel.begin(work.state, 3, 0, s)
        n = kernel.thin(text, words, s, work)
        kept += np.bincount(work.kept[:n], minlength=40)
        kernel.refill(words, given.plan, 0, s, work)
        drawn += np.bincount(work.pool, minlength=40)
        work.stretch[0], work.pool[:] = text.starts[s] // 256, np.arange(256)
        kernel.sample(text, words, given.plan, 0, s, 50, work)
        taken += np.bincount(work.noise[: 5 * min(50, 256 - text.starts[s] % 256)], minlength=256)
        reaches += np.bincount([kernel.below(work.state, 5) for _ in range(20)], minlength=5)
    counts = np.bincount(text.ids, minlength=40)
    chance = np.minimum(words.keep / 2**32, 1)
    unsure = (counts > 0) & (chance < 0.999)
    z = (kept - counts * chance)[unsure] / np.sqrt(counts * chance * (1 - chance))[unsure]
    assert stats.chi2.sf((z**2).sum(), unsure.sum()) > 1e-3
    assert (kept == counts)[~unsure].all()
    weights = (counts + 1) ** 0.75
    assert stats.chisquare(drawn, drawn.sum() * weights / weights.sum()).pvalue > 1e-3
    assert stats.chisquare(taken).pvalue > 1e-3
    assert stats.chisquare(reaches).pvalue > 1e-3


@each_kind
def test_it_learns_who_goes_with_whom(kind: str) -> None:
    # Words of two families, never in one sentence; tags belong to the family of their sentence.
    rng = np.random.default_rng(5)
    options = {**KINDS[kind], "several": False, "sample": 0, "dim": 16, "rate": 0.1, "epochs": 20}
    given = task(rng, lengths=[20] * 100, **options)
    family = np.arange(100) % 2
    given.text.ids[:] = rng.integers(0, 20, 2000) + 20 * np.repeat(family, 20)
    losses: list[float] = []
    inputs, outputs = given.tables()
    inputs /= 20
    fit(
        given.text, given.words, given.plan, inputs, outputs,
        progress=lambda done, of, loss: losses.append(loss) if done <= of else None,
    )  # fmt: skip
    named = inputs[49 : 49 + 100] if kind == "PV-DBOW" else inputs[:40]
    side = family if kind == "PV-DBOW" else np.arange(40) // 20
    named = named - named.mean(axis=0)
    unit = named / np.linalg.norm(named, axis=1, keepdims=True)
    alike = unit @ unit.T
    kin = np.equal.outer(side, side)
    assert alike[kin].mean() > alike[~kin].mean() + 0.2
    assert losses[-1] < losses[0]


def test_workers_share_the_tables(rng: np.random.Generator) -> None:
    given = task(rng, lengths=[200] * 2000, several=True, epochs=1, rate=0.01)
    seen: list[tuple[int, int]] = []
    one, two = given.tables(), given.tables()
    fit(given.text, given.words, given.plan, *one)
    fit(
        given.text, given.words, given.plan, *two, workers=2,
        progress=lambda done, of, loss: seen.append((done, of)),
    )  # fmt: skip
    assert seen[-1] == (400_000, 400_000)
    assert sorted(seen) == seen
    a, b = (tables[0] - given.inputs for tables in (one, two))
    assert (a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum()) > 0.9


def test_workers_have_copies_of_the_nodes_near_the_root(rng: np.random.Generator) -> None:
    given = task(rng, lengths=[200] * 2000, tree=True, negative=0, epochs=1, rate=0.01)
    one, two, tables = given.tables(), given.tables(), given.outputs[40:79]
    fit(given.text, given.words, given.plan, *one)
    fit(given.text, given.words, given.plan, *two, workers=2)
    a, b = (outputs[40:79] - tables for _, outputs in (one, two))
    assert (a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum()) > 0.9
    assert not two[1][:40].any() or (two[1][:40] == given.outputs[:40]).all()
    assert (two[1][79:] == given.outputs[79:]).all()


def test_epochs_one_by_one_are_all_epochs(rng: np.random.Generator) -> None:
    given = task(rng, epochs=3)
    whole, parts = given.tables(), given.tables()
    seen: list[tuple[int, int]] = []
    fit(given.text, given.words, given.plan, *whole)
    for epoch in range(3):
        fit(
            given.text, given.words, given.plan, *parts, epochs=range(epoch, epoch + 1),
            progress=lambda done, of, loss: seen.append((done, of)),
        )  # fmt: skip
    for a, b in zip(whole, parts, strict=True):
        np.testing.assert_array_equal(a, b)
    assert seen == [(100, 300), (200, 300), (300, 300)]


@pytest.mark.parametrize("workers", [1, 2])
def test_what_is_raised_stops_all_workers(rng: np.random.Generator, workers: int) -> None:
    given = task(rng, lengths=[200] * 1000, epochs=50)
    seen: list[int] = []

    def stop(done: int, of: int, loss: float) -> None:
        seen.append(done)
        if len(seen) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(
            given.text, given.words, given.plan, *given.tables(), workers=workers, progress=stop
        )  # fmt: skip
    assert len(seen) <= 1 + workers


def test_inputs_predict_some_at_a_time(rng: np.random.Generator) -> None:
    # In a tree one after the other; otherwise all that are near, before output rows change.
    given, tree = task(rng, dim=16), task(rng, dim=16, tree=True, negative=0)
    assert workspace(tree.text, tree.words, tree.plan, 16).at_once == 1
    work = workspace(given.text, given.words, given.plan, 16)
    assert work.at_once >= 2 * given.plan.window
    work.now[:] = start = rng.standard_normal(work.now.shape)
    work.near[:5], work.onto[:4] = [3, 1, 4, 0, 6], [7, 30, 2, 9]
    work.labels[:4], work.weights[:4], work.at_once[0] = [1, 0, 0, 1], 0.1, 3
    together, apart = given.tables()[1], given.tables()[1]
    kernel.each_alone(together, 5, 4, False, work)
    moved = work.now.copy()
    work.now[:] = start
    kernel.each_alone(apart, 3, 4, False, work)
    work.near[:2] = [0, 6]
    kernel.each_alone(apart, 2, 4, False, work)
    np.testing.assert_array_equal(together, apart)
    np.testing.assert_array_equal(moved, work.now)
