"""Word2Vec through its front: what it learns, what repeats, what it says about bad input."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kinspace.engines.sampling import Paths
from kinspace.errors import EmptyInput, IdNotFound, InvalidInput, InvalidParameter, NotFitted
from kinspace.learn.text import Phrases
from kinspace.learn.words.word2vec import Word2Vec
from kinspace.loading import load

KINDS: dict[str, dict[str, Any]] = {
    "skip-gram": {},
    "skip-gram, tree": {"negative": 0, "hierarchical_softmax": True},
    "skip-gram, both": {"hierarchical_softmax": True},
    "CBOW": {"architecture": "cbow-mean"},
    "CBOW, tree": {"architecture": "cbow-mean", "negative": 0, "hierarchical_softmax": True},
    "CBOW, sum": {"architecture": "cbow-sum"},
}
each_kind = pytest.mark.parametrize("options", KINDS.values(), ids=KINDS)


def families(texts: int = 200, first: str = "a", second: str = "b", seed: int = 3) -> list[str]:
    """Texts of 20 words each, of one of two families: a0 … a9 or b0 … b9."""
    random = np.random.default_rng(seed)
    return [
        " ".join(f"{(first, second)[n % 2]}{i}" for i in random.integers(0, 10, 20))
        for n in range(texts)
    ]


def small(**options: Any) -> Word2Vec:
    return Word2Vec(**{"dim": 12, "sample": 0, "learning_rate": 0.1, "epochs": 4} | options)


def apart(model: Word2Vec) -> float:
    """How much nearer words are to their own family than to the other."""
    vectors = model.vectors.vectors - model.vectors.vectors.mean(axis=0)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    letter = np.array([str(word)[0] for word in model.vectors.ids or []])
    kin, alike = np.equal.outer(letter, letter), unit @ unit.T
    return float(alike[kin].mean() - alike[~kin].mean())


def same(a: Word2Vec, b: Word2Vec) -> bool:
    return a.vectors.ids == b.vectors.ids and np.array_equal(a.vectors.vectors, b.vectors.vectors)


# -- what it learns ----------------------------------------------------------------------------


@each_kind
def test_words_of_one_company_are_near(options: dict[str, Any]) -> None:
    model = small(**options, seed=1).fit(families())
    assert apart(model) > 0.4


@each_kind
def test_one_worker_repeats_and_the_seed_counts(options: dict[str, Any]) -> None:
    first, again = (small(**options, seed=1).fit(families()) for _ in range(2))
    assert same(first, again)
    assert first.space == again.space
    assert not same(first, small(**options, seed=2).fit(families()))


@each_kind
def test_two_workers_learn_the_same_things(options: dict[str, Any]) -> None:
    assert apart(small(**options, workers=2).fit(families())) > 0.4


def test_the_vocabulary_is_by_falling_count() -> None:
    texts = ["c c c c b b b a a d"] * 2
    model = small(min_count=4).fit(texts)
    assert model.vocabulary_.words == ["c", "b", "a"]
    assert model.vocabulary_.counts.tolist() == [8, 6, 4]
    assert small(min_count=1, max_vocabulary=2).fit(texts).vectors.ids == ["c", "b"]


def test_a_text_is_the_mean_of_its_known_words() -> None:
    model = small().fit(families())
    table = dict(zip(model.vocabulary_.words, model.vectors.vectors, strict=True))
    found = model.encode(["A1, b2 and a1!", "nothing known"]).vectors
    np.testing.assert_allclose(found[0], (2 * table["a1"] + table["b2"]) / 3, atol=1e-6)
    assert not found[1].any()


def test_a_word_that_is_not_known_is_answered_with_the_closest() -> None:
    with pytest.raises(IdNotFound, match="a3"):
        small().fit(families()).vectors.nearest("a33")


def test_each_option_changes_what_is_learned() -> None:
    plain = small(min_count=1).fit(families())
    for name, value in {
        "window": 2, "negative": 2, "ns_exponent": 0.0, "sample": 1e-2, "epochs": 3,
        "learning_rate": 0.05, "min_learning_rate": 0.05, "hierarchical_softmax": True,
        "architecture": "cbow-sum", "dim": 8,
    }.items():  # fmt: skip
        assert not same(plain, small(**{"min_count": 1, name: value}).fit(families())), name


def test_texts_and_their_words_are_one() -> None:
    texts = families()
    by_words = small().fit(text.split() for text in texts)
    assert same(small().fit(texts), by_words)
    assert same(small(tokenizer="whitespace").fit(iter(texts)), by_words)


@each_kind
def test_the_chances_of_the_tree_sum_to_one(options: dict[str, Any]) -> None:
    model = small(**options).fit(families())
    model.fit_more(families(first="c", second="d"))  # and still do with a branch of new words
    if not model.rest_.nodes.size:
        assert model.hierarchical_softmax is False
        return
    tree: Paths = model.rest_.tree()
    assert len(model.rest_.nodes) == len(model.vectors) - 1
    right = 1 / (1 + np.exp(model.rest_.nodes @ model.vectors.vectors[3]))
    chance = np.where(tree.labels == 1, 1 - right[tree.nodes], right[tree.nodes])
    assert np.multiply.reduceat(chance, tree.starts[:-1]).sum() == pytest.approx(1)


# -- phrases -----------------------------------------------------------------------------------


def test_phrases(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    letters = random.choice(list("abcdefgh"), (300, 5))
    texts = ["{} {} new york {} {} new {}".format(*row) for row in letters]
    model = small(phrase_threshold=3.0).fit(texts)
    assert "new_york" in model.vectors
    assert "york" not in model.vectors
    np.testing.assert_array_equal(
        model.encode(["New York"]).vectors[0], model.vectors.vectors[model.vocabulary_["new_york"]]
    )
    model.save(tmp_path / "m")
    again = load(tmp_path / "m")
    np.testing.assert_array_equal(
        again.encode(["a new york"]).vectors, model.encode(["a new york"]).vectors
    )
    assert isinstance(again, Word2Vec)
    assert same(again.clone().fit(texts), model)
    by_hand = Phrases(threshold=3.0).fit(texts)
    assert same(small(tokenizer=by_hand).fit(texts), model)


# -- going on ----------------------------------------------------------------------------------


@each_kind
def test_going_on_keeps_words_and_adds_new_ones(options: dict[str, Any]) -> None:
    model = small(**options).fit(families())
    before = model.vocabulary_
    more = [f"{text} {text.replace('a', 'ax').replace('b', 'bx')} rare" for text in families()[:4]]
    more += [text.replace("a", "ax").replace("b", "bx") for text in families(seed=8)]
    model.fit_more(text.replace("ax0", "a0").replace("bx0", "b0") for text in more)
    words, counts = model.vocabulary_.words, model.vocabulary_.counts
    assert words[:20] == before.words
    assert {word[:2] for word in words[20:-1]} == {"ax", "bx"}
    assert "rare" not in words
    new = [text.replace("ax0", "a0").replace("bx0", "b0").split() for text in more]
    for word, count in zip(words, counts, strict=True):
        old = int(before.counts[before[word]]) if word in before else 0
        assert count == old + sum(text.count(word) for text in new)
    assert apart(model) > 0.4


@each_kind
def test_going_on_from_the_disk_is_going_on(options: dict[str, Any], tmp_path: Path) -> None:
    model = small(**options, seed=4).fit(families())
    model.save(tmp_path / "m")
    loaded = Word2Vec.load(tmp_path / "m")
    assert same(loaded, model)
    more = families(first="b", second="c", seed=5)
    model.fit_more(more).fit_more(families())
    loaded.fit_more(more)
    loaded.save(tmp_path / "m")  # over the files that are mapped
    assert same(Word2Vec.load(tmp_path / "m").fit_more(families()), model)


def test_going_on_keeps_to_the_greatest_vocabulary() -> None:
    model = small(max_vocabulary=23).fit(families())
    model.fit_more(["z z z z y y y x x a0"] * 5)
    assert model.vectors.ids is not None
    assert model.vectors.ids[20:] == ["z", "y", "x"]
    model.fit_more(["w a0 a1"] * 9)
    assert len(model.vectors) == 23


def test_going_on_another_way() -> None:
    model = small().fit(families())
    model.set_params(negative=0, hierarchical_softmax=True).fit_more(families(seed=6))
    assert len(model.rest_.outputs) == 20
    assert model.rest_.nodes.any()
    model.set_params(negative=3, architecture="cbow-mean").fit_more(families(seed=7))
    assert apart(model) > 0.8


def test_going_on_that_fails_changes_nothing(tmp_path: Path) -> None:
    model = small().fit(families())
    kept = model.vectors
    with pytest.raises(EmptyInput, match="none of the 20 words"):
        model.fit_more(["nothing known"])
    with pytest.raises(InvalidParameter, match="has 12"):
        model.set_params(dim=13).fit_more(families())
    model.set_params(dim=12)

    def stop(stage: str, done: int, total: int, detail: str = "", /) -> None:
        if stage == "learn":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        model.fit_more(families(first="n"), progress=stop)
    assert model.vectors is kept
    model.save(tmp_path / "m")
    assert same(Word2Vec.load(tmp_path / "m").fit_more(families()), model.fit_more(families()))


def test_there_must_be_something_to_go_on_with() -> None:
    with pytest.raises(NotFitted):
        small().fit_more(families())
    with pytest.raises(NotFitted):
        _ = small().vectors


# -- stopped and taken up ----------------------------------------------------------------------


def test_what_was_stopped_goes_on_after_its_last_epoch(tmp_path: Path) -> None:
    texts, seen = families(), []
    whole = small().fit(texts)
    words = sum(len(text.split()) for text in texts)

    def stop(stage: str, done: int, total: int, detail: str = "", /) -> None:
        if stage == "learn" and done > 2.5 * words:
            raise KeyboardInterrupt

    def note(stage: str, done: int, total: int, detail: str = "", /) -> None:
        if stage == "learn":
            seen.append(done)

    model = small(cache=tmp_path / "c")
    with pytest.raises(KeyboardInterrupt):
        model.fit(texts, progress=stop)
    with pytest.raises(NotFitted):
        _ = model.vectors
    assert same(model.fit(texts, progress=note), whole)
    assert min(seen) > 2 * words
    assert not list((tmp_path / "c" / "epochs").iterdir())  # done: nothing to go on with
    with pytest.raises(KeyboardInterrupt):
        model.fit(texts, progress=stop)
    assert same(model.set_params(seed=5).fit(texts), small(seed=5).fit(texts))  # another run


def test_going_on_that_was_stopped_goes_on(tmp_path: Path) -> None:
    more = families(first="c", seed=9)
    words = sum(len(text.split()) for text in more)
    whole = small().fit(families()).fit_more(more)
    model = small(cache=tmp_path / "c").fit(families())
    seen: list[int] = []

    def stop(stage: str, done: int, total: int, detail: str = "", /) -> None:
        if stage == "learn":
            seen.append(done)
            if len(seen) == 3:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        model.fit_more(more, progress=stop)
    assert same(model.fit_more(more, progress=stop), whole)
    assert seen == [words, 2 * words, 3 * words, 3 * words, 4 * words]


def test_a_damaged_checkpoint_is_a_new_start(tmp_path: Path) -> None:
    (tmp_path / "epochs").mkdir()
    (tmp_path / "epochs" / "epoch.safetensors").write_bytes(b"nonsense")
    assert same(small(cache=str(tmp_path)).fit(families()), small().fit(families()))


def test_progress_tells_words_loss_and_rate() -> None:
    told: list[tuple[str, int, int, str]] = []
    small().fit(families(), progress=lambda *args: told.append(args))
    learned = [tell for tell in told if tell[0] == "learn"]
    assert {tell[0] for tell in told} >= {"read", "learn"}
    assert [done for _, done, _, _ in learned] == [4000, 8000, 12000, 16000]
    assert {total for _, _, total, _ in learned} == {16000}
    forms = [re.fullmatch(r"loss (\d\.\d+), learning rate (0\.\d+)", tell[3]) for tell in learned]
    assert all(forms)
    losses, rates = np.array([form.groups() for form in forms if form], float).T
    assert losses[-1] < losses[0]
    np.testing.assert_allclose(rates, [0.075, 0.05, 0.025, 1e-4], atol=1e-4)


# -- on disk -----------------------------------------------------------------------------------


def test_save_and_load(tmp_path: Path) -> None:
    model = small(seed=np.int64(3), cache=tmp_path / "c").fit(families())
    model.save(tmp_path / "m")
    again = load(tmp_path / "m")
    assert isinstance(again, Word2Vec)
    assert same(again, model)
    assert again.space == model.space
    assert again.get_params() == {
        **model.get_params(), "cache": None, "tokenizer": {"kind": "words"}
    }  # fmt: skip
    assert again.vocabulary_.counts.tolist() == model.vocabulary_.counts.tolist()
    with pytest.raises(NotFitted):
        small().save(tmp_path / "n")
    assert not (tmp_path / "n").exists()


# -- bad input ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"dim": 0}, "dim is 0"),
        ({"dim": 1.5}, r"dim is 1\.5"),
        ({"dim": True}, "dim is True"),
        ({"window": 0}, "window is 0"),
        ({"window": "5"}, "window is '5'"),
        ({"negative": -1}, "negative is -1"),
        ({"negative": 0}, "nothing to predict"),
        ({"negative": None}, "negative is None"),
        ({"epochs": 0}, "epochs is 0"),
        ({"workers": 0}, "workers is 0"),
        ({"seed": -1}, "seed is -1"),
        ({"ns_exponent": float("nan")}, "ns_exponent is nan"),
        ({"sample": -1e-3}, "sample is"),
        ({"sample": float("inf")}, "sample is inf"),
        ({"learning_rate": 0}, "cannot fall from 0"),
        ({"learning_rate": 0.01, "min_learning_rate": 0.02}, "cannot fall"),
        ({"learning_rate": "fast"}, "learning_rate is 'fast'"),
        ({"hierarchical_softmax": 1}, "hierarchical_softmax is 1"),
        ({"architecture": "cbow"}, "cbow-mean"),
        ({"min_count": -1}, "min_count is -1"),
        ({"min_count": None}, "min_count is None"),
        ({"max_vocabulary": 0}, "max_vocabulary is 0"),
        ({"phrase_threshold": -1}, "phrase_threshold is -1"),
        ({"tokenizer": "wrods"}, "wrods"),
    ],
)
def test_bad_arguments(options: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidParameter, match=says) as raised:
        Word2Vec(**options).fit(families())
    assert raised.value.remedy


@pytest.mark.parametrize(
    ("texts", "options", "error", "says"),
    [
        ([], {}, EmptyInput, "no words"),
        (["", "  ", "?!"], {}, EmptyInput, "no words"),
        (["a b c"], {}, EmptyInput, "No word comes 5 times"),
        (["hello"] * 9, {}, InvalidInput, "only one word to learn: 'hello'"),
        (["hello world"] * 9, {"max_vocabulary": 1}, InvalidInput, "only one word"),
        (["hello", "world"] * 9, {}, InvalidInput, "No word has a neighbour"),
        ("a text by itself", {}, InvalidInput, "not a list of texts"),
        (None, {}, InvalidInput, "not a list of texts"),
        ([1, 2], {}, InvalidInput, "neither a text nor its words"),
        ([["a", 1]] * 9, {}, InvalidInput, "not a word"),
        (["half \ud800 a character"] * 9, {"tokenizer": "whitespace"}, InvalidInput, "surrogate"),
    ],
)
def test_bad_corpora(texts: Any, options: Any, error: Any, says: str) -> None:
    model = Word2Vec(**options)
    with pytest.raises(error, match=says) as raised:
        model.fit(texts)
    assert raised.value.remedy
    with pytest.raises(NotFitted):
        _ = model.vectors
