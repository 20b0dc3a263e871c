"""Two models of one collection compared: on judged queries, on queries, and on neither."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from kinspace.encoder import Encoder, Side
from kinspace.errors import DuplicateId, EmptyInput, InvalidJudgements, PathNotFound, ReadError
from kinspace.evaluate.model_change import compare_models, read_queries
from kinspace.space import Space, fingerprint_of
from kinspace.store import Collection, migration, opened
from kinspace.store.beside import Beside
from tests.toys import HashEncoder


class Blind(Encoder[str]):
    """Sees nothing but the length of a text."""

    @property
    def space(self) -> Space:
        return Space("blind", fingerprint_of("blind"), 2)

    def _encode_batch(self, items: Sequence[str], side: Side) -> NDArray[np.float32]:
        return np.array([[len(text), 100] for text in items], np.float32)


MODELS: dict[str, Encoder[str]] = {"hash-0": HashEncoder(64), "blind": Blind()}
PARTS = [a + b for a in "bdfglmnprstv" for b in "aeiou"]
WORDS = [PARTS[i % 60] + PARTS[i // 60] + PARTS[(7 * i) % 60] + "n" for i in range(900)]


@pytest.fixture(autouse=True)
def _by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (migration, opened):
        monkeypatch.setattr(module, "made_from", lambda recipe: MODELS[recipe["name"]])


def text(rng: np.random.Generator) -> str:
    """Sentences that share some of their words."""
    theme = rng.choice(WORDS, 4, replace=False)
    shared = rng.integers(0, 5, 5)
    sentences = [[*theme[:n], *rng.choice(WORDS, 8 - n, replace=False)] for n in shared]
    return " ".join(" ".join(words).capitalize() + "." for words in sentences)


@pytest.fixture
def sides(tmp_path: Path) -> Iterator[tuple[Collection, Beside]]:
    rng = np.random.default_rng(0)
    with Collection.open(tmp_path / "c.kin", MODELS["hash-0"]) as held:
        held.add({"id": f"d{i}", "text": text(rng)} for i in range(60))
        held.migrate(MODELS["blind"], switch=False)
        with held.beside() as beside:
            yield held, beside


def test_without_queries_a_blind_model_is_worse(sides: tuple[Collection, Beside]) -> None:
    change = compare_models(*sides, n=30)
    assert (change.old, change.new) == ("hash-0", "blind")
    assert change.judged is not None
    assert change.judged.by == "known items"
    assert change.judged.is_worse
    assert not change.judged.forbids  # it only stands in for queries
    figure = change.judged.figures[0]
    assert figure.measure == "ndcg_at_10"
    assert figure.new - figure.old == pytest.approx(figure.difference)
    assert figure.low <= figure.difference <= figure.high < 0
    assert change.overlap.of == "records"
    assert change.overlap.asked == 15
    assert change.overlap.share.value < 0.6
    back = compare_models(*reversed(sides), n=30)
    assert back.judged is not None
    assert not back.judged.is_worse
    assert back.judged.figures[0].difference == pytest.approx(-figure.difference)
    assert json.loads(json.dumps(change.to_dict()))["judged"]["queries"] == change.judged.queries


def test_a_model_agrees_with_itself(sides: tuple[Collection, Beside]) -> None:
    queries = {"a": WORDS[3], "b": " ".join(WORDS[40:44])}
    change = compare_models(sides[0], sides[0], queries, n=30)
    assert change.overlap.share.value == change.overlap.same_best == 1
    assert change.overlap.least_alike == []
    assert change.judged is not None
    assert change.judged.figures[0].difference == 0
    assert not change.judged.is_worse


def test_judged_queries(sides: tuple[Collection, Beside]) -> None:
    old, new = sides
    texts = {r["id"]: r["text"] for r in old.records()}
    queries = {f"q{i}": texts[f"d{i}"].split(". ")[1] for i in range(12)}
    qrels = {f"q{i}": {f"d{i}": 1, "gone": 1} for i in range(10)}
    change = compare_models(old, new, queries, qrels, mode="dense")
    assert change.overlap.asked == 12
    assert change.judged is not None
    assert (change.judged.by, change.judged.queries) == ("your judgements", 10)
    assert change.judged.is_worse
    assert change.judged.forbids
    assert len(change.overlap.least_alike) == 5
    assert set(change.overlap.least_alike) <= set(queries.values())
    assert change.notes == [
        "1 of 11 judged records are not in the collection",
        "2 queries have no relevant record",
    ]


def test_known_records_are_not_encoded_again(
    sides: tuple[Collection, Beside], monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded: list[str] = []
    whole = HashEncoder._encode_batch

    def counting(self: Any, items: Sequence[str], side: Side) -> NDArray[np.float32]:
        encoded.extend(items if side == "document" else ())
        return whole(self, items, side)

    monkeypatch.setattr(HashEncoder, "_encode_batch", counting)
    texts = {r["text"] for r in sides[0].records()}
    change = compare_models(*sides, n=30)
    assert change.judged is not None
    assert len(encoded) == change.judged.queries  # records less the sentence that is the query
    assert not texts & set(encoded)


def test_what_cannot_be_judged(sides: tuple[Collection, Beside], tmp_path: Path) -> None:
    with pytest.raises(InvalidJudgements, match="relevant"):
        compare_models(*sides, {"q": WORDS[0]}, {"other": {"d1": 1}})
    with pytest.raises(InvalidJudgements, match="None of the"):
        compare_models(*sides, {"q": WORDS[0]}, {"q": {"gone": 1}})
    with pytest.raises(InvalidJudgements, match="queries"):
        compare_models(*sides, None, {"q": {"d1": 1}})
    with pytest.raises(EmptyInput):
        compare_models(*sides, {})
    with Collection.open(tmp_path / "short.kin", MODELS["hash-0"]) as held:
        held.add([{"id": "a", "text": "one"}, {"id": "b", "text": "two"}])
        held.migrate(MODELS["blind"], switch=False)
        with held.beside() as beside:
            change = compare_models(held, beside)
        assert change.judged is None
        assert "no known-item search" in change.notes[0]


def test_reading_queries(tmp_path: Path) -> None:
    file = tmp_path / "q.txt"
    file.write_text("what survives?\n\nid 7\thow fast?\r\nwhat survives?\n")
    assert read_queries(file) == {"what survives?": "what survives?", "id 7": "how fast?"}
    lines = tmp_path / "q.jsonl"
    lines.write_text('{"_id": "1", "text": "one"}\n{"id": 2, "query": "two"}\n{"text": "three"}\n')
    assert read_queries(lines) == {"1": "one", "2": "two", "three": "three"}
    lines.write_text('{"_id": "1", "text": "one"}\n{"_id": "1", "text": "two"}\n')
    with pytest.raises(DuplicateId):
        read_queries(lines)
    lines.write_text('{"_id": "1"}\n')
    with pytest.raises(ReadError, match="line 1"):
        read_queries(lines)
    file.write_text("\n \n")
    with pytest.raises(EmptyInput):
        read_queries(file)
    with pytest.raises(PathNotFound):
        read_queries(tmp_path / "none.txt")
