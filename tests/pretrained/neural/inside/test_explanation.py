"""Why two texts match: shares that add up, known answers, and what is shown of them."""

from __future__ import annotations

import functools
import html
import json
import re
from itertools import combinations, permutations
from math import factorial
from typing import Any

import numpy as np
import pytest

import kinspace as ks
from kinspace.encoder import Encoder
from kinspace.errors import EmptyInput, InvalidInput, InvalidParameter, NotApplicable
from kinspace.pretrained.neural.inside.erasure import contributions
from kinspace.pretrained.neural.inside.explanation import Explanation, explain
from kinspace.search.explain import ExplainsMatches
from tests.pretrained.neural import late_models, tiny
from tests.toys import CountLearner, HashEncoder, SparseHashEncoder

A, B = "a small cat sat here", "the kitten sat on a mat"


@functools.cache
def minilm() -> ks.TransformerEncoder:
    return ks.TransformerEncoder("all-MiniLM-L6-v2", precision="float32", device="cpu")


def counts() -> Encoder[str]:
    return CountLearner(16).fit([A, B])


# -- shares by erasure -----------------------------------------------------------------------------


def test_of_words_that_are_counted_each_gives_its_own_part() -> None:
    """The similarity of counts is the number of equal pairs of words: nothing else is shared."""
    found = explain(counts(), "cat sat cat", "the cat sat sat unknown")
    expected = [[0, 1, 0, 0, 0], [0, 0, 1, 1, 0], [0, 1, 0, 0, 0]]
    np.testing.assert_allclose(found.matrix, expected, atol=1e-6)
    assert found.score == pytest.approx(4)
    np.testing.assert_allclose(found.a.weights, [1, 2, 1], atol=1e-6)
    np.testing.assert_allclose(found.b.weights, [0, 2, 1, 1, 0], atol=1e-6)


@pytest.mark.parametrize(
    "make",
    [counts, HashEncoder, SparseHashEncoder, ks.load, minilm],
    ids=["counts", "hash", "sparse", "default", "minilm"],
)
@pytest.mark.parametrize("orders", [1, 7, 16])
def test_shares_add_up_to_the_similarity(make: Any, orders: int) -> None:
    encoder = make()
    found = explain(encoder, A, B, orders=orders)
    similarity = encoder.encode_query([A]).similarity(encoder.encode([B]))[0, 0]
    assert found.matrix.sum() == pytest.approx(similarity, abs=1e-5)
    assert found.score == pytest.approx(similarity, abs=1e-5)
    np.testing.assert_allclose(found.matrix.sum(axis=1), found.a.weights, atol=1e-6)
    np.testing.assert_allclose(found.matrix.sum(axis=0), found.b.weights, atol=1e-6)


def by_definition(encoder: Encoder[str], text: str) -> Any:
    """Shapley's formula over all subsets of words, on the vectors themselves."""
    words = text.split()

    def vector(kept: tuple[int, ...]) -> Any:
        if not kept:
            return np.zeros(encoder.space.dim)
        return encoder.encode([" ".join(words[i] for i in sorted(kept))]).vectors[0]

    shares = np.zeros((len(words), encoder.space.dim))
    for word in range(len(words)):
        others = [i for i in range(len(words)) if i != word]
        for size in range(len(words)):
            weight = factorial(size) * factorial(len(others) - size) / factorial(len(words))
            for kept in combinations(others, size):
                shares[word] += weight * (vector((*kept, word)) - vector(kept))
    return shares


def test_shares_are_shapleys() -> None:
    encoder = HashEncoder(8)
    a, b = "one two three four", "two five one"
    exact = by_definition(encoder, a) @ by_definition(encoder, b).T
    np.testing.assert_allclose(explain(encoder, a, b, orders=24).matrix, exact, atol=1e-5)
    few = explain(encoder, a, b, orders=8)  # b's six orders are all taken, of a's some
    assert few.matrix.sum() == pytest.approx(exact.sum(), abs=1e-5)
    np.testing.assert_allclose(few.matrix, exact, atol=0.1)
    np.testing.assert_allclose(few.matrix, explain(encoder, a, b, orders=8).matrix)


def test_the_two_sides_may_be_swapped() -> None:
    encoder = ks.load()
    here = explain(encoder, A, B, side="document")
    there = explain(encoder, B, A, side="document")
    np.testing.assert_allclose(here.matrix, there.matrix.T, atol=1e-6)


def test_each_side_has_its_prompt() -> None:
    folder = tiny.made(tiny.bert)
    encoder = ks.TransformerEncoder(
        folder, precision="float32", device="cpu", prompt={"query": "what ", "document": "page "}
    )
    query = explain(encoder, "the cat", "a dog")
    assert query.score == pytest.approx(
        encoder.encode_query(["the cat"]).similarity(encoder.encode(["a dog"]))[0, 0], abs=1e-5
    )
    document = explain(encoder, "the cat", "a dog", side="document")
    assert document.score == pytest.approx(
        encoder.encode(["the cat", "a dog"]).similarity()[0, 1], abs=1e-5
    )
    assert query.score != document.score


def test_signs_between_words_are_kept() -> None:
    """What stands between words goes to the encoder as it is, but for blanks that are doubled."""
    seen: list[str] = []

    class Listens(HashEncoder):
        def _encode_batch(self, items: Any, side: Any) -> Any:
            seen.extend(items)
            return super()._encode_batch(items, side)

    explain(Listens(), "well, no!", "yes", orders=100)
    assert "well, no!" in seen
    assert {"well", ",", "no", "!", "well,", "well no", ", no!", "well !"} <= set(seen)
    assert "" not in seen


def test_the_real_model_sees_what_a_person_sees() -> None:
    found = explain(minilm(), "a savings account", "The bank keeps your money, and the sun shines.")
    by_word = dict(zip(found.b.words, found.b.weights.tolist(), strict=True))
    assert sorted(by_word, key=lambda word: -by_word[word])[:2] in (
        ["bank", "money"],
        ["money", "bank"],
    )
    assert abs(by_word["sun"]) < by_word["money"] / 2
    pairs = {
        (a, b)
        for a, b, _ in explain(minilm(), "the cat sat on the mat", "a kitten on a rug").pairs(2)
    }
    assert pairs == {("cat", "kitten"), ("mat", "rug")}


@pytest.mark.parametrize("make", [ks.load, minilm, counts], ids=["default", "minilm", "counts"])
@pytest.mark.parametrize("text", [B, "word", f"{B}, and so on, " * 8, "", " "])
def test_contributions_add_up_to_the_similarity(make: Any, text: str) -> None:
    encoder = make()
    found = contributions(encoder, A, text)
    if not text.strip():
        assert found == []
        return
    asked, stored = encoder.encode_query([A]), encoder.encode([text])
    similarity = float(asked.similarity(stored)[0, 0])
    assert sum(weight for _, weight in found) == pytest.approx(similarity, abs=1e-5)
    assert "".join("".join(name.split()) for name, _ in found) == "".join(text.split())
    assert len(found) <= 64


def test_a_transformer_explains_what_a_search_found() -> None:
    assert isinstance(minilm(), ExplainsMatches)
    found = minilm().contributions("a small cat", "the kitten sleeps")
    assert max(found, key=lambda one: one[1])[0] == "kitten"


# -- vectors of words ------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [ks.load, minilm], ids=["default", "minilm"])
def test_words_are_compared_within_their_texts(make: Any) -> None:
    encoder = make()
    found = explain(encoder, A, B, method="tokens")
    left, right = encoder.encode_tokens([A, B])
    cosines = left.words.embeddings.similarity(right.words.embeddings)
    np.testing.assert_allclose(found.matrix, cosines, atol=1e-6)
    np.testing.assert_array_equal(found.a.weights, found.matrix.max(axis=1))
    np.testing.assert_array_equal(found.b.weights, found.matrix.max(axis=0))
    assert found.score == pytest.approx(encoder.encode([A]).similarity(encoder.encode([B]))[0, 0])
    assert ("sat", "sat") in {(a, b) for a, b, _ in found.pairs()}
    if make is minilm:
        other = explain(encoder, A, B, method="tokens", layers="embedding")
        assert (other.matrix != found.matrix).any()


def test_pairs_have_the_greatest_sum() -> None:
    found = explain(HashEncoder(4), "one two three four five", "six seven eight nine ten")
    rows = range(5)
    best = max(sum(found.matrix[i, j] for i, j in zip(rows, order)) for order in permutations(rows))  # noqa: B905
    from scipy.optimize import linear_sum_assignment

    chosen = linear_sum_assignment(found.matrix, maximize=True)
    assert found.matrix[chosen].sum() == pytest.approx(best, abs=1e-6)
    pairs = found.pairs()
    assert {weight for _, _, weight in pairs} <= {float(x) for x in found.matrix[chosen]}
    assert [weight for _, _, weight in pairs] == sorted((w for _, _, w in pairs), reverse=True)
    assert min(weight for _, _, weight in pairs) > 0
    assert found.pairs(2) == pairs[:2]


# -- late interaction ------------------------------------------------------------------------------


EVERY_LATE = [
    late_models.colbert,
    late_models.colbert_roberta,
    late_models.xtr,
    late_models.stanford,
]


@pytest.mark.parametrize("make", EVERY_LATE, ids=lambda one: one.__name__)
def test_what_a_score_of_late_interaction_is_made_of(make: Any) -> None:
    from kinspace.pretrained.neural.late.encoder import MultiVectorEncoder

    encoder = MultiVectorEncoder(tiny.made(make), precision="float32", device="cpu")
    a, b = "Who likes the cat?", "A small cat, and the dog; sat!"
    asked, stored = encoder.encode_query([a]), encoder.encode([b])
    found = explain(encoder, a, b)
    assert found.method == "late-interaction"
    assert found.score == pytest.approx(float(asked.similarity(stored)[0, 0]), rel=1e-5)
    assert found.a.weights.sum() == pytest.approx(found.score, rel=1e-5)
    assert found.b.weights.sum() == pytest.approx(found.score, rel=1e-5)
    assert found.matrix.shape == (len(found.a.words), len(found.b.words))
    for part in (found.a, found.b):  # in order, each sign at most once
        assert (np.diff(part.offsets.ravel()) >= 0).all()
        placed = "".join(part.text[start:stop] for start, stop in part.offsets)
        assert "cat" in placed.lower()
        assert set(part.text) - set(placed) <= set(" ?,;!")  # a skiplist leaves punctuation out
    assert len(found.pairs()) <= len(found.a.words)
    assert re.sub(r"\x1b\[[\d;]*m", "", found.marked()) == f"{a}\n{b}"
    with pytest.raises(NotApplicable):
        explain(encoder, a, b, method="erasure")


# -- as text ---------------------------------------------------------------------------------------


def shown(a: str = "a cat <b>\nmat", b: str = "cat & 'dog' \x1b[31mnot") -> Explanation:
    return explain(counts(), a, b)


def test_marked_text_is_the_text() -> None:
    found = shown()
    coloured = found.marked()
    lines = ["a cat <b> mat", "cat & 'dog'  [31mnot"]  # nothing in a text steers the terminal
    assert re.sub(r"\x1b\[[\d;]*m", "", coloured).splitlines() == lines
    assert re.findall(r"48;2;[\d;]+m([^\x1b]+)", coloured) == ["cat", "cat"]
    marked = [line.replace("cat", "[cat]") for line in lines]
    assert found.marked(colour=False).splitlines() == marked


def test_what_speaks_against_a_match_has_another_colour() -> None:
    class Signed(CountLearner):
        """Of two words one counts as less than nothing, on the query's side only."""

        def _encode_batch(self, items: Any, side: Any) -> Any:
            rows = super()._encode_batch(items, side)
            return np.where(rows == 2, -2, rows) if side == "query" else rows

    found = explain(Signed(8).fit(["cat dog"]), "cat dog dog", "cat dog", orders=100)
    assert found.a.weights[0] > 0 > found.a.weights[1]
    assert len(set(re.findall(r"rgba\((\d+, \d+, \d+)", found.html()))) == 2


def test_html_stands_alone_and_escapes() -> None:
    page = shown().html()
    assert "<b>\n" not in page
    assert "&lt;b&gt;" not in page  # each sign is a word of its own
    assert "&lt;" in page
    words = re.findall(r"<mark[^>]*>(.*?)</mark>", page, re.DOTALL)
    assert [html.unescape(one) for one in words] == [*shown().a.words, *shown().b.words]
    assert page.count("<tr>") == len(shown().a.words) + 1
    assert page.count("<td") == shown().matrix.size
    assert "http" not in page
    assert shown()._repr_html_() == page


def test_as_plain_values() -> None:
    found = shown()
    values = json.loads(json.dumps(found.to_dict()))
    assert values["score"] == found.score
    assert values["a"]["words"][1] == {"word": "cat", "start": 2, "stop": 5, "weight": 1.0}
    assert np.array(values["matrix"]).shape == found.matrix.shape
    assert values["pairs"] == [{"a": "cat", "b": "cat", "weight": 1.0}]
    assert "cat–cat 1.000" in repr(found)


# -- what cannot be explained ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"method": "attention"}, InvalidParameter),
        ({"side": "both"}, InvalidParameter),
        ({"orders": 0}, InvalidParameter),
        ({"method": "erasure", "layers": 0}, InvalidParameter),
        ({"method": "tokens", "orders": 3}, InvalidParameter),
        ({"method": "tokens"}, NotApplicable),
        ({"method": "late-interaction"}, NotApplicable),
    ],
)
def test_bad_parameters(options: Any, error: Any) -> None:
    with pytest.raises(error):
        explain(HashEncoder(), A, B, **options)


@pytest.mark.parametrize("method", ["erasure", "tokens"])
def test_texts_without_words(method: Any) -> None:
    for a, b in (("", B), (A, " \n")):
        with pytest.raises(EmptyInput):
            explain(ks.load(), a, b, method=method)


def test_a_text_of_too_many_words() -> None:
    with pytest.raises(InvalidInput, match="300 words"):
        explain(HashEncoder(), A, "word " * 300)


def test_what_is_no_encoder() -> None:
    with pytest.raises(NotApplicable, match="no vectors"):
        explain(object(), A, B)  # type: ignore[arg-type]


def test_a_metric_without_shares() -> None:
    from dataclasses import replace

    class Far(HashEncoder):
        @property
        def space(self) -> Any:
            return replace(super().space, metric="euclidean")

    with pytest.raises(NotApplicable, match="dot product"):
        explain(Far(), A, B)
