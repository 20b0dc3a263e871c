"""Rankings joined: known answers for each scale, and what holds for all."""

from __future__ import annotations

import numpy as np
import pytest

from kinspace.search.fusion import (
    EMPTY,
    Ranking,
    fuse,
    hybrid,
    reciprocal,
    relative,
    share_of_best,
)


def ranking(**scores: float) -> Ranking:
    ids = np.array([int(name[1:]) for name in scores], np.int64)
    return Ranking(ids, np.array(list(scores.values()), np.float32))


def test_scales() -> None:
    one = ranking(r1=8, r2=4, r3=-2)
    assert share_of_best(one).tolist() == [1, 0.5, 0]
    assert relative(one).tolist() == pytest.approx([1, 0.6, 0])
    assert reciprocal(one).tolist() == pytest.approx([1 / 61, 1 / 62, 1 / 63])
    distances = ranking(r1=0, r2=-1, r3=-3)
    assert share_of_best(distances).tolist() == [1, 0.5, 0.25]
    assert relative(ranking(r1=3, r2=3)).tolist() == [1, 1]
    for scale in (share_of_best, relative, reciprocal):
        assert scale(EMPTY).shape == (0,)


def test_a_weighted_sum() -> None:
    words, meaning = ranking(r1=10, r2=5), ranking(r3=0.8, r2=0.4)
    joined = fuse({"keyword": words, "dense": meaning}, {"keyword": 0.5, "dense": 0.25})
    assert joined.ids.tolist() == [1, 2, 3]
    assert joined.scores.tolist() == pytest.approx([0.5, 0.375, 0.25])
    assert joined.scores.dtype == np.float32
    by_rank = fuse({"a": words, "b": meaning}, {"a": 1, "b": 1}, reciprocal)
    assert by_rank.ids.tolist() == [2, 1, 3]


def test_equal_scores_keep_the_order_of_ids() -> None:
    joined = fuse({"a": ranking(r9=1), "b": ranking(r4=1)}, {"a": 1, "b": 1})
    assert joined.ids.tolist() == [4, 9]
    assert Ranking.sorted(np.array([3, 1, 2]), np.array([1, 1, 2], np.float32)).ids.tolist() == [
        2, 1, 3,
    ]  # fmt: skip


def test_hybrid() -> None:
    words, meaning = ranking(r1=10, r2=5), ranking(r3=0.8, r2=0.4)
    share = 0.6
    joined = hybrid(words, meaning, share)
    scores = dict(zip(joined.ids.tolist(), joined.scores.tolist(), strict=True))
    assert scores == pytest.approx({1: share, 2: share / 2 + (1 - share) / 2, 3: 1 - share})
    assert hybrid(EMPTY, meaning, share) is meaning
    assert hybrid(words, EMPTY, share).ids.tolist() == [1, 2]


def test_what_comes_behind() -> None:
    first, second = ranking(r1=0.9, r2=0.5), ranking(r3=0.7, r2=0.6, r4=0.1)
    joined = first.followed_by(second)
    assert joined.ids.tolist() == [1, 2, 3, 4]
    assert joined.scores.tolist() == pytest.approx([0.9, 0.5, 0.5, 0.1])
    assert EMPTY.followed_by(second) is second
    assert first.followed_by(EMPTY).ids.tolist() == [1, 2]
