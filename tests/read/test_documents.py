"""PDF, DOCX, PPTX and XLSX by way of markitdown, and what happens without it."""

from __future__ import annotations

import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from kinspace import read
from kinspace.errors import MissingExtra, ReadError
from kinspace.read.formats import document

Place = Callable[[dict[str, str | bytes]], Path]


@pytest.fixture(autouse=True)
def _fresh_converter() -> Iterator[None]:
    document._converter.cache_clear()
    yield
    document._converter.cache_clear()


def converting(monkeypatch: pytest.MonkeyPatch, result: str | Exception) -> None:
    """Put a converter in markitdown's place that gives this result."""

    def convert(path: str) -> SimpleNamespace:
        if isinstance(result, Exception):
            raise result
        return SimpleNamespace(markdown=result)

    fake = SimpleNamespace(MarkItDown=lambda **_: SimpleNamespace(convert_local=convert))
    monkeypatch.setitem(sys.modules, "markitdown", fake)


def test_without_the_extra(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "markitdown", None)
    path = place({"d/a.pdf": b"%PDF-1.4", "d/b.txt": "words"})
    report = read.Report()
    assert [p.text for p in read.passages("d", report=report)] == ["words"]
    (notice,) = [n for n in report.skipped if n.path == "d/a.pdf"]
    assert notice.reason == "missing extra"
    assert "kinspace[documents]" in notice.detail
    assert path.exists()
    with pytest.raises(MissingExtra, match=r"kinspace\[documents\]"):
        list(read.passages("d/a.pdf"))


def test_without_what_markitdown_needs(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    cause = type("MissingDependencyException", (Exception,), {})("install more")
    failed = type("FileConversionException", (Exception,), {})("failed after 1 attempts")
    failed.attempts = [SimpleNamespace(exc_info=(type(cause), cause, None))]
    converting(monkeypatch, failed)
    with pytest.raises(MissingExtra, match="Reading DOCX"):
        list(read.passages(place({"a.docx": b"PK"})))


def test_pages_and_slides(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    path = place({"a.pdf": b"%PDF-1.4"})
    converting(monkeypatch, "First page.\n\n\fSecond page.\r\nGoes on.\n\f")
    found = [(p.text, p.fields, p.start_line, p.end_line) for p in read.passages(path)]
    assert found == [
        ("First page.", {"page": 1}, 1, 1),
        ("Second page.\nGoes on.", {"page": 2}, 3, 4),
    ]
    document._converter.cache_clear()
    slides = "<!-- Slide number: 1 -->\n# One\na\n\n<!-- Slide number: 2 -->\n# Two\nb\n"
    converting(monkeypatch, slides)
    found = [
        (p.text, p.headings, p.fields, p.start_line)
        for p in read.passages(place({"a.pptx": b"PK"}))
    ]
    assert found == [
        ("# One\na", ("One",), {"page": 1}, 2),
        ("# Two\nb", ("Two",), {"page": 2}, 6),
    ]


@pytest.mark.parametrize("result", [ValueError("no xref\nmore"), "%PDF-1.4 raw", "  \n"])
def test_damaged(place: Place, monkeypatch: pytest.MonkeyPatch, result: str | Exception) -> None:
    converting(monkeypatch, result)
    path = place({"d/a.pdf": b"%PDF-1.4"})
    report = read.Report()
    assert list(read.passages("d", report=report)) == []
    assert [n.path for n in report.skipped] == ["d/a.pdf"]
    with pytest.raises(ReadError, match=r"cannot be read \((not convertible|no text)"):
        list(read.passages(path))


TYPES = (
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType='
    '"application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Override PartName="/word/document.xml" ContentType="application/'
    'vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>'
)
RELATIONS = (
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    '<Relationship Id="r" Type="http://schemas.openxmlformats.org/officeDocument/2006/'
    'relationships/officeDocument" Target="word/document.xml"/></Relationships>'
)
BODY = (
    '<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>'
    "<w:p><w:r><w:t>Hello from Word.</w:t></w:r></w:p></w:body></w:document>"
)


@pytest.mark.filterwarnings("ignore")
def test_a_real_word_file(place: Place) -> None:
    pytest.importorskip("markitdown", reason="the documents extra is not installed")
    pytest.importorskip("mammoth", reason="the documents extra is not installed")
    place({})
    with zipfile.ZipFile("a.docx", "w") as file:
        file.writestr("[Content_Types].xml", TYPES)
        file.writestr("_rels/.rels", RELATIONS)
        file.writestr("word/document.xml", BODY)
    assert [p.text for p in read.passages("a.docx")] == ["Hello from Word."]


def pdf(*pages: str) -> bytes:
    """A small PDF with a line of text on each page."""
    kids = " ".join(f"{4 + 2 * i} 0 R" for i in range(len(pages)))
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for i, text in enumerate(pages):
        stream = f"BT /F1 12 Tf 72 700 Td ({text}) Tj ET"
        objects += [
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {5 + 2 * i} 0 R"
            " /Resources << /Font << /F1 3 0 R >> >> >>",
            f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream",
        ]
    out = "%PDF-1.4\n"
    offsets = []
    for number, content in enumerate(objects, start=1):
        offsets.append(len(out))
        out += f"{number} 0 obj\n{content}\nendobj\n"
    table = f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n"
    table += "".join(f"{offset:010d} 00000 n \n" for offset in offsets)
    trailer = f"trailer << /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{len(out)}\n%%EOF"
    return (out + table + trailer).encode()


@pytest.mark.filterwarnings("ignore")
def test_a_real_pdf(place: Place) -> None:
    pytest.importorskip("markitdown", reason="the documents extra is not installed")
    pytest.importorskip("pdfminer", reason="the documents extra is not installed")
    path = place({"a.pdf": pdf("First page text.", "Second page text.")})
    text = " ".join(p.text for p in read.passages(path))
    assert "First page text." in text
    assert "Second page text." in text
