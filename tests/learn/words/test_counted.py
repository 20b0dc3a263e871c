"""GloVe and SWIVEL as learners: what they learn from small texts, keep, and refuse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kinspace as ks
from kinspace.errors import EmptyInput, InvalidInput, InvalidParameter, NotFitted
from kinspace.learn.words.glove import GloVe
from kinspace.learn.words.swivel import Swivel

LEARNERS = {"glove": GloVe, "swivel": Swivel}
each_learner = pytest.mark.parametrize("learner", LEARNERS.values(), ids=LEARNERS)
ANIMALS, TOOLS = ("cat", "dog", "cow", "hen"), ("saw", "axe", "awl", "adze")


def texts(rng: np.random.Generator, n: int = 600) -> list[str]:
    """Two worlds: animals eat and sleep, tools cut and rust."""
    found = []
    for _ in range(n):
        things, deeds = ((ANIMALS, ("eats", "sleeps", "runs")), (TOOLS, ("cuts", "rusts", "lies")))[
            int(rng.integers(2))
        ]
        found.append(f"the {rng.choice(things)} {rng.choice(deeds)} near the {rng.choice(things)}")
    return found


@each_learner
def test_words_of_one_world_are_nearer_than_words_of_two(
    rng: np.random.Generator, learner: Any
) -> None:
    model = learner(dim=8, epochs=60, window=4, seed=1).fit(texts(rng))
    near = model.vectors.similarity().astype(float)
    place = {word: i for i, word in enumerate(model.vectors.ids)}
    within = [near[place[a], place[b]] for group in (ANIMALS, TOOLS) for a in group for b in group]
    across = [near[place[a], place[b]] for a in ANIMALS for b in TOOLS]
    assert np.mean(within) > np.mean(across) + 0.3


@each_learner
def test_one_seed_gives_one_model_whatever_the_workers(
    rng: np.random.Generator, learner: Any
) -> None:
    given = texts(rng, 100)
    first, again, many, other = (
        learner(dim=8, epochs=2, seed=seed, workers=workers, memory=1).fit(iter(given))
        for seed, workers in ((1, 1), (1, 1), (1, 3), (2, 1))
    )
    for same in (again, many):
        np.testing.assert_array_equal(first.vectors.vectors, same.vectors.vectors)
        assert first.space == same.space
    assert other.space != first.space


@each_learner
def test_a_saved_model_is_loaded_by_whoever_finds_it(
    rng: np.random.Generator, learner: Any, tmp_path: Path
) -> None:
    model = learner(dim=8, epochs=1, seed=5).fit(texts(rng, 50))
    model.save(tmp_path / "model")
    found = ks.load(tmp_path / "model")
    assert type(found) is learner
    assert found.get_params() == {**model.get_params(), "tokenizer": {"kind": "words"}}
    np.testing.assert_array_equal(found.encode(["the cat"]), model.encode(["the cat"]))


@each_learner
def test_progress_tells_of_reading_counting_and_learning(
    rng: np.random.Generator, learner: Any
) -> None:
    told: list[Any] = []
    learner(dim=8, epochs=3).fit(texts(rng, 50), progress=lambda *x: told.append(x))
    stages = [stage for stage, *_ in told]
    assert sorted(set(stages), key=stages.index)[-2:] == ["count", "learn"]
    last = told[-1]
    assert last[1] == last[2]
    assert last[3].startswith("loss ")


@each_learner
@pytest.mark.parametrize(
    "wrong",
    [
        {"dim": 0}, {"dim": 2.5}, {"window": 0}, {"window": 256}, {"epochs": 0}, {"workers": 0},
        {"seed": -1}, {"memory": 0}, {"learning_rate": 0}, {"learning_rate": float("nan")},
        {"learning_rate": "fast"}, {"min_count": -1}, {"max_vocabulary": 0}, {"tokenizer": "none"},
    ],
    ids=str,
)  # fmt: skip
def test_a_wrong_argument_is_named(learner: Any, wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidParameter):
        learner(**wrong).fit(["a b c a b c"] * 5)


@pytest.mark.parametrize(
    "model",
    [
        GloVe(x_max=0),
        GloVe(alpha=-1),
        GloVe(smoothing=-1),
        Swivel(confidence_base=0),
        Swivel(confidence_exponent=-1),
    ],
    ids=["x_max", "alpha", "smoothing", "base", "exponent"],
)
def test_a_wrong_weighting_is_named(model: Any) -> None:
    with pytest.raises(InvalidParameter):
        model.fit(["a b c a b c"] * 5)


@each_learner
def test_texts_that_teach_nothing_are_refused(learner: Any) -> None:
    for items, error in (
        ([], EmptyInput),
        (["", "  "], EmptyInput),
        (["one two three"], EmptyInput),  # none comes five times
        (["word word word word word"], InvalidInput),
        (["one", "two"] * 9, InvalidInput),  # no word has a neighbour
        ([3], InvalidInput),
        ([["half", "\ud800"]] * 9, InvalidInput),
    ):
        with pytest.raises(error):
            learner(dim=4, epochs=1).fit(items)
    with pytest.raises(NotFitted):
        learner().encode(["a"])


@each_learner
def test_any_text_is_taken(learner: Any) -> None:
    odd = ["naïve café 北京 \x00 x"] * 6
    model = learner(dim=3, epochs=2, tokenizer="whitespace").fit(odd)
    assert np.isfinite(model.vectors.vectors).all()
    assert len(model.vectors) == 5


def test_glove_of_the_paper_knows_only_what_was_seen(rng: np.random.Generator) -> None:
    """Without smoothing it is the engine's plain run over the pairs; workers do not matter."""
    given = texts(rng, 100)
    models = [
        GloVe(dim=8, epochs=30, smoothing=0, learning_rate=0.05, seed=1, workers=workers).fit(given)
        for workers in (1, 2)
    ]
    np.testing.assert_array_equal(models[0].vectors, models[1].vectors)
    smoothed = GloVe(dim=8, epochs=30, seed=1).fit(given)
    assert smoothed.space != models[0].space


@each_learner
def test_two_words_are_enough(learner: Any) -> None:
    model = learner(dim=4, epochs=2).fit(["one two"] * 9)
    assert np.isfinite(model.vectors.vectors).all()
    assert model.vectors.ids == ["one", "two"]
