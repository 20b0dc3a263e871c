"""Binary, Lsh and Forest: recall by every metric, filters, growth, files, threads, awkward data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kinspace.errors import InvalidParameter
from kinspace.index import Exact
from kinspace.index.binary import Binary
from kinspace.index.forest import Forest
from kinspace.index.lsh import Lsh

DIM = 24
COUNT = 6000
KINDS: dict[str, Any] = {
    "binary": lambda metric, dim=DIM, **more: Binary(
        dim, metric, shortlist=400, exact_below=0, **more
    ),
    "lsh": lambda metric, dim=DIM, **more: Lsh(dim, metric, n_probes=24, exact_below=0, **more),
    "forest": lambda metric, dim=DIM, **more: Forest(
        dim, metric, leaf_size=32, search_k=1200, exact_below=0, **more
    ),
}
PAIRS = [
    *(("binary", metric) for metric in Binary.METRICS),
    *(("lsh", metric) for metric in Lsh.METRICS),
    *(("forest", metric) for metric in Forest.METRICS),
]
each_kind = pytest.mark.parametrize("kind", KINDS)
each_pair = pytest.mark.parametrize(("kind", "metric"), PAIRS)


@pytest.fixture(scope="module")
def vectors() -> np.ndarray:
    rng = np.random.default_rng(5)
    centres = rng.standard_normal((60, DIM))
    rows = centres[rng.integers(0, 60, COUNT)] + 0.5 * rng.standard_normal((COUNT, DIM))
    return rows.astype(np.float32)


def data_for(metric: str, vectors: np.ndarray) -> np.ndarray:
    return (vectors > 0).astype(np.float32) if metric == "hamming" else vectors


def recall(index: Any, vectors: np.ndarray, queries: np.ndarray, **more: Any) -> float:
    exact = Exact(index.dim, index.metric)
    exact.add(vectors)
    found, truth = index.search(queries, k=10, **more), exact.search(queries, k=10, **more)
    # By scores, as many may be equally near by Hamming.
    least = truth.scores[:, -1:] - 1e-5 * np.abs(truth.scores[:, -1:])
    return float(((found.scores >= least) & (found.ids >= 0)).mean())


@each_pair
def test_finds_nearly_all_neighbours(kind: str, metric: Any, vectors: np.ndarray) -> None:
    rows = data_for(metric, vectors)
    index = KINDS[kind](metric)
    index.add(rows)
    queries = rows[:100] if metric == "hamming" else rows[:100] + np.float32(0.05)
    assert recall(index, rows, queries) >= 0.93
    assert index.search(rows[:50], k=1).ids.ravel().tolist() == list(range(50)) or metric in (
        "dot",
        "hamming",
    )


@each_kind
@pytest.mark.parametrize("share", [0.9, 0.2, 0.05, 0.005])
def test_filters_of_every_selectivity(
    kind: str, share: float, vectors: np.ndarray, rng: np.random.Generator
) -> None:
    index = KINDS[kind]("cosine")
    index.add(vectors)
    mask = rng.random(COUNT) < share
    queries = vectors[:40] + np.float32(0.05)
    found = index.search(queries, k=10, allowed=mask)
    assert mask[found.ids].all()
    assert recall(index, vectors, queries, allowed=mask) >= 0.95
    assert recall(index, vectors, queries, allowed=np.flatnonzero(mask)) >= 0.95


@each_kind
def test_one_by_one_and_far_beyond_what_it_was_learned_from(kind: str, vectors: np.ndarray) -> None:
    """A structure that was learned from one vector is learned again as more come."""
    index = KINDS[kind]("cosine")
    for row in vectors[:30]:
        index.add(row)
    for start in range(30, COUNT, 995):
        index.add(vectors[start : start + 995])
    assert len(index) == COUNT
    assert recall(index, vectors, vectors[:60] + np.float32(0.05)) >= 0.9
    index.remove(np.arange(0, COUNT, 2))
    before = index.nbytes
    index.compact()
    assert index.nbytes < 0.7 * before
    left = np.arange(1, COUNT, 2)
    assert recall(index, vectors, vectors[:60], allowed=left) >= 0.93


@each_pair
def test_saved_and_loaded(kind: str, metric: Any, vectors: np.ndarray, tmp_path: Path) -> None:
    rows = data_for(metric, vectors)[:3001]
    index = KINDS[kind](metric)
    index.add(rows[:2500])
    index.add(rows[2500:])
    index.save(tmp_path / "index.kin")
    loaded = type(index).load(tmp_path / "index.kin")
    before, after = index.search(rows[:30], k=5), loaded.search(rows[:30], k=5)
    np.testing.assert_array_equal(before.ids, after.ids)
    np.testing.assert_array_equal(before.scores, after.scores)
    for each in (index, loaded):
        each.add(rows[:1] + 1, ids=[9_000])
        each.remove([3])
    again = [each.search(rows[:30] + 1, k=5) for each in (index, loaded)]
    np.testing.assert_array_equal(again[0].ids, again[1].ids)
    assert 9_000 in again[0].ids[0]


@each_kind
def test_the_same_seed_gives_the_same_whatever_the_threads(kind: str, vectors: np.ndarray) -> None:
    found = []
    for threads, seed in ((1, 3), (3, 3), (None, 3), (1, 4)):
        index = KINDS[kind]("euclidean", seed=seed)
        index.threads = threads
        index.add(vectors)
        found.append(index._candidates(vectors[:21], 10, None, index._search_options(10)))
    np.testing.assert_array_equal(np.sort(found[0]), np.sort(found[1]))
    np.testing.assert_array_equal(np.sort(found[0]), np.sort(found[2]))
    assert (np.sort(found[0]) != np.sort(found[3])).any()


@each_pair
@pytest.mark.parametrize("form", ["same", "zeros", "few values", "huge", "tiny", "one dimension"])
def test_awkward_vectors(kind: str, metric: Any, form: str, rng: np.random.Generator) -> None:
    rows = rng.standard_normal((700, 7)).astype(np.float32)
    if form in ("same", "zeros"):
        rows[:] = 1 if form == "same" else 0
    elif form == "few values":
        rows = np.repeat(np.sign(rows[:70]), 10, axis=0)
    elif form in ("huge", "tiny"):
        rows *= np.float32(1e15 if form == "huge" else 1e-15)
    else:
        rows = rows[:, :1].copy()
    index = KINDS[kind](metric, dim=rows.shape[1])
    index.add(rows[:1])
    index.add(rows[1:])
    found = index.search(rows[:30], k=10)
    assert (found.ids >= 0).all()
    assert all(len(set(line)) == 10 for line in found.ids.tolist())
    if form != "one dimension" or metric not in ("cosine", "dot"):
        assert recall(index, rows, rows[:30]) >= 0.85


@pytest.mark.parametrize("kind", ["lsh", "forest", "binary"])
def test_dot_products_with_heavy_tailed_lengths(kind: str, vectors: np.ndarray) -> None:
    rows = vectors * np.random.default_rng(0).lognormal(0, 0.7, (COUNT, 1)).astype(np.float32)
    index = KINDS[kind]("dot")
    index.add(rows)
    assert recall(index, rows, vectors[:60]) >= 0.9


@each_kind
def test_more_looked_at_is_more_found(kind: str, vectors: np.ndarray) -> None:
    index = KINDS[kind]("cosine")
    index.add(vectors)
    queries = vectors[:100] + np.float32(0.3)
    little, much = (
        {name: max(10, getattr(index, name) // share) for name in index.SEARCH} for share in (8, 1)
    )
    found = [recall(index, vectors, queries)]
    index.tuned[10] = little
    found.insert(0, recall(index, vectors, queries))
    index.tuned[10] = much
    found.append(recall(index, vectors, queries))
    assert found[0] < found[1] == found[2]
    for name in index.SEARCH:
        with pytest.raises(InvalidParameter):
            index.search(queries, options={name: 0})


@each_kind
def test_half_precision_and_what_it_holds(kind: str, vectors: np.ndarray) -> None:
    index = KINDS[kind]("cosine", dtype="float16")
    index.add(vectors)
    assert recall(index, vectors, vectors[:50]) >= 0.9
    parts = index.stats().parts
    assert parts["vectors"] == 2 * vectors.size
    assert index.nbytes == sum(parts.values())


def test_parameters_out_of_range() -> None:
    for make in (
        lambda: Binary(8, bits=0),
        lambda: Binary(8, bits=16, rotate=False),
        lambda: Binary(8, thresholds="high"),  # type: ignore[arg-type]
        lambda: Binary(8, candidates=0),
        lambda: Binary(8, shortlist=True),
        lambda: Binary(8, "manhattan"),
        lambda: Lsh(8, n_tables=0),
        lambda: Lsh(8, n_bits=29),
        lambda: Lsh(8, n_probes=-1),
        lambda: Lsh(8, width=1.0),
        lambda: Lsh(8, "euclidean", width=0.0),
        lambda: Lsh(8, candidates=1.5),  # type: ignore[arg-type]
        lambda: Forest(8, n_trees=0),
        lambda: Forest(8, leaf_size=0),
        lambda: Forest(8, search_k=0),
        lambda: Forest(8, "hamming"),
    ):
        with pytest.raises(InvalidParameter) as raised:
            make()
        assert raised.value.remedy


# -- what each has of its own ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        {"rotate": False, "thresholds": "zero"},
        {"rotate": False, "thresholds": "median"},
        {"thresholds": "median"},
        {"bits": 100},
        {"bits": 700},
    ],
)
@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_bits_of_every_kind(options: Any, metric: Any, rng: np.random.Generator) -> None:
    centres = rng.standard_normal((40, 192))
    rows = centres[rng.integers(0, 40, 4000)] + 0.7 * rng.standard_normal((4000, 192))
    index = Binary(192, metric, exact_below=0, **options)
    index.add(rows)
    assert recall(index, rows, rows[:50] + 0.05) >= 0.9
    bits = -(-options.get("bits", 384 if options.get("rotate", True) else 192) // 64) * 64
    assert index.stats().parts["codes"] == 4000 * bits // 8
    assert ("norms" in index.stats().parts) == (
        options != {"rotate": False, "thresholds": "zero"} or metric != "cosine"
    )


def test_numbers_of_two_values_are_counted_as_faiss_counts_bits(rng: np.random.Generator) -> None:
    import faiss

    rows = (rng.random((3000, 128)) < 0.3).astype(np.float32)
    index = Binary(128, "hamming", exact_below=0)
    index.add(rows)
    peer = faiss.IndexBinaryFlat(128)
    octets = np.packbits(rows.astype(np.uint8), axis=1)
    peer.add(octets)
    wanted, _ = peer.search(octets[:40], 10)
    np.testing.assert_array_equal(-index.search(rows[:40], k=10).scores, wanted)


def test_letters_are_drawn_to_bits(rng: np.random.Generator) -> None:
    """Hamming distance between words of an alphabet, of which no bit order makes sense."""
    words = rng.integers(0, 26, (2000, 30)).astype(np.float32)
    near = words[:50].copy()
    near[np.arange(50), rng.integers(0, 30, 50)] = 99
    for kind in ("binary", "lsh"):
        index = KINDS[kind]("hamming", dim=30)
        index.add(words)
        found = index.search(near, k=1)
        assert (found.ids.ravel() == np.arange(50)).mean() >= 0.9
        assert found.scores[0, 0] == -1


def test_an_asymmetric_look_finds_more_than_bits_alone(vectors: np.ndarray) -> None:
    found = []
    for shortlist in (30, 1000):
        index = Binary(DIM, rotate=False, shortlist=shortlist, candidates=30, exact_below=0)
        index.add(vectors)
        found.append(recall(index, vectors, vectors[:100] + np.float32(0.05)))
    assert found[1] > found[0] + 0.02


def test_more_probes_serve_instead_of_more_tables(vectors: np.ndarray) -> None:
    """Lv et al. 2007: a table's neighbouring buckets find what else takes further tables."""
    found = {}
    for tables, probes in ((4, 1), (4, 40), (16, 1)):
        index = Lsh(DIM, "euclidean", n_tables=tables, n_probes=probes, exact_below=0)
        index.add(vectors)
        found[tables, probes] = recall(index, vectors, vectors[:100] + np.float32(0.2))
    assert found[4, 40] > found[16, 1] > found[4, 1]


def test_a_wide_cut_has_more_vectors_a_bucket(vectors: np.ndarray) -> None:
    found = []
    for width in (0.5, 10.0):
        index = Lsh(DIM, "euclidean", width=width, n_tables=4, n_probes=1, exact_below=0)
        index.add(vectors)
        rows = index._candidates(vectors[:50] + np.float32(0.2), 10, None, {
            "n_probes": 1, "candidates": 1400,
        })  # fmt: skip
        found.append((rows >= 0).sum())
    assert found[1] > 5 * found[0]


def test_a_forest_finds_more_than_annoy_for_the_same_looks(vectors: np.ndarray) -> None:
    annoy = pytest.importorskip("annoy")
    peer = annoy.AnnoyIndex(DIM, "euclidean")
    peer.set_seed(0)
    for place, row in enumerate(vectors):
        peer.add_item(place, row)
    peer.build(16)
    queries = vectors[:100] + np.float32(0.2)
    exact = Exact(DIM, "euclidean")
    exact.add(vectors)
    truth = exact.search(queries, k=10).ids.tolist()
    theirs = [peer.get_nns_by_vector(query, 10, search_k=160) for query in queries]
    index = Forest(DIM, "euclidean", leaf_size=32, search_k=160, exact_below=0)
    index.add(vectors)
    ours = index.search(queries, k=10).ids.tolist()

    def hits(found: list[list[int]]) -> float:
        return float(np.mean([len(set(a) & set(b)) for a, b in zip(found, truth, strict=True)]))

    assert hits(ours) >= hits(theirs)
