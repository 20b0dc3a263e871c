"""The commands on tables of vectors: near, analogy, align, convert."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from kinspace.embeddings import Embeddings
from kinspace.learn.words.word2vec import Word2Vec
from kinspace.loading import read_vectors
from kinspace.pretrained.vector_files import write_vectors
from kinspace.space import Space
from tests.cli.conftest import Kin
from tests.conftest import ROOT

WORDS = ["man", "king", "woman", "queen", "café"]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    vectors = [[1, 0, 0], [1, 1, 0], [1, 0, 1], [1, 1, 1.1], [-1, 0.2, 0]]
    space = Space("by hand", "0000", dim=3)
    write_vectors(Embeddings(vectors, space, WORDS), tmp_path / "words.vec")
    return tmp_path / "words.vec"


def test_near(table: Path, kin: Kin) -> None:
    code, out, err = kin("near", table, "king", "-k", "2")
    assert (code, err) == (0, "")
    assert re.match(r"0\.\d{4}  queen\n0\.7071  man\n$", out)
    found = json.loads(kin("near", table, "king", "--json")[1])
    assert found[0]["id"] == "queen"
    assert len(found) == 4
    code, out, err = kin("near", table, "kings")
    assert (code, out) == (1, "")
    assert "'king'" in err  # the closest known spelling
    code, out, err = kin("near", table, "king", "--where", "year > 2000")
    assert code == 1
    assert "no fields" in err
    assert kin("near", table.with_name("none"), "king")[0] == 1


def test_near_in_a_learned_folder(tmp_path: Path, kin: Kin) -> None:
    model = Word2Vec(4, min_count=1, epochs=2).fit(["a cat and a dog", "a dog and 7 cows"])
    model.save(tmp_path / "model")
    found = json.loads(kin("near", tmp_path / "model", "cat", "--json")[1])
    assert [each["id"] for each in found] == model.vectors.nearest("cat").ids
    assert kin("near", tmp_path / "model", "7")[0] == 0


def test_near_a_word_that_fasttext_never_saw(tmp_path: Path, kin: Kin) -> None:
    from kinspace.learn.words.fasttext import FastText

    texts = ["a cat and a dog", "a dog and a cow"] * 3
    model = FastText(4, min_count=1, epochs=1, bucket=50).fit(texts)
    model.save(tmp_path / "model")
    code, out, err = kin("near", tmp_path / "model", "cats", "--json", "-k", "2")
    assert code == 0
    assert "made of its n-grams" in err
    wanted = model.vectors.nearest(model.vectors_of(["cats"]), k=2)
    assert [each["id"] for each in json.loads(out)] == wanted.ids


def test_analogy(table: Path, kin: Kin) -> None:
    assert kin("analogy", table, "man", "king", "woman", "-k", "1")[1].split()[1] == "queen"
    answers = {
        method: json.loads(
            kin("analogy", table, "man", "king", "woman", "--method", method, "--json")[1]
        )
        for method in ("3cosadd", "3cosmul", "pairdirection")
    }
    words = read_vectors(table)
    for method, found in answers.items():
        wanted = words.analogy("man", "king", "woman", 5, method=method)  # type: ignore[arg-type]
        assert [each["id"] for each in found] == wanted.ids
    assert kin("analogy", table, "man", "king", "womann")[0] == 1
    assert kin("analogy", table, "man", "king")[0] == 2


def test_convert(table: Path, tmp_path: Path, kin: Kin) -> None:
    code, out, err = kin("convert", table, tmp_path / "b.bin")
    assert (code, out) == (0, "")
    assert "5 vectors of 3 dimensions, word2vec-binary" in err
    kin("convert", tmp_path / "b.bin", tmp_path / "c.glove.gz")
    kin("convert", tmp_path / "c.glove.gz", tmp_path / "d.safetensors")
    code, out, err = kin("convert", tmp_path / "d.safetensors", tmp_path / "e.vec", "--json")
    assert json.loads(out) == {
        "file": str(tmp_path / "e.vec"), "format": "word2vec", "count": 5, "dim": 3
    }  # fmt: skip
    assert (tmp_path / "e.vec").read_bytes() == table.read_bytes()
    kin("convert", table, tmp_path / "f.txt", "--to", "glove", "--limit", "2")
    assert (tmp_path / "f.txt").read_text() == "man 1 0 0\nking 1 1 0\n"


def test_convert_takes_both_kinds_of_bin(tmp_path: Path, kin: Kin) -> None:
    from kinspace.learn.words.fasttext import FastText

    model = FastText(4, min_count=1, epochs=1, bucket=20).fit(["a cat and a dog"] * 3)
    model.save_facebook(tmp_path / "fasttext.bin")
    assert kin("convert", tmp_path / "fasttext.bin", tmp_path / "word2vec.bin")[0] == 0
    assert kin("convert", tmp_path / "word2vec.bin", tmp_path / "words.txt")[0] == 0
    found = read_vectors(tmp_path / "words.txt")
    assert found.ids == model.vectors.ids
    np.testing.assert_allclose(found.vectors, model.vectors.vectors, atol=1e-6)


def test_convert_says_what_is_wrong(table: Path, tmp_path: Path, kin: Kin) -> None:
    twice = tmp_path / "twice.txt"
    twice.write_bytes(b"3 1\ncaf\xe9 1\ndog 2\ndog 3\n")
    code, _, err = kin("convert", twice, tmp_path / "a.bin")
    assert code == 1
    assert "not utf-8" in err
    code, _, err = kin("convert", twice, tmp_path / "a.bin", "--encoding", "latin-1")
    assert code == 1
    assert "'dog' comes twice" in err
    assert not (tmp_path / "a.bin").exists()
    assert not (tmp_path / "a.bin.partial").exists()
    done = kin("convert", twice, tmp_path / "a.bin", "--encoding", "latin-1", "--repeated", "first")
    assert done[0] == 0
    assert read_vectors(tmp_path / "a.bin").ids == ["café", "dog"]
    code, _, err = kin("convert", table, tmp_path / "a.kv", "--to", "gensim")
    assert code == 1
    assert "load_word2vec_format" in err
    assert kin("convert", table, tmp_path / "a.docx")[0] == 1


def test_align(tmp_path: Path, kin: Kin) -> None:
    rng = np.random.default_rng(0)
    here = rng.standard_normal((60, 6)).astype(np.float32)
    turn = np.linalg.qr(rng.standard_normal((6, 6)))[0]
    source = Embeddings(here, Space("en", "1", dim=6), [f"e{i}" for i in range(60)])
    target = Embeddings(here @ turn, Space("fr", "2", dim=6), [f"f{i}" for i in range(60)])
    source.save(tmp_path / "en.safetensors")
    target.save(tmp_path / "fr.safetensors")
    lines = [f"e{i}\tf{i}\n" for i in range(60)]
    (tmp_path / "train.txt").write_text("".join(lines[:30]))
    (tmp_path / "test.txt").write_text("".join(lines[30:]).replace("\t", " "))
    code, out, err = kin(
        "align", tmp_path / "en.safetensors", tmp_path / "fr.safetensors",
        "-d", tmp_path / "train.txt", "--test", tmp_path / "test.txt", "--rounds", "3",
        "-o", tmp_path / "out.safetensors", "--map", tmp_path / "map", "--json",
    )  # fmt: skip
    assert (code, err) == (0, "")
    told = json.loads(out)
    assert told["pairs"] == 30
    assert told["precision"]["words"] == 30
    assert told["precision"]["precision_at_1"] == 100
    mapped = Embeddings.load(tmp_path / "out.safetensors")
    assert mapped.space == target.space
    assert target.nearest(mapped[[3]], k=1).ids == ["f3"]
    assert (tmp_path / "map" / "model.json").is_file()
    (tmp_path / "bad.txt").write_text("e1\n")
    files = tmp_path / "en.safetensors", tmp_path / "fr.safetensors"
    code, _, err = kin("align", *files, "-d", tmp_path / "bad.txt", "-o", tmp_path / "x.vec")
    assert code == 1
    assert "line 1" in err
    code, out, _ = kin(
        "align", *files, "-d", tmp_path / "train.txt", "--test", tmp_path / "test.txt",
        "-o", tmp_path / "x.vec",
    )  # fmt: skip
    assert code == 0
    assert re.search(r"csls_precision_at_1 +100", out)


def test_near_imports_nothing_heavy(table: Path) -> None:
    import subprocess
    import sys

    code = (
        "import sys; from kinspace.cli import run; run(['near', sys.argv[1], 'king']);"
        "heavy = {'torch', 'sklearn', 'scipy', 'faiss', 'numba', 'kinspace.store'};"
        "sys.exit(', '.join(heavy & set(sys.modules)) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(table)], capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
