"""What the base of all encoders does around the one method that an implementer writes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from kinspace.encoder import Encoder, Side
from kinspace.errors import InvalidInput, InvalidParameter, InvalidVectors
from kinspace.learn.documents.tfidf import TfidfEncoder
from kinspace.space import Space
from tests.toys import CountLearner, HashEncoder


class Recorder(Encoder[Any]):
    """One dimension: the length of the item. Notes down its batches."""

    batch_cost = 10

    def __init__(self, inner: Any = None) -> None:
        self.inner = inner

    @property
    def space(self) -> Space:
        return Space("recorder", "f", 1, "euclidean")

    def _encode_batch(self, items: Sequence[Any], side: Side) -> NDArray[np.float32]:
        self.seen = [*getattr(self, "seen", []), (list(items), side)]
        return np.array([[len(item)] for item in items], np.float32)


class Sorter(Recorder):
    sorts_by_cost = True


def test_batches_stay_under_the_cost_and_in_order() -> None:
    recorder = Recorder()
    texts = ["aaaa", "bbbb", "cccc", "d" * 30, "e", "f"]
    assert recorder.encode(texts).vectors[:, 0].tolist() == [4, 4, 4, 30, 1, 1]
    assert [batch for batch, _ in recorder.seen] == [
        ["aaaa", "bbbb"],
        ["cccc"],
        ["d" * 30],  # too dear for any batch, so in one of its own
        ["e", "f"],
    ]


def test_like_cost_goes_together_and_the_order_comes_back() -> None:
    sorter = Sorter()
    texts = ["a", "b" * 9, "cc", "d" * 8, "ee"]
    assert sorter.encode(texts).vectors[:, 0].tolist() == [1, 9, 2, 8, 2]
    assert [sorted(map(len, batch)) for batch, _ in sorter.seen] == [[9], [2, 8], [1, 2]]


def test_equal_items_are_encoded_once() -> None:
    recorder = Recorder()
    found = recorder.encode(["aa", "b", "aa", "aa"])
    assert found.vectors[:, 0].tolist() == [2, 1, 2, 2]
    assert recorder.seen == [(["aa", "b"], "document")]


@pytest.mark.parametrize("items", [[[1, 2], [3]], [(1, 2), [3]], [np.ones(2), np.ones(1)]])
def test_items_that_cannot_be_hashed(items: list[Any]) -> None:
    assert Recorder().encode(items).vectors[:, 0].tolist() == [2, 1]


def test_windows_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [f"text number {i % 17} " + "x" * (i % 5) for i in range(60)]
    whole = HashEncoder().encode(texts).vectors
    monkeypatch.setattr(HashEncoder, "items_held", 7)
    np.testing.assert_array_equal(HashEncoder().encode(texts).vectors, whole)


def test_queries_are_told_apart() -> None:
    recorder = Recorder()
    recorder.encode_query("what?")
    assert recorder.seen == [(["what?"], "query")]


def test_a_lone_string_is_one_text_also_in_a_stream() -> None:
    recorder = Recorder()
    assert len(recorder.encode("text")) == 1
    assert [len(part) for part in recorder.stream("text")] == [1]


def test_progress_ends_at_the_total() -> None:
    calls: list[tuple[int, int]] = []
    Recorder().encode(
        ["aaaa", "bbbb", "cccc", "aaaa"], progress=lambda done, of: calls.append((done, of))
    )
    assert calls == [(2, 3), (3, 3)]


def test_a_stream_is_read_as_it_goes() -> None:
    read: list[int] = []

    def source() -> Any:
        for i in range(10):
            read.append(i)
            yield f"text {i}"

    stream = Recorder().stream(source(), size=4)
    assert len(next(stream)) == 4
    assert read == [0, 1, 2, 3]
    assert [len(part) for part in stream] == [4, 2]


def test_impossible_requests() -> None:
    with pytest.raises(InvalidParameter):
        list(Recorder().stream(["a"], size=0))
    with pytest.raises(InvalidInput) as raised:
        Recorder().encode(7)  # type: ignore[arg-type]
    assert raised.value.remedy


@pytest.mark.parametrize(
    "rows", [np.ones((2, 2), np.float32), np.ones((1, 1), np.float32), np.ones(2, np.float32)]
)
def test_an_encoder_that_gives_the_wrong_shape(rows: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Recorder, "_encode_batch", lambda *_: rows)
    with pytest.raises(InvalidVectors, match="defect of the encoder"):
        Recorder().encode(["a", "b"])


def test_an_encoder_that_gives_nan(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = np.array([[1], [np.nan]], np.float32)
    monkeypatch.setattr(Recorder, "_encode_batch", lambda *_: rows)
    with pytest.raises(InvalidVectors, match="'two'"):
        Recorder().encode(["one", "two"])


def test_parameters() -> None:
    outer = Recorder(inner=HashEncoder(dim=4))
    assert outer.get_params(deep=False) == {"inner": outer.inner}
    assert outer.get_params()["inner__dim"] == 4
    outer.set_params(inner__dim=8)
    assert outer.inner.dim == 8
    with pytest.raises(InvalidParameter, match="no parameter 'depth'"):
        outer.set_params(depth=3)
    assert repr(HashEncoder()) == "HashEncoder()"
    assert repr(HashEncoder(dim=4)) == "HashEncoder(dim=4)"
    long = repr(TfidfEncoder(tokenizer="x" * 100_000))  # a tokenizer's JSON
    assert long.startswith("TfidfEncoder(tokenizer='xxx") and long.endswith("xxx')")
    assert len(long) < 120


def test_a_clone_of_a_learner_inside_is_unfitted() -> None:
    inner = CountLearner().fit(["a b"])
    copy = Recorder(inner).clone()
    assert copy.inner is not inner
    assert not hasattr(copy.inner, "words_")
    model = HashEncoder()
    assert Recorder(model).clone().inner is model
