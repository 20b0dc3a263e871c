"""Items of several vectors each: checked, kept, compared by MaxSim, saved."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kinspace.embeddings import Embeddings
from kinspace.encoder import Encoder, Side
from kinspace.errors import (
    DimensionMismatch,
    InvalidInput,
    InvalidParameter,
    InvalidVectors,
    KinspaceError,
    ReadError,
    SpaceMismatch,
)
from kinspace.metric import METRICS, paired_scores, scores
from kinspace.multi import MultiVectors, as_multi, joined
from kinspace.space import Space
from tests.toys import MultiHashEncoder

DIM = 6
IDS = [f"d{i}" for i in range(12)]


def some(count: int = 12, seed: int = 0) -> MultiVectors:
    rng = np.random.default_rng(seed)
    items = [rng.standard_normal((rng.integers(1, 9), DIM)) for _ in range(count)]
    return MultiVectors.of(items, DIM)


def table(metric: Any = "cosine", **options: Any) -> Embeddings:
    return Embeddings(some(), Space("m", "f", DIM, metric, "multi"), IDS, **options)


def max_sim(query: Any, document: Any, metric: Any) -> float:
    """By the definition, a vector at a time."""
    return sum(max(float(scores(q[None], d[None], metric)[0, 0]) for d in document) for q in query)


each_metric = pytest.mark.parametrize("metric", METRICS)


# -- the container -----------------------------------------------------------------------------


def test_items_by_place_slice_mask_and_places() -> None:
    held = some()
    listed = list(held)
    assert len(held) == len(listed) == 12
    assert held.lengths.tolist() == [len(one) for one in listed]
    assert held.shape == (12, DIM) and held.dtype == np.float32
    np.testing.assert_array_equal(held[-1], listed[11])
    for key in (slice(3, 7), slice(5, 2), slice(None, None, -2), [4, 4, 0], np.arange(12) > 8, []):
        part = held[key]
        chosen = [listed[place] for place in np.arange(12)[key]]
        assert type(part) is MultiVectors and len(part) == len(chosen)
        for one, other in zip(part, chosen, strict=True):
            np.testing.assert_array_equal(one, other)
    again = joined([held[:5], held[5:5], held[5:]], DIM)
    np.testing.assert_array_equal(again.values, held.values)
    np.testing.assert_array_equal(again.starts, held.starts)
    assert joined([], DIM).shape == (0, DIM)
    with pytest.raises(IndexError):
        held[12]


def test_what_may_be_given() -> None:
    rows = np.arange(6.0).reshape(3, 2)
    for given, lengths in (
        (rows, [3]),
        (rows.tolist(), [3]),
        ([rows, rows[:1]], [3, 1]),
        (np.stack([rows, rows]), [3, 3]),
        ([], []),
        (np.empty((0, 4, 2)), []),
    ):
        found = as_multi(given, 2)
        assert found.lengths.tolist() == lengths and found.values.dtype == np.float32
    held = some()
    assert as_multi(held, DIM) is held


@pytest.mark.parametrize(
    ("given", "error"),
    [
        (np.full((2, DIM), np.nan), InvalidVectors),
        ([np.ones((2, DIM)), np.full((1, DIM), 1e300)], InvalidVectors),
        (np.ones((2, DIM + 1)), DimensionMismatch),
        ([np.ones((2, DIM)), np.ones((0, DIM))], InvalidVectors),
        ([np.ones((2, DIM)), np.ones((2, DIM + 1))], InvalidVectors),
        (np.ones(DIM), InvalidVectors),
        (np.ones((2, 2, 2, DIM)), InvalidVectors),
        ("words", InvalidVectors),
        (3, InvalidVectors),
        (None, InvalidVectors),
    ],
)
def test_impossible_vectors(given: Any, error: type[KinspaceError]) -> None:
    with pytest.raises(error) as raised:
        Embeddings(given, Space("m", "f", DIM, form="multi"))
    assert raised.value.remedy


def test_values_and_starts_must_fit() -> None:
    values = np.ones((3, 2), np.float32)
    for starts in ([0, 2], [1, 3], [0, 2, 2, 3], [0, 3, 2, 3], []):
        with pytest.raises(InvalidVectors):
            MultiVectors(values, np.array(starts, np.int64))
    with pytest.raises(InvalidVectors):
        MultiVectors(values.astype(np.float64), np.array([0, 3]))


def test_nan_is_named_by_its_item() -> None:
    held = some()
    held.values[held.starts[7]] = np.nan
    with pytest.raises(InvalidVectors, match="Item 7"):
        Embeddings(held, Space("m", "f", DIM, form="multi"))


def test_several_vectors_where_one_is_needed_and_the_other_way_round() -> None:
    with pytest.raises(InvalidVectors, match="several vectors each"):
        Embeddings(some(), Space("d", "f", DIM))
    with pytest.raises(InvalidVectors, match="several vectors each"):
        np.asarray(table())


# -- verbs -------------------------------------------------------------------------------------


@each_metric
def test_scores_are_max_sim(metric: Any) -> None:
    e, other = table(metric), some(5, seed=1)
    queries = Embeddings(other, e.space)
    expected = [[max_sim(q, d, metric) for d in some()] for q in other]
    np.testing.assert_allclose(queries.similarity(e), expected, atol=1e-4)
    np.testing.assert_allclose(scores(other, some(), metric), expected, atol=1e-4)
    np.testing.assert_allclose(
        paired_scores(other, some()[:5], metric), np.diag(np.array(expected)), atol=1e-4
    )
    line = np.array([max_sim(e["d3"], d, metric) for d in some()])
    order = np.argsort(-line)
    found = e.nearest("d3", k=12)
    assert found.ids == [IDS[i] for i in order if i != 3]
    np.testing.assert_allclose(found.scores, [line[i] for i in order if i != 3], atol=1e-4)
    assert e.similarity("d1", "d2") == pytest.approx(max_sim(e["d1"], e["d2"], metric), abs=1e-4)
    if metric != "hamming":  # of which all are equal
        assert e.rank("d3", found.ids[4]) == 5
    for query in (e["d3"], e[3:4], e["d3"].tolist(), e[["d3"]]):
        assert e.nearest(query, k=3).ids == [IDS[i] for i in order[:3]]


def test_blocks_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = scores(some(), some(9, seed=2), "dot")
    for block in (1, 40, 5000):
        monkeypatch.setattr("kinspace.multi._BLOCK", block)
        np.testing.assert_allclose(scores(some(), some(9, seed=2), "dot"), whole, atol=1e-5)


def test_a_sum_of_cosines_has_no_distance() -> None:
    found = table("cosine").nearest("d0")
    assert found.metric == "dot"
    with pytest.raises(InvalidParameter):
        found.distances  # noqa: B018
    assert (table("euclidean").nearest("d0").distances >= 0).all()


def test_as_a_container() -> None:
    e = table()
    assert len(e) == 12 and e.shape == (12, DIM) and type(e.vectors) is MultiVectors
    assert [one.shape for one in e] == [(n, DIM) for n in some().lengths]
    np.testing.assert_array_equal(e["d4"], some()[4])
    part = e[["d4", "d1"]]
    assert part.ids == ["d4", "d1"] and part.vectors.lengths.tolist() == [
        len(some()[4]), len(some()[1])
    ]  # fmt: skip
    assert len(e[:0]) == 0 and len(e[:0].similarity(e)) == 0
    assert e[:0].nearest(e["d1"]).ids == []


def test_truncating() -> None:
    e = table()
    short = e.truncate(3)
    assert short.space.dim == 3 and short.space.form == "multi"
    np.testing.assert_allclose(np.linalg.norm(short.vectors.values, axis=1), 1, rtol=1e-5)
    np.testing.assert_array_equal(table("dot").truncate(3)["d2"], e["d2"][:, :3])
    with pytest.raises(SpaceMismatch):
        short.similarity(e)


@pytest.mark.parametrize(
    "ask",
    [
        lambda e: e.nearest(positive=["d1"], negative=["d2"]),
        lambda e: e.analogy("d1", "d2", "d3"),
        lambda e: e.analogy("d1", "d2", "d3", method="3cosmul"),
        lambda e: e.odd_one_out(["d1", "d2", "d3"]),
    ],
)
def test_what_has_no_meaning_is_refused(ask: Callable[[Embeddings], Any]) -> None:
    with pytest.raises(InvalidInput, match="several vectors each") as raised:
        ask(table())
    assert raised.value.remedy


def test_learners_that_want_one_vector_each_say_so() -> None:
    from kinspace import Distill, Exact, Procrustes, SentenceVectors, write_vectors

    e = table()
    for attempt in (
        lambda: Distill(MultiHashEncoder()).fit(["a cat", "a dog"] * 10),
        lambda: SentenceVectors(e).fit(["d1 d2"]),
        lambda: Procrustes().fit(e, e),
        lambda: write_vectors(e, Path("nowhere.txt")),
        lambda: Exact(DIM).add(e.vectors),
    ):
        with pytest.raises(InvalidInput) as raised:
            attempt()
        assert raised.value.remedy


# -- on disk -----------------------------------------------------------------------------------


@pytest.mark.parametrize("ids", [None, IDS])
def test_save_and_load(ids: Any, tmp_path: Path) -> None:
    before = Embeddings(some(), Space("m", "f", DIM, form="multi"), ids)
    before.save(tmp_path / "e")
    after = Embeddings.load(tmp_path / "e")
    assert after.space == before.space and after.ids == before.ids
    np.testing.assert_array_equal(after.similarity(), before.similarity())
    np.testing.assert_array_equal(after[3:5].vectors.values, before[3:5].vectors.values)
    before[:0].save(tmp_path / "none")
    assert Embeddings.load(tmp_path / "none").vectors.shape == (0, DIM)


def test_damage_is_found(tmp_path: Path) -> None:
    table().save(tmp_path / "e")
    whole = (tmp_path / "e").read_bytes()
    held = some()
    for array, value, error in (
        (held.values, np.float32(np.nan), InvalidVectors),
        (held.starts, np.int64(7), ReadError),
    ):
        place = whole.index(array.tobytes())
        changed = whole[:place] + value.tobytes() + whole[place + value.nbytes :]
        (tmp_path / "e").write_bytes(changed)
        with pytest.raises(error):
            Embeddings.load(tmp_path / "e").nearest("d0")


# -- encoders ----------------------------------------------------------------------------------


class Faulty(MultiHashEncoder):
    """Gives what ``rows`` makes of the right vectors."""

    def __init__(self, rows: Any) -> None:
        super().__init__()
        self.rows = rows

    def _encode_batch(self, items: Sequence[str], side: Side) -> Any:
        return self.rows(super()._encode_batch(items, side))


def test_an_encoder_of_several_vectors(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [f"text number {i % 17} " + "x " * (i % 5) for i in range(60)]
    whole = MultiHashEncoder().encode(texts)
    assert whole.vectors.lengths.tolist() == [len(text.split()) for text in texts]
    monkeypatch.setattr(MultiHashEncoder, "items_held", 7)
    monkeypatch.setattr(MultiHashEncoder, "batch_cost", 40)
    in_parts = MultiHashEncoder().encode(texts)
    np.testing.assert_array_equal(in_parts.vectors.values, whole.vectors.values)
    np.testing.assert_array_equal(in_parts.vectors.starts, whole.vectors.starts)
    assert MultiHashEncoder().encode([]).vectors.shape == (0, 16)


def _with_nan(rows: MultiVectors) -> MultiVectors:
    rows.values[-1] = np.nan
    return rows


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (lambda rows: rows.values[: len(rows)], "gave dense vectors, and its space is multi"),
        (lambda rows: rows[:1], "an array of shape"),
        (_with_nan, "'two'"),  # the last of a batch that begins with the longest
    ],
)
def test_an_encoder_with_a_defect(rows: Any, said: str) -> None:
    with pytest.raises(InvalidVectors, match=said):
        Faulty(rows).encode(["one", "two", "the last"])


class Dense(Encoder[str]):
    """Says that it is dense, and is not."""

    @property
    def space(self) -> Space:
        return Space("dense", "f", 4)

    def _encode_batch(self, items: Sequence[str], side: Side) -> Any:
        return MultiVectors.of([np.ones((2, 4)) for _ in items])


def test_an_encoder_that_is_not_what_its_space_says() -> None:
    with pytest.raises(InvalidVectors, match="gave multi vectors, and its space is dense"):
        Dense().encode(["a"])
