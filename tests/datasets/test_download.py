"""Fetching: what happens when the other side misbehaves."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from kinspace.datasets import download as module
from kinspace.datasets.download import download
from kinspace.errors import ChecksumMismatch, DownloadFailed
from tests.datasets.server import Server, serving

BODY = bytes(range(256)) * 2000


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(module, "PAUSE", 0.0)
    monkeypatch.setenv("no_proxy", "*")
    with serving(BODY) as state:
        yield state


def fetch(server: Server, target: Path, **changes: object) -> list[int]:
    """Download what the server has; how the progress was told."""
    told: list[int] = []
    settings = {
        "sha256": Server(BODY).sha256,
        "size": len(BODY),
        "remedy": "Do this.",
        "progress": told.append,
    }
    download(server.address, target, **(settings | changes))  # type: ignore[arg-type]
    return told


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_comes_whole(server: Server, tmp_path: Path) -> None:
    told = fetch(server, tmp_path / "deep" / "file")
    assert (tmp_path / "deep" / "file").read_bytes() == BODY
    assert left(tmp_path / "deep") == ["file"]
    assert told == sorted(told)
    assert told[-1] == len(BODY)


def test_a_broken_connection_is_continued(server: Server, tmp_path: Path) -> None:
    server.cut_after = [100_000, 50_000]
    fetch(server, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == BODY
    assert server.asked == [None, "bytes=100000-", "bytes=150000-"]


def test_what_an_earlier_run_left_is_continued(server: Server, tmp_path: Path) -> None:
    server.cut_after = [1000, 1000, 1000]
    with pytest.raises(DownloadFailed, match=r"broke off after 3,000 of 512,000 bytes.*Do this"):
        fetch(server, tmp_path / "file")
    assert left(tmp_path) == ["file.partial"]
    fetch(server, tmp_path / "file")
    assert server.asked[-1] == "bytes=3000-"
    assert (tmp_path / "file").read_bytes() == BODY
    assert left(tmp_path) == ["file"]


def test_a_server_without_ranges_starts_over(server: Server, tmp_path: Path) -> None:
    server.ranges = False
    server.cut_after = [100_000]
    fetch(server, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == BODY


@pytest.mark.parametrize("rest", [b"x" * 1000, b"x" * len(BODY), b"x" * (len(BODY) + 5)])
def test_a_partial_file_of_something_else_is_dropped(
    server: Server, tmp_path: Path, rest: bytes
) -> None:
    (tmp_path / "file.partial").write_bytes(rest)
    fetch(server, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == BODY


def test_a_finished_partial_file_is_not_fetched_again(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file.partial").write_bytes(BODY)
    fetch(server, tmp_path / "file")
    assert server.asked == []
    assert left(tmp_path) == ["file"]


def test_wrong_bytes_are_not_kept(server: Server, tmp_path: Path) -> None:
    server.body = b"<html>Log in</html>".ljust(len(BODY))
    with pytest.raises(ChecksumMismatch) as caught:
        fetch(server, tmp_path / "file")
    assert server.sha256 in str(caught.value)
    assert Server(BODY).sha256 in str(caught.value)
    assert "Do this." in caught.value.remedy
    assert left(tmp_path) == []


def test_more_bytes_than_there_should_be_are_not_waited_for(server: Server, tmp_path: Path) -> None:
    server.body = BODY * 20
    with pytest.raises(ChecksumMismatch):
        fetch(server, tmp_path / "file")
    assert left(tmp_path) == []


def test_a_missing_file_is_told_at_once(server: Server, tmp_path: Path) -> None:
    server.status = [404]
    with pytest.raises(DownloadFailed, match="answers 404") as caught:
        fetch(server, tmp_path / "file")
    assert len(server.asked) == 1
    assert caught.value.remedy == "Do this."
    assert left(tmp_path) == []


def test_a_fault_of_the_server_is_tried_again(server: Server, tmp_path: Path) -> None:
    server.status = [500, 503]
    fetch(server, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == BODY


def test_a_lasting_fault_is_told(server: Server, tmp_path: Path) -> None:
    server.status = [500] * 5
    with pytest.raises(DownloadFailed, match="500"):
        fetch(server, tmp_path / "file")
    assert len(server.asked) == module.TRIES


def test_a_server_that_does_not_answer_is_given_up(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TIMEOUT", 0.05)
    server.wait = 0.3
    with pytest.raises(DownloadFailed, match=r"no answer within 0.05 s|timed out"):
        fetch(server, tmp_path / "file")


def test_no_network_is_told_with_the_remedy(tmp_path: Path, server: Server) -> None:
    server.address = "http://127.0.0.1:9/file"  # nobody listens there
    with pytest.raises(DownloadFailed, match="could not be fetched") as caught:
        fetch(server, tmp_path / "file")
    assert caught.value.remedy == "Do this."


def test_only_the_web_is_asked(tmp_path: Path, server: Server) -> None:
    (tmp_path / "secret").write_text("x")
    server.address = (tmp_path / "secret").as_uri()
    with pytest.raises(DownloadFailed, match="no address of the web"):
        fetch(server, tmp_path / "file")


def test_another_process_does_not_get_our_partial_file(server: Server, tmp_path: Path) -> None:
    theirs = tmp_path / f"file.{os.getpid() + 1}.partial"
    theirs.write_bytes(b"at work")
    fetch(server, tmp_path / "file")
    assert theirs.read_bytes() == b"at work"
    assert (tmp_path / "file").read_bytes() == BODY
