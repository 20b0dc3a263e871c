"""Encodings, line ends, compressed files, and files that are no text."""

from __future__ import annotations

import bz2
import codecs
import gzip
import lzma
from collections.abc import Callable
from pathlib import Path

import pytest

from kinspace import read
from kinspace.errors import ReadError

Place = Callable[[dict[str, str | bytes]], Path]

FRENCH = "Le café où l'été s'achève, déjà près de la forêt. Ça va, Noël?\n"
RUSSIAN = "Все счастливые семьи похожи друг на друга.\n"
JAPANESE = "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。\n"
CZECH = "Příliš žluťoučký kůň úpěl ďábelské ódy.\n"


def text_of(path: Path, report: read.Report | None = None) -> str:
    return "\n".join(p.text for p in read.passages(path, report=report or read.Report()))


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (FRENCH, "utf-8"),
        (FRENCH, "utf-8-sig"),
        (FRENCH, "utf-16"),
        (FRENCH, "utf-32"),
        (FRENCH, "cp1252"),
        (RUSSIAN, "cp1251"),
        (RUSSIAN, "koi8_r"),
        (JAPANESE, "shift_jis"),
        (JAPANESE, "euc_jp"),
        (JAPANESE, "utf-16"),
        (CZECH, "cp1250"),
        ("naïve", "cp1252"),
    ],
)
def test_encodings(place: Place, text: str, encoding: str) -> None:
    written = text * (1 if text == "naïve" else 3)
    report = read.Report()
    assert text_of(place({"a.txt": written.encode(encoding)}), report) == written.strip()
    assert report.notices == []


@pytest.mark.parametrize("mark", [codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE])
def test_both_orders_of_utf_16(place: Place, mark: bytes) -> None:
    encoding = "utf-16-le" if mark == codecs.BOM_UTF16_LE else "utf-16-be"
    assert text_of(place({"a.txt": mark + FRENCH.encode(encoding)})) == FRENCH.strip()


def test_html_says_its_encoding(place: Place) -> None:
    page = '<meta charset="iso-8859-7"><p>' + "Καλημέρα".encode("iso-8859-7").decode("latin-1")
    assert text_of(place({"a.html": page.encode("latin-1")})) == "Καλημέρα"
    lying = b'<meta charset="no-such"><p>caf\xe9'
    assert text_of(place({"b.html": lying})) == "café"


def test_invalid_bytes_are_replaced_and_told(place: Place) -> None:
    damaged = (FRENCH * 3).encode() + b"broken \xff\xfe here\n" + FRENCH.encode()
    report = read.Report()
    text = text_of(place({"a.txt": damaged}), report)
    assert "broken \ufffd\ufffd here" in text
    assert text.count("forêt") == 4
    (notice,) = report.warnings
    assert notice.reason == "invalid bytes"
    assert f"byte {damaged.index(0xFF)}" in notice.detail


def test_invalid_bytes_far_into_a_file(place: Place) -> None:
    start = b"plain words\n" * 50_000
    report = read.Report()
    path = place({"a.txt": start + b"caf\xe9 here\n" + "né\n".encode() + b"cut \xc3"})
    found = list(read.passages(path, report=report))
    assert found[-1].text.endswith("caf\ufffd here\nné\ncut \ufffd")
    assert found[-1].end_line == 50_003
    assert [n.reason for n in report.warnings] == ["invalid bytes"]
    assert f"byte {len(start) + 3}" in report.warnings[0].detail


def test_characters_across_pieces(place: Place) -> None:
    for shift in range(4):
        text = "x" * shift + "é学😀\r\n" * 40_000
        found = list(read.passages(place({"a.txt": text}), report=read.Report(), overlap=0))
        assert "".join(p.text for p in found).replace("\n", "") == text.replace("\r\n", "")
        assert found[-1].end_line == 40_000


@pytest.mark.parametrize(
    "data",
    [
        b"\x89PNG\r\n\x1a\n\x00\x00",
        b"text with a \x00 in it",
        bytes(range(1, 32)) * 4,
        b"%PDF-1.7\nlooks like text",
        "no mark".encode("utf-16-le"),
    ],
)
def test_binary(place: Place, data: bytes) -> None:
    path = place({"d/a.txt": data, "d/b": data})
    report = read.Report()
    assert list(read.passages("d", report=report)) == []
    assert {n.path: n.reason for n in report.skipped} == {"d/a.txt": "binary", "d/b": "binary"}
    with pytest.raises(ReadError, match="binary"):
        list(read.passages(path))


def test_a_file_named_like_a_binary_one_is_read_if_it_is_text(place: Place) -> None:
    assert text_of(place({"notes.dat": "Just words."})) == "Just words."


@pytest.mark.parametrize(("suffix", "pack"), [("gz", gzip), ("bz2", bz2), ("xz", lzma)])
def test_compressed(place: Place, suffix: str, pack: object) -> None:
    packed = pack.compress(b'{"text": "in a row"}\n')  # type: ignore[attr-defined]
    path = place({f"a.jsonl.{suffix}": packed, f"a.{suffix}": packed})
    assert text_of(Path(f"a.jsonl.{suffix}")) == "in a row"
    assert list(read.lines(path)) == ['{"text": "in a row"}']


@pytest.mark.parametrize(("suffix", "pack"), [("gz", gzip), ("bz2", bz2), ("xz", lzma)])
def test_truncated_compressed_files(place: Place, suffix: str, pack: object) -> None:
    lines = "".join(f"line {i} {hash(str(i))}\n" for i in range(30_000))
    packed = pack.compress(lines.encode())  # type: ignore[attr-defined]
    path = place({f"d/a.txt.{suffix}": packed[: len(packed) * 9 // 10], f"d/none.{suffix}": b"no"})
    report = read.Report()
    found = list(read.passages("d", report=report))
    reasons = {n.path: n.reason for n in report.notices}
    if suffix == "bz2":  # bz2 gives whole blocks of 900 kB only
        assert reasons[f"d/a.txt.{suffix}"] in ("damaged", "unreadable")
    else:
        assert found[0].text.startswith("line 0 ")
        assert reasons[f"d/a.txt.{suffix}"] == "damaged"
    assert reasons[f"d/none.{suffix}"] == "unreadable"
    with pytest.raises(ReadError, match="cannot be read"):
        list(read.passages(path))
    with pytest.raises(ReadError):
        list(read.lines(f"d/a.txt.{suffix}"))


def test_what_unpacks_to_too_much_is_cut_off(place: Place) -> None:
    path = place({"d/a.txt.gz": gzip.compress(b"word " * 2_000_000)})
    report = read.Report()
    found = list(read.passages("d", report=report, max_bytes=100_000))
    assert 100_000 <= sum(len(p.text) for p in found) < 600_000
    assert [n.reason for n in report.warnings] == ["too large"]
    assert sum(len(p.text) for p in read.passages(path, max_bytes=100_000)) > 9_000_000
