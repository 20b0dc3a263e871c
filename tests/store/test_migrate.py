"""Changing the model of a collection: beside, resumable, at once, and back."""

from __future__ import annotations

import random
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from kinspace.encoder import Encoder, Side
from kinspace.errors import (
    InvalidInput,
    InvalidParameter,
    NotFound,
    ReadOnlyStore,
    SpaceMismatch,
    StoreFull,
    StoreLocked,
)
from kinspace.space import Space
from kinspace.store import Collection, migration, neighbours, opened, view
from kinspace.store.care import salvage
from tests.store.crash_migration import MODELS
from tests.store.test_crash import Zygote
from tests.toys import HashEncoder, MultiHashEncoder, SparseHashEncoder

OLD, NEW = HashEncoder(16, seed=0), HashEncoder(24, seed=1)
BY_NAME: dict[str, Encoder[str]] = {e.space.model: e for e in (OLD, NEW)}


class Stops(HashEncoder):
    """Is interrupted after a number of batches, and counts what it encoded."""

    def __init__(self, dim: int = 24, seed: int = 1, batches: int = 10**6) -> None:
        super().__init__(dim, seed)
        self.batches = batches
        self.encoded: list[str] = []

    def _encode_batch(self, items: Sequence[str], side: Side) -> NDArray[np.float32]:
        if side == "document":
            if not self.batches:
                raise KeyboardInterrupt
            self.batches -= 1
            self.encoded += items
        return super()._encode_batch(items, side)


@pytest.fixture(autouse=True)
def _known_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """Toys that are loaded by the names that a collection remembers."""
    for module in (migration, opened):
        monkeypatch.setattr(module, "made_from", lambda recipe: BY_NAME[recipe["name"]])
    monkeypatch.setattr(migration, "BATCH", 10)


def texts(count: int, start: int = 0) -> list[dict[str, Any]]:
    words = "cat dog car rate bank river tree stone cloud".split()
    return [
        {"id": f"n{i}", "text": f"{words[i % 9]} {words[i // 9 % 9]} item{i}"}
        for i in range(start, start + count)
    ]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    with Collection.open(tmp_path / "c.kin", OLD) as made:
        made.add(texts(45))
    return tmp_path / "c.kin"


def verify(held: Collection, encoder: Encoder[Any], ids: Sequence[str]) -> None:
    """The records have the vectors of one model, and are found by them."""
    assert held.space.agrees(encoder.space)
    records = list(held.records())
    assert sorted(r["id"] for r in records) == sorted(ids)
    wanted = encoder.encode([r["text"] for r in records])
    found = held.vectors([r["id"] for r in records])
    if encoder.space.form == "dense":
        np.testing.assert_allclose(found.vectors, wanted.vectors, atol=2e-3)
    assert held.check() == []
    for name in ids[:: max(1, len(ids) // 5)]:
        text = str((held.get(name) or {})["text"])
        assert held.search(text, k=1, mode="dense")[0].id == name
        assert held.search(text.rsplit(maxsplit=1)[-1], k=1, mode="keyword")[0].id == name


NAMES = [f"n{i}" for i in range(45)]


def test_migrate_and_back(path: Path) -> None:
    with Collection.open(path) as held:
        assert held.migrate(NEW) == 45
        verify(held, NEW, NAMES)
        other = held.other
        assert other is not None
        assert other.space == OLD.space
        assert (other.is_new, other.lacking) == (False, 0)
        held.add(texts(5, 45))
        assert held.other and held.other.lacking == 5
    names = [*NAMES, *(f"n{i}" for i in range(45, 50))]
    with Collection.open(path, NEW) as held:
        verify(held, NEW, names)
        assert held.switch() == 5  # only what was written since
        verify(held, OLD, names)
        assert held.switch() == 0
        held.drop_other()
        assert held.other is None
        held.compact()
        assert not list((path / "derived").glob("vectors-*"))
        with pytest.raises(NotFound):
            held.switch()
    with Collection.open(path) as held:
        verify(held, NEW, names)
        assert held.repairs == []
        held.upsert([{"id": "n3", "text": "zebra"}])
        assert held.search("zebra", k=1, mode="dense")[0].id == "n3"


@pytest.mark.parametrize("encoder", [SparseHashEncoder(), MultiHashEncoder()], ids=repr)
def test_to_another_form_and_back(path: Path, encoder: Encoder[str]) -> None:
    with Collection.open(path) as held:
        held.migrate(encoder)
        verify(held, encoder, NAMES)
        held.switch()
        verify(held, OLD, NAMES)


def test_an_interrupted_migration_goes_on(path: Path) -> None:
    broken = Stops(batches=2)
    with Collection.open(path) as held, pytest.raises(KeyboardInterrupt):
        held.migrate(broken)
    with Collection.open(path) as held:
        verify(held, OLD, NAMES)
        assert held.other and (held.other.is_new, held.other.lacking) == (True, 25)
        whole = Stops()
        seen: list[tuple[int, int]] = []
        assert held.migrate(whole, progress=lambda done, total: seen.append((done, total))) == 25
        assert len(whole.encoded) == 25
        assert seen == [(10, 25), (20, 25), (25, 25)]
        verify(held, NEW, NAMES)


def test_equal_texts_are_encoded_once(tmp_path: Path) -> None:
    with Collection.open(tmp_path / "c.kin", OLD) as held:
        held.add([{"id": str(i), "text": f"text {i % 4}", "n": i} for i in range(40)])
        counted = Stops()
        assert held.migrate(counted) == 40
        assert sorted(counted.encoded) == [f"text {i}" for i in range(4)]


def test_titles_are_encoded_with_their_text(tmp_path: Path) -> None:
    with Collection.open(tmp_path / "c.kin", OLD) as held:
        held.add([{"id": "a", "text": "one", "title": "cat"}])
        held.migrate(NEW)
        wanted = NEW.encode(["cat\none"]).vectors
        np.testing.assert_allclose(held.vectors(["a"]).vectors, wanted, atol=2e-3)


def test_nothing_that_is_written_meanwhile_is_lost(path: Path) -> None:
    class Meanwhile(HashEncoder):
        """Lets another process write while a batch is being encoded."""

        steps: Iterator[int] = iter(range(10**6))

        def _encode_batch(self, items: Sequence[str], side: Side) -> NDArray[np.float32]:
            step = next(self.steps)
            if side == "document" and step < 5:
                with Collection.open(path, OLD) as writer:
                    writer.delete([f"n{step}", f"n{44 - step}"])
                    writer.upsert([{"id": f"n{10 + step}", "text": f"new item{10 + step}"}])
                    writer.add([{"id": f"w{step}", "text": f"written meanwhile item{step}"}])
            return super()._encode_batch(items, side)

    with Collection.open(path) as held:
        held.migrate(Meanwhile(24, seed=1))
        gone = {f"n{i}" for i in (0, 1, 2, 3, 4, 40, 41, 42, 43, 44)}
        names = [name for name in NAMES if name not in gone] + [f"w{i}" for i in range(5)]
        verify(held, NEW, names)
        assert (held.get("n12") or {})["text"] == "new item12"
        held.switch()
        verify(held, OLD, names)


def test_other_threads_search_and_write_meanwhile(path: Path) -> None:
    with Collection.open(path) as held:
        problems: list[Exception] = []
        done = threading.Event()

        def work() -> None:
            number = 0
            try:
                while not done.is_set():
                    number += 1
                    held.upsert([{"id": "mine", "text": f"bird item{number}"}])
                    assert held.search(f"bird item{number}", k=1, mode="dense")[0].id == "mine"
            except Exception as error:  # noqa: BLE001 - shown below
                problems.append(error)

        thread = threading.Thread(target=work)
        thread.start()
        for _ in range(3):
            held.migrate(NEW)
            held.switch()
            held.drop_other()
        done.set()
        thread.join()
        assert not problems
        assert held.check() == []


def test_what_others_have_open_follows(path: Path) -> None:
    reader, strict = Collection.open(path, read_only=True), Collection.open(path, OLD)
    writer = Collection.open(path)
    with reader, strict, writer:
        assert reader.search("item7", k=1)[0].id == "n7"
        with Collection.open(path) as held:
            held.migrate(NEW)
        assert reader.search("cat item9", k=1, mode="dense")[0].id == "n9"
        assert reader.space == NEW.space
        assert reader.vectors(["n1"]).space == NEW.space
        with pytest.raises(SpaceMismatch, match="meanwhile"):
            strict.search("item7")
        writer.add(texts(1, 45))
        verify(writer, NEW, [*NAMES, "n45"])


def test_the_other_side_can_be_searched_before(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "SMALLEST", {"dense": 30})
    monkeypatch.setattr(view, "LONGEST_TAIL", 10)
    with Collection.open(path) as held:
        with pytest.raises(NotFound):
            held.beside()
        held.migrate(NEW, switch=False)
        assert held.space == OLD.space
        with held.beside() as beside:
            assert beside.space == NEW.space
            assert beside.search("dog item10", k=1)[0].id == "n10"
            assert beside.find("dog item10", k=3, mode="dense").ids[0] == "n10"
            assert len(beside.near("n4", k=3)) == 3
            assert beside.info().bytes["neighbours"]
        verify(held, OLD, NAMES)
        assert held.switch() == 0
        verify(held, NEW, NAMES)


def test_vectors_that_were_given(tmp_path: Path) -> None:
    space = Space("mine", "00", 4)
    with Collection.open(tmp_path / "c.kin", space=space) as held:
        held.add([{"id": "a", "text": "a cat", "vector": [1, 0, 0, 0]}])
        held.add([{"id": "b", "text": "", "vector": [0, 1, 0, 0]}])
        with pytest.raises(InvalidInput, match="'b'"):
            held.migrate(NEW)
        assert held.other is None
        held.delete(["b"])
        held.migrate(NEW)
        assert held.search("a cat", k=1, mode="dense")[0].score == pytest.approx(1, abs=1e-2)
        held.switch()
        assert held.vectors(["a"]).vectors.tolist() == [[1, 0, 0, 0]]
        held.add([{"id": "c", "text": "", "vector": [0, 1, 0, 0]}])
        with pytest.raises(InvalidInput, match="'c'"):
            held.switch()
        assert held.space == space


def test_a_model_without_a_name_goes_back_too(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migration, "made_from", lambda recipe: pytest.fail("loaded"))
    with Collection.open(path, OLD) as held:
        held.migrate(NEW)
        held.add(texts(1, 45))
        assert held.switch() == 1
        held.add(texts(1, 46))
        assert held.switch() == 1
        verify(held, NEW, [*NAMES, "n45", "n46"])


def test_bits_are_refused(path: Path) -> None:
    class Bits(HashEncoder):
        space = Space("bits", "00", 32, "hamming", "binary")

    with Collection.open(path) as held, pytest.raises(InvalidInput, match="bits"):
        held.migrate(Bits())


def test_what_is_refused(path: Path) -> None:
    with pytest.raises(SpaceMismatch, match="kinspace migrate") as caught:
        Collection.open(path, NEW)
    assert "hash-1" in str(caught.value)
    with Collection.open(path) as held:
        with pytest.raises(InvalidParameter, match="already"):
            held.migrate(OLD)
        with pytest.raises(NotFound):
            held.migrate()
        with pytest.raises(NotFound):
            held.drop_other()
        with pytest.raises(InvalidParameter, match="dtype"):
            held.migrate(NEW, dtype="int4")
        held.migrate(NEW, switch=False)
        with pytest.raises(InvalidParameter, match="beside"):
            held.migrate(HashEncoder(8, seed=2))
        with pytest.raises(InvalidParameter, match="float16"):
            held.migrate(NEW, dtype="float32")
        assert held.migrate() == 0  # goes on with the one that was begun, and changes over
        verify(held, NEW, NAMES)
    with pytest.raises(SpaceMismatch, match="beside: change over"):
        Collection.open(path, OLD)
    with Collection.open(path, read_only=True) as held, pytest.raises(ReadOnlyStore):
        held.migrate(OLD)


def test_one_migration_at_a_time(path: Path) -> None:
    class Another(HashEncoder):
        """Begins a migration while one is going on."""

        def _encode_batch(self, items: Sequence[str], side: Side) -> NDArray[np.float32]:
            if side == "document":
                with Collection.open(path) as held:
                    with pytest.raises(StoreLocked, match="migrated"):
                        held.migrate(NEW)
                    with pytest.raises(StoreLocked):
                        held.drop_other()
            return super()._encode_batch(items, side)

    with Collection.open(path) as held:
        held.migrate(Another(24, seed=1))
        verify(held, NEW, NAMES)


def test_changing_over_waits_for_whoever_writes(path: Path) -> None:
    with Collection.open(path) as writer, Collection.open(path) as held:
        writer.add(texts(1, 45))
        with pytest.raises(StoreLocked, match="written"):
            held.migrate(NEW)
        assert held.other and held.other.lacking == 0  # all the same, it is encoded
        writer.close()
        assert held.switch() == 0


def test_killed_at_random_instants(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (migration, opened):
        monkeypatch.setattr(
            module, "made_from", lambda recipe: MODELS[int(recipe["name"].partition("-")[2])]
        )
    count, rng = 30, random.Random(7)
    folder = tmp_path / "c.kin"
    with Collection.open(folder, MODELS[0]) as held:
        held.add(texts(60))
    wanted = {r["id"]: r["text"] for r in texts(60)}
    zygote = Zygote(tmp_path / "log", "tests.store.crash_migration")
    interrupted, spaces = set(), set()
    try:
        for number in range(count):
            log = zygote.killed_after(rng.uniform(0.0, 0.12), folder=str(folder), seed=number)
            if log and log[-1][0] == "want":
                interrupted.add(log[-1][1])
            with Collection.open(folder) as held:
                verify(held, MODELS[held.space.model == "hash-1"], list(wanted))
                assert {r["id"]: r["text"] for r in held.records()} == wanted
                spaces.add(held.space.model)
                changed = {f"n{rng.randrange(60)}": f"word item{number}x{i}" for i in range(3)}
                held.upsert([{"id": name, "text": text} for name, text in changed.items()])
                wanted |= changed
                gone = f"n{rng.randrange(60)}"
                held.delete([gone])
                wanted.pop(gone, None)
    finally:
        zygote.close()
    assert len(spaces) == 2
    assert {"migrate", "fill"} <= interrupted


def test_no_space_left(path: Path) -> None:
    with Collection.open(path) as held:
        connection = held.database._connection
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages + 2}")
        with pytest.raises(StoreFull):
            held.migrate(HashEncoder(5000, seed=1))
        verify(held, OLD, NAMES)
        connection.execute("PRAGMA max_page_count = 1000000")
        held.migrate(HashEncoder(5000, seed=1))
        assert held.check() == []


def test_salvage_takes_the_vectors_that_count(path: Path, tmp_path: Path) -> None:
    with Collection.open(path) as held:
        held.migrate(NEW)
    for number in range(2):
        if number:  # the database does not say any more which set counts
            with sqlite3.connect(path / "collection.sqlite") as connection:
                connection.execute("DELETE FROM meta")
            connection.close()
        target = tmp_path / f"saved-{number}.kin"
        saved = salvage(path, target)
        assert (saved.records, saved.without_vector) == (45, 0)
        with Collection.open(target, NEW) as held:
            verify(held, NEW, NAMES)
            assert held.other is None
