"""The records, and that the real sets are what they say."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest

from kinspace import datasets
from kinspace.datasets.parsers import PARSERS
from kinspace.errors import DatasetNotFound, InvalidParameter

SLOW = {("20newsgroups", "posts")}  # as much to unpack as its other split
ALL = [
    pytest.param(name, split, marks=[pytest.mark.slow] if (name, split) in SLOW else [])
    for name in datasets.names()
    for split in datasets.describe(name).splits
]
each_record = pytest.mark.parametrize("name", datasets.names())


@cache
def loaded(name: str, split: str | None = None) -> datasets.Content:
    """The content of a set, read once for all tests."""
    return datasets.load(name, split, download=False)


def count(content: datasets.Content) -> int:
    """How many items a content has, as records count them."""
    match content:
        case datasets.RetrievalSet():
            return len(content.judged)
        case datasets.BitextSet():
            return len(content.left)
        case datasets.DictionarySet():
            return len(content.translations)
        case datasets.TaggedSet():
            return len(content.sentences)
        case datasets.WordListSet():
            return len(content.lists)
        case datasets.OutlierSet():
            return len(content.groups)
        case _:
            return len(content)


@each_record
def test_a_record_says_all_that_is_needed(name: str) -> None:
    record = datasets.describe(name)
    assert record.name == name
    assert record.parser in PARSERS
    assert record.content in datasets.__all__
    for said in (record.title, record.kind, record.size, record.licence, record.citation):
        assert said.strip()
    assert urlsplit(record.source).scheme == "https"
    assert all(items > 0 for items in record.splits.values())
    assert all(re.fullmatch(r"[a-z]{2,6}", language) for language in record.languages)


@each_record
def test_its_files_can_be_told_apart_and_checked(name: str) -> None:
    record = datasets.describe(name)
    for file in record.files:
        assert re.fullmatch("[0-9a-f]{64}", file.sha256)
        assert file.bytes > 0
        assert not Path(file.place).is_absolute()
        assert ".." not in Path(file.place).parts
        assert set(file.splits) <= set(record.splits)
        assert file.address or record.by_hand, "say how to come by it"
        if file.address:
            assert urlsplit(file.address).scheme == "https"
            assert file.confirmed <= bool(re.search("/[0-9a-f]{40}/", file.address)), "not pinned"
    for split in record.splits:
        roles = [file.role for file in record.files_of(split)]
        assert roles
        assert len(set(roles)) == len(roles)


def test_one_place_has_one_file() -> None:
    found: dict[str, str] = {}
    for name in datasets.names():
        for file in datasets.describe(name).files:
            assert found.setdefault(file.place, file.sha256) == file.sha256


def test_all_parsers_are_needed() -> None:
    assert {datasets.describe(name).parser for name in datasets.names()} == set(PARSERS)


def test_an_unknown_name_is_told_with_the_closest() -> None:
    with pytest.raises(DatasetNotFound, match=r"ws353"):
        datasets.load("ws-353")
    with pytest.raises(DatasetNotFound, match="muse-en-de or muse-en-es or muse-en-fr"):
        datasets.describe("muse")
    with pytest.raises(DatasetNotFound):
        datasets.describe("")


def test_an_unknown_split_is_told_with_those_there_are() -> None:
    with pytest.raises(InvalidParameter, match="test, train"):
        datasets.load("scifact", "dev")


@pytest.mark.parametrize(("name", "split"), ALL)
def test_the_real_set_has_what_its_record_says(data: Path, name: str, split: str) -> None:
    record = datasets.describe(name)
    content = loaded(name, None if split == record.default_split else split)
    assert type(content).__name__ == record.content
    assert count(content) == record.splits[split]
    assert content.name == (f"{name}-{split}" if len(record.splits) > 1 else name)


# -- known answers, beyond the counts ----------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "documents"),
    [("scifact", 5183), ("cranfield", 1400), ("cacm", 3204), ("cosqa", 6267)],
)
def test_retrieval_sets_have_their_documents(data: Path, name: str, documents: int) -> None:
    content = loaded(name)
    assert isinstance(content, datasets.RetrievalSet)
    assert len(content.documents) == documents
    empty = [name for name, document in content.documents.items() if not document.whole]
    assert empty == (["471", "995"] if name == "cranfield" else [])
    assert all(content.judged.values())


def test_scifact_is_read_without_marks_of_printed_lists(data: Path) -> None:
    content = loaded("scifact")
    assert isinstance(content, datasets.RetrievalSet)
    for document in content.documents.values():
        assert not re.search(r"^\[['\"]|['\"]\]$|['\"]\s*\n\s*['\"]", document.text)
    assert content.qrels["1"] == {"31715818": 1}
    train = loaded("scifact", "train")
    assert isinstance(train, datasets.RetrievalSet)
    assert not set(train.queries.values()) & set(content.queries.values())


def test_cranfield_keeps_who_was_judged_and_is_not_relevant(data: Path) -> None:
    content = loaded("cranfield")
    assert isinstance(content, datasets.RetrievalSet)
    grades = Counter(grade for found in content.qrels.values() for grade in found.values())
    assert set(grades) == {0, 1}
    assert grades[1] == 1612
    assert content.documents["1"].title.startswith("experimental investigation of the aerodynamics")
    assert not content.documents["1"].text.startswith("experimental investigation of the aero")


def test_scores_lie_in_their_ranges(data: Path) -> None:
    for name, low, high in [("stsb", 0, 5), ("lee", 0, 1), ("men", 0, 50), ("simlex999", 0, 10)]:
        content = loaded(name)
        assert isinstance(content, datasets.PairSet)
        assert low <= content.scores.min() < content.scores.max() <= high
    assert isinstance(pairs := loaded("msrp"), datasets.PairSet)
    assert pairs.is_binary
    assert np.mean(pairs.scores) == pytest.approx(0.665, abs=0.001)  # as the corpus' page states


def test_google_analogies_by_section(data: Path) -> None:
    content = loaded("google-analogies")
    assert isinstance(content, datasets.AnalogySet)
    assert len(content.sections) == 14
    assert len(content.sections["capital-common-countries"]) == 506
    assert content.sections["family"][0] == ("boy", "girl", "brother", "sister")


def test_labels_have_names(data: Path) -> None:
    for name, labels in [
        ("trec", {"DESC", "ENTY", "ABBR", "HUM", "LOC", "NUM"}),
        ("mr", {"positive", "negative"}),
        ("sst5", {"very negative", "negative", "neutral", "positive", "very positive"}),
    ]:
        content = loaded(name)
        assert isinstance(content, datasets.LabelledSet)
        assert set(content.labels) == labels
    trec = loaded("trec")
    assert isinstance(trec, datasets.LabelledSet)
    assert dict(zip(trec.texts, trec.labels, strict=True))["Who was Galileo ?"] == "HUM"
    banking = loaded("banking77")
    assert isinstance(banking, datasets.LabelledSet)
    assert len(set(banking.labels)) == 77


@pytest.mark.slow
def test_newsgroups_are_stripped_as_scikit_learn_does(data: Path) -> None:
    from sklearn.datasets._twenty_newsgroups import (
        strip_newsgroup_footer,
        strip_newsgroup_header,
        strip_newsgroup_quoting,
    )

    posts = loaded("20newsgroups", "posts")
    stripped = loaded("20newsgroups")
    assert isinstance(posts, datasets.LabelledSet)
    assert isinstance(stripped, datasets.LabelledSet)
    assert len(set(posts.labels)) == 20
    bodies = [strip_newsgroup_header(text) for text in posts.texts[::20]]
    wanted = {strip_newsgroup_quoting(strip_newsgroup_footer(body)).strip() for body in bodies}
    assert wanted - {""} <= set(stripped.texts)


def test_captions_of_a_picture_are_together(data: Path) -> None:
    content = loaded("multi30k-captions", "val")
    assert isinstance(content, datasets.LabelledSet)
    assert set(Counter(content.labels).values()) == {5}
    english = loaded("multi30k-en-de", "val")
    assert isinstance(english, datasets.BitextSet)
    captions = set(content.texts)
    assert all(text in captions for text in english.left)  # each is one of the picture's five


def test_dictionaries_run_from_english(data: Path) -> None:
    content = loaded("muse-en-de")
    assert isinstance(content, datasets.DictionarySet)
    assert list(content.translations["the"]) == ["die", "der", "dem", "den", "das"]
    assert sum(map(len, content.translations.values())) == 101_931
    test = loaded("muse-en-de", "test")
    assert isinstance(test, datasets.DictionarySet)
    assert "excellence" in test.translations["excellence"]


def test_tags_of_wnut_and_brown(data: Path) -> None:
    content = loaded("wnut17")
    assert isinstance(content, datasets.TaggedSet)
    entities = Counter(tag for tags in content.tags for tag in tags if tag.startswith("B-"))
    assert sum(entities.values()) == 1079  # as the task's paper counts them
    brown = loaded("brown-tagged")
    assert isinstance(brown, datasets.TaggedSet)
    assert sum(map(len, brown.sentences)) == 1_161_192
    assert list(zip(brown.sentences[0], brown.tags[0], strict=True))[:2] == [
        ("The", "at"),
        ("Fulton", "np-tl"),
    ]


@pytest.mark.parametrize(
    ("name", "split", "words"),
    [("wikitext-2", "test", 241_211), ("wikitext-2", "valid", 213_886), ("brown", None, 1_161_192)],
)
def test_running_text_is_whole(data: Path, name: str, split: str | None, words: int) -> None:
    content = loaded(name, split)
    assert isinstance(content, datasets.TextSet)
    assert sum(len(text.split()) for text in content.texts) == words


def test_wikipedia_is_read_without_its_markup(data: Path) -> None:
    content = loaded("enwiki-excerpt")
    assert isinstance(content, datasets.TextSet)
    anarchism = content.texts[0]
    assert anarchism.startswith("Anarchism\n\nAnarchism is a political philosophy that advocates")
    marks = re.compile(r"\[\[|\]\]|\{\{|'''|<ref|&nbsp;|&lt;")
    assert sum(map(len, map(marks.findall, content.texts))) < 0.01 * len(content.texts) * 100
    novel = loaded("war-and-peace")
    assert isinstance(novel, datasets.TextSet)
    assert novel.texts[0].startswith("“Well, Prince, so Genoa and Lucca")
    assert not any("Gutenberg" in text for text in novel.texts)
    assert not any(re.search(r"\n(BOOK|\w+ EPILOGUE)\b", text) for text in novel.texts)


def test_association_tests_have_targets_and_attributes(data: Path) -> None:
    content = loaded("weat", "weat1")
    assert isinstance(content, datasets.WordListSet)
    assert dict(content.notes) == {
        "targ1": "Flowers", "targ2": "Insects", "attr1": "Pleasant", "attr2": "Unpleasant",
    }  # fmt: skip
    assert content.lists["Insects"][0] == "ant"
