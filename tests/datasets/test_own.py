"""Sets of one's own: formats, how they are told apart, and what is said of damaged ones."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kinspace.datasets import (
    AnalogySet,
    BitextSet,
    Document,
    LabelledSet,
    PairSet,
    RetrievalSet,
    load,
    read_path,
    write_beir,
)
from kinspace.errors import (
    DimensionMismatch,
    DuplicateId,
    EmptyInput,
    InvalidJudgements,
    InvalidParameter,
    PathNotFound,
    ReadError,
)

CORPUS = [{"_id": "d1", "title": "Cats", "text": "They purr."}, {"_id": "d2", "text": "Dogs bark."}]
QUERIES = [{"_id": "q1", "text": "purring"}, {"_id": "q2", "text": "barking"}]
QRELS = "query-id\tcorpus-id\tscore\nq1\td1\t2\nq1\td2\t0\nq2\td2\t1\n"


def beir(folder: Path, **changes: Any) -> Path:
    """A small folder in BEIR's format."""
    files = {"corpus": CORPUS, "queries": QUERIES, "test": QRELS} | changes
    (folder / "qrels").mkdir(parents=True)
    for name in ("corpus", "queries"):
        lines = files.pop(name)
        text = lines if isinstance(lines, str) else "\n".join(map(json.dumps, lines)) + "\n"
        (folder / f"{name}.jsonl").write_text(text)
    for name, text in files.items():
        (folder / "qrels" / f"{name}.tsv").write_text(text)
    return folder


def write(folder: Path, name: str, text: str | bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


# -- BEIR --------------------------------------------------------------------------------------


def test_a_beir_folder(tmp_path: Path) -> None:
    found = read_path(beir(tmp_path / "mine"))
    assert found == RetrievalSet(
        "mine-test",
        {"d1": Document("d1", "They purr.", "Cats"), "d2": Document("d2", "Dogs bark.")},
        {"q1": "purring", "q2": "barking"},
        {"q1": {"d1": 2, "d2": 0}, "q2": {"d2": 1}},
    )
    assert read_path(tmp_path / "mine", "retrieval") == found


def test_a_split_is_chosen_by_name(tmp_path: Path) -> None:
    folder = beir(tmp_path / "mine", dev="q1\td2\t1\n")
    dev = read_path(folder, split="dev")
    assert isinstance(dev, RetrievalSet)
    assert dev.qrels == {"q1": {"d2": 1}}
    with pytest.raises(InvalidParameter, match="dev, test"):
        read_path(folder, split="train")
    (folder / "qrels" / "test.tsv").rename(folder / "qrels" / "train.tsv")
    with pytest.raises(InvalidParameter, match=r"dev, train.*split="):
        read_path(folder)


def test_packed_files_marks_and_numbers_for_ids(tmp_path: Path) -> None:
    folder = beir(tmp_path / "mine", corpus=[{"_id": 7, "text": "x"}], test="q1\t7\t1.0\r\n")
    corpus = folder / "corpus.jsonl"
    (folder / "corpus.jsonl.gz").write_bytes(gzip.compress(b"\xef\xbb\xbf" + corpus.read_bytes()))
    corpus.unlink()
    found = read_path(folder)
    assert isinstance(found, RetrievalSet)
    assert found.qrels == {"q1": {"7": 1}}


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"corpus": CORPUS + CORPUS[:1]}, DuplicateId, r"corpus\.jsonl, line 3.*'d1'"),
        ({"queries": QUERIES[:1] * 2}, DuplicateId, r"queries\.jsonl, line 2.*'q1'"),
        ({"corpus": ""}, EmptyInput, "no documents"),
        ({"corpus": '{"_id": "d1"'}, ReadError, r"corpus\.jsonl, line 1: this is no JSON"),
        ({"corpus": "[]\n"}, ReadError, "line 1: this is a list"),
        ({"corpus": '{"text": "a"}\n'}, ReadError, "line 1: no id"),
        ({"corpus": '{"_id": "a", "text": 3}\n'}, ReadError, "line 1: no text"),
        ({"test": "q1\td9\t1\n"}, InvalidJudgements, "'d9', which does not exist"),
        ({"test": "q9\td1\t1\n"}, InvalidJudgements, "'q9', which does not exist"),
        ({"test": "q1\td1\t0\n"}, InvalidJudgements, "no query has a relevant document"),
        ({"test": ""}, InvalidJudgements, "no query has a relevant document"),
        ({"test": "q1\td1\t1\nq1\td1\t2\n"}, InvalidJudgements, "line 2.*the grade 1 before"),
        ({"test": "q1\td1\tgood\n"}, ReadError, r"test\.tsv, line 1: 'good' is not a whole"),
        ({"test": "q1\td1\t0.5\n"}, ReadError, "'0.5' is not a whole"),
        ({"test": "q1 d1\n"}, ReadError, "line 1: 1 columns where 3"),
    ],
)
def test_what_is_wrong_with_a_beir_folder(
    tmp_path: Path, changes: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message) as caught:
        read_path(beir(tmp_path / "mine", **changes))
    assert caught.value.remedy  # type: ignore[attr-defined]


def test_files_that_a_beir_folder_lacks(tmp_path: Path) -> None:
    folder = beir(tmp_path / "mine")
    (folder / "qrels" / "test.tsv").unlink()
    with pytest.raises(InvalidParameter, match=r"none.*qrels/test\.tsv"):
        read_path(folder)
    (folder / "queries.jsonl").unlink()
    with pytest.raises(PathNotFound, match=r"queries\.jsonl"):
        read_path(folder)


@pytest.mark.parametrize("name", ["a\tb", "a\nb", "", " a", "a\x00"])
def test_ids_that_beir_cannot_hold_are_refused(tmp_path: Path, name: str) -> None:
    content = RetrievalSet("x", {name: Document(name, "t")}, {"q": "t"}, {"q": {name: 1}})
    with pytest.raises(InvalidParameter, match="cannot be written"):
        write_beir(content, tmp_path / "out")


def test_what_we_write_mteb_and_others_read(tmp_path: Path) -> None:
    content = read_path(beir(tmp_path / "mine"))
    assert isinstance(content, RetrievalSet)
    folder = write_beir(content, tmp_path / "out")
    ir_measures = pytest.importorskip("ir_measures")
    lines = (folder / "qrels" / "test.tsv").read_text().splitlines()
    assert lines[0] == "query-id\tcorpus-id\tscore"
    trec = "\n".join(" ".join([q, "0", d, g]) for q, d, g in (x.split("\t") for x in lines[1:]))
    found = list(ir_measures.read_trec_qrels(trec))
    assert {(one.query_id, one.doc_id, one.relevance) for one in found} == {
        ("q1", "d1", 2), ("q1", "d2", 0), ("q2", "d2", 1),
    }  # fmt: skip


# -- TREC --------------------------------------------------------------------------------------

TOPICS = """<top>
<num> Number: 301
<title> Topic: Cats &amp; dogs

<desc> Description:
What do they do?
</top>
<top><num>302</num><title>Birds</title></top>
"""
DOCUMENTS = """<DOC>
<DOCNO> A-1 </DOCNO>
<HEADLINE>Pets</HEADLINE>
<TEXT>
<P>Cats purr.</P>
Dogs bark.
</TEXT>
</DOC>
<DOC><DOCNO>A-2</DOCNO><TEXT>Birds sing.</TEXT></DOC>
"""


def test_trec_files_in_their_markup(tmp_path: Path) -> None:
    write(tmp_path, "t/qrels.txt", "301 0 A-1 2\n301 0 A-2 0\n302 0 A-2 1\n")
    write(tmp_path, "t/topics.301-302", TOPICS)
    write(tmp_path, "t/docs.sgml", DOCUMENTS)
    assert read_path(tmp_path / "t") == RetrievalSet(
        "t",
        {
            "A-1": Document("A-1", "Cats purr. Dogs bark.", "Pets"),
            "A-2": Document("A-2", "Birds sing."),
        },
        {"301": "Cats & dogs", "302": "Birds"},
        {"301": {"A-1": 2, "A-2": 0}, "302": {"A-2": 1}},
    )


def test_trec_files_a_line_each(tmp_path: Path) -> None:
    write(tmp_path, "t/dev.qrels", "1 0 a 1\n")
    write(tmp_path, "t/test.qrels", "2 0 b 1\n")
    write(tmp_path, "t/queries.tsv", "1\tpurring\n2\tbarking\n")
    write(tmp_path, "t/collection.tsv", "a\tCats\tThey purr.\nb\tDogs bark.\n")
    found = read_path(tmp_path / "t", split="test")
    assert isinstance(found, RetrievalSet)
    assert found.qrels == {"2": {"b": 1}}
    assert found.documents["a"] == Document("a", "They purr.", "Cats")
    with pytest.raises(InvalidParameter, match=r"dev\.qrels, test\.qrels"):
        read_path(tmp_path / "t")
    with pytest.raises(PathNotFound, match="judgements for 'train'"):
        read_path(tmp_path / "t", split="train")


def test_trec_files_that_are_damaged(tmp_path: Path) -> None:
    write(tmp_path, "t/qrels", "1 0 a 1\n")
    write(tmp_path, "t/topics", "<top>\n<title>x\n</top>")
    write(tmp_path, "t/docs", "a\tx\na\ty\n")
    with pytest.raises(ReadError, match="topics, line 1: an entry without a number"):
        read_path(tmp_path / "t")
    write(tmp_path, "t/topics", "1\tx\n")
    with pytest.raises(DuplicateId, match="docs, line 2"):
        read_path(tmp_path / "t")


# -- tables ------------------------------------------------------------------------------------

STS = "main\tMSRvid\t2012\t1\t{}\t{}\t{}\n"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.tsv", "A cat.\tA dog.\t2.5\nA, b.\tC.\t1\n"),
        ("b.csv", 'A cat.,A dog.,2.5\n"A, b.",C.,1\n'),
        ("c.csv", 'sentence1;sentence2;score\n"A cat.";A dog.;2.5\nA, b.;C.;1\n'),
        ("d.csv", '﻿Score,Sentence 1,Sentence 2\r\n2.5,A cat.,A dog.\r\n1,"A, b.",C.\r\n'),
        ("e.tsv", "2.5\tA cat.\tA dog.\n1\tA, b.\tC.\n"),
        ("f.csv", STS.format(2.5, "A cat.", "A dog.") + STS.format(1, "A, b.", "C.\textra")),
        (
            "g.jsonl",
            '{"sentence1": "A cat.", "sentence2": "A dog.", "score": 2.5}\n\n'
            '{"score": 1, "sentence1": "A, b.", "sentence2": "C."}\n',
        ),
    ],
)
def test_pairs_in_many_forms(tmp_path: Path, name: str, text: str) -> None:
    found = read_path(write(tmp_path, name, text))
    assert isinstance(found, PairSet)
    assert found.name == name[0]
    assert list(found.left) == ["A cat.", "A, b."]
    assert list(found.right) == ["A dog.", "C."]
    assert list(found.scores) == [2.5, 1.0]


def test_words_apart_by_blanks(tmp_path: Path) -> None:
    found = read_path(write(tmp_path, "words.txt", "tiger cat 7.35\nbook paper 7\n"))
    assert isinstance(found, PairSet)
    assert list(found.right) == ["cat", "paper"]


def test_paraphrases_as_microsoft_has_them(data: Path) -> None:
    theirs = load("msrp", "dev")
    ours = read_path(data / "sts/msrp/msr-para-val.tsv")
    assert isinstance(theirs, PairSet)
    assert isinstance(ours, PairSet)
    assert np.array_equal(ours.scores, theirs.scores)
    assert list(ours.left) == list(theirs.left)


def test_real_files_are_told_by_their_content(data: Path) -> None:
    sts = read_path(data / "sts/stsbenchmark/sts-dev.csv")
    wanted = load("stsb", "dev")
    assert isinstance(sts, PairSet)
    assert isinstance(wanted, PairSet)
    assert list(sts.left) == list(wanted.left)
    assert np.array_equal(sts.scores, wanted.scores)
    for path in sorted((data / "words/similarity").iterdir()):
        assert isinstance(read_path(path), PairSet), path
    analogies = read_path(data / "words/questions-words.txt")
    assert isinstance(analogies, AnalogySet)
    assert len(analogies) == 19_544
    banking = read_path(data / "classify/banking77/train.csv")
    assert isinstance(banking, LabelledSet)
    assert len(set(banking.labels)) == 77


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", 'text,label\n"I paid, twice.",money\nHello there,talk\n'),
        ("b.tsv", "Category\tText\nmoney\tI paid, twice.\ntalk\tHello there\n"),
        ("c.jsonl", '{"text": "I paid, twice.", "label": "money"}\n'
                    '{"text": "Hello there", "label": "talk"}\n'),
        ("d.txt", "__label__money I paid, twice.\n__label__talk Hello there\n"),
    ],
)  # fmt: skip
def test_labelled_texts_in_many_forms(tmp_path: Path, name: str, text: str) -> None:
    found = read_path(write(tmp_path, name, text))
    assert isinstance(found, LabelledSet)
    assert list(found.texts) == ["I paid, twice.", "Hello there"]
    assert list(found.labels) == ["money", "talk"]


def test_labels_without_a_name_are_what_repeats(tmp_path: Path) -> None:
    rows = ["good film,pos", "bad film,neg", "fine film,pos", "dull film,neg"]
    found = read_path(write(tmp_path, "a.csv", "\n".join(rows)))
    assert isinstance(found, LabelledSet)
    assert list(found.labels) == ["pos", "neg", "pos", "neg"]
    numbers = read_path(write(tmp_path, "b.jsonl", '{"text": "a", "label": 1}\n'))
    assert isinstance(numbers, LabelledSet)
    assert list(numbers.labels) == ["1"]


def test_texts_with_line_breaks_in_quotes(tmp_path: Path) -> None:
    found = read_path(write(tmp_path, "a.csv", 'text,label\n"one\ntwo",x\nthree,y\n'))
    assert isinstance(found, LabelledSet)
    assert found.texts[0] == "one\ntwo"


def test_old_encodings_are_found_out(tmp_path: Path) -> None:
    text = "text,label\nUn café très serré à Nîmes,x\nDéjà vu à Besançon,y\n"
    for encoding in ("latin-1", "utf-8", "utf-8-sig", "utf-16"):
        found = read_path(write(tmp_path, f"{encoding}.csv", text.encode(encoding)))
        assert isinstance(found, LabelledSet)
        assert found.texts[0] == "Un café très serré à Nîmes"


def test_translations_of_sentences_and_of_words(tmp_path: Path) -> None:
    rows = [f"this is sentence {i}\tdas ist Satz {i}" for i in range(8)]
    path = write(tmp_path, "en-de.tsv", "\n".join(rows))
    found = read_path(path)
    assert isinstance(found, BitextSet)
    assert found.right[3] == "das ist Satz 3"
    words = write(tmp_path, "words.tsv", "cat\tKatze\ndog\tHund\ncat\tKater\n")
    with pytest.raises(ReadError, match=r"cannot be told.*'cat\\tKatze'.*dictionary"):
        read_path(words)
    dictionary = read_path(words, "dictionary")
    assert dictionary.translations == {"cat": ["Katze", "Kater"], "dog": ["Hund"]}  # type: ignore[union-attr]


def test_outliers_of_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "eight"
    folder.mkdir()
    with pytest.raises(ReadError, match=r"no \.txt"):
        read_path(folder, "outliers")
    write(folder, "months.txt", "May\nJune\n\nNew_York\ncat\n")
    write(folder, "fruit.txt", "fig\npear\n\ncar\n")
    found = read_path(folder, "outliers")
    assert found.name == "eight"
    assert found.groups == {  # type: ignore[union-attr]
        "fruit": (["fig", "pear"], ["car"]),
        "months": (["May", "June"], ["New York", "cat"]),
    }
    write(folder, "other.txt", "May\nJune\n")
    with pytest.raises(ReadError, match="0 outliers"):
        read_path(folder, "outliers")


def test_outliers_and_texts_are_read_if_it_is_said_so(tmp_path: Path) -> None:
    path = write(tmp_path, "cats.txt", "lion\ntiger\nlynx\n\ntable\nspoon\n")
    assert read_path(path, "outliers").groups == {  # type: ignore[union-attr]
        "cats": (["lion", "tiger", "lynx"], ["table", "spoon"])
    }
    assert read_path(path, "texts").texts == ["lion", "tiger", "lynx", "table", "spoon"]  # type: ignore[union-attr]
    with pytest.raises(ReadError, match="2 members and 0 outliers"):
        read_path(write(tmp_path, "one.txt", "a\nb\n"), "outliers")


@pytest.mark.parametrize(
    ("name", "text", "kind", "error", "message"),
    [
        ("a.csv", "", None, EmptyInput, "is empty"),
        ("a.csv", "text,label\n", "labelled", EmptyInput, "no rows"),
        ("a.jsonl", "\n", "pairs", EmptyInput, "no rows"),
        ("a.txt", "Just a text of one line.\n", None, ReadError, "Give kind="),
        ("a.csv", "a,b,1\nc,d,x\n", "pairs", ReadError, "that can be told apart"),
        ("a.csv", "text1,text2,score\na,b,1\nc,d,x\n", None, ReadError, "line 3: 'x' is no number"),
        ("a.csv", "text1,text2,score\na,b,nan\n", None, ReadError, "'nan' is no number"),
        ("a.csv", "text1,text2,score\na,b\n", None, ReadError, "line 2: 2 cells, not 3"),
        ("a.csv", 'text,label\n"never closed,x\n', None, ReadError, "line 2"),
        ("a.csv", "text,label\nhello,\n", None, ReadError, "line 2: no label"),
        ("a.csv", "a,b\nc,d\n", "labelled", ReadError, "Name the columns text and label"),
        ("a.jsonl", '{"text": "a", "label": "b"}\n{"text": "c"}\n', None, ReadError,
         "line 2: nothing in 'label'"),
        ("a.jsonl", '{"text": "a"\n', None, ReadError, "line 1: this is no JSON"),
        ("a.txt", ": s\na b c d\na b c\n", None, ReadError, r"a\.txt, line 3: 3 words"),
        ("a.txt", "__label__a x\ny\n", "labelled", ReadError, "line 2"),
        ("a.csv", b"\x89PNG\r\n\x1a\n\x00\x00", None, ReadError, "cannot be read"),
        ("a.csv", "a,b\n", "stories", InvalidParameter, "no kind 'stories'"),
        ("a.csv", "a,b\n", "retrieval", InvalidParameter, "is a file"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_file(
    tmp_path: Path,
    name: str,
    text: str | bytes,
    kind: str | None,
    error: type[Exception],
    message: str,
) -> None:
    with pytest.raises(error, match=message) as caught:
        read_path(write(tmp_path, name, text), kind)
    assert caught.value.remedy  # type: ignore[attr-defined]


def test_paths_that_are_not_what_they_should_be(tmp_path: Path) -> None:
    with pytest.raises(PathNotFound):
        read_path(tmp_path / "gone")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ReadError, match="no folder in BEIR's or TREC's format"):
        read_path(tmp_path / "empty")
    with pytest.raises(InvalidParameter, match="is a folder"):
        read_path(beir(tmp_path / "mine"), "pairs")
    with pytest.raises(InvalidParameter, match="split"):
        read_path(write(tmp_path, "a.csv", "text,label\na,b\n"), split="test")


def test_a_truncated_file_is_told(tmp_path: Path) -> None:
    packed = gzip.compress(b"text,label\n" + b"hello there,x\n" * 1000)
    with pytest.raises(ReadError, match=r"damaged|cannot be read"):
        read_path(write(tmp_path, "a.csv.gz", packed[:-20]))


def test_bitext_of_unequal_rows(tmp_path: Path) -> None:
    with pytest.raises((ReadError, DimensionMismatch), match="line 2"):
        read_path(write(tmp_path, "a.tsv", "one\tun\ntwo\n"), "bitext")
