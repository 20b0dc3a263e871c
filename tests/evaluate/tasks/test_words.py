"""Tasks on words: known answers, brute force by the papers' formulas, and scipy."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from scipy import stats

from kinspace.datasets.content import AnalogySet, DictionarySet, OutlierSet, PairSet
from kinspace.embeddings import Embeddings
from kinspace.encoder import Encoder, Side
from kinspace.errors import EmptyInput, InvalidParameter, NotApplicable
from kinspace.evaluate.system import Meter, System
from kinspace.evaluate.tasks.analogies import AnalogyTask, answers
from kinspace.evaluate.tasks.dictionary import WordTranslationTask, ranks
from kinspace.evaluate.tasks.outliers import OutlierTask, outliers_among
from kinspace.evaluate.tasks.word_similarity import WordSimilarityTask
from kinspace.metric import normalise
from kinspace.space import Space

RULES = ["3cosadd", "3cosmul", "nearest"]


def table(vectors: Any, words: Sequence[Any] | None, metric: Any = "cosine") -> System:
    """A system that is a table of words."""
    vectors = np.asarray(vectors, np.float32)
    space = Space("toy", "0", vectors.shape[1], metric)
    return System("toy", "0", words=Embeddings(vectors, space, words))


class Spelling(Encoder[str]):
    """Encodes the letters of a word; knows lower case only."""

    @property
    def space(self) -> Space:
        return Space("spelling", "1", 26)

    def _encode_batch(self, items: Sequence[str], side: Side) -> np.ndarray:
        rows = [[item.count(chr(97 + place)) for place in range(26)] for item in items]
        return np.array(rows, np.float32).reshape(len(items), 26)


SPELLING = System("spelling", "1", encoder=Meter(Spelling()))


def values(outcome: Any) -> dict[str, float]:
    return {name: sample.value() for name, sample in outcome.samples.items()}


# -- word similarity ---------------------------------------------------------------------------


def test_similarity_agrees_with_scipy(rng: np.random.Generator) -> None:
    words = [f"w{i}" for i in range(40)]
    vectors = rng.normal(size=(40, 8))
    left, right = rng.permutation(words)[:30].tolist(), rng.permutation(words)[:30].tolist()
    gold = rng.integers(0, 5, 30).astype(float)
    found = values(WordSimilarityTask(PairSet("p", left, right, gold)).run(table(vectors, words)))
    a, b = (vectors[[words.index(w) for w in side]] for side in (left, right))
    cosines = (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    assert found["spearman"] == pytest.approx(stats.spearmanr(cosines, gold)[0], abs=1e-6)
    assert found["pearson"] == pytest.approx(stats.pearsonr(cosines, gold)[0], abs=1e-6)
    assert found["spearman_all"] == found["spearman"]


def test_similarity_is_by_the_metric_of_the_space() -> None:
    pairs = PairSet("p", ["a", "a", "a"], ["b", "c", "d"], np.array([3.0, 2.0, 1.0]))
    vectors = [[1, 0], [1, 1], [3, 1], [9, 1]]  # nearer in distance is farther in angle
    words = ["a", "b", "c", "d"]
    near = WordSimilarityTask(pairs).run(table(vectors, words, "euclidean"))
    assert near.samples["spearman"].value() == pytest.approx(1)
    turned = WordSimilarityTask(pairs).run(table(vectors, words))
    assert turned.samples["spearman"].value() == pytest.approx(-1)


def test_unknown_words_are_counted_and_both_conventions_given() -> None:
    pairs = PairSet(
        "p", ["a", "a", "b", "a"], ["b", "c", "c", "zzz"], np.array([9.0, 5.0, 1.0, 0.0])
    )
    outcome = WordSimilarityTask(pairs).run(table([[1, 0], [1, 0.2], [1, 0.9]], ["a", "b", "c"]))
    cosines = outcome.samples["spearman"].columns["predicted"]
    assert list(outcome.items) == ["a ↔ b", "a ↔ c", "b ↔ c"]
    filled = [*cosines, cosines.mean()]
    assert values(outcome)["spearman_all"] == pytest.approx(
        stats.spearmanr(filled, pairs.scores)[0]
    )
    assert "1 of 4 pairs have unknown words" in outcome.notes[0]
    every = WordSimilarityTask(pairs, main="spearman_all")
    assert len(every.run(table([[1, 0], [1, 0.2], [1, 0.9]], ["a", "b", "c"])).items) == 4


def test_words_are_found_in_another_case() -> None:
    pairs = PairSet("p", ["CAT", "arafat", "cat"], ["Cat", "cat", "peace"], np.arange(3.0))
    system = table([[1, 0], [0, 1], [1, 1], [2, 1]], ["cat", "Arafat", "ARAFAT", "Peace"])
    outcome = WordSimilarityTask(pairs).run(system)
    assert not outcome.notes
    cosines = outcome.samples["spearman"].columns["predicted"]
    assert cosines == pytest.approx([1, 0, 2 / 5**0.5])


def test_zeros_are_unknown_to_an_encoder() -> None:
    pairs = PairSet("p", ["ab", "abc", "ab"], ["abc", "xy", "?"], np.array([2.0, 1.0, 3.0]))
    outcome = WordSimilarityTask(pairs).run(SPELLING)
    assert list(outcome.items) == ["ab ↔ abc", "abc ↔ xy"]
    assert SPELLING.encoder is not None and SPELLING.encoder.texts == 4


def test_rows_of_items_can_be_told_apart() -> None:
    pairs = PairSet("p", ["ab", "ab", "c"], ["abc", "abc", "d"], np.array([2.0, 1.0, 3.0]))
    items = WordSimilarityTask(pairs).run(SPELLING).items
    assert len(set(items)) == 3


@pytest.mark.parametrize("system", [System("bm25", "2"), table(np.eye(3), None)])
def test_who_has_no_words_cannot_be_judged(system: System) -> None:
    pairs = PairSet("p", ["a", "b"], ["b", "c"], np.array([1.0, 2.0]))
    with pytest.raises(NotApplicable):
        WordSimilarityTask(pairs).run(system)


def test_who_knows_too_little_cannot_be_judged() -> None:
    pairs = PairSet("p", ["a", "b"], ["b", "c"], np.array([1.0, 2.0]))
    with pytest.raises(NotApplicable, match="1 pairs"):
        WordSimilarityTask(pairs).run(table(np.eye(2), ["a", "b"]))


# -- analogies ---------------------------------------------------------------------------------


def by_the_formula(unit: np.ndarray, question: Sequence[int], method: str) -> int:
    """Levy and Goldberg (2014), one candidate at a time."""
    a, b, c = (unit[row].astype(np.float64) for row in question)
    best, found = -np.inf, -1
    for row, d in enumerate(unit.astype(np.float64)):
        if row in question:
            continue
        cosines = [d @ b, d @ c, d @ a]
        if method == "3cosadd":
            score = cosines[0] + cosines[1] - cosines[2]
        elif method == "nearest":
            score = cosines[1]
        else:
            to_b, to_c, to_a = ((cosine + 1) / 2 for cosine in cosines)
            score = to_b * to_c / (to_a + 0.001)
        if score > best:
            best, found = score, row
    return found


@pytest.mark.parametrize("method", RULES)
@pytest.mark.parametrize("block", [1 << 23, 64])
def test_answers_are_those_of_the_formula(
    method: Any, block: int, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kinspace.evaluate.tasks.analogies._BLOCK", block)
    unit = normalise(rng.normal(size=(60, 7)).astype(np.float32))
    questions = rng.integers(0, 60, (200, 3))
    expected = [by_the_formula(unit, question.tolist(), method) for question in questions]
    assert answers(unit, questions, method).tolist() == expected


def test_a_vocabulary_of_the_question_alone_has_no_answer() -> None:
    assert answers(np.eye(3, dtype=np.float32), np.array([[0, 1, 2]]), "3cosadd").tolist() == [-1]


ROYAL = {"king": (1, 1, 0), "man": (1, 0, 0), "woman": (0, 0, 1), "queen": (0, 1, 1)}
GENDER = AnalogySet(
    "g",
    {
        "family": [("man", "king", "woman", "queen"), ("woman", "queen", "man", "king")],
        "gram1-adverb": [("man", "woman", "king", "queen"), ("man", "king", "woman", "car")],
        "gram2": [("man", "king", "woman", "unheard")],
    },
)


def royal(*others: str) -> System:
    vectors = [*ROYAL.values(), *([(0.1, 0.1, 0.1)] * len(others))]
    return table(vectors, [*ROYAL, *others])


def test_figures_of_sections_and_totals() -> None:
    outcome = AnalogyTask(GENDER).run(royal("Car"))
    found = values(outcome)
    assert found["accuracy"] == pytest.approx(3 / 4)
    assert found["accuracy_cosmul"] == pytest.approx(3 / 4)
    assert found["accuracy_all"] == pytest.approx(3 / 5)
    assert found["accuracy_nearest"] == 0.5  # the word nearest to king is car
    assert found["accuracy_semantic"] == found["section_family"] == 1
    assert found["accuracy_syntactic"] == found["section_gram1_adverb"] == 0.5
    assert "section_gram2" not in found
    assert len(outcome.items) == len(outcome.samples["accuracy"]) == 4
    assert "1 of 5 questions have unknown words" in outcome.notes[1]


def test_the_method_says_which_accuracy_is_main() -> None:
    found = values(AnalogyTask(GENDER, method="3cosmul").run(royal("car")))
    assert "accuracy_cosadd" in found and "accuracy_cosmul" not in found


def test_only_the_first_ids_of_a_table_count() -> None:
    outcome = AnalogyTask(GENDER, restrict=4).run(royal("car"))
    assert "2 of 5 questions" in outcome.notes[1]
    assert "first 4 words" in outcome.notes[0]


def test_forms_of_one_word_are_one_candidate() -> None:
    # "Queen", which stands nearer than "queen", is a form of it and comes later: it is not asked.
    system = table([*ROYAL.values(), (0, 0.2, 1)], [*ROYAL, "King"])
    outcome = AnalogyTask(GENDER).run(system)
    assert "first 4 words" in outcome.notes[0]
    assert outcome.samples["section_family"].value() == 1


def test_an_encoder_chooses_among_the_words_of_the_questions() -> None:
    asked = AnalogySet("s", {"plural": [("cat", "cats", "dog", "dogs"), ("a", "as", "b", "bs")]})
    outcome = AnalogyTask(asked).run(SPELLING)
    assert "8 words, those of the questions" in outcome.notes[0]
    assert outcome.samples["section_plural"].value() == 1
    crowded = AnalogyTask(asked, vocabulary=["DOGS", "sdog", "gods"]).run(SPELLING)
    assert "and the vocabulary given" in crowded.notes[0]
    assert "10 words" in crowded.notes[0]


def test_settings_that_mean_nothing_are_refused() -> None:
    with pytest.raises(InvalidParameter, match="Unknown method"):
        AnalogyTask(GENDER, method="4cosadd")  # type: ignore[arg-type]
    with pytest.raises(InvalidParameter, match="cannot hold"):
        AnalogyTask(GENDER, restrict=3)


# -- outliers ----------------------------------------------------------------------------------


def compactness(vectors: np.ndarray, without: int) -> float:
    """Camacho-Collados and Navigli (2016), equation 1: the mean over pairs of the other words."""
    rest = [row for row in range(len(vectors)) if row != without]
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return float(np.mean([unit[i] @ unit[j] for i, j in combinations(rest, 2)]))


def test_outliers_by_the_formula(rng: np.random.Generator) -> None:
    vectors = rng.normal(size=(24, 5)) + 0.5
    words = [f"w{i}" for i in range(24)]
    groups = {"a": (words[:8], words[8:12]), "b": (words[12:20], words[20:])}
    outcome = OutlierTask(OutlierSet("o", groups)).run(table(vectors, words))
    expected = []
    for members, strangers in groups.values():
        for stranger in strangers:
            rows = [words.index(word) for word in [*members, stranger]]
            each = [compactness(vectors[rows], place) for place in range(9)]
            expected.append(sum(value < each[-1] for value in each[:-1]) / 8)
    assert outcome.samples["opp"].columns["values"].tolist() == expected
    hits = [float(place == 1) for place in expected]
    assert outcome.samples["accuracy"].columns["values"].tolist() == hits
    assert outcome.items[0] == "a: w8"


def test_words_that_say_nothing_find_no_outlier() -> None:
    groups = OutlierSet("o", {"a": (["a", "b"], ["c"])})
    outcome = OutlierTask(groups).run(table(np.ones((3, 2)), ["a", "b", "c"]))
    assert values(outcome)["accuracy"] == values(outcome)["opp"] == 0


def test_unknown_outliers_and_members() -> None:
    groups = OutlierSet("o", {"a": (["a", "b", "zz"], ["c", "yy"]), "b": (["xx", "a"], ["c"])})
    outcome = OutlierTask(groups).run(table([[1, 0], [1, 0.1], [0, 1]], ["a", "b", "c"]))
    assert values(outcome) == {"accuracy": 1.0, "opp": 1.0, "accuracy_all": pytest.approx(1 / 3)}
    assert list(outcome.items) == ["a: c"]
    assert "2 of 3 outliers" in outcome.notes[0]
    assert "2 members" in outcome.notes[1]


def test_outliers_are_made_of_word_lists() -> None:
    lists = {
        "fruit": ["apple", "pear", "plum", "fig"],
        "firms": ["Apple", "Shell", "Ford"],
        "rest": ["one"],
    }
    made = outliers_among(lists, members=3, outliers=3, seed=4)
    assert set(made.groups) == {"fruit", "firms"}
    members, strangers = made.groups["fruit"]
    assert members == ["apple", "pear", "plum"]
    assert len(strangers) == 3 and set(strangers) == {"Shell", "Ford", "one"}
    assert "apple" not in made.groups["firms"][1]
    assert made.groups == outliers_among(lists, members=3, outliers=3, seed=4).groups
    with pytest.raises(EmptyInput):
        outliers_among({"fruit": ["apple", "pear"]})


# -- word translation --------------------------------------------------------------------------


@pytest.mark.parametrize("block", [1 << 23, 50])
def test_translations_by_the_formula(
    block: int, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kinspace.engines.csls._BLOCK", block)
    here = normalise(rng.normal(size=(30, 6)).astype(np.float32))
    there = normalise(rng.normal(size=(45, 6)).astype(np.float32))
    gold = [rng.choice(45, 2, replace=False).tolist() for _ in range(30)]
    near, csls = ranks(here, there, gold)
    cosines = here @ there.T
    r_there = np.sort(cosines, axis=0)[-10:].mean(0)
    r_here = np.sort(cosines, axis=1)[:, -10:].mean(1, keepdims=True)
    full = 2 * cosines - r_here - r_there
    for scores, found in ((cosines, near), (full, csls)):
        order = (-scores).argsort(axis=1)
        expected = [min(order[i].tolist().index(j) for j in gold[i]) + 1 for i in range(30)]
        assert found.tolist() == expected


def test_figures_of_a_table_of_two_languages() -> None:
    words = ["cat", "dog", "gato", "perro", "Berlin", "hund"]
    vectors = [[1, 0, 0], [0, 1, 0], [1, 0.1, 0], [0.1, 0.9, 0], [0, 0, 1], [0, 1, 0]]
    pairs = DictionarySet(
        "d", {"cat": ["gata", "gato"], "dog": ["perro"], "Berlin": ["Berlin"], "cow": ["vaca"]}
    )
    outcome = WordTranslationTask(pairs).run(table(vectors, words))
    found = values(outcome)
    assert found["precision_at_1"] == pytest.approx(2 / 3)  # "hund" is nearer than "perro"
    assert found["precision_at_5"] == found["csls_precision_at_5"] == 1
    assert found["precision_at_1_all"] == 0.5
    assert found["precision_at_1_unlike"] == 0.5
    assert list(outcome.items) == ["cat", "dog", "Berlin"]
    assert "the table's" in outcome.notes[0] and "4 words" in outcome.notes[0]
    assert "1 of 4 words" in outcome.notes[1]
    own = WordTranslationTask(pairs, vocabulary=[]).run(table(vectors, words))
    assert values(own)["precision_at_1"] == 1


def test_an_encoder_translates_by_what_it_encodes() -> None:
    pairs = DictionarySet("d", {"taxi": ["taxi"], "house": ["haus"], "tree": ["baum"]})
    outcome = WordTranslationTask(pairs).run(SPELLING)
    assert values(outcome)["precision_at_1"] == pytest.approx(2 / 3)
    assert "3 words: those of the set" in outcome.notes[0]


def test_some_words_are_asked_and_all_translations_chosen_among() -> None:
    pairs = DictionarySet("d", {"a": ["aa"], "b": ["bb", "bbb"], "c": ["cc"], "d": ["bcd"]})
    outcome = WordTranslationTask(pairs, asked=(1, 3)).run(SPELLING)
    assert list(outcome.items) == ["b", "c"]
    assert "5 words" in outcome.notes[0]
    with pytest.raises(InvalidParameter, match="none of which are 4 to 9"):
        WordTranslationTask(pairs, asked=(4, 9))


# -- identity ----------------------------------------------------------------------------------


def test_settings_and_content_are_part_of_the_fingerprint() -> None:
    prints = [
        AnalogyTask(GENDER).fingerprint,
        AnalogyTask(GENDER, method="3cosmul").fingerprint,
        AnalogyTask(GENDER, restrict=None).fingerprint,
        AnalogyTask(GENDER, vocabulary=["x"]).fingerprint,
        AnalogyTask(AnalogySet("g", {"family": GENDER.sections["family"]})).fingerprint,
        WordTranslationTask(DictionarySet("d", {"a": ["b"]})).fingerprint,
        WordTranslationTask(DictionarySet("d", {"a": ["b"]}), restrict=None).fingerprint,
        WordTranslationTask(DictionarySet("d", {"a": ["b"]}), asked=(0, 1)).fingerprint,
        OutlierTask(OutlierSet("o", {"a": (["a", "b"], ["c"])})).fingerprint,
        OutlierTask(OutlierSet("o", {"a": (["a"], ["b", "c"])})).fingerprint,
        WordSimilarityTask(PairSet("p", ["a", "b"], ["b", "c"], np.array([1.0, 2.0]))).fingerprint,
        WordSimilarityTask(PairSet("p", ["a", "b"], ["b", "c"], np.array([1.0, 3.0]))).fingerprint,
    ]
    assert len(set(prints)) == len(prints)
    assert AnalogyTask(GENDER, name="other").fingerprint == prints[0]
