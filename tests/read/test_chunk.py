"""Cutting: budget, boundaries, overlap, line numbers, and nothing left out."""

from __future__ import annotations

import re
import tempfile
import time
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinspace import read
from kinspace.errors import InvalidParameter
from kinspace.read import chunk

ANY_TEXT = st.text(
    st.one_of(
        st.sampled_from("ab. \n\t#=-*`é学。😀́\u200d\"('"),
        st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufeff"),
    ),
    max_size=400,
)
NEWLINES = st.sampled_from(["\n", "\r\n", "\r"])


def passages_of(text: str, suffix: str, **options: object) -> list[read.Passage]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"a{suffix}")
        path.write_bytes(text.encode())
        return list(read.passages(path, report=read.Report(), **options))


def words(truncated: int = 0) -> object:
    """A tokenizer for which each word is a token."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    if truncated:
        tokenizer.enable_truncation(truncated)
    return tokenizer


@settings(deadline=None, max_examples=150)
@given(ANY_TEXT, NEWLINES, st.integers(1, 30), st.sampled_from([".txt", ".md", ".rst", ".py"]))
def test_nothing_is_left_out_and_lines_are_exact(
    text: str, newline: str, max_tokens: int, suffix: str
) -> None:
    if (suffix == ".md" and text.startswith(("---", "+++"))) or text.startswith("%PDF-"):
        text = "x" + text
    written = text.replace("\n", newline)
    lines = re.split(r"\r\n|\r|\n", written)
    rest = "\n".join(lines)
    for part, passage in enumerate(passages_of(written, suffix, max_tokens=max_tokens, overlap=0)):
        before, found, rest = rest.partition(passage.text)
        assert found and not before.strip(), "a character was left out, or put elsewhere"
        assert passage.text.strip()
        here = lines[passage.start_line - 1 : passage.end_line]
        assert len(here) == passage.text.count("\n") + 1
        assert passage.text in "\n".join(here)
        assert passage.part == part
    assert not rest.strip()


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.sampled_from([" ", ". ", "\n", ".\n\n", "; "]), min_size=1, max_size=300),
    st.integers(2, 40),
    st.data(),
)
def test_budget_and_overlap_hold(
    separators: list[str], max_tokens: int, data: st.DataObject
) -> None:
    overlap = data.draw(st.integers(0, max_tokens // 2))
    text = "".join(f"w{i}{mark}" for i, mark in enumerate(separators))
    found = passages_of(text, ".txt", max_tokens=max_tokens, overlap=overlap, tokenizer=words())
    numbers = [[int(n) for n in re.findall(r"w(\d+)", p.text)] for p in found]
    assert all(len(n) <= max_tokens for n in numbers)
    assert sorted({n for part in numbers for n in part}) == list(range(len(separators)))
    for before, after in pairwise(numbers):
        assert before[0] < after[0] <= before[-1] + 1
        assert before[-1] < after[-1]
        assert len(set(before) & set(after)) <= overlap


def test_overlap_repeats_whole_sentences() -> None:
    text = " ".join(f"Sentence number {i} has six words." for i in range(40))
    found = passages_of(text, ".txt", max_tokens=30, overlap=14, tokenizer=words())
    for before, after in pairwise(found):
        shared = re.findall(r"number (\d+)", before.text)[-2:]
        assert re.findall(r"number (\d+)", after.text)[:2] == shared
        assert after.text.startswith("Sentence")


def test_paragraphs_that_fit_are_never_cut() -> None:
    paragraphs = [" ".join([f"p{i}."] * (5 + i * 7 % 20)) for i in range(60)]
    found = passages_of("\n\n".join(paragraphs), ".txt", max_tokens=25, tokenizer=words())
    for paragraph in paragraphs:
        assert any(paragraph in p.text for p in found)


def test_sentences_are_cut_only_if_longer_than_a_passage() -> None:
    sentences = [
        "Mr. Smith of No. 5 met Dr. J. R. Jones, e.g. at 3.14 km.",
        '"What is it?" she said (and meant it!).',
        "A line that was wrapped at seventy characters goes on after the break\nwith this.",
        "See www.example.com... for more.",
    ]
    text = " ".join(sentences * 15)
    found = passages_of(text, ".txt", max_tokens=33, overlap=0, tokenizer=words())
    ends = {s[-12:] for s in sentences}
    assert {p.text[-12:] for p in found} <= ends
    assert len(found) > 10


def test_a_long_sentence_is_cut_between_words() -> None:
    text = " ".join(f"word{i}" for i in range(1000))
    found = passages_of(text, ".txt", max_tokens=50, overlap=10, tokenizer=words())
    assert all(re.fullmatch(r"word\d+( word\d+)*", p.text) for p in found)
    assert len(found) == pytest.approx(1000 / 40, abs=2)


def test_a_family_of_joined_characters_is_not_torn() -> None:
    family = "👨\u200d👩\u200d👧"
    found = passages_of(family * 60, ".txt", max_tokens=20, overlap=0)
    assert len(found) > 5
    assert all(len(p.text) % len(family) == 0 for p in found)


def test_the_estimate_is_close_and_on_the_safe_side() -> None:
    text = (
        "The cat, which had been asleep on the mat since the morning, woke and stretched. "
        "Nobody else in the house had noticed that it was there at all. " * 200
    )
    lengths = [len(p.text.split()) for p in passages_of(text, ".txt", max_tokens=100, overlap=0)]
    # 100 WordPiece tokens of plain English are some 85 words with their punctuation.
    assert 65 <= sum(lengths[:-1]) / len(lengths[:-1]) <= 90


def test_a_tokenizer_that_truncates_counts_all_the_same() -> None:
    text = " ".join(["word"] * 500)
    found = passages_of(text, ".txt", max_tokens=100, overlap=0, tokenizer=words(10))
    assert [len(p.text.split()) for p in found] == [100] * 5


def test_pieces_do_not_depend_on_the_blocks_they_are_read_in(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = "".join(
        f"Sentence {i} is here, {'and long, ' * (i % 7)}all right.{' ' if i % 9 else chr(10) * 2}"
        for i in range(3000)
    )

    def pieces(suffix: str) -> list[tuple[str, int, int]]:
        found = passages_of(text, suffix, max_tokens=32, overlap=8)
        return [(p.text, p.start_line, p.end_line) for p in found]

    whole = pieces(".txt")
    monkeypatch.setattr(chunk, "_BLOCK", 2048)
    assert pieces(".txt") == whole
    assert pieces(".md") == whole


def test_fifty_megabytes_on_one_line(tmp_path: Path) -> None:
    path = tmp_path / "line.txt"
    path.write_text("lorem ipsum dolor " * 2_800_000)
    start = time.process_time()
    count = longest = 0
    for passage in read.passages(path):
        count += 1
        longest = max(longest, len(passage.text))
    assert count > 30_000
    assert longest < 4000
    assert time.process_time() - start < 5


@pytest.mark.parametrize(
    "text",
    ["x" * 400_000, ". " * 300_000, "." * 300_000, "\n" * 300_000 + "a", "a" + " " * 600_000 + "b"],
    ids=["letters", "stops", "dots", "newlines", "spaces"],
)
def test_odd_texts_take_linear_time(text: str) -> None:
    start = time.process_time()
    assert passages_of(text, ".txt")
    assert time.process_time() - start < 2


@pytest.mark.parametrize(
    "options",
    [{"max_tokens": 0}, {"overlap": -1}, {"max_tokens": 10, "overlap": 6}, {"max_bytes": 0}],
)
def test_options_out_of_range(options: dict[str, int]) -> None:
    with pytest.raises(InvalidParameter):
        read.ReadOptions(**options)


def test_an_unknown_option_is_refused_at_the_call(tmp_path: Path) -> None:
    with pytest.raises(InvalidParameter, match=r"max_token'.*max_tokens"):
        read.passages(tmp_path, max_token=3)  # type: ignore[call-arg]
