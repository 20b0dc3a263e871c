"""Attention by tiles: the plain code against torch, the processor's tiles against the plain."""

import itertools

import numpy as np
import pytest

from kinspace.engines.activation import gelu
from kinspace.engines.attention import attend, room_for
from kinspace.engines.bfloat16 import narrowed, widened

torch = pytest.importorskip("torch")

LENGTHS = [[1], [16], [17, 3], [5, 16, 33], [40, 64, 1, 31]]


def has_tiles() -> bool:
    from kinspace.pretrained.neural.running.setting import has_tiles

    return has_tiles()


needs_tiles = pytest.mark.skipif(not has_tiles(), reason="this processor has no tiles (AMX)")


def numbers(rows: int, columns: int, size: float = 1.0):
    made = np.random.default_rng(rows).standard_normal((rows, columns)) * size
    return narrowed(made.astype(np.float32))


def by_torch(qkv, starts, heads, size):
    found = []
    for first, last in itertools.pairwise(starts):
        whole = torch.from_numpy(widened(qkv[first:last])).view(1, -1, 3, heads, size)
        parts = (whole[:, :, part].transpose(1, 2) for part in range(3))
        mixed = torch.nn.functional.scaled_dot_product_attention(*parts)
        found.append(mixed.transpose(1, 2).reshape(last - first, -1).numpy())
    return np.concatenate(found)


def run(kernel, qkv, starts, heads, size, longest=None):
    out = np.zeros((len(qkv), heads * size), np.uint16)
    room = room_for(longest or int(np.diff(starts).max()), size)
    kernel(qkv, starts, heads, size, room, out)
    return widened(out)


@pytest.mark.parametrize("lengths", LENGTHS, ids=str)
@pytest.mark.parametrize(("heads", "size"), [(2, 32), (1, 64)])
def test_plain_attention_is_that_of_torch(lengths, heads, size):
    starts = np.cumsum([0, *lengths])
    qkv = numbers(starts[-1], 3 * heads * size)
    found = run(attend, qkv, starts, heads, size)
    np.testing.assert_allclose(found, by_torch(qkv, starts, heads, size), atol=0.02)


@needs_tiles
@pytest.mark.parametrize("lengths", [*LENGTHS, [300, 7]], ids=str)
@pytest.mark.parametrize(("heads", "size"), [(2, 32), (3, 64), (1, 96), (1, 128)])
def test_attention_by_tiles_is_that_of_torch(lengths, heads, size):
    from kinspace.engines.attention_tiles import fast_attention

    starts = np.cumsum([0, *lengths])
    qkv = numbers(starts[-1], 3 * heads * size)
    found = run(fast_attention(), qkv, starts, heads, size)
    np.testing.assert_allclose(found, by_torch(qkv, starts, heads, size), atol=0.02)
    roomier = run(fast_attention(), qkv, starts, heads, size, longest=2 * max(lengths))
    np.testing.assert_array_equal(found, roomier)


@needs_tiles
def test_tiles_round_as_the_plain_code_does():
    from kinspace.engines.attention_tiles import fast_attention

    starts = np.array([0, 5, 38])
    qkv = numbers(38, 192)
    plain = run(attend, qkv, starts, 2, 32)
    np.testing.assert_allclose(
        run(fast_attention(), qkv, starts, 2, 32), plain, rtol=1 / 64, atol=1e-3
    )


@needs_tiles
def test_great_scores_neither_overflow_nor_vanish():
    from kinspace.engines.attention_tiles import fast_attention

    starts = np.array([0, 20])
    qkv = numbers(20, 96, 60.0)
    found = run(fast_attention(), qkv, starts, 1, 32)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found, by_torch(qkv, starts, 1, 32), rtol=0.02, atol=0.8)
    qkv[:, :32] = narrowed(np.full((20, 32), -80.0, np.float32))
    qkv[:, 32:64] = narrowed(np.full((20, 32), 80.0, np.float32))
    same = run(fast_attention(), qkv, starts, 1, 32)  # all scores are equal, and far below zero
    mean = np.broadcast_to(widened(qkv[:, 64:]).mean(0), same.shape)
    np.testing.assert_allclose(same, mean, rtol=0.02, atol=0.5)


@needs_tiles
def test_a_text_does_not_see_its_neighbours():
    from kinspace.engines.attention_tiles import fast_attention

    starts = np.array([0, 9, 30])
    qkv = numbers(30, 96)
    before = run(fast_attention(), qkv, starts, 1, 32)[:9]
    qkv[9:] = numbers(21, 96, 9.0)
    np.testing.assert_array_equal(run(fast_attention(), qkv, starts, 1, 32)[:9], before)


@needs_tiles
def test_the_tiles_of_others_are_left_as_they_were():
    from kinspace.engines.attention_tiles import fast_attention

    a = torch.randn(64, 64).to(torch.bfloat16)
    before = a @ a
    run(fast_attention(), numbers(20, 96), np.array([0, 20]), 1, 32)
    assert torch.equal(a @ a, before)


def exact_gelu(x):
    return torch.nn.functional.gelu(torch.from_numpy(x)).numpy()


SPREAD = narrowed(np.linspace(-12, 12, 4096, dtype=np.float32).reshape(64, 64))


def test_plain_gelu_is_that_of_torch():
    found = SPREAD.copy()
    gelu(found)
    x = widened(SPREAD)
    np.testing.assert_allclose(widened(found), exact_gelu(x), rtol=1 / 128, atol=2e-4)


@needs_tiles
def test_compiled_gelu_is_the_plain_one():
    from kinspace.engines.activation_code import fast_gelu

    plain, fast = SPREAD.copy(), SPREAD.copy()
    gelu(plain)
    fast_gelu()(fast)
    np.testing.assert_allclose(widened(fast), widened(plain), rtol=1 / 128, atol=1e-5)


def test_bfloat16_is_that_of_torch():
    x = np.random.default_rng(0).standard_normal(1000).astype(np.float32) * 100
    theirs = torch.from_numpy(x).to(torch.bfloat16)
    np.testing.assert_array_equal(narrowed(x), theirs.view(torch.uint16).numpy())
    np.testing.assert_array_equal(widened(narrowed(x)), theirs.float().numpy())


def exact_norm(x, weight, bias):
    x, weight, bias = (torch.from_numpy(part) for part in (x, weight[0], bias[0]))
    return torch.nn.functional.layer_norm(x, weight.shape, weight, bias, 1e-12).numpy()


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    weight, bias = (rng.standard_normal((1, 48)).astype(np.float32) for _ in range(2))
    return weight, bias, np.empty((1, 48), np.float32)


@pytest.mark.parametrize("kind", ["plain", pytest.param("compiled", marks=needs_tiles)])
def test_sums_are_normalised(kind, table):
    from kinspace.engines import normalisation

    run = normalisation.normalise_sums
    if kind == "compiled":
        from kinspace.engines.normalisation_code import fast_sums

        run = fast_sums()
    weight, bias, total = table
    rows, others = numbers(9, 48, 3.0), numbers(10, 48)[:9]
    expected = exact_norm(widened(rows) + widened(others), weight, bias)
    run(rows, others, weight, bias, 1e-12, total)
    np.testing.assert_allclose(widened(rows), expected, rtol=1 / 128, atol=1e-3)


@pytest.mark.parametrize("kind", ["plain", pytest.param("compiled", marks=needs_tiles)])
def test_embeddings_are_summed_and_normalised(kind, table):
    from kinspace.engines import normalisation

    run = normalisation.normalise_embeddings
    if kind == "compiled":
        from kinspace.engines.normalisation_code import fast_embeddings

        run = fast_embeddings()
    weight, bias, total = table
    rng = np.random.default_rng(1)
    words, places, kinds = (rng.standard_normal((n, 48)).astype(np.float32) for n in (30, 9, 2))
    w, p, k = rng.integers(0, 30, 9), np.arange(9), rng.integers(0, 2, 9)
    out = np.zeros((9, 48), np.uint16)
    run(words, w, places, p, kinds, k, weight, bias, 1e-12, total, out)
    expected = exact_norm(words[w] + places[p] + kinds[k], weight, bias)
    np.testing.assert_allclose(widened(out), expected, rtol=1 / 128, atol=1e-3)
