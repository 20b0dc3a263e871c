"""Corpora: numbers of words as they should be, kept on disk, gone on with, and bounded."""

from __future__ import annotations

import bz2
import json
import multiprocessing
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kinspace import read
from kinspace.errors import EmptyInput, InvalidInput, InvalidParameter, ReadError
from kinspace.learn.text import Corpus, Vocabulary, as_tokenizer, read_corpus, tokenize, tokenized
from kinspace.learn.text.growing import Growing

SPACES = as_tokenizer("whitespace")
Items = Sequence[str | Sequence[str]]


def texts(count: int = 300, seed: int = 0) -> list[str]:
    """Texts of 0 to 40 words, of which few are frequent."""
    draw = random.Random(seed)
    return [
        " ".join(f"w{int(draw.paretovariate(0.6))}" for _ in range(draw.randrange(40)))
        for _ in range(count)
    ]


def sentences(corpus: Corpus) -> list[tuple[int, list[str]]]:
    """What a corpus says, in words."""
    words = corpus.vocabulary.words
    bounds = corpus.starts.tolist()
    return [
        (document, [words[i] for i in corpus.ids[start:end]])
        for document, start, end in zip(
            corpus.documents.tolist(), bounds[:-1], bounds[1:], strict=True
        )
    ]


def expected(items: Items, known: set[str], longest: int = 10_000) -> list[tuple[int, list[str]]]:
    found = []
    for number, item in enumerate(items):
        words = [w for w in (item.split() if isinstance(item, str) else item) if w in known]
        found += [(number, words[at : at + longest]) for at in range(0, len(words), longest)]
    return found


@pytest.mark.parametrize("longest", [1, 3, 10_000])
@pytest.mark.parametrize("block", [1, 17, 1 << 20])
def test_a_corpus_says_what_the_texts_say(
    block: int, longest: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokenized, "BLOCK", block)
    items = texts()
    counts = Counter(word for item in items for word in item.split())
    corpus = read_corpus(iter(items), SPACES, min_count=4, longest=longest)
    known = {word for word, count in counts.items() if count >= 4}
    assert sentences(corpus) == expected(items, known, longest)
    assert corpus.items == len(items)
    assert corpus.vocabulary.words == [w for w, c in counts.most_common() if c >= 4]
    assert corpus.vocabulary.counts.tolist() == [counts[w] for w in corpus.vocabulary.words]
    assert (corpus.ids.dtype, corpus.starts.dtype) == (np.uint32, np.int64)
    assert corpus.ids.flags.writeable, "compiled code would be compiled once more"
    assert repr(corpus).startswith("Corpus(300 texts, ")


def test_words_and_texts_may_be_mixed() -> None:
    items = [["Two", "cats"], "Two cats", ("Two",), np.array(["cats"])]
    corpus = read_corpus(items, as_tokenizer("words"), min_count=1)
    assert corpus.vocabulary.words == ["cats", "Two", "two"]
    assert corpus.ids.tolist() == [1, 0, 2, 0, 1, 0]


def test_limits_of_the_vocabulary() -> None:
    items = ["a a a b b c", "d d"]
    assert read_corpus(items, SPACES, min_count=2).vocabulary.words == ["a", "b", "d"]
    assert read_corpus(items, SPACES, min_count=0, max_vocabulary=2).vocabulary.words == ["a", "b"]
    with pytest.raises(EmptyInput, match="No word comes 5 times; the most frequent comes 3"):
        read_corpus(items, SPACES)
    for wrong in ({"min_count": -1}, {"max_vocabulary": 0}, {"longest": 0}):
        with pytest.raises(InvalidParameter):
            read_corpus(items, SPACES, **wrong)  # type: ignore[arg-type]


def test_a_vocabulary_that_is_given() -> None:
    given = Vocabulary(["x", "b", "a"], [9, 9, 9])
    corpus = read_corpus(["a b c a"], SPACES, min_count=100, vocabulary=given)
    assert corpus.vocabulary.words == ["x", "b", "a"]
    assert corpus.vocabulary.counts.tolist() == [0, 1, 2]
    assert corpus.ids.tolist() == [2, 1, 2]
    assert given.counts.tolist() == [9, 9, 9]
    with pytest.raises(EmptyInput, match="none of the 1 words"):
        read_corpus(["a"], SPACES, vocabulary=Vocabulary(["b"], [1]))


@pytest.mark.parametrize("items", [[], [""], ["", " "], [[]], iter(())])
def test_nothing_to_read(items: Any) -> None:
    with pytest.raises(EmptyInput):
        read_corpus(items, SPACES)


@pytest.mark.parametrize(
    "items",
    [
        "one text",
        b"bytes",
        3,
        [None],
        [b"bytes"],
        [["a", 3]],
        [{"a": 1}],
        [["a", None]],
        ["\ud800"],
    ],
)
def test_what_is_no_text(items: Any) -> None:
    with pytest.raises(InvalidInput):
        read_corpus(items, SPACES, min_count=1)


def test_texts_are_cut_once(tmp_path: Path) -> None:
    items = texts()
    cut = tokenize(items, SPACES, folder=tmp_path / "cut", version="1")
    assert list(cut) == list(cut) == [item.split() for item in items]
    assert (len(cut), cut.words) == (300, sum(len(item.split()) for item in items))

    def none() -> Iterator[str]:
        raise AssertionError("the texts are not looked at again")
        yield ""

    again = tokenize(none(), SPACES, folder=tmp_path / "cut", version="1")
    fresh = read_corpus(items, SPACES, min_count=2)
    for source in (cut, again):
        corpus = read_corpus(source, SPACES, min_count=2)
        assert corpus.ids.tolist() == fresh.ids.tolist()
        assert corpus.vocabulary.words == fresh.vocabulary.words
    both = zip(cut, again, strict=True)
    assert all(a == b for a, b in both), "two who read at once do not disturb each other"


def test_texts_are_cut_again_when_they_are_others(tmp_path: Path) -> None:
    folder = tmp_path / "cut"
    assert list(tokenize(["A b"], SPACES, folder=folder, version="1")) == [["A", "b"]]
    assert list(tokenize(["c"], SPACES, folder=folder, version="2")) == [["c"]]
    assert list(tokenize(["C"], "words", folder=folder, version="2")) == [["c"]]
    assert list(tokenize(["d"], "words", folder=folder)) == [["d"]], "nothing tells them apart"
    assert list(tokenize(["e"], "words", folder=folder)) == [["e"]]
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "mine.txt").write_text("mine")
    for path in (tmp_path / "other", tmp_path / "other" / "mine.txt"):
        with pytest.raises(InvalidInput, match="other things"):
            tokenize(["a"], folder=path)


def test_files_know_their_version(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one two\nthree\n")
    stream = read.lines(tmp_path / "a.txt")
    cut = tokenize(stream, folder=tmp_path / "cut")
    record = json.loads((tmp_path / "cut" / "texts.json").read_text())
    assert record["version"] == stream.version() is not None
    (tmp_path / "a.txt").write_text("four\n")
    assert list(tokenize(stream, folder=tmp_path / "cut2")) == [["four"]]
    del cut
    assert list(tokenize(stream, folder=tmp_path / "cut")) == [["four"]]


@pytest.mark.parametrize("most", [4_000_000, 40])
def test_what_was_stopped_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(tokenized, "BLOCK", 100)
    items = texts()
    seen = 0

    def stopped(after: int) -> Iterator[str]:
        nonlocal seen
        for number, item in enumerate(items):
            if number == after:
                raise KeyboardInterrupt
            seen += 1
            yield item

    for after in (120, 200):
        with pytest.raises(KeyboardInterrupt):
            tokenize(stopped(after), SPACES, folder=tmp_path / "cut", version="1", most=most)
        # what was written after the last record is cut off
        with (tmp_path / "cut" / "numbers.u32").open("ab") as file:
            file.write(b"half")
    cutter = Cutter()
    cut = tokenize(items, cutter, folder=tmp_path / "cut", version="1", most=most)
    assert cutter.texts < 120, "only the rest is cut"
    whole = tokenize(items, SPACES, most=most)
    if most > 40:
        assert list(cut) == list(whole)
    counts = Counter(word for item in items for word in item.split())
    for each in (cut, whole):
        known = set(each.names)
        assert list(each) == [[w for w in item.split() if w in known] for item in items]
        assert dict(zip(each.names, each.counts.tolist(), strict=True)) == {
            word: counts[word] for word in known
        }


class Cutter:
    """Cuts at spaces, and counts the texts."""

    texts = 0

    def words(self, text: str) -> list[str]:
        self.texts += 1
        return text.split()

    def to_dict(self) -> dict[str, Any]:
        return {"kind": "whitespace"}


def test_rare_words_are_forgotten_where_there_are_too_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tokenized, "BLOCK", 64)
    items = [f"often sometimes{i % 7} once{i}" for i in range(1000)]
    cut = tokenize(items, SPACES, most=50)
    assert len(cut.names) <= 50
    counts = dict(zip(cut.names, cut.counts.tolist(), strict=True))
    assert counts["often"] == 1000
    assert sum(counts[f"sometimes{i}"] for i in range(7)) == 1000, "exact, whatever was forgotten"
    corpus = read_corpus(cut, SPACES, min_count=5)
    assert len(corpus.vocabulary) == 8
    assert len(corpus.ids) == 2000


def test_real_text(data: Path, tmp_path: Path) -> None:
    path = data / "text" / "enwiki-excerpt.xml.bz2"
    with bz2.open(path, "rt", encoding="utf-8") as file:
        counts = Counter(word for line in file for word in line.split())
    stream = read.lines(path)
    cut = tokenize(stream, "whitespace", folder=tmp_path)
    assert dict(zip(cut.names, cut.counts.tolist(), strict=True)) == counts
    corpus = read_corpus(cut, SPACES)
    assert corpus.vocabulary.counts.sum() == len(corpus.ids)
    assert corpus.vocabulary.counts[0] == max(counts.values())
    assert corpus.ids.tolist() == read_corpus(stream, SPACES).ids.tolist()


def test_damage_is_found(tmp_path: Path) -> None:
    tokenize(["a b c"], SPACES, folder=tmp_path, version="1")
    (tmp_path / "numbers.u32").write_bytes(b"")
    with pytest.raises(ReadError, match="shorter"):
        tokenize(["a b c"], SPACES, folder=tmp_path, version="1")


def test_a_learner_that_cuts_otherwise_is_told() -> None:
    cut = tokenize(["a b"], "whitespace")
    with pytest.raises(InvalidParameter, match=r"cut by Whitespace\(\)"):
        read_corpus(cut, as_tokenizer("words"), min_count=1)


def _open(folder: Path) -> str:
    try:
        return repr(tokenize(["a b"], SPACES, folder=folder, version="1"))
    except InvalidInput as error:
        return error.message


def test_only_one_writes(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")

    def halfway() -> Iterator[str]:
        yield "a b"
        with context.Pool(1) as pool:
            answers.append(pool.apply(_open, (tmp_path,)))

    answers: list[str] = []
    cut = tokenize(halfway(), SPACES, folder=tmp_path, version="1")
    assert "Another process" in answers[0]
    with context.Pool(1) as pool:
        assert pool.apply(_open, (tmp_path,)) == repr(cut), "any number may read"


def test_progress_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokenized, "BLOCK", 1000)
    told: list[tuple[str, int, int]] = []
    details: list[str] = []

    def tell(stage: str, done: int, total: int, detail: str = "", /) -> None:
        told.append((stage, done, total))
        details.append(detail)

    read_corpus(texts(), SPACES, tell=tell)
    assert len(told) > 2
    assert told[-1] == ("read", 300, 300)
    assert all("words/s" in detail for detail in details)


def test_an_array_that_grows_beyond_memory() -> None:
    small, large = Growing(np.int64, held=10_000), Growing(np.int64, held=100)
    for start in range(0, 500, 50):
        for each in (small, large):
            each.append(np.arange(start, start + 50))
    assert small.whole().tolist() == large.whole().tolist() == list(range(500))
    mapped = large.whole()
    assert type(mapped) is np.ndarray
    mapped[0] = 7  # the file is not changed
    assert large.whole()[0] == 0
    assert len(Growing(np.uint32).whole()) == 0
