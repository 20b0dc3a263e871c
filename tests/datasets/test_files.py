"""Where files are looked for, and that they are the ones that are meant."""

from __future__ import annotations

import bz2
import hashlib
import io
import json
import logging
import os
import shutil
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from kinspace import datasets
from kinspace.datasets import download as download_module
from kinspace.datasets import files
from kinspace.datasets.record import File, describe
from kinspace.errors import (
    ChecksumMismatch,
    DatasetNotFound,
    DownloadFailed,
    PathNotFound,
    ReadError,
)
from tests.datasets.server import Server, serving

TEXT = b"sun\tsunlight\t50.0\nbakery\tzebra\t0.0\n"


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with ``data/`` and ``cache/``, which are where they are looked for."""
    (tmp_path / "data").mkdir()
    monkeypatch.setenv("KINSPACE_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("KINSPACE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(download_module, "PAUSE", 0.0)
    monkeypatch.setenv("no_proxy", "*")
    return tmp_path


@pytest.fixture
def server() -> Iterator[Server]:
    with serving(TEXT) as state:
        yield state


@pytest.fixture
def record(server: Server, monkeypatch: pytest.MonkeyPatch) -> datasets.Dataset:
    """A small set of word pairs under the name ``men``."""
    file = File(
        "words/men.txt", hashlib.sha256(TEXT).hexdigest(), len(TEXT), address=server.address
    )
    small = replace(describe("men"), files=(file,))
    monkeypatch.setattr("kinspace.datasets.loading.describe", lambda name: small)
    return small


def put(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def test_the_own_copy_is_taken_first(
    places: Path, record: datasets.Dataset, server: Server
) -> None:
    put(places / "data/words/men.txt", TEXT)
    assert datasets.at_hand(record)
    assert len(datasets.load("men")) == 2  # type: ignore[arg-type]
    assert server.asked == []


def test_what_is_nowhere_is_fetched_once(
    places: Path,
    record: datasets.Dataset,
    server: Server,
    caplog: pytest.LogCaptureFixture,
) -> None:
    told: list[tuple[int, int, str]] = []
    with caplog.at_level(logging.INFO, "kinspace"):
        first = datasets.load("men", progress=lambda *step: told.append(step))
        again = datasets.load("men")
    assert isinstance(first, datasets.PairSet)
    assert isinstance(again, datasets.PairSet)
    assert list(first.left) == list(again.left) == ["sun", "bakery"]
    assert len(server.asked) == 1
    assert told[-1] == (len(TEXT), len(TEXT), "words/men.txt")
    assert len(caplog.messages) == 1
    assert record.licence in caplog.messages[0]
    assert (places / "cache/datasets/words/men.txt").read_bytes() == TEXT


def test_nothing_is_fetched_unasked(places: Path, record: datasets.Dataset) -> None:
    with pytest.raises(DatasetNotFound, match=r"not on this machine.*kinspace datasets fetch men"):
        datasets.load("men", download=False)


def test_without_a_network_the_remedy_names_the_places(
    places: Path, record: datasets.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = replace(record, files=(replace(record.files[0], address="http://127.0.0.1:9/x"),))
    monkeypatch.setattr("kinspace.datasets.loading.describe", lambda name: away)
    with pytest.raises(DownloadFailed) as caught:
        datasets.load("men")
    assert "KINSPACE_DATA" in caught.value.remedy
    assert str(places / "cache/datasets/words/men.txt") in caught.value.remedy


def test_a_folder_that_is_not_there_is_told(
    places: Path, record: datasets.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KINSPACE_DATA", str(places / "gone"))
    with pytest.raises(PathNotFound, match="KINSPACE_DATA"):
        datasets.load("men")


@pytest.mark.parametrize("where", ["data", "cache/datasets"])
def test_another_file_is_refused(places: Path, record: datasets.Dataset, where: str) -> None:
    wrong = put(places / where / "words/men.txt", TEXT + b"more\n")
    with pytest.raises(ChecksumMismatch) as caught:
        datasets.load("men")
    assert str(wrong) in caught.value.message
    assert record.files[0].sha256 in caught.value.message
    assert hashlib.sha256(TEXT + b"more\n").hexdigest() in caught.value.message
    assert str(wrong) in caught.value.remedy


def test_a_file_that_changes_is_looked_at_again(places: Path, record: datasets.Dataset) -> None:
    path = put(places / "data/words/men.txt", TEXT)
    datasets.load("men")
    path.write_bytes(TEXT.replace(b"sun", b"son"))
    os.utime(path, ns=(1, 1))
    with pytest.raises(ChecksumMismatch):
        datasets.load("men")


def test_large_files_are_remembered_by_size_and_time(places: Path) -> None:
    data = bytes(2 << 20)
    path = put(places / "data/big", data)
    file = File("big", hashlib.sha256(data).hexdigest(), len(data))
    record = replace(describe("men"), files=(file,))
    files.read(record, file)
    ledger = places / "cache/datasets/verified.json"
    assert json.loads(ledger.read_text())[str(path)][0] == len(data)
    ledger.write_text("damaged")
    assert files.read(record, file) == data


def test_a_member_of_an_archive_or_by_itself(places: Path, server: Server) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        item = tarfile.TarInfo("set/men.txt")
        item.size = len(TEXT)
        archive.addfile(item, io.BytesIO(TEXT))
    file = File(
        "words/set.tar.gz", hashlib.sha256(TEXT).hexdigest(), len(TEXT), member="set/men.txt",
        address=server.address,
    )  # fmt: skip
    record = replace(describe("men"), files=(file,))
    archive_path = put(places / "data/words/set.tar.gz", packed.getvalue())
    assert files.read(record, file) == TEXT
    archive_path.unlink()
    put(places / "data/words/set/men.txt", TEXT)
    assert files.read(record, file) == TEXT
    shutil.rmtree(places / "data/words")
    assert datasets.fetch(record) == [places / "cache/datasets/words/set/men.txt"]
    assert files.read(record, file) == TEXT
    archive_path = put(places / "data/words/set.tar.gz", packed.getvalue()[:40])
    with pytest.raises(ReadError, match=r"set\.tar\.gz"):
        files.read(record, file)


def test_an_archive_may_be_packed_in_another_way(places: Path) -> None:
    def packed(names: list[str], mode: str) -> bytes:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode=mode) as archive:  # type: ignore[call-overload]
            for name in names:
                item = tarfile.TarInfo(name)
                item.size = len(name)
                item.mtime = len(names[0])
                archive.addfile(item, io.BytesIO(name.encode()))
        return buffer.getvalue()

    one = packed(["a/1", "a/2"], "w:bz2")
    assert files.members_sum(one) == files.members_sum(packed(["a/2", "a/1"], "w:gz"))
    assert files.members_sum(one) != files.members_sum(packed(["a/1", "a/3"], "w:bz2"))


def test_what_cannot_be_fetched_is_told_with_what_to_do(places: Path) -> None:
    with pytest.raises(DownloadFailed, match="text/20_newsgroups") as caught:
        datasets.load("20newsgroups")
    assert "Clone https://github.com/" in caught.value.remedy


@pytest.mark.parametrize("name", ["a.gz", "a.bz2"])
def test_damaged_packing_is_told(name: str) -> None:
    with pytest.raises(ReadError, match=name):
        files.unpack(name, b"not packed at all")
    with pytest.raises(ReadError, match=r"a\.bz2"):
        files.unpack("a.bz2", bz2.compress(b"text" * 1000)[:-20])


def test_a_zip_without_the_member_is_told(places: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("other.txt", TEXT)
    put(places / "data/set.zip", buffer.getvalue())
    file = File("set.zip", hashlib.sha256(TEXT).hexdigest(), len(TEXT), member="men.txt")
    with pytest.raises(ReadError, match=r"men\.txt"):
        files.read(replace(describe("men"), files=(file,)), file)
