"""Vectors kept on the disk: found again, never for another model, and never trusted blindly."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from kinspace.caching import CachedEncoder, VectorCache
from kinspace.caching.items import digest_of
from kinspace.encoder import Encoder, Side
from kinspace.errors import InvalidParameter, InvalidVectors, ProviderError, StoreError
from kinspace.multi import MultiVectors
from kinspace.space import Space, fingerprint_of
from tests.conftest import ROOT
from tests.toys import HashEncoder, MultiHashEncoder, SparseHashEncoder

TEXTS = ["a cat", "b dog", "a cat", "", "北京 café", "x" * 3000]


class Asked(HashEncoder):
    """Remembers what it was asked for."""

    def __init__(self, dim: int = 8, seed: int = 0) -> None:
        super().__init__(dim, seed)
        self.asked: list[str] = []

    def _encode_batch(self, items: Sequence[str], side: Side) -> NDArray[np.float32]:
        self.asked += items
        return super()._encode_batch(items, side) + (side == "query")


def plain(vectors: Any) -> Any:
    """Vectors of any form as arrays that can be compared."""
    if isinstance(vectors, MultiVectors):
        return vectors.values.tolist(), vectors.starts.tolist()
    return np.asarray(vectors.toarray() if hasattr(vectors, "toarray") else vectors).tolist()


@pytest.mark.parametrize("encoder", [HashEncoder(), SparseHashEncoder(), MultiHashEncoder(4)])
def test_the_same_vectors_to_the_last_bit(encoder: Encoder[str], tmp_path: Path) -> None:
    direct = plain(encoder.encode(TEXTS).vectors)
    assert plain(CachedEncoder(encoder, tmp_path).encode(TEXTS).vectors) == direct
    again = CachedEncoder(encoder, tmp_path)
    assert plain(again.encode(TEXTS).vectors) == direct
    assert (again.hits_, again.misses_) == (5, 0)
    half = CachedEncoder(encoder, tmp_path)
    mixed = ["new", *TEXTS[:2], "also new"]
    assert plain(half.encode(mixed).vectors) == plain(encoder.encode(mixed).vectors)
    assert (half.hits_, half.misses_) == (2, 2)


def test_only_what_is_new_is_encoded(tmp_path: Path) -> None:
    inner = Asked()
    cached = CachedEncoder(inner, tmp_path)
    cached.encode(["a", "b", "a"])
    cached.encode(["b", "c"])
    assert sorted(inner.asked) == ["a", "b", "c"]
    assert cached.known(["a", "z"]).tolist() == [True, False]
    assert cached.space == inner.space


def test_sides_and_models_are_kept_apart(tmp_path: Path) -> None:
    cached = CachedEncoder(Asked(), tmp_path)
    document, query = cached.encode("a"), cached.encode_query("a")
    np.testing.assert_allclose(query.vectors, document.vectors + 1)
    other = CachedEncoder(Asked(seed=1), tmp_path)
    assert not np.allclose(other.encode("a").vectors, document.vectors)
    assert other.misses_ == 1
    shorter = CachedEncoder(Asked(dim=4), tmp_path)
    assert shorter.encode("a").shape == (1, 4)


def test_a_damaged_entry_is_encoded_again(tmp_path: Path) -> None:
    cached = CachedEncoder(HashEncoder(), tmp_path)
    right = cached.encode(["a", "b"]).vectors
    with closing(sqlite3.connect(cached.cache.path)) as database, database:
        database.execute("UPDATE vectors SET value = zeroblob(length(value)) WHERE rowid = 1")
        database.execute("UPDATE vectors SET value = x'00' WHERE rowid = 2")
    again = CachedEncoder(HashEncoder(), tmp_path)
    np.testing.assert_array_equal(again.encode(["a", "b"]).vectors, right)
    assert again.misses_ == 2
    np.testing.assert_array_equal(again.encode(["a", "b"]).vectors, right)
    assert again.hits_ == 2


@pytest.mark.parametrize("damage", [b"not a database" * 900, b""])
def test_a_damaged_file_is_put_aside(damage: bytes, tmp_path: Path) -> None:
    cached = CachedEncoder(HashEncoder(), tmp_path)
    right = cached.encode(["a", "b"]).vectors
    cached.cache.path.write_bytes(damage)
    np.testing.assert_array_equal(cached.encode(["a", "b"]).vectors, right)
    assert cached.cache.count() == 2
    assert bool(list(tmp_path.glob("*.damaged"))) == bool(damage)


def test_counted_cleared_and_bounded(tmp_path: Path) -> None:
    cached = CachedEncoder(HashEncoder(256), tmp_path)
    assert (cached.cache.count(), cached.cache.nbytes()) == (0, 0)
    cached.encode([str(i) for i in range(300)])
    assert cached.cache.count() == 300
    assert cached.cache.nbytes() > 300 * 1024
    cached.cache.clear()
    assert (cached.cache.count(), cached.cache.nbytes()) == (0, 0)
    bounded = CachedEncoder(HashEncoder(256), tmp_path, max_bytes=200_000)
    for start in range(0, 1000, 100):
        bounded.encode([str(i) for i in range(start, start + 100)])
    assert 0 < bounded.cache.count() < 200
    assert bounded.cache.nbytes() < 1_000_000
    assert bounded.known(["999"]).all()
    with pytest.raises(InvalidParameter):
        CachedEncoder(HashEncoder(), tmp_path, max_bytes=0).encode("a")


class Paid(HashEncoder):
    """Gives vectors one by one, and fails at what it does not like."""

    def parts(self, items: Sequence[str], side: Side) -> Iterator[tuple[NDArray[np.int64], Any]]:
        for place, item in reversed(list(enumerate(items))):
            if item == "bad":
                raise ProviderError("No more.", "Pay.")
            rows = self._encode_batch([item], side)
            yield np.array([place]), rows * np.float32("nan") if item == "nan" else rows


def test_what_was_paid_for_is_kept_when_a_service_fails(tmp_path: Path) -> None:
    cached = CachedEncoder(Paid(), tmp_path)
    with pytest.raises(ProviderError):
        cached.encode(["a", "bad", "b", "c"])
    assert cached.known(["a", "bad", "b", "c"]).tolist() == [False, False, True, True]
    with pytest.raises(InvalidVectors):
        cached.encode(["d", "nan"])
    assert not cached.known(["nan"]).any()
    np.testing.assert_array_equal(
        cached.encode(["c", "e"]).vectors, Paid().encode(["c", "e"]).vectors
    )


WORKER = """
import sys
from kinspace.caching import CachedEncoder
from tests.toys import HashEncoder
cached = CachedEncoder(HashEncoder(64), sys.argv[1])
for start in range(0, 400, 20):
    first = (start + int(sys.argv[2])) % 400
    cached.encode([f"text {i}" for i in range(first, first + 20)])
print(cached.hits_ + cached.misses_)
"""


def test_several_processes_at_once(tmp_path: Path) -> None:
    running = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, str(tmp_path), str(shift)], cwd=ROOT, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )
        for shift in (0, 0, 100)
    ]  # fmt: skip
    for process in running:
        out, err = process.communicate(timeout=120)
        assert (process.returncode, out.strip()) == (0, "400"), err
    texts = [f"text {i}" for i in range(400)]
    cached = CachedEncoder(HashEncoder(64), tmp_path)
    found = cached.encode(texts)
    assert cached.misses_ == 0
    np.testing.assert_array_equal(found.vectors, HashEncoder(64).encode(texts).vectors)


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises((StoreError, OSError)):
        CachedEncoder(HashEncoder(), tmp_path / "file").encode("a")


def test_what_items_are(tmp_path: Path) -> None:
    image = tmp_path / "a.png"
    image.write_bytes(b"one")
    before = digest_of(image), digest_of(str(image))
    image.write_bytes(b"two")
    assert None not in before
    assert before[0] != digest_of(image)
    assert before[1] != digest_of(str(image)), "some encoders take a text for the path of an image"
    assert digest_of(tmp_path / "none.png") is None
    ones = np.ones((2, 3), np.uint8)
    assert digest_of(ones) == digest_of(ones.copy()) != digest_of(ones.T)
    assert digest_of(ones) != digest_of(ones.astype(np.int8))
    assert digest_of({"a": 1, "b": [2]}) == digest_of({"b": [2], "a": 1})
    assert digest_of(object()) is None
    assert digest_of("a\ud800") is not None
    assert len({digest_of(x) for x in ("1", b"1", 1, 1.5, None, ["1"])}) == 6


def test_what_cannot_be_told_apart_is_encoded_each_time(tmp_path: Path) -> None:
    class Constant(Encoder[Any]):
        @property
        def space(self) -> Space:
            return Space("any", fingerprint_of("any"), 2)

        def _encode_batch(self, items: Sequence[Any], side: Side) -> NDArray[np.float32]:
            return np.ones((len(items), 2), np.float32)

    cached = CachedEncoder(Constant(), tmp_path)
    cached.encode([object(), "a"])
    cached.encode([object(), "a"])
    assert (cached.hits_, cached.misses_) == (1, 3)


def test_what_the_wrapped_encoder_offers(tmp_path: Path) -> None:
    inner = Asked()
    cached = CachedEncoder(inner, tmp_path)
    assert cached.asked is inner.asked
    assert cached.keyword_share == inner.keyword_share
    assert not hasattr(cached, "no_such_thing")
    assert cached.get_params()["encoder__dim"] == 8
    assert cached.clone().encode("a").shape == (1, 8)


def test_the_key_of_a_vector_stays(tmp_path: Path) -> None:
    """A cache that is paid for is not lost by an update."""
    cached = CachedEncoder(HashEncoder(), tmp_path)
    assert cached._keys(["a cat"], "document")[0] == bytes.fromhex(
        "970d20c3068319ecdbc841da89edd6570429afb0bb8cda1e"
    )
    assert cached.cache.path.name == "hash-0-eccc6eb54cfd81ac.vectors"
    cached.encode(["a cat"])
    assert [(one.model, one.count()) for one in VectorCache.every(tmp_path)] == [("hash-0", 1)]
