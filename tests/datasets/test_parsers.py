"""Parsers on small files: what they give, and what they say of files that are not right."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Mapping
from typing import Any

import pytest

from kinspace import datasets
from kinspace.datasets.material import Blob, Material
from kinspace.datasets.parsers import PARSERS
from kinspace.datasets.parsers.wikicode import plain
from kinspace.errors import DimensionMismatch, EmptyInput, ReadError


def parse(
    parser: str,
    *,
    split: str = "all",
    options: Mapping[str, Any] | None = None,
    **files: bytes,
) -> Any:
    blobs = {role: Blob(f"{role}.txt", data) for role, data in files.items()}
    return PARSERS[parser](Material("small", split, options or {}, blobs))


def zipped(**files: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def test_word_pairs_by_tabs_or_blanks_and_any_end_of_line() -> None:
    found = parse("word-pairs", texts=b"tiger\tcat\t7.35\r\n\r\nbook  paper 7\n")
    assert list(found.left) == ["tiger", "book"]
    assert list(found.right) == ["cat", "paper"]
    assert list(found.scores) == [7.35, 7.0]


def test_sts_takes_quotes_for_what_they_are() -> None:
    row = 'g\tf\t2012\t7\t2.5\t"A man\tis here".\tlicence\n'
    found = parse("sts", texts=row.encode())
    assert (found.left[0], found.right[0]) == ('"A man', 'is here".')


def test_smart_files_are_read_by_their_marks() -> None:
    found = parse(
        "cranfield",
        documents=b".I 1\n.T\non wings\n.A\nsmith\n.W\non wings\nthey lift .\n.I 2\n.T\n.W\nflow\n",
        queries=b".I 001\n.W\nwhat lifts\n.I 007\n.W\nwhat flows\n",
        judgements=b"1 1 2\n1 2 -1\n2 2 4\n",
    )
    assert found.documents["1"] == datasets.Document("1", "they lift .", "on wings")
    assert found.queries == {"1": "what lifts", "2": "what flows"}
    assert found.qrels == {"1": {"1": 1, "2": 0}, "2": {"2": 1}}


def test_tags_and_sentences_of_conll() -> None:
    found = parse("conll", texts=b"Ann\tB-person\nruns\tO\n\n\t\nBob\tB-person\n")
    assert [list(words) for words in found.sentences] == [["Ann", "runs"], ["Bob"]]


def test_dictionaries_in_both_directions_of_writing() -> None:
    found = parse("dictionary", full=b"der @ the\ndie @ the\ndie @ the\nwar @ was\n")
    assert {k: list(v) for k, v in found.translations.items()} == {
        "the": ["der", "die"],
        "was": ["war"],
    }
    found = parse("dictionary", nouns=b"waves\twellen\n", verbs=b"waves\twinkt\n")
    assert list(found.translations["waves"]) == ["wellen", "winkt"]


def test_old_encodings_inside_archives_are_understood() -> None:
    packed = zipped(**{"c/1.txt": "naïve".encode(), "c/2.txt": b"na\xefve", "c/README": b"no"})
    assert parse("zipped-files", texts=packed).texts == ["naïve", "naïve"]


def test_mediawiki_pages_in_plain_words() -> None:
    page = (
        "<mediawiki><page><title>{}</title><ns>{}</ns>{}<revision><text>{}</text></revision></page>"
    )
    text = (
        page.format("Cat", 0, "", "'''Cats''' purr.").replace("</page>", "</page>")
        + page.format("Cats", 0, "<redirect/>", "x").removeprefix("<mediawiki>")
        + page.format("Talk:Cat", 1, "", "x").removeprefix("<mediawiki>")
        + "</mediawiki>"
    )
    assert parse("mediawiki", texts=text.encode()).texts == ["Cat\n\nCats purr."]


@pytest.mark.parametrize(
    ("marked", "words"),
    [
        ("[[Felis|cats]] and [[dogs]]", "cats and dogs"),
        ("a {{b|{{c}}|{{d|{{e}}}}}} f", "a  f"),
        ("x<ref name=a/> y<ref>z [[q]]</ref>.", "x y."),
        ("[[File:a.jpg|thumb|A [[cat]] and [[dog|dogs]].]]text", "text"),
        ("{| class=x\n| a || {{b}}\n|}after", "after"),
        ("== History ==\n* one\n# two", "History\none\ntwo"),
        ("[http://a.b/c The site] says [https://d.e]", "The site says"),
        ("a&nbsp;b &amp; ''c''", "a b & c"),
        ("<!-- {{ --> fine", "fine"),
        ("{{ unclosed [[ marks", "{{ unclosed [[ marks"),
    ],
)
def test_wiki_marks_are_taken_away(marked: str, words: str) -> None:
    assert plain(marked) == words


def test_numpy_lists_in_scifact_are_checked() -> None:
    from kinspace.datasets.parsers.retrieval import printed_list

    assert printed_list("[]") == []
    with pytest.raises(ReadError, match="no printed list"):
        printed_list("one")
    with pytest.raises(ReadError, match="no literal"):
        printed_list("['one' two]")


@pytest.mark.parametrize(
    ("parser", "files", "message"),
    [
        ("word-pairs", {"texts": b"a\tb\t1\na\tb\n"}, r"texts\.txt, line 2: 2 cells"),
        ("word-pairs", {"texts": b"a\tb\tc\n"}, "line 1: 'c' is no score"),
        ("word-pairs", {"texts": b"a\tb\t1\n\xff\xfe\xfd\tb\t1\n"}, r"line 2: this is no utf-8"),
        ("sts", {"texts": b"a\tb\n"}, "line 1: 2 cells, not 7"),
        ("msrp", {"texts": b"Quality\n1\t2\t3\n"}, "line 2: 3 cells"),
        ("label-first", {"texts": b"0 good\n7 what\n"}, "line 2: '7' is no label"),
        ("intents", {"texts": b"text,category\na,b,c\n"}, "line 2: 3 cells"),
        ("analogies", {"texts": b": s\na b c\n"}, "line 2: 3 words, not four"),
        ("conll", {"texts": b"Ann\tB\nBob\n"}, "line 2: this is no word and tag"),
        ("dictionary", {"texts": b"one\tun\ntwo\n"}, "line 2: this is no pair"),
        ("association", {"texts": b'{"targ1": {}}'}, "this is no test"),
        ("lee", {"texts": b"a\nb\n", "similarities": b"1 x\n0 1\n"}, "no square table"),
        ("lee", {"texts": b"a\nb\nc\n", "similarities": b"1 0\n0 1\n"}, "for 3 documents"),
        ("mediawiki", {"texts": b"<mediawiki><page>"}, "this is no XML"),
        ("mediawiki", {"texts": b"<mediawiki/>"}, "has no articles"),
        ("novel", {"texts": b"Once upon a time"}, "no marks of Project Gutenberg"),
        (
            "cosqa",
            {"functions": b"{", "queries": b"[]"},
            r"functions\.txt, line 1: this is no JSON",
        ),
        (
            "cacm",
            {"documents": b".I 1\n.T\na\n", "queries": b".I 1\n.W\na\n", "judgements": b"1\n"},
            r"judgements\.txt, line 1",
        ),
        ("movie-reviews", {"texts": zipped(**{"m/pos/1.txt": b"good" * 99})[:-30]}, "damaged"),
        ("newsgroups", {"texts": b"BZh9 no archive"}, "damaged"),
        ("captions", {"pictures": b"1\n2\n", "one": b"a\n"}, "1 captions in file 1, 2 pictures"),
        ("brown-tagged", {"texts": zipped(**{"brown/ca01": b"The/at end"})}, r"ca01, line 1"),
    ],
)
def test_what_is_wrong_with_a_file_is_told_with_its_line(
    parser: str, files: dict[str, bytes], message: str
) -> None:
    with pytest.raises(ReadError, match=message):
        parse(parser, options={"labels": ["bad", "good"]}, **files)


def test_nothing_is_no_set() -> None:
    with pytest.raises(EmptyInput):
        parse("word-pairs", texts=b"")
    with pytest.raises(DimensionMismatch):
        parse("bitext", left=b"one\ntwo\n", right=b"un\n")


def test_posts_are_labelled_by_their_folder() -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:bz2") as archive:
        for name, text in [
            ("n/sci.med/2", "From: b@c\n\nAspirin helps.\nIt does.\n"),
            ("n/rec.autos/1", "From: a@b\n\n> What?\n"),
        ]:
            item = tarfile.TarInfo(name)
            item.size = len(text)
            archive.addfile(item, io.BytesIO(text.encode()))
    posts = parse("newsgroups", split="posts", texts=buffer.getvalue())
    assert list(posts.labels) == ["rec.autos", "sci.med"]
    stripped = parse("newsgroups", split="stripped", texts=buffer.getvalue())
    assert list(stripped.texts) == ["Aspirin helps.\nIt does."]
