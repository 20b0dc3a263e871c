"""The commands that look inside a model: tokens and match."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import kinspace as ks
from tests.cli.conftest import Kin
from tests.pretrained.neural import tiny


def test_tokens_with_their_words(kin: Kin) -> None:
    code, out, err = kin("tokens", "Unbelievably, a cat")
    assert (code, err) == (0, "")
    lines = [line.split() for line in out.splitlines()]
    assert lines[0] == ["characters", "token", "word"]
    assert lines[1][2] == "Unbelievably"
    assert ["13–14", ",", ","] not in lines
    assert ["12–13", ",", ","] in lines
    assert lines[-1] == ["16–19", "cat", "cat"]


def test_tokens_as_json(kin: Kin) -> None:
    code, out, _ = kin("tokens", "a cat", "", "--json", "--vectors")
    assert code == 0
    first, empty = json.loads(out)
    assert [one["token"] for one in first["tokens"]] == ["a", "cat"]
    assert [one["word_of"] for one in first["tokens"]] == [0, 1]
    assert (first["words"][1]["start"], first["words"][1]["stop"]) == (2, 5)
    assert empty["tokens"] == empty["words"] == []
    expected = ks.load().encode_tokens("a cat")[0]  # type: ignore[attr-defined]
    np.testing.assert_allclose(first["words"][1]["vector"], expected.words["cat"], rtol=1e-5)
    assert "vector" not in kin("tokens", "a cat", "--json")[1]


def test_a_word_across_texts(kin: Kin) -> None:
    texts = ["the river bank", "a bank account", "Bank of England"]
    code, out, err = kin("tokens", *texts, "--word", "bank")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert len(lines) == 3
    assert lines[0] == "1.0000  the river [bank]  |  a [bank] account"
    model = ("--model", "all-MiniLM-L6-v2")
    found = json.loads(kin("tokens", *texts, "--word", "bank", *model, "--json")[1])
    assert 0.5 < found[0]["score"] < 0.9
    other = kin("tokens", *texts, "--word", "bank", *model, "--json", "--layers=-1,-2")[1]
    assert json.loads(other)[0]["score"] != found[0]["score"]
    code, out, err = kin("tokens", *texts, "--word", "river")
    assert (code, out) == (1, "")
    assert "once" in err


def test_tokens_that_are_left_out_are_told(kin: Kin) -> None:
    folder = tiny.made(tiny.bert)
    code, out, err = kin("tokens", "the cat " * 50, "--model", folder)
    assert code == 0
    assert "38 tokens" in err
    assert len(out.splitlines()) == 63


def test_match(kin: Kin) -> None:
    code, out, err = kin("match", "a small cat", "the kitten sleeps", "-k", 2)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "a small [cat]"
    assert lines[1].startswith("the [kitten] ")
    assert lines[3].endswith(" by erasure")
    assert lines[5].split()[1:] == ["cat", "kitten"]
    assert len(lines) == 7
    found = json.loads(kin("match", "a small cat", "the kitten sleeps", "--json")[1])
    assert np.sum(found["matrix"]) == pytest.approx(found["score"], abs=1e-5)
    assert lines[3] == f"{found['score']:.4f} by erasure"
    tokens = json.loads(kin("match", "a cat", "a dog", "--method", "tokens", "--json")[1])
    assert tokens["matrix"][0][0] == pytest.approx(1)


def test_match_as_a_matrix(kin: Kin) -> None:
    lines = kin("match", "a cat", "the kitten sleeps", "--matrix")[1].splitlines()[-3:]
    assert lines[0].split() == ["the", "kitten", "sleeps"]
    assert [line.split()[0] for line in lines[1:]] == ["a", "cat"]
    assert len({len(line) for line in lines}) == 1
    found = json.loads(kin("match", "a cat", "the kitten sleeps", "--json")[1])
    shown = [[float(value) for value in line.split()[1:]] for line in lines[1:]]
    np.testing.assert_allclose(shown, found["matrix"], atol=6e-4)


def test_match_as_a_page(kin: Kin, tmp_path: Path) -> None:
    target = tmp_path / "why.html"
    code, _, err = kin("match", "a cat & a dog", "the kitten", "--html", target)
    assert code == 0
    assert "why.html" in err
    page = target.read_text("utf-8")
    assert page.startswith("<!doctype html>")
    assert "&amp;" in page


def test_colours_where_they_are_wanted(kin: Kin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[" in kin("match", "a cat", "a kitten")[1].splitlines()[0]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["tokens"], 2),
        (["tokens", "a", "--layers", "first"], 1),
        (["tokens", "a", "--layers", "7"], 1),
        (["tokens", "a", "--combine", "max"], 2),
        (["tokens", "a", "--vectors"], 1),
        (["tokens", "a", "--model", "no-such-model"], 1),
        (["match", "a"], 2),
        (["match", "a", ""], 1),
        (["match", "a", "b", "-k", "0"], 1),
        (["match", "a", "b", "--orders", "0"], 1),
        (["match", "a", "b", "--layers", "0"], 1),
        (["match", "a", "b", "--method", "late-interaction"], 1),
        (["match", "a", "b", "--html", "/no/such/folder/x.html"], 1),
    ],
    ids=lambda one: " ".join(one) if isinstance(one, list) else str(one),
)
def test_bad_commands(arguments: list[str], code: int, kin: Kin) -> None:
    found, out, err = kin(*arguments)
    assert (found, out) == (code, "")
    assert "Traceback" not in err


@pytest.mark.parametrize("command", ["tokens", "match"])
def test_help(command: str, kin: Kin) -> None:
    code, out, _ = kin(command, "--help")
    assert code == 0
    assert "--json" in out
