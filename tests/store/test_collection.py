"""What a collection promises beyond the contract of every store."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from kinspace.encoder import Side
from kinspace.errors import (
    IdNotFound,
    InvalidInput,
    InvalidParameter,
    InvalidVectors,
    ModelNotFound,
    ReadOnlyStore,
    SpaceMismatch,
    StoreLocked,
)
from kinspace.metric import Metric, scores, top_k
from kinspace.space import Space, fingerprint_of
from kinspace.store import Collection
from kinspace.store.keywords import KeywordIndex
from kinspace.store.recipe import recipe_of
from kinspace.store.vectors import VectorTable
from tests.conftest import ROOT
from tests.toys import HashEncoder

MODES: list[Any] = ["hybrid", "dense", "keyword"]


class Counting(HashEncoder):
    """Notes every text that it encodes."""

    seen: list[str]

    def _encode_batch(self, items: Sequence[str], side: Side) -> NDArray[np.float32]:
        if side == "document":
            self.seen = [*getattr(self, "seen", []), *items]
        return super()._encode_batch(items, side)


def names(hits: list[Any]) -> list[str]:
    return [hit.id for hit in hits]


def texts(count: int) -> list[dict[str, Any]]:
    words = "cat dog car rate bank river tree stone cloud".split()
    return [
        {
            "id": f"n{i}",
            "text": f"{words[i % 9]} {words[i // 9 % 9]} item{i}",
            "n": i,
            "title": f"title{i % 7}",
            "path": f"doc{i // 5}",
        }
        for i in range(count)
    ]


# -- encoding --------------------------------------------------------------------------------------


def test_no_text_is_encoded_twice(tmp_path: Path) -> None:
    encoder = Counting()
    with Collection.open(tmp_path / "c.kin", encoder) as opened:
        opened.add([{"id": "a", "text": "one"}, {"id": "b", "text": "two"}])
        assert encoder.seen == ["one", "two"]
        assert opened.upsert([{"id": "a", "text": "one"}]) == 0  # nothing changed
        assert opened.upsert([{"id": "a", "text": "one", "year": 1}]) == 1  # only a field
        assert opened.upsert([{"id": "c", "text": "two"}]) == 1  # another record's text
        opened.upsert([{"id": "d", "text": "four"}, {"id": "e", "text": "four"}])
        assert encoder.seen == ["one", "two", "four"]
        opened.upsert([{"id": "a", "text": "one", "title": "T"}])  # the title is encoded too
        assert encoder.seen[-1] == "T\none"
        same = opened.vectors(["b", "c", "d", "e"]).vectors
        np.testing.assert_array_equal(same[0], same[1])
        np.testing.assert_array_equal(same[2], same[3])
        assert opened.get("a") == {"id": "a", "text": "one", "title": "T"}


def test_a_given_vector_and_an_encoded_one_are_told_apart(tmp_path: Path) -> None:
    encoder = Counting(dim=4)
    with Collection.open(tmp_path / "c.kin", encoder) as opened:
        opened.upsert([{"id": "a", "text": "one", "vector": [1, 0, 0, 0]}])
        assert not hasattr(encoder, "seen")
        assert opened.upsert([{"id": "a", "text": "one", "vector": [1, 0, 0, 0]}]) == 0
        assert opened.upsert([{"id": "a", "text": "one", "vector": [0, 1, 0, 0]}]) == 1
        assert opened.vectors(["a"]).vectors.tolist() == [[0, 1, 0, 0]]
        assert opened.upsert([{"id": "a", "text": "one"}]) == 1
        assert encoder.seen == ["one"]


# -- searching -------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
def test_what_waits_is_found_as_what_is_indexed(mode: Any, tmp_path: Path) -> None:
    encoder = HashEncoder()
    with Collection.open(tmp_path / "c.kin", encoder) as opened:
        opened.add(texts(60))
        # Where a field is asked for, tantivy counts the words of all fields as its length.
        rough = ("title:title3 bank",)
        queries = ["cat dog", '"river tree"', "title:title3 bank", "+stone -cloud car", "item33"]
        waiting = [opened.search(query, k=60, mode=mode) for query in queries]
        assert opened.info().waiting == 60
        opened.flush()
        assert opened.info().waiting == 0
        indexed = [opened.search(query, k=60, mode=mode) for query in queries]
        opened.delete(where={"n": {"$gte": 30}})
        opened.upsert(texts(60)[30:])
        assert opened.info().waiting == 60  # thirty records and thirty burials
        mixed = [opened.search(query, k=60, mode=mode) for query in queries]
    for query, a, b, c in zip(queries, waiting, indexed, mixed, strict=True):
        assert len(a) == len(b) == len(c)
        # float16 holds a cosine to about a thousandth; tantivy keeps lengths of texts in a byte.
        for other in (b, c):
            assert {hit.id for hit in a} == {hit.id for hit in other}
            own = {hit.id: hit.score for hit in other}
            rel = 0.002 if mode == "dense" else 0.3 if other is c or query in rough else 0.02
            for hit in a:
                assert own[hit.id] == pytest.approx(hit.score, rel=rel, abs=0.002)
        assert names(a)[:1] == names(b)[:1]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("flushed", [False, True])
def test_pages_are_parts_of_the_whole(mode: Any, flushed: bool, tmp_path: Path) -> None:
    with Collection.open(tmp_path / "c.kin", HashEncoder()) as opened:
        opened.add(texts(400))
        if flushed:
            opened.flush()
        where = {"n": {"$lt": 350}}
        whole = names(opened.search("cat river", k=130, mode=mode, where=where))
        paged = [
            name
            for offset in range(0, 130, 13)
            for name in names(opened.search("cat river", 13, where, mode, offset=offset))
        ]
        assert len(set(paged)) == len(paged)
        assert paged == whole
        assert opened.search("cat river", mode=mode, offset=10_000) == []


@pytest.mark.parametrize("mode", MODES)
def test_one_hit_a_document(mode: Any, tmp_path: Path) -> None:
    with Collection.open(tmp_path / "c.kin", HashEncoder()) as opened:
        opened.add(texts(300))
        hits = opened.search("cat dog car", k=20, mode=mode, unique="path")
        paths = [hit.fields["path"] for hit in hits]
        assert len(set(paths)) == len(paths) == 20
        best = opened.search("cat dog car", k=300, mode=mode)
        firsts = {hit.fields["path"]: hit.id for hit in reversed(best)}
        assert names(hits) == [firsts[path] for path in paths]
        # Values that few records have are found however deep they are; a missing field is unique.
        assert len(opened.search("cat dog car", k=50, mode=mode, unique="title")) == 7
        assert len(opened.search("cat dog car", k=20, mode=mode, unique="nowhere")) == 20
        pages = [
            names(opened.search("cat dog car", k=5, mode=mode, unique="path", offset=offset))
            for offset in (0, 5, 10, 15)
        ]
        assert [name for page in pages for name in page] == names(hits)


def test_explanations_name_parts_ranks_and_words(tmp_path: Path) -> None:
    with Collection.open(tmp_path / "c.kin", HashEncoder()) as opened:
        opened.add(texts(40))
        for _ in range(2):  # in the tail, and in the index
            hit = opened.search("item7 car", k=1, explain=True)[0]
            assert hit.id == "n7"
            assert set(hit.parts) == {"keyword", "dense"}
            assert hit.parts["keyword"].rank == 1
            words = dict(hit.parts["keyword"].words)
            assert next(iter(words)) == "item7"
            assert sum(words.values()) == pytest.approx(hit.parts["keyword"].score, rel=1e-3)
            assert hit.parts["dense"].words == []  # a HashEncoder cannot explain itself
            keyword = opened.search("title:title3", k=1, mode="keyword", explain=True)[0]
            assert keyword.parts["keyword"].words[0][0] == "title:title3"
            dense = opened.search("car", k=1, mode="dense", explain=True)[0]
            assert set(dense.parts) == {"dense"}
            assert opened.search("car", k=1)[0].parts == {}
            opened.flush()


def test_near_leaves_the_record_itself_out(tmp_path: Path) -> None:
    with Collection.open(tmp_path / "c.kin", HashEncoder()) as opened:
        opened.add(texts(100))
        hits = opened.near("n0", k=5)
        assert len(hits) == 5
        assert "n0" not in names(hits)
        vector = opened.vectors(["n0"]).vectors[0]
        assert names(opened.search(vector, k=6)) == ["n0", *names(hits)]
        odd = opened.near("n0", k=3, where={"n": {"$in": [1, 3, 5]}})
        assert {hit.fields["n"] for hit in odd} == {1, 3, 5}
        assert len(opened.near("n0", k=1000)) == 99
        with pytest.raises(IdNotFound, match="nobody"):
            opened.near("nobody")


@pytest.mark.parametrize("metric", ["cosine", "dot", "euclidean", "manhattan", "hamming"])
@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_every_metric_gives_exact_neighbours(
    metric: Metric, dtype: str, tmp_path: Path, rng: np.random.Generator
) -> None:
    space = Space("given", fingerprint_of(metric), 8, metric)
    rows = np.round(rng.standard_normal((150, 8)) * 4).astype(np.float32)  # float16 holds them
    rows[:, 0] = np.arange(150) % 7 + 1
    with Collection.open(tmp_path / "c.kin", space=space, dtype=dtype) as opened:
        opened.add({"id": str(i), "text": "", "vector": row} for i, row in enumerate(rows[:100]))
        opened.flush()
        opened.add({"id": str(i + 100), "vector": row} for i, row in enumerate(rows[100:]))
        np.testing.assert_array_equal(opened.vectors(["3", "140"]).vectors, rows[[3, 140]])
        for query in rows[:5] + 0.25:
            truth = np.sort(scores(query[None], rows, metric)[0])[::-1][:10]
            hits = opened.search(query, k=10)
            rtol = 2e-3 if dtype == "float16" and metric == "cosine" else 1e-5
            np.testing.assert_allclose([hit.score for hit in hits], truth, rtol=rtol, atol=rtol)
        with pytest.raises(ModelNotFound) as raised:
            opened.search("a text")
        assert raised.value.remedy
        opened.upsert([{"id": "word", "text": "zebra", "vector": rows[0]}])
        assert names(opened.search("zebra", mode="keyword")) == ["word"]


def test_what_float16_cannot_hold(tmp_path: Path) -> None:
    space = Space("given", "0" * 16, 2, "dot")
    with Collection.open(tmp_path / "a.kin", space=space) as opened:
        with pytest.raises(InvalidVectors, match="float32"):
            opened.add([{"id": "a", "vector": [1e6, 0]}])
        assert len(opened) == 0
    with Collection.open(tmp_path / "b.kin", space=space, dtype="float32") as opened:
        opened.add([{"id": "a", "vector": [1e6, 0]}])
        assert opened.vectors(["a"]).vectors.tolist() == [[1e6, 0]]
    with pytest.raises(InvalidParameter):
        Collection.open(tmp_path / "c.kin", space=space, dtype="int4")
    assert not (tmp_path / "c.kin").exists()


def test_many_vectors_are_searched_by_an_index(tmp_path: Path, rng: np.random.Generator) -> None:
    count, dim = 25_000, 32
    centres = rng.standard_normal((200, dim), np.float32)
    rows = centres[rng.integers(0, 200, count)] + 0.5 * rng.standard_normal(
        (count, dim), np.float32
    )
    queries = rows[:50] + 0.1 * rng.standard_normal((50, dim), np.float32)
    with Collection.open(tmp_path / "c.kin", space=Space("given", "0" * 16, dim)) as opened:
        opened.add({"id": str(i), "vector": row, "n": i} for i, row in enumerate(rows))
        assert opened.info().search.endswith(" over 25,000")
        assert opened.check() == []
        truth, _ = top_k(scores(queries, rows, "cosine"), 10)
        found = [set(map(int, names(opened.search(query, k=10)))) for query in queries]
        recall = np.mean([len(f & set(t)) / 10 for f, t in zip(found, truth.tolist(), strict=True)])
        assert recall >= 0.95
        # Whatever share of the records a filter leaves, k come back, and nearly the right ones.
        for least in (0, 12_500, 20_500, 24_000, 24_980, 24_993):
            part = rows[least:]
            k = min(10, len(part))
            truth, _ = top_k(scores(queries[:20], part, "cosine"), k)
            hits = [opened.search(q, k=10, where={"n": {"$gte": least}}) for q in queries[:20]]
            assert {len(one) for one in hits} == {k}
            mine = [{int(name) - least for name in names(one)} for one in hits]
            right = [len(f & set(t)) / k for f, t in zip(mine, truth.tolist(), strict=True)]
            assert np.mean(right) >= 0.95
            if least > 20_000:  # few are looked at one by one
                assert np.mean(right) >= 0.995
        # Deleted ones are gone from the lists; new ones, not in them yet, are found.
        best = names(opened.search(queries[0], k=10))
        opened.delete(best[:5])
        assert names(opened.search(queries[0], k=5)) == best[5:]
        opened.upsert([{"id": "new", "vector": queries[0]}])
        assert names(opened.search(queries[0], k=1)) == ["new"]


# -- life ------------------------------------------------------------------------------------------


def test_another_model_is_refused_by_name(tmp_path: Path) -> None:
    Collection.open(tmp_path / "c.kin", HashEncoder(dim=8)).close()
    for other in (HashEncoder(dim=8, seed=5), HashEncoder(dim=9)):
        with pytest.raises(SpaceMismatch) as raised:
            Collection.open(tmp_path / "c.kin", other)
        assert str(other.space) in str(raised.value)
        assert str(HashEncoder(dim=8).space) in str(raised.value)
        assert raised.value.remedy
    with pytest.raises(SpaceMismatch):
        Collection.open(tmp_path / "c.kin", space=Space("given", "0" * 16, 8))
    with Collection.open(tmp_path / "c.kin", HashEncoder(dim=8)) as opened:
        other_query = HashEncoder(dim=8, seed=5).encode(["x"])
        with pytest.raises(SpaceMismatch):
            opened.search(other_query)


_HOLDER = """
import sys
from kinspace.space import Space
from kinspace.store import Collection
with Collection.open(sys.argv[1], space=Space("given", "0" * 16, 2)) as opened:
    opened.upsert([{"id": "a", "vector": [1, 0]}])
    print("held", flush=True)
    sys.stdin.read()
"""


def test_the_lock_names_its_holder_and_dies_with_it(tmp_path: Path) -> None:
    path, space = tmp_path / "c.kin", Space("given", "0" * 16, 2)
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(path)],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert holder.stdout and holder.stdin
    assert holder.stdout.readline() == "held\n"
    with Collection.open(path, space=space) as opened:
        assert str(holder.pid) in opened.info().writer
        for write in (
            lambda: opened.upsert([{"id": "b", "vector": [0, 1]}]),
            lambda: opened.delete(["a"]),
            opened.compact,
            opened.flush,
        ):
            with pytest.raises(StoreLocked, match=f"process {holder.pid}") as raised:
                write()
            assert raised.value.remedy
        assert names(opened.search([1, 0])) == ["a"]  # reading goes on
        with Collection.open(path, space=space, read_only=True) as reader:
            assert str(holder.pid) in reader.info().writer
        holder.kill()
        holder.wait()
        assert opened.info().writer == ""
        assert opened.upsert([{"id": "b", "vector": [0, 1]}]) == 1
        assert len(opened) == 2
        with (
            pytest.raises(StoreLocked, match=f"process {os.getpid()}"),
            Collection.open(path, space=space, lock_timeout=0.2) as second,
        ):
            second.upsert([])
    holder.stdin.close()
    holder.stdout.close()


def test_reading_only(tmp_path: Path) -> None:
    path = tmp_path / "c.kin"
    with Collection.open(path, HashEncoder()) as opened:
        opened.add(texts(20))
    with Collection.open(path, HashEncoder(), read_only=True) as opened:
        assert len(opened.search("cat", k=3)) == 3
        for write in (
            lambda: opened.upsert(texts(1)),
            lambda: opened.add(texts(1)),
            lambda: opened.delete(["n1"]),
            opened.compact,
            opened.flush,
        ):
            with pytest.raises(ReadOnlyStore) as raised:
                write()
            assert raised.value.remedy
        assert len(opened) == 20
        assert opened.check() == []


def test_what_an_interrupted_call_had_committed_is_found_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kinspace.store.collection.BATCH", 10)

    def broken() -> Any:
        yield from texts(25)
        raise KeyboardInterrupt

    with Collection.open(tmp_path / "c.kin", HashEncoder()) as opened:
        assert opened.search("item3") == []
        with pytest.raises(KeyboardInterrupt):
            opened.upsert(broken())
        assert len(opened) == 20
        assert names(opened.search("item17", k=1)) == ["n17"]
        assert opened.upsert(texts(25)) == 5
        assert opened.check() == []


@pytest.mark.parametrize("part", [KeywordIndex, VectorTable])
def test_an_interrupted_flush_loses_nothing(
    part: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = part._append

    def interrupted(self: Any, database: Any) -> None:
        whole(self, database)
        raise KeyboardInterrupt

    with Collection.open(tmp_path / "c.kin", HashEncoder()) as opened:
        opened.add(texts(30))
        opened.flush()
        opened.upsert([{"id": "new", "text": "zebra"}])
        with monkeypatch.context() as patch:
            patch.setattr(part, "_append", interrupted)
            with pytest.raises(KeyboardInterrupt):
                opened.flush()
        assert names(opened.search("zebra", k=1)) == ["new"]
        assert len(opened.search("title3", k=100, mode="keyword")) == 4
        opened.upsert([{"id": "newer", "text": "giraffe"}])
        opened.flush()
        assert opened.check() == []
        for word, name in (("zebra", "new"), ("giraffe", "newer"), ("item7", "n7")):
            assert names(opened.search(word, k=1)) == [name]


def test_records_and_vectors_in_order(tmp_path: Path) -> None:
    with Collection.open(tmp_path / "c.kin", HashEncoder()) as opened:
        opened.add(texts(10))
        opened.upsert([{"id": "n3", "text": "changed"}])
        order = [f"n{i}" for i in (0, 1, 2, 4, 5, 6, 7, 8, 9, 3)]
        assert [record["id"] for record in opened.records()] == order
        assert [record["id"] for record in opened.records("n >= 7")] == ["n7", "n8", "n9"]
        assert opened.vectors(["n5", "n1"]).ids == ["n5", "n1"]
        assert opened.vectors([]).vectors.shape == (0, 32)
        assert "n5" in opened
        assert "x" not in opened
        assert opened.get("n5") == texts(10)[5]
        assert opened.get(["x", "n5"]) == [None, texts(10)[5]]
        assert "10 records" in repr(opened)


def test_compacting_gives_space_back(tmp_path: Path) -> None:
    with Collection.open(tmp_path / "c.kin", HashEncoder()) as opened:
        opened.add({"id": str(i), "text": f"word{i} " * 200} for i in range(600))
        opened.delete(str(i) for i in range(550))
        assert opened.info().deleted == 550
        done = opened.compact()
        assert done.after < done.before / 2
        assert opened.info().deleted == 0
        assert opened.check() == []
        assert names(opened.search("word577", mode="keyword")) == ["577"]
    with Collection.open(tmp_path / "c.kin", HashEncoder()) as opened:
        assert opened.repairs == []
        assert opened.compact().after > 0
        assert opened.check() == []


def test_what_must_not_be_there_leaves_room_for_the_rest(tmp_path: Path) -> None:
    drafts = [{"id": f"d{i}", "text": f"draft cat number{i}"} for i in range(250)]
    others = [{"id": f"o{i}", "text": f"animal number{i} of the house"} for i in range(50)]
    with Collection.open(tmp_path / "c.kin", HashEncoder(dim=32)) as opened:
        opened.add([*drafts, *others])
        found = opened.search("-draft cat", k=20)
        assert len(found) == 20
        assert all(hit.id.startswith("o") for hit in found)
        needed = opened.search("+house cat", k=60)
        assert {hit.id for hit in needed} == {record["id"] for record in others}


def test_an_index_that_is_not_needed_any_more_goes(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("kinspace.store.neighbours.SMALLEST", {"dense": 600})
    records = [{"id": str(i), "text": f"animal number{i}"} for i in range(700)]
    with Collection.open(tmp_path / "c.kin", HashEncoder(dim=32)) as opened:
        opened.add(records)
        assert "neighbours" in opened.info().bytes
        opened.delete([str(i) for i in range(400)])
        opened.compact()
        assert "neighbours" not in opened.info().bytes
        assert not list((tmp_path / "c.kin" / "derived").glob("neighbours*"))
        assert opened.search("number500", k=1)[0].id == "500"


# -- reranking -------------------------------------------------------------------------------------


class ByLength:
    """A reranker that likes long texts."""

    name = fingerprint = "by length"

    def __init__(self) -> None:
        self.read: list[str] = []

    def score(self, query: str, texts: Sequence[str]) -> NDArray[np.float32]:
        self.read = list(texts)
        return np.array([len(text) for text in texts], np.float32)


def test_a_reranker_orders_the_best(tmp_path: Path) -> None:
    with Collection.open(tmp_path / "c.kin", HashEncoder()) as opened:
        opened.add({"id": f"n{i}", "text": "cat" + " so" * i, "title": "T"} for i in range(30))
        judge = ByLength()
        hits = opened.search("cat", k=3, rerank=judge, depth=20, explain=True)
        assert len(judge.read) == 20
        assert all(text.startswith("T\ncat") for text in judge.read)
        lengths = sorted((len(text) for text in judge.read), reverse=True)
        assert [hit.score for hit in hits] == lengths[:3]
        assert hits[0].parts["rerank"].rank == 1
        assert hits[0].parts["keyword"]
        page = opened.search("cat", k=2, offset=1, rerank=judge, depth=20)
        assert names(page) == names(hits)[1:]
        assert names(opened.search("cat", k=3, rerank=HashEncoder(seed=5)))
        assert len(opened.search("cat", k=25, rerank=judge, depth=5)) == 25
        with pytest.raises(InvalidParameter):
            opened.search("cat", k=0, rerank=judge)
        with pytest.raises(InvalidParameter, match="depth"):
            opened.search("cat", depth=50)
        with pytest.raises(InvalidInput):
            opened.search(np.ones(32), k=3, rerank=judge)
        with pytest.raises(InvalidInput):
            opened.search("cat", k=3, rerank="a name")  # type: ignore[arg-type]


# -- the model -------------------------------------------------------------------------------------


class Named(HashEncoder):
    """Has a name, options, and settings that change no vector."""

    def __init__(
        self, name: str, *, seed: int = 0, dim: int = 32, device: str = "auto", calls: Any = None
    ) -> None:
        super().__init__(dim, seed)
        self.name = name
        self.device = device
        self.calls = calls


class Wrapped(HashEncoder):
    """Holds another encoder, as a cache does."""

    def __init__(self, encoder: HashEncoder) -> None:
        super().__init__()
        self.encoder = encoder


def test_how_a_model_is_loaded_again_is_remembered(tmp_path: Path) -> None:
    mine = Named("mine", dim=8, device="cpu", calls=object())
    assert recipe_of(mine) == {"name": "mine", "options": {"dim": 8}}
    assert recipe_of(Wrapped(mine)) == recipe_of(mine)
    assert recipe_of(HashEncoder(seed=3)) == {"name": "hash-3", "options": {}}
    folder = tmp_path / "folder"
    folder.mkdir()
    assert recipe_of(mine, folder)["name"] == str(folder.resolve())
    assert recipe_of(Named("http://a/v1#m")) == {"name": "http://a/v1#m", "options": {}}


def test_options_come_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def load(name: str, **options: Any) -> Named:
        asked.append((name, options))
        return Named(name, **options)

    monkeypatch.setattr("kinspace.loading.load", load)
    with Collection.open(tmp_path / "c.kin", Named("mine", dim=8)) as opened:
        opened.add([{"id": "a", "text": "cat"}])
        assert not asked
    with Collection.open(tmp_path / "c.kin") as opened:
        assert opened.search("cat")[0].id == "a"
    with Collection.open(tmp_path / "d.kin", "other") as opened:
        assert opened.space.dim == 32
    assert asked == [("mine", {"dim": 8}), ("other", {})]


def test_a_reranker_is_no_model_of_a_collection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kinspace.loading.load", lambda name: ByLength())
    with pytest.raises(InvalidParameter, match="no vectors"):
        Collection.open(tmp_path / "c.kin", "cross-encoder")
    assert not (tmp_path / "c.kin").exists()
