"""Sparse vectors: every verb answers as it does for the same vectors with their zeros."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.sparse import coo_array, csc_array, csr_array, csr_matrix, random_array

from kinspace import Distill, Exact
from kinspace.embeddings import Embeddings
from kinspace.encoder import Encoder, Side
from kinspace.errors import DimensionMismatch, InvalidInput, InvalidVectors, KinspaceError
from kinspace.metric import METRICS, distances, is_distance, normalise, paired_scores, scores
from kinspace.space import Space
from tests.toys import SparseHashEncoder

IDS = [f"w{i}" for i in range(40)]


def some(rows: int = 40, dim: int = 30, seed: int = 0) -> Any:
    rng = np.random.default_rng(seed)
    found = random_array((rows, dim), density=0.15, rng=rng, format="csr", dtype=np.float32)
    found.data = (found.data * 4).round() / 2  # ties, and zeros that are kept
    return found


def both(metric: Any = "cosine") -> tuple[Embeddings, Embeddings]:
    held = some()
    return (
        Embeddings(held, Space("s", "f", 30, metric, "sparse"), IDS),
        Embeddings(held.toarray(), Space("d", "f", 30, metric), IDS),
    )


each_metric = pytest.mark.parametrize("metric", METRICS)


# -- the metrics -----------------------------------------------------------------------------------


@each_metric
def test_scores_are_those_of_dense_vectors(metric: Any) -> None:
    a, b = some(17), some(23, seed=1)
    expected = scores(a.toarray(), b.toarray(), metric)
    for left, right in ((a, b), (a.toarray(), b), (a, b.toarray())):
        found = scores(left, right, metric)
        assert type(found) is np.ndarray and found.dtype == np.float32
        np.testing.assert_allclose(found, expected, atol=1e-5)
    found = paired_scores(a, b[:17], metric)
    np.testing.assert_allclose(found, paired_scores(a.toarray(), b[:17].toarray(), metric))
    assert found.shape == (17,) and found.dtype == np.float64
    if is_distance(metric):
        assert not np.signbit(distances(scores(a, a, metric), metric)).any()
    with pytest.raises(DimensionMismatch):
        scores(a, some(3, 31), metric)


@each_metric
def test_scores_of_nothing(metric: Any) -> None:
    nothing = csr_array((3, 5), dtype=np.float32)
    assert scores(nothing, nothing, metric).tolist() == [[0, 0, 0]] * 3
    assert scores(nothing[:0], nothing, metric).shape == (0, 3)
    assert scores(nothing, nothing[:0], metric).shape == (3, 0)


def test_length_1() -> None:
    found = normalise(csr_array(np.array([[0, 3e-30, 4e-30], [0, 0, 0]], np.float32)))
    np.testing.assert_allclose(found.toarray(), [[0, 0.6, 0.8], [0, 0, 0]], rtol=1e-5)


# -- embeddings ------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", [csr_array, csc_array, coo_array, csr_matrix, np.asarray])
def test_any_form_becomes_rows(form: Any) -> None:
    e = Embeddings(form(some().toarray()), Space("s", "f", 30, form="sparse"))
    assert type(e.vectors) is csr_array and e.vectors.dtype == np.float32
    np.testing.assert_array_equal(e.vectors.toarray(), some().toarray())


def test_entries_that_come_twice_are_added() -> None:
    held = csr_array((np.ones(3, np.float32), np.array([1, 1, 0]), np.array([0, 2, 3])), (2, 3))
    e = Embeddings(held, Space("s", "f", 3, "dot", "sparse"))
    assert e.vectors.toarray().tolist() == [[0, 2, 0], [1, 0, 0]]
    assert e.nearest(0).scores.tolist() == [0]


@pytest.mark.parametrize(
    ("vectors", "form", "error"),
    [
        (some(), "dense", InvalidInput),
        (some(dim=31), "sparse", DimensionMismatch),
        (csr_array(np.array([[0, np.nan] + [0] * 28])), "sparse", InvalidVectors),
        (csr_array(np.array([[0, 1e300] + [0] * 28])), "sparse", InvalidVectors),
        (coo_array(np.ones(30)), "sparse", InvalidVectors),
        ("words", "sparse", InvalidVectors),
        (np.ones((2, 3, 30)), "sparse", InvalidVectors),
    ],
)
def test_impossible_vectors(vectors: Any, form: Any, error: type[KinspaceError]) -> None:
    with pytest.raises(error) as raised:
        Embeddings(vectors, Space("s", "f", 30, form=form))
    assert raised.value.remedy


def test_nan_is_named_by_its_row() -> None:
    held = some()
    held.data[7] = np.inf
    row = int(np.flatnonzero(~np.isfinite(held.toarray()).all(1))[0])
    with pytest.raises(InvalidVectors, match=f"Vector {row} has inf"):
        Embeddings(held, Space("s", "f", 30, form="sparse"))


def test_as_a_container() -> None:
    e, dense = both()
    assert len(e) == 40 and e.shape == (40, 30)
    assert np.asarray(e).tolist() == dense.vectors.tolist()
    assert np.asarray(e, dtype=np.float64).dtype == np.float64
    with pytest.raises(ValueError, match="copy"):
        np.asarray(e, copy=False)
    assert [row.shape for row in e] == [(1, 30)] * 40
    assert e["w3"].toarray().tolist() == [dense["w3"].tolist()]
    for key in (slice(5, 9), [3, 1], ["w3", "w1"], np.arange(40) > 20, slice(0, 0), []):
        part = e[key]
        assert part.ids == dense[key].ids
        np.testing.assert_array_equal(np.asarray(part), dense[key].vectors)


@each_metric
def test_verbs_answer_as_for_dense_vectors(metric: Any) -> None:
    e, dense = both(metric)
    np.testing.assert_allclose(e.similarity(), dense.similarity(), atol=1e-5)
    assert e.similarity("w1", "w2") == pytest.approx(dense.similarity("w1", "w2"), abs=1e-6)
    for ask in (
        lambda e: e.nearest("w3", k=40),
        lambda e: e.nearest(positive=["w1", "w2"], negative=["w5"], k=40),
        lambda e: e.nearest(e["w1"] - e["w2"], k=40),
        lambda e: e.nearest(np.eye(30, dtype=np.float32)[4], k=40),
        *(
            lambda e, method=method: e.analogy("w1", "w2", "w3", k=40, method=method)
            for method in ("3cosadd", "3cosmul", "pairdirection")
        ),
    ):
        ours, theirs = ask(e), ask(dense)
        assert set(ours.ids) == set(theirs.ids)
        expected = dict(theirs)
        np.testing.assert_allclose(ours.scores, [expected[i] for i in ours.ids], atol=1e-4)
    assert e.odd_one_out(IDS[:6]) == dense.odd_one_out(IDS[:6])
    assert e.rank("w1", "w2") == dense.rank("w1", "w2")


def test_truncating() -> None:
    e, dense = both()
    np.testing.assert_allclose(np.asarray(e.truncate(9)), dense.truncate(9).vectors, rtol=1e-6)
    assert e.truncate(9).space.form == "sparse"


@pytest.mark.parametrize("ids", [None, IDS])
def test_save_and_load(ids: Any, tmp_path: Path) -> None:
    before = Embeddings(some(), Space("s", "f", 30, form="sparse"), ids)
    before.save(tmp_path / "e")
    after = Embeddings.load(tmp_path / "e")
    assert after.space == before.space and after.ids == before.ids
    assert after[3:5].nearest(before[3:4]).ids == before[3:5].nearest(before[3:4]).ids
    assert type(after.vectors) is csr_array
    np.testing.assert_array_equal(after.vectors.toarray(), before.vectors.toarray())


def test_saving_nothing(tmp_path: Path) -> None:
    Embeddings(some()[:0], Space("s", "f", 30, form="sparse")).save(tmp_path / "e")
    assert Embeddings.load(tmp_path / "e").vectors.shape == (0, 30)


def test_damage_is_found_when_it_is_used(tmp_path: Path) -> None:
    e = Embeddings(some(), Space("s", "f", 30, form="sparse"))
    e.save(tmp_path / "e")
    whole = (tmp_path / "e").read_bytes()
    for array, value in (
        (e.vectors.data, np.float32(np.nan)),
        (e.vectors.indices, e.vectors.indices.dtype.type(99)),
        (e.vectors.indices, e.vectors.indices.dtype.type(-2)),
    ):
        place = whole.index(array.tobytes())
        changed = whole[:place] + value.tobytes() + whole[place + value.nbytes :]
        (tmp_path / "e").write_bytes(changed)
        loaded = Embeddings.load(tmp_path / "e")
        assert len(loaded) == 40
        for use in (lambda e: e.vectors, lambda e: e.nearest(0), np.asarray):
            with pytest.raises(InvalidVectors) as raised:
                use(Embeddings.load(tmp_path / "e"))
            assert raised.value.remedy


# -- encoders, and what wants dense vectors --------------------------------------------------------


class Faulty(SparseHashEncoder):
    """Gives what ``rows`` makes of the right vectors."""

    def __init__(self, rows: Any) -> None:
        super().__init__(dim=64)
        self.rows = rows

    def _encode_batch(self, items: Sequence[str], side: Side) -> Any:
        return self.rows(super()._encode_batch(items, side))


def test_an_encoder_of_sparse_vectors(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [f"text number {i % 17} " + "x" * (i % 5) for i in range(60)]
    whole = SparseHashEncoder().encode(texts)
    assert type(whole.vectors) is csr_array
    monkeypatch.setattr(SparseHashEncoder, "items_held", 7)
    monkeypatch.setattr(SparseHashEncoder, "batch_cost", 40)
    in_parts = SparseHashEncoder().encode(texts)
    assert (in_parts.vectors != whole.vectors).nnz == 0
    assert SparseHashEncoder().encode([]).vectors.shape == (0, 1 << 16)


def _with_nan(rows: Any) -> Any:
    rows.data[-1] = np.nan
    return rows


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (lambda rows: rows.toarray(), "gave dense vectors"),
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
        return csr_array((len(items), 4), dtype=np.float32)


def test_an_encoder_that_is_not_what_its_space_says() -> None:
    with pytest.raises(InvalidVectors, match="gave sparse vectors, and its space is dense"):
        Dense().encode(["a"])


def test_what_wants_dense_vectors_says_so() -> None:
    for attempt in (
        lambda: Exact(30, "cosine").add(some()),
        lambda: Distill(SparseHashEncoder()).fit(["a cat", "a dog"] * 10),
    ):
        with pytest.raises(InvalidInput) as raised:
            attempt()
        assert "sparse" in str(raised.value) and raised.value.remedy


def test_scikit_learn_takes_them() -> None:
    from sklearn.linear_model import LogisticRegression

    e, dense = both()
    sides = [i % 2 for i in range(40)]
    by_rows = LogisticRegression().fit(e.vectors, sides)
    np.testing.assert_allclose(
        by_rows.coef_, LogisticRegression().fit(dense, sides).coef_, atol=1e-3
    )
