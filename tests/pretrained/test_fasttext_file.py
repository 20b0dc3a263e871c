"""Facebook's files: theirs give what their code gives, ours are read by gensim, damage is found.

The files in ``facebook/`` were written by fasttext 0.9.2, and so were the answers.
"""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kinspace.compress.product import ProductTable
from kinspace.errors import PathNotFound, ReadError
from kinspace.learn.words.fasttext import FastText
from kinspace.learn.words.fasttext_classifier import FastTextClassifier
from kinspace.pretrained.fasttext_file import huffman_of, is_fasttext_file, read, write

FILES = Path(__file__).parent / "facebook"
ANSWERS: dict[str, Any] = json.loads((FILES / "answers.json").read_text("utf-8"))
CLASSIFIERS = ["softmax.bin", "softmax.ftz", "hs.bin", "ova.bin"]
WORDS = ["sg.bin", "cbow.bin"]
# Their probabilities have 1e-5 added, for each node of a tree too; their sigmoid is a table.
TOLERANCE = {"softmax": 1e-6, "hs": 5e-5, "ova": 1e-2}


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_classifiers_answer_as_theirs(name: str) -> None:
    model, answers = FastTextClassifier.load_facebook(FILES / name), ANSWERS["models"][name]
    texts, near = ANSWERS["texts"], TOLERANCE[Path(name).stem]
    np.testing.assert_allclose(model.encode(texts).vectors, answers["vectors"], atol=1e-6)
    for guesses, theirs in zip(model.predict(texts, k=3), answers["chances"], strict=True):
        for label, probability in guesses:
            expected = theirs[f"__label__{label}"] - 1e-5
            assert probability == pytest.approx(expected, abs=near)


@pytest.mark.parametrize("name", WORDS)
def test_words_have_their_vectors(name: str) -> None:
    model = FastText.load_facebook(FILES / name)
    found = model.vectors_of(ANSWERS["words"]).vectors
    np.testing.assert_allclose(found, ANSWERS["models"][name]["vectors"], atol=1e-6)
    assert "</s>" in model.vectors
    assert "soups" not in model.vectors


@pytest.mark.parametrize("name", [*CLASSIFIERS, *WORDS])
def test_writing_gives_the_same_bytes(name: str, tmp_path: Path) -> None:
    write(tmp_path / "copy", read(FILES / name))
    ours, theirs = (tmp_path / "copy").read_bytes(), (FILES / name).read_bytes()
    if name == "softmax.ftz":  # whose pruned buckets come in the order of their hash table
        a, b = read(tmp_path / "copy"), read(FILES / name)
        assert len(ours) == len(theirs)
        np.testing.assert_array_equal(a.kept, b.kept)
    else:
        assert ours == theirs


@pytest.mark.parametrize("name", [*CLASSIFIERS, *WORDS])
def test_a_model_that_is_read_can_be_written(name: str, tmp_path: Path) -> None:
    kind: Any = FastText if name in WORDS else FastTextClassifier
    model = kind.load_facebook(FILES / name)
    model.save_facebook(tmp_path / "again")
    again = kind.load_facebook(tmp_path / "again")
    np.testing.assert_array_equal(
        again.encode(ANSWERS["texts"]).vectors, model.encode(ANSWERS["texts"]).vectors
    )
    model.save(tmp_path / "folder")
    np.testing.assert_array_equal(
        kind.load(tmp_path / "folder").encode(ANSWERS["texts"]).vectors,
        model.encode(ANSWERS["texts"]).vectors,
    )


@pytest.mark.parametrize("name", WORDS)
def test_gensim_reads_what_we_write(name: str, tmp_path: Path) -> None:
    rival = pytest.importorskip("gensim.models.fasttext")
    model = FastText.load_facebook(FILES / name)
    model.save_facebook(tmp_path / "ours.bin")
    theirs = rival.load_facebook_model(str(tmp_path / "ours.bin"))
    for word, vector in zip(ANSWERS["words"], model.vectors_of(ANSWERS["words"]), strict=True):
        np.testing.assert_allclose(theirs.wv[word], vector, atol=1e-6)
    rival.save_facebook_model(theirs, str(tmp_path / "theirs.bin"))
    back = FastText.load_facebook(tmp_path / "theirs.bin")
    np.testing.assert_allclose(back.vectors.vectors, model.vectors.vectors, atol=1e-6)


def test_which_file_is_one(tmp_path: Path) -> None:
    (tmp_path / "text.vec").write_text("2 3\na 1 2 3\nb 1 2 3\n")
    assert is_fasttext_file(FILES / "sg.bin")
    assert not is_fasttext_file(tmp_path / "text.vec")
    assert not is_fasttext_file(tmp_path / "nothing")
    with pytest.raises(PathNotFound):
        read(tmp_path / "nothing")
    with pytest.raises(ReadError, match="not a model"):
        read(tmp_path / "text.vec")


@pytest.mark.parametrize("name", ["softmax.ftz", "sg.bin"])
def test_truncated(name: str, tmp_path: Path) -> None:
    whole = (FILES / name).read_bytes()
    for size in [*range(0, 300, 7), *range(300, len(whole), 211), len(whole) - 1]:
        (tmp_path / name).write_bytes(whole[:size])
        with pytest.raises(ReadError) as raised:
            read(tmp_path / name)
        assert raised.value.remedy


def test_damaged(tmp_path: Path) -> None:
    whole = bytearray((FILES / "sg.bin").read_bytes())
    whole[-40:-36] = np.float32(np.nan).tobytes()
    (tmp_path / "nan.bin").write_bytes(whole)
    with pytest.raises(ReadError, match="NaN"):
        read(tmp_path / "nan.bin")
    for place in range(400):  # whatever is wrong, it is said in our words
        whole = bytearray((FILES / "softmax.ftz").read_bytes())
        whole[place] ^= 0xFF
        (tmp_path / "odd.ftz").write_bytes(whole)
        with contextlib.suppress(ReadError):
            read(tmp_path / "odd.ftz")


def test_the_other_kind(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="classifier"):
        FastText.load_facebook(FILES / "hs.bin")
    with pytest.raises(ReadError, match="word vectors"):
        FastTextClassifier.load_facebook(FILES / "sg.bin")


def test_quantised_tables_are_quantised() -> None:
    assert isinstance(read(FILES / "softmax.ftz").inputs, ProductTable)


def facebooks_tree(counts: list[int]) -> list[list[tuple[int, int]]]:
    """Node and side on the way of each leaf, from the root; as loss.cc builds it."""
    n = len(counts)
    weights = [*counts, *[10**15] * (n - 1)]
    parent, right = [-1] * (2 * n - 1), [0] * (2 * n - 1)
    leaf, node = n - 1, n
    for new in range(n, 2 * n - 1):
        pair = []
        for _ in range(2):
            if leaf >= 0 and weights[leaf] < weights[node]:
                pair.append(leaf)
                leaf -= 1
            else:
                pair.append(node)
                node += 1
        weights[new] = weights[pair[0]] + weights[pair[1]]
        parent[pair[0]] = parent[pair[1]] = new
        right[pair[1]] = 1
    paths = []
    for i in range(n):
        path: list[tuple[int, int]] = []
        while parent[i] >= 0:
            path.insert(0, (parent[i] - n, right[i]))
            i = parent[i]
        paths.append(path)
    return paths


def test_the_tree(rng: np.random.Generator) -> None:
    for n in (2, 3, 10, 200):
        counts = np.sort(rng.integers(1, 9, n))[::-1]  # many of the same
        nodes, labels, starts = huffman_of(counts)
        for i, path in enumerate(facebooks_tree(counts.tolist())):
            here = slice(starts[i], starts[i + 1])
            assert list(zip(nodes[here].tolist(), labels[here].tolist(), strict=True)) == path
