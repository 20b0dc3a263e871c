"""``kinspace learn``: one command for each method, made from its class; what it keeps and says."""

from __future__ import annotations

import gzip
import inspect
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Literal

import pytest

from kinspace.cli.learn import from_texts
from kinspace.cli.method_options import options_of, parameter_texts
from kinspace.learn import saved
from kinspace.learn.methods import methods
from tests.cli.conftest import Kin
from tests.conftest import ROOT


@pytest.fixture
def corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of texts, beside which there is a cache that nobody else uses."""
    monkeypatch.setenv("KINSPACE_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "corpus"
    folder.mkdir()
    (folder / "a.txt").write_text("The cat sat on the mat.\n\nA dog ran to the cat.\n" * 20)
    (folder / "b.txt.gz").write_bytes(gzip.compress(b"the dog sat on a mat\n" * 20))
    return folder


WORD2VEC = ["--dim", 8, "--epochs", 1]


def test_learning_and_learning_again(corpus: Path, tmp_path: Path, kin: Kin) -> None:
    target = tmp_path / "vectors"
    code, out, err = kin("learn", "word2vec", corpus, "-o", target, *WORD2VEC)
    assert (code, out) == (0, "")
    assert "9 words × 8, learned from 360 words" in err
    model = saved.load(target)
    assert model.get_params()["dim"] == 8
    assert model.encode(["the cat"]).vectors.shape == (1, 8)
    kept = list((tmp_path / "cache" / "learn").glob("*/texts-*/texts.json"))
    assert len(kept) == 1
    before = kept[0].stat().st_mtime_ns

    code, _, err = kin("learn", "word2vec", corpus, "-o", target, *WORD2VEC)
    assert code == 1
    assert "holds a model already" in err
    code, out, _ = kin(
        "learn", "word2vec", corpus, "-o", target, *WORD2VEC, "--overwrite", "--json",
        "--window", 2, "--architecture", "cbow-mean",
    )  # fmt: skip
    found = json.loads(out)
    assert (found["method"], found["texts"], found["words"], found["vectors"]) == (
        "word2vec", 60, 360, 9,
    )  # fmt: skip
    assert found["space"]["dim"] == 8
    assert kept[0].stat().st_mtime_ns == before, "the texts were not cut again"
    params = saved.load(target).get_params()
    assert (params["window"], params["architecture"]) == (2, "cbow-mean")


def test_a_tokenizer_and_words_of_its_pieces(corpus: Path, tmp_path: Path, kin: Kin) -> None:
    code, _, err = kin("learn", "tokenizer", corpus, "-o", tmp_path / "t", "--vocabulary-size", 270)
    assert code == 0
    assert "bpe of 27" in err or "bpe of 26" in err
    file = tmp_path / "t" / "tokenizer.json"
    code, out, _ = kin(
        "learn", "tokenizer", corpus, "-o", tmp_path / "u.json", "--kind", "unigram", "--lower",
        "--vocabulary-size", 30, "--special-token", "<x>", "--json",
    )  # fmt: skip
    assert json.loads(out)["pieces"] <= 30
    assert '"<x>"' in (tmp_path / "u.json").read_text()
    target = tmp_path / "vectors"
    assert kin("learn", "word2vec", corpus, "-o", target, *WORD2VEC, "--tokenizer", file)[0] == 0
    file.unlink()
    assert saved.load(target).encode(["the cat"]).vectors.any(), "it keeps its tokenizer"


def test_standard_input(tmp_path: Path, kin: Kin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("a cat sat\n\n" * 10))
    code, out, _ = kin("learn", "word2vec", "-", "-o", tmp_path / "v", *WORD2VEC, "--json")
    assert (code, json.loads(out)["texts"]) == (0, 10)
    assert kin("learn", "word2vec", "-", "x", "-o", tmp_path / "w")[0] == 1


def test_what_is_not_right(corpus: Path, tmp_path: Path, kin: Kin) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "file").touch()
    for arguments, code, said in (
        (["other"], 2, "other"),
        (["word2vec", corpus], 2, "output"),
        (["word2vec", corpus, "-o", tmp_path / "v", "--dim", "many"], 2, "--dim"),
        (["word2vec", corpus, "-o", tmp_path / "v", "--no-such"], 2, "no-such"),
        (["word2vec", tmp_path / "nowhere", "-o", tmp_path / "v"], 1, "nowhere"),
        (["word2vec", corpus, "-o", tmp_path / "other"], 1, "not a model"),
        (["word2vec", corpus, "-o", tmp_path / "v", "--min-count", 999], 1, "No word comes 999"),
        (["tokenizer", corpus, "-o", tmp_path / "t", "--vocabulary-size", 9], 1, "vocabulary_size"),
    ):
        found, out, err = kin("learn", *arguments)
        assert (found, out) == (code, ""), (arguments, err)
        assert said in err
        assert not (tmp_path / "v").exists()


def test_every_method_for_texts_has_its_command(kin: Kin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    code, out, _ = kin("learn", "--help")
    assert code == 0
    for method in from_texts():
        assert f"│ {method.name} " in out
        code, shown, _ = kin("learn", method.name, "--help")
        assert code == 0, method.name
        texts = parameter_texts(method.learner())
        for name in inspect.signature(method.learner()).parameters:
            assert name in texts, f"{method.name}: say what {name} is"
        assert "--output" in shown
    assert {method.thing for method in methods().values()} > {m.thing for m in from_texts()}


def test_options_say_what_the_constructor_says() -> None:
    class Model:
        """A model.

        Parameters
        ----------
        size : int
            With [marks] and ``code``.
        share : int or float
            A number, or a :class:`~kinspace.Share`.
        way : {"a", "b"}, optional
            One of them.
        weights : dict, optional
            Not on the command line.
        words : Table
            Must be there.
        quick : bool
            Yes or no.

        Notes
        -----
        size : this is not it
        """

        def __init__(
            self,
            words: dict[str, int],
            size: int = 3,
            *,
            share: int | float = 1.0,
            way: Literal["a", "b"] | None = None,
            weights: dict[str, int] | None = None,
            quick: bool = True,
            own: str = "",
        ) -> None: ...

    options = {p.name: p for p in options_of(Model, {"own": None})}
    assert list(options) == ["words", "size", "share", "way", "quick"]
    kinds = {name: p.annotation.__origin__ for name, p in options.items()}
    assert kinds == {
        "words": str, "size": int, "share": str, "way": Literal["a", "b"] | None, "quick": bool,
    }  # fmt: skip
    infos: dict[str, Any] = {name: p.annotation.__metadata__[0] for name, p in options.items()}
    assert infos["size"].help == r"With \[marks] and code."
    assert infos["share"].help == "A number, or a Share."
    assert options["words"].default is inspect.Parameter.empty
    assert options["size"].default == 3


def process(*arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "kinspace", *map(str, arguments)],
        cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ.copy(),
    )  # fmt: skip


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_leaves_texts_that_the_next_run_uses(corpus: Path, tmp_path: Path, kin: Kin) -> None:
    command = ["learn", "word2vec", corpus, "-o", tmp_path / "v", "--dim", 8]
    running = process(*command, "--epochs", 10_000_000)
    waited = time.monotonic() + 60
    record: list[Path] = []
    while not (record and json.loads(record[0].read_text())["complete"]):
        assert running.poll() is None, running.communicate()
        assert time.monotonic() < waited
        time.sleep(0.05)
        record = list((tmp_path / "cache" / "learn").glob("*/texts-*/texts.json"))
    time.sleep(0.5)
    running.send_signal(signal.SIGINT)
    try:
        _, err = running.communicate(timeout=60)
    finally:
        running.kill()
    # -2 where Python ends by the signal after all, since it struck inside an exec of a text, as
    # when numba is imported; a shell calls that 130, too.
    assert running.returncode in (130, -signal.SIGINT), err
    assert "Interrupted" in err
    before = record[0].stat().st_mtime_ns
    assert kin(*command, "--epochs", 1)[0] == 0
    assert record[0].stat().st_mtime_ns == before


def test_help_comes_without_the_learners() -> None:
    code = (
        "import sys; from kinspace.cli import run\n"
        "run(['learn', '--help'])\n"
        "print(sorted({'numba', 'scipy', 'tokenizers', 'kinspace.learn.words'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]", done.stderr
