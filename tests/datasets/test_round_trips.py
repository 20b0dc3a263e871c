"""What is written is read back the same, whatever it holds."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from kinspace.datasets import AnalogySet, Document, PairSet, RetrievalSet, read_path, write_beir

ids = st.text(min_size=1, max_size=8).filter(lambda s: s == s.strip() and s.isprintable())
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
words = st.text(st.characters(categories=["L", "N", "Pd"]), min_size=1, max_size=12)
sentences = st.lists(words, min_size=1, max_size=6).map(" ".join)


@st.composite
def retrieval_sets(draw: st.DrawFn) -> RetrievalSet:
    documents = {
        name: Document(name, draw(texts), draw(texts))
        for name in draw(st.lists(ids, min_size=1, max_size=6, unique=True))
    }
    queries = draw(st.dictionaries(ids, texts, min_size=1, max_size=4))
    grades = st.dictionaries(st.sampled_from(sorted(documents)), st.integers(-2, 4), min_size=1)
    qrels = {query: draw(grades) for query in queries}
    first = next(iter(qrels))
    qrels[first] = qrels[first] | {next(iter(documents)): 1}
    return RetrievalSet("set-test", documents, queries, qrels)


@settings(max_examples=40)  # each writes three files to the disk, through to it
@given(retrieval_sets())
def test_beir(content: RetrievalSet) -> None:
    with tempfile.TemporaryDirectory() as place:
        assert read_path(write_beir(content, Path(place) / "set")) == content


question = st.tuples(words, words, words, words)
sections = st.dictionaries(
    words, st.lists(question, min_size=1, max_size=4), min_size=1, max_size=4
)


@given(sections)
def test_analogies(found: dict[str, list[tuple[str, str, str, str]]]) -> None:
    text = "".join(
        f": {name}\n" + "".join(" ".join(one) + "\n" for one in questions)
        for name, questions in found.items()
    )
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "set.txt"
        path.write_text(text, "utf-8")
        assert read_path(path) == AnalogySet("set", found)


rows = st.lists(st.tuples(sentences, sentences, st.floats(-10, 10)), min_size=1, max_size=8)


@given(rows, st.sampled_from(["\t", ","]), st.booleans())
def test_pairs(found: list[tuple[str, str, float]], mark: str, named: bool) -> None:
    head = mark.join(["sentence1", "sentence2", "score"]) + "\n" if named else ""
    body = "".join(mark.join([a, b, repr(score)]) + "\n" for a, b, score in found)
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / f"set.{'tsv' if mark == chr(9) else 'csv'}"
        path.write_text(head + body, "utf-8")
        back = read_path(path, None if named else "pairs") if named else _tried(path)
    if back is None:
        return
    assert isinstance(back, PairSet)
    assert list(back.left) == [a for a, _, _ in found]
    assert list(back.right) == [b for _, b, _ in found]
    assert np.array_equal(back.scores, [score for _, _, score in found])


def _tried(path: Path) -> object:
    """Without names, texts that are numbers cannot be told from scores: that is said."""
    from kinspace.errors import ReadError

    try:
        return read_path(path, "pairs")
    except ReadError as error:
        assert "told apart" in error.message
        return None
