"""Reranking hits, by a reranker and by encoders of every form."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from kinspace.errors import InvalidInput, InvalidParameter
from kinspace.results import Hit, Part
from kinspace.search.rerank import ByVectors, as_reranker, rerank
from tests.toys import HashEncoder, MultiHashEncoder, SparseHashEncoder

TEXTS = ["a cat", "a dog and a cat", "the sun", "cats"]
HITS = [Hit(str(i), 1 - i / 10, text) for i, text in enumerate(TEXTS)]


class Longest:
    """The longer, the better."""

    name, fingerprint = "longest", "0"

    def score(self, query: str, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.array([len(text) for text in texts], np.float32)


def test_hits_in_the_order_of_the_scores() -> None:
    found = rerank("q", HITS, Longest())
    assert [hit.id for hit in found] == ["1", "2", "0", "3"]
    assert [hit.score for hit in found] == [15, 7, 5, 4]
    assert [hit.text for hit in found] == [TEXTS[i] for i in (1, 2, 0, 3)]
    assert [hit.id for hit in rerank("q", HITS, Longest(), 2)] == ["1", "2"]
    assert rerank("q", [], Longest()) == []
    assert HITS[0].score == 1


def test_equal_scores_keep_their_order() -> None:
    hits = [Hit(name, 1.0, "same") for name in "cab"]
    assert [hit.id for hit in rerank("q", hits, Longest())] == ["c", "a", "b"]


def test_other_texts_than_those_shown() -> None:
    found = rerank("q", HITS, Longest(), texts=["1", "22", "333", "4444"])
    assert [hit.id for hit in found] == ["3", "2", "1", "0"]
    with pytest.raises(InvalidInput, match="2 texts for 4 hits"):
        rerank("q", HITS, Longest(), texts=["a", "b"])


def test_its_part_is_explained_beside_the_others() -> None:
    hit = Hit("1", 0.5, "abc", parts={"dense": Part(3, 0.5)})
    explained = rerank("q", [hit], Longest(), explain=True)[0]
    assert explained.parts == {"dense": Part(3, 0.5), "rerank": Part(1, 3.0)}
    assert rerank("q", [hit], Longest())[0].parts == hit.parts
    assert list(hit.parts) == ["dense"]


@pytest.mark.parametrize("make", [HashEncoder, SparseHashEncoder, MultiHashEncoder])
def test_encoders_of_every_form(make: Any) -> None:
    encoder = make()
    expected = encoder.encode_query(["a cat"]).similarity(encoder.encode(TEXTS))[0]
    found = rerank("a cat", HITS, encoder)
    assert [hit.id for hit in found] == [HITS[i].id for i in np.argsort(-expected, kind="stable")]
    np.testing.assert_allclose([hit.score for hit in found], np.sort(expected)[::-1], rtol=1e-6)


def test_texts_are_encoded_once() -> None:
    by = ByVectors(HashEncoder())
    first = by.score("a", TEXTS[:2])
    both = by.score("a", [*TEXTS, *TEXTS])
    np.testing.assert_allclose(both[:2], first)
    np.testing.assert_allclose(both[:4], both[4:])
    assert sum(map(len, by._tables)) == len(TEXTS)
    by.forget()
    np.testing.assert_allclose(by.score("a", TEXTS[:2]), first)


def test_what_is_refused() -> None:
    assert as_reranker(longest := Longest()) is longest
    with pytest.raises(InvalidInput, match="no reranker"):
        rerank("q", HITS, "name")  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="is a text"):
        rerank(np.zeros(3), HITS, Longest())  # type: ignore[arg-type]
    with pytest.raises(InvalidParameter, match="k is 0"):
        rerank("q", HITS, Longest(), 0)
