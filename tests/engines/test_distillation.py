from itertools import pairwise

import numpy as np
import pytest

from kinspace.engines.distillation import Bags, cosine_gradient, fit_table, schedule
from kinspace.engines.flattening import flatten_directions, temper_lengths


def make(n: int = 600, rows: int = 40, dim: int = 8, seed: int = 0):
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, 9, n)
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    bags = Bags(rng.integers(1, rows, starts[-1]).astype(np.int32), starts)
    truth = rng.standard_normal((rows, dim)).astype(np.float32)
    sums = np.stack([truth[bags.ids[a:b]].sum(0) for a, b in pairwise(starts)])
    return bags, sums.astype(np.float16), rng.standard_normal((rows, dim)).astype(np.float32)


def cosines(table, bags, targets):
    counts, rows = bags.matrix(np.arange(len(bags)))
    sums = counts @ table[rows]
    norms = np.linalg.norm(sums, axis=1) * np.linalg.norm(targets.astype(float), axis=1)
    return (sums * targets).sum(1) / norms


def test_the_gradient_is_that_of_finite_differences() -> None:
    rng = np.random.default_rng(1)
    sums = rng.standard_normal((3, 5)).astype(np.float32)
    targets = rng.standard_normal((3, 5)).astype(np.float16)

    def loss(x):
        t = targets.astype(float)
        return np.mean(1 - (x * t).sum(1) / np.linalg.norm(x, axis=1) / np.linalg.norm(t, axis=1))

    expected = np.zeros((3, 5))
    for i, j in np.ndindex(3, 5):
        step = np.zeros((3, 5))
        step[i, j] = 1e-5
        expected[i, j] = (loss(sums + step) - loss(sums - step)) / 2e-5
    np.testing.assert_allclose(cosine_gradient(sums, targets), expected, atol=1e-5)


def test_it_finds_the_table_that_made_the_targets() -> None:
    bags, targets, start = make()
    table = fit_table(start, bags, targets, epochs=60, batch_size=64, learning_rate=0.05, seed=0)
    assert cosines(start, bags, targets).mean() < 0.3
    assert cosines(table, bags, targets).mean() > 0.99


def test_the_same_seed_gives_the_same_table_and_leaves_the_start_alone() -> None:
    bags, targets, start = make()
    before = start.copy()
    tables = [
        fit_table(start, bags, targets, epochs=2, batch_size=64, learning_rate=0.01, seed=seed)
        for seed in (3, 3, 4)
    ]
    assert np.array_equal(start, before)
    assert np.array_equal(tables[0], tables[1])
    assert not np.array_equal(tables[0], tables[2])


def test_rows_that_no_text_has_stay_and_empty_texts_teach_nothing() -> None:
    bags = Bags(np.array([1, 2], np.int32), np.array([0, 2, 2], np.int64))
    start = np.ones((4, 2), np.float32)
    targets = np.array([[1, 0], [0, 1]], np.float16)
    table = fit_table(start, bags, targets, epochs=3, batch_size=2, learning_rate=0.1, seed=0)
    assert np.array_equal(table[[0, 3]], start[[0, 3]])
    assert np.isfinite(table).all()


def test_progress_ends_at_the_total() -> None:
    bags, targets, start = make(n=100)
    told = []
    fit_table(
        start, bags, targets, epochs=2, batch_size=30, learning_rate=0.01, seed=0,
        progress=lambda done, total: told.append((done, total)),
    )  # fmt: skip
    assert told[-1] == (200, 200)


def test_the_schedule_rises_and_falls() -> None:
    rates = [schedule(step, 100) for step in range(1, 101)]
    assert rates[0] == pytest.approx(0.2)
    assert max(rates) > 0.99
    assert rates[-1] < 0.001


def test_flattening_gives_all_directions_equal_energy() -> None:
    bags, _, table = make(n=2000)
    table[:, 0] += 5
    whole = flatten_directions(table, bags, 1.0)
    counts, rows = bags.matrix(np.arange(len(bags)))

    def spread(t):
        v = counts @ t[rows]
        v /= np.linalg.norm(v, axis=1, keepdims=True)
        energy = np.linalg.eigvalsh(v.T @ v)
        return energy[-1] / energy[0]

    assert spread(whole) < 2 < 20 < spread(table)
    np.testing.assert_allclose(flatten_directions(table, bags, 0.0), table, atol=1e-4)


def test_tempering_keeps_directions_and_narrows_lengths() -> None:
    bags, _, table = make()
    table *= np.linspace(0.1, 10, len(table), dtype=np.float32)[:, None]
    table[0] = 0
    tempered = temper_lengths(table, bags)
    assert not tempered[0].any()
    before, after = (np.linalg.norm(t[1:], axis=1) for t in (table, tempered))
    np.testing.assert_allclose(
        tempered[1:] / after[:, None], table[1:] / before[:, None], atol=1e-5
    )
    assert np.std(np.log(after)) < np.std(np.log(before))
