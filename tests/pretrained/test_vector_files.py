"""Files of vectors: what gensim writes and reads, and what is wrong with them said in a type."""

from __future__ import annotations

import bz2
import gzip
import lzma
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kinspace.embeddings import Embeddings
from kinspace.errors import (
    DimensionMismatch,
    DuplicateId,
    InvalidInput,
    InvalidParameter,
    InvalidVectors,
    ModelNotFound,
    PathNotFound,
    ReadError,
)
from kinspace.learn.words.word2vec import Word2Vec
from kinspace.loading import read_vectors
from kinspace.pretrained.vector_files import VectorFile, guess, text, write_blocks, write_vectors
from kinspace.pretrained.vector_files.inert import Made, Name, NotInert, inert
from kinspace.space import Space

WORDS = ["the", "naïve", "北京", "don't", "x\u00a0y", "1984", "Ελλάδα"]
FORMATS = {"word2vec": "a.txt", "word2vec-binary": "a.bin", "glove": "glove.txt"}
GOOD = b"3 2\ncat 1 2\ndog 3 4\ncow 5 6\n"


@pytest.fixture
def embeddings() -> Embeddings:
    vectors = np.random.default_rng(0).standard_normal((len(WORDS), 5)).astype(np.float32)
    vectors[0, :3] = 0, 1e-30, 3e30
    return Embeddings(vectors, Space("mine", "0000", dim=5), WORDS)


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


# -- there and back --------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("ending", ["", ".gz", ".bz2", ".xz"])
def test_there_and_back(embeddings: Embeddings, tmp_path: Path, kind: str, ending: str) -> None:
    path = tmp_path / (FORMATS[kind] + ending)
    write_vectors(embeddings, path)
    assert guess(path) == kind
    assert [each.name for each in tmp_path.iterdir()] == [path.name]  # nothing partial is left
    back = read_vectors(path)
    assert back.ids == WORDS
    np.testing.assert_array_equal(back.vectors, embeddings.vectors)
    assert back.space.model in ("a", "glove")


def test_one_table_has_one_space_in_every_format(embeddings: Embeddings, tmp_path: Path) -> None:
    spaces = []
    for name in FORMATS.values():
        write_vectors(embeddings, tmp_path / name)
        spaces.append(read_vectors(tmp_path / name).space)
    assert spaces[0].agrees(spaces[1])
    assert spaces[0].agrees(spaces[2])
    first = read_vectors(tmp_path / "a.txt", limit=3)
    assert first.ids == WORDS[:3]
    assert not first.space.agrees(spaces[0])
    write_vectors(embeddings, tmp_path / "a.safetensors")
    assert read_vectors(tmp_path / "a.safetensors").space == embeddings.space


def test_blocks_join_to_the_whole(
    embeddings: Embeddings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kinspace.pretrained.vector_files import binary

    for module in (text, binary):
        monkeypatch.setattr(module, "_PIECE", 7)  # rows are cut in every place
    told: list[tuple[int, int]] = []
    for name in FORMATS.values():
        write_vectors(embeddings, tmp_path / name)
        file = VectorFile(tmp_path / name)
        blocks = list(file.blocks(lambda done, total: told.append((done, total))))
        assert len(blocks) > 1
        assert (file.count, file.dim) == (7, 5)
        assert told[-1] == (7, 7)
        assert [word for block in blocks for word in block.words] == WORDS
        np.testing.assert_array_equal(
            np.concatenate([block.vectors for block in blocks]), embeddings.vectors
        )
        limited = VectorFile(tmp_path / name, limit=4)
        assert limited.count == len(limited.read()) == 4
        other = tmp_path / f"other-{name}"
        write_blocks(file.blocks(), (7, 5), other, file.format)
        assert other.read_bytes() == (tmp_path / name).read_bytes()


def test_a_learned_folder_is_a_table_too(tmp_path: Path) -> None:
    model = Word2Vec(4, min_count=1, epochs=1).fit(["a cat and a dog", "a dog and a cow"])
    model.save(tmp_path / "model")
    found = read_vectors(tmp_path / "model", limit=2)
    assert found.ids == model.vectors.ids[:2]  # type: ignore[index]
    assert read_vectors(tmp_path / "model").space == model.space
    with pytest.raises(InvalidParameter, match="is a model"):
        read_vectors(tmp_path / "model", encoding="latin-1")


# -- beside gensim ---------------------------------------------------------------------------------


def keyed(embeddings: Embeddings) -> Any:
    models = pytest.importorskip("gensim.models")
    table = models.KeyedVectors(embeddings.space.dim)
    table.add_vectors(embeddings.ids, embeddings.vectors)
    return table


@pytest.mark.parametrize("is_binary", [False, True])
def test_gensim_reads_what_is_written_and_the_reverse(
    embeddings: Embeddings, tmp_path: Path, is_binary: bool
) -> None:
    theirs, ours = tmp_path / "theirs.bin", tmp_path / "ours.bin"
    table = keyed(embeddings)
    table.save_word2vec_format(theirs, binary=is_binary)
    write_vectors(embeddings, ours, "word2vec-binary" if is_binary else "word2vec")
    if is_binary:
        assert ours.read_bytes() == theirs.read_bytes()
    read = type(table).load_word2vec_format(ours, binary=is_binary)
    assert list(read.index_to_key) == WORDS
    np.testing.assert_array_equal(read.vectors, embeddings.vectors)
    back = read_vectors(theirs)
    assert back.ids == WORDS
    np.testing.assert_array_equal(back.vectors, embeddings.vectors)


def test_gensims_glove(embeddings: Embeddings, tmp_path: Path) -> None:
    table = keyed(embeddings)
    table.save_word2vec_format(tmp_path / "a.txt", write_header=False)
    assert guess(tmp_path / "a.txt") == "glove"
    np.testing.assert_array_equal(read_vectors(tmp_path / "a.txt").vectors, embeddings.vectors)
    write_vectors(embeddings, tmp_path / "glove.txt")
    write_vectors(embeddings, tmp_path / "b.txt")
    body = (tmp_path / "b.txt").read_bytes().partition(b"\n")[2]
    assert (tmp_path / "glove.txt").read_bytes() == body


@pytest.mark.parametrize("limit", [10**9, 1], ids=["inside", "beside"])
def test_gensims_own_files_without_unpickling(
    embeddings: Embeddings, tmp_path: Path, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    keyed(embeddings).save(str(tmp_path / "a.kv"), sep_limit=limit)
    assert (tmp_path / "a.kv.vectors.npy").exists() == (limit == 1)
    for name in ("load", "loads", "Unpickler"):
        monkeypatch.setattr(pickle, name, None)
    assert guess(tmp_path / "a.kv") == "gensim"
    back = read_vectors(tmp_path / "a.kv")
    assert back.ids == WORDS
    np.testing.assert_array_equal(back.vectors, embeddings.vectors)
    if limit == 1:
        (tmp_path / "a.kv.vectors.npy").unlink()
        with pytest.raises(ReadError, match=r"a\.kv\.vectors\.npy, which is not there"):
            read_vectors(tmp_path / "a.kv")


@pytest.mark.parametrize("limit", [10**9, 1], ids=["inside", "beside"])
def test_the_words_of_a_whole_model_of_gensim(tmp_path: Path, limit: int) -> None:
    models = pytest.importorskip("gensim.models")
    texts = [["a", "b", "c", "d", "e"]] * 9
    model = models.Word2Vec(texts, vector_size=6, min_count=1, seed=1)
    model.save(str(tmp_path / "w.model"), sep_limit=limit)
    back = read_vectors(tmp_path / "w.model")
    assert back.ids == list(model.wv.index_to_key)
    np.testing.assert_array_equal(back.vectors, model.wv.vectors)
    models.FastText(texts, vector_size=6, min_count=1, bucket=50).wv.save(str(tmp_path / "f.kv"))
    with pytest.raises(ReadError, match="n-grams") as raised:
        read_vectors(tmp_path / "f.kv")
    assert "save_word2vec_format" in raised.value.remedy


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_pickles_of_every_protocol_are_read_as_inert_values(protocol: int, tmp_path: Path) -> None:
    values = {
        "a": [1, -300, 2**40, 2.5, None, True, False],
        "b": ("x", "ü" * 300, b"raw"), "c": {1, 2}, "d": frozenset("q"), "e": (), "f": {},
        "g": {str(i): i for i in range(2000)}, "h": bytearray(b"more"),
    }  # fmt: skip
    with written(tmp_path / "p", pickle.dumps(values, protocol)).open("rb") as file:
        found = inert(file)
    plain = [name for name in "abcdefgh" if not isinstance(found[name], Made)]
    assert [found[name] for name in plain if name not in "b"] == [
        values[name] for name in plain if name not in "b"
    ]
    assert {"a", "e", "f", "g"} <= set(plain)


class OldTable:
    """As gensim 0.x to 3 named what it saved."""

    def __init__(self, words: list[Any], vectors: Any) -> None:
        self.index2word = words
        self.syn0 = vectors


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("kind", ["<f4", ">f4", "<f8", "<f2", "fortran"])
def test_arrays_of_every_kind_and_age(protocol: int, kind: str, tmp_path: Path) -> None:
    array = np.arange(6, dtype="<f4" if kind == "fortran" else kind).reshape(3, 2)
    if kind == "fortran":
        array = np.asfortranarray(array)
    path = written(tmp_path / "a.kv", pickle.dumps(OldTable(["a", 7, "c"], array), protocol))
    found = read_vectors(path)
    assert found.ids == ["a", 7, "c"]
    assert found.vectors.tolist() == [[0, 1], [2, 3], [4, 5]]


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (OldTable(["a"], np.zeros((2, 2))), "1 keys for 2 vectors"),
        (OldTable(["a"], np.zeros(2)), "1 axes"),
        (OldTable(["a"], np.array([["x"]], object)), "not of numbers"),
        (OldTable(["a"], None), "vectors are missing"),
        (OldTable("a", np.zeros((1, 2))), "no table"),  # type: ignore[arg-type]
        ([1, 2], "no table"),
    ],
)
def test_pickles_that_hold_no_table(table: Any, said: str, tmp_path: Path) -> None:
    with pytest.raises(ReadError, match=said):
        read_vectors(written(tmp_path / "a.kv", pickle.dumps(table)))


class Evil:
    """Unpickling this would write a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.write_text, (self.path, "harm")


def test_nothing_that_a_pickle_names_is_called(tmp_path: Path) -> None:
    harm = tmp_path / "harm"
    path = written(tmp_path / "evil.kv", pickle.dumps({"index_to_key": ["a"], "x": Evil(harm)}))
    with path.open("rb") as file:
        found = inert(file)
    assert isinstance(found["x"], Made)
    assert isinstance(found["x"].by, Name | Made)
    with pytest.raises(ReadError, match="no table"):
        read_vectors(path)
    assert not harm.exists()


@pytest.mark.parametrize("cut", [1, 2, 40, 200, -1])
def test_a_broken_pickle_is_a_read_error(embeddings: Embeddings, tmp_path: Path, cut: int) -> None:
    keyed(embeddings).save(str(tmp_path / "a.kv"))
    whole = (tmp_path / "a.kv").read_bytes()
    with pytest.raises(ReadError):
        read_vectors(written(tmp_path / "b.kv", whole[:cut]), "gensim")
    with written(tmp_path / "c", b"\x80\x04Pwho.\n.").open("rb") as file, pytest.raises(NotInert):
        inert(file)


# -- what is wrong with a file ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "error", "said"),
    [
        (b"", ReadError, "is empty"),
        (b"hello world, this is a text\n", ReadError, "no file of vectors"),
        (b"PK\x03\x04....", ReadError, "zip archive"),
        (b"\x93NUMPY....", ReadError, "without words"),
        (GOOD[:-9], ReadError, "truncated: it says 3 vectors and holds 2"),
        (GOOD[:-3], ReadError, "line 4: 'cow' has 1 numbers where 2 are needed: .* truncated"),
        (GOOD + b"ant 7 8\n", ReadError, "longer than it says: it says 3 vectors, and line 5"),
        (b"2 2\ncat 1 2\ndog 3\n", DimensionMismatch, "line 3: 'dog' has 1 numbers"),
        (b"2 2\ncat 1 2 3\ndog 3 4\n", DimensionMismatch, "line 2: 'cat' has 3 numbers"),
        (b"2 2\ncat 1 2\ndog 3 nan\n", InvalidVectors, "line 3: the vector of 'dog' has nan"),
        (b"2 2\ncat 1 1e39\ndog 3 4\n", InvalidVectors, "'cat' has inf"),
        (b"2 2\ncat 1 1e400\ndog 3 4\n", InvalidVectors, "line 2: the vector of 'cat' has inf"),
        (b"2 2\ncat 1 2\ndog 3 x4\n", ReadError, "line 3: 'x4' is not a number"),
        (b"2 2\ncat 1 2\ncat 3 4\n", DuplicateId, "'cat' comes twice"),
        (b"2 2\ncat 1 2\ncaf\xe9 3 4\n", ReadError, "word 2, b'caf.xe9', is not utf-8"),
        (b"9 2\ncat 1 2\n", ReadError, "truncated: it says 9 vectors of 2 dimensions"),
        (b"1 0\ncat 1 2\n", ReadError, "says 0 dimensions"),
        (b"1 9999999999\ncat 1 2\n", ReadError, "says 9999999999 dimensions"),
        (b"cat 1 2\ndog 3\n", DimensionMismatch, "line 2: 'dog' has 1 numbers"),
        (b"cat 1 2\ndog 3", ReadError, "truncated"),
        (b"cat 1 nan\n", InvalidVectors, "line 1"),
    ],
)  # fmt: skip
def test_text_that_cannot_be(tmp_path: Path, content: bytes, error: Any, said: str) -> None:
    with pytest.raises(error, match=said) as raised:
        read_vectors(written(tmp_path / "a.txt", content))
    assert raised.value.remedy
    if said != "is empty":
        assert str(tmp_path) in raised.value.message


def row(word: bytes, *numbers: float) -> bytes:
    return word + b" " + np.array(numbers, "<f4").tobytes()


@pytest.mark.parametrize(
    ("content", "error", "said"),
    [
        (b"2 2\n" + row(b"cat", 1, 2), ReadError, "truncated"),
        (b"2 2\n" + row(b"cat", 1, 2) + row(b"dog", 3, 4)[:-1], ReadError, "truncated"),
        (b"1 2\n" + row(b"cat", 1, 2) + row(b"dog", 3, 4), ReadError, "holds more"),
        (b"1 2\n" + row(b"cat", 1, np.nan), InvalidVectors, "'cat' has nan at position 1"),
        (b"1 2\n" + row(b"cat", -np.inf, 1), InvalidVectors, "'cat' has -inf at position 0"),
        (b"2 1\n" + 2 * row(b"cat", 1), DuplicateId, "'cat' comes twice"),
        (b"1 2\n" + row(b"\xff", 1, 2), ReadError, "not utf-8"),
        (b"9 2\n" + b"\0" * 200_000, ReadError, "no word follows"),
    ],
)
def test_binary_that_cannot_be(tmp_path: Path, content: bytes, error: Any, said: str) -> None:
    with pytest.raises(error, match=said) as raised:
        read_vectors(written(tmp_path / "a.bin", content), "word2vec-binary")
    assert raised.value.remedy


def test_the_rows_of_the_c_tool_end_with_new_lines(tmp_path: Path) -> None:
    content = b"2 2\n" + row(b"cat", 1, 2) + b"\n" + row(b"dog", 3, 4) + b"\n"
    found = read_vectors(written(tmp_path / "a.bin", content))
    assert found.ids == ["cat", "dog"]
    assert found.vectors.tolist() == [[1, 2], [3, 4]]


def test_remedies_that_were_named_help(tmp_path: Path) -> None:
    path = written(tmp_path / "a.txt", b"3 2\ncaf\xe9 1 2\ndog 3 4\ndog 5 6\n")
    with pytest.raises(DuplicateId):
        read_vectors(path, encoding="latin-1")
    found = read_vectors(path, encoding="latin-1", repeated="first")
    assert found.ids == ["café", "dog"]
    assert found["dog"].tolist() == [3, 4]
    assert read_vectors(path, errors="replace", repeated="first").ids == ["caf\ufffd", "dog"]


def test_words_with_blanks_are_glove_s(tmp_path: Path) -> None:
    path = written(tmp_path / "a.txt", b"the 1 2\nat name@domain.com 3 4\n. . . 5 6\n")
    found = read_vectors(path)
    assert found.ids == ["the", "at name@domain.com", ". . ."]
    with pytest.raises(InvalidInput, match="blank"):
        write_vectors(found, tmp_path / "b.txt")
    write_vectors(found, tmp_path / "b.txt", spaces="_")
    assert read_vectors(tmp_path / "b.txt").ids == ["the", "at_name@domain.com", "._._."]


@pytest.mark.parametrize("module", [gzip, bz2, lzma])
def test_a_packed_file_that_is_cut(embeddings: Embeddings, tmp_path: Path, module: Any) -> None:
    ending = {gzip: "gz", bz2: "bz2", lzma: "xz"}[module]
    many = np.random.default_rng(0).standard_normal((2000, 5)).astype(np.float32)
    names = [f"w{i}" for i in range(2000)]
    whole = Embeddings(many, embeddings.space, names)
    path = tmp_path / f"a.vec.{ending}"
    write_vectors(whole, path)
    np.testing.assert_array_equal(read_vectors(path).vectors, many)
    for cut in (20, len(path.read_bytes()) // 2):
        with pytest.raises(ReadError):
            read_vectors(written(tmp_path / f"b.vec.{ending}", path.read_bytes()[:cut]))


def test_a_packed_file_that_says_too_much(tmp_path: Path) -> None:
    path = written(tmp_path / "a.vec.gz", gzip.compress(b"999999999999 300000\ncat 1 2\n"))
    with pytest.raises((DimensionMismatch, ReadError)):
        read_vectors(path)
    path = written(tmp_path / "b.vec.gz", gzip.compress(b"999999999999 2\ncat 1 2\n"))
    with pytest.raises(ReadError, match="holds 1"):
        read_vectors(path)


def test_arguments_that_cannot_be(embeddings: Embeddings, tmp_path: Path) -> None:
    path = written(tmp_path / "a.txt", GOOD)
    for wrong in (
        {"format": "word3vec"}, {"limit": 0}, {"encoding": "klingon"}, {"errors": "ask"},
        {"repeated": "last"},
    ):  # fmt: skip
        with pytest.raises(InvalidParameter):
            read_vectors(path, **wrong)  # type: ignore[arg-type]
    for missing in (tmp_path / "none.txt", tmp_path / "none" / "a.txt"):
        with pytest.raises(PathNotFound):
            read_vectors(missing)
    with pytest.raises((ReadError, ModelNotFound)):
        read_vectors(tmp_path)
    with pytest.raises(PathNotFound):
        write_vectors(embeddings, tmp_path / "none" / "a.txt")
    with pytest.raises(InvalidParameter, match="names no format"):
        write_vectors(embeddings, tmp_path / "a.docx")
    for only_read in ("gensim", "fasttext"):
        with pytest.raises(InvalidParameter, match="only read") as raised:
            write_vectors(embeddings, tmp_path / "a.bin", only_read)
        assert raised.value.remedy
    for spaces in ("", " ", "a b"):
        with pytest.raises(InvalidParameter, match="stand for a blank"):
            write_vectors(embeddings, tmp_path / "b.txt", spaces=spaces)
    space = Space("s", "0", dim=1)
    for word in ("", "a b", "a\nb", "\ud800", ("a", 1)):
        with pytest.raises(InvalidInput):
            write_vectors(Embeddings([[1]], space, [word]), tmp_path / "b.bin")
    with pytest.raises(InvalidInput, match="no names"):
        write_vectors(Embeddings([[1]], space), tmp_path / "b.txt")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.txt"]


def test_an_empty_table_is_one(tmp_path: Path) -> None:
    found = read_vectors(written(tmp_path / "a.txt", b"0 3\n"))
    assert found.shape == (0, 3)
