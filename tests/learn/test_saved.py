"""The folder of a learned model: found again, kept whole, and refused where it is damaged."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from kinspace.errors import InvalidInput, ModelNotFound, ReadError
from kinspace.learn import saved
from kinspace.learn.words.word2vec import Word2Vec
from kinspace.loading import load


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A saved model."""
    Word2Vec(dim=8, epochs=1, min_count=1).fit(["a b c a b"] * 5).save(tmp_path / "m")
    return tmp_path / "m"


def test_it_is_found_by_its_method(folder: Path) -> None:
    assert saved.is_learned(folder)
    assert isinstance(load(folder), Word2Vec)
    assert isinstance(load(str(folder)), Word2Vec)
    assert sorted(path.name for path in folder.iterdir()) == [
        "model.json", "state.safetensors", "vectors.safetensors",
    ]  # fmt: skip


def test_it_replaces_a_model_and_nothing_else(folder: Path, tmp_path: Path) -> None:
    other = Word2Vec(dim=4, epochs=1, min_count=1).fit(["x y"] * 5)
    other.save(folder)
    assert load(folder).space == other.space
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("dear")
    for place in (tmp_path / "full", tmp_path / "full" / "letter.txt"):
        with pytest.raises(InvalidInput, match="not a learned model"):
            other.save(place)


def test_a_save_that_stops_leaves_the_old_model(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = load(folder).space
    other = Word2Vec(dim=4, epochs=1, min_count=1).fit(["x y"] * 5)
    for stopped_at in ("kinspace.tensors.write", "kinspace.learn.saved.replace_file"):
        with monkeypatch.context() as patch:

            def full(*_: object) -> None:
                raise OSError(28, "No space left on device")

            patch.setattr(stopped_at, full)
            with pytest.raises(OSError, match="No space"):
                other.save(folder)
        assert load(folder).space == before
    other.save(folder)
    assert load(folder).space == other.space
    assert len(list(folder.iterdir())) == 3  # nothing of the old one is left behind


def test_a_first_save_that_stops_can_be_tried_again(folder: Path) -> None:
    (folder / "model.json").unlink()
    (folder / "model.json.partial").write_text("{")
    other = Word2Vec(dim=4, epochs=1, min_count=1).fit(["x y"] * 5)
    other.save(folder)
    assert load(folder).space == other.space


def test_a_later_version(folder: Path) -> None:
    record = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps({**record, "format": saved.FORMAT + 1}))
    with pytest.raises(ReadError, match="later Kinspace"):
        load(folder)


def test_files_outside_the_folder_are_not_named(folder: Path) -> None:
    record = json.loads((folder / "model.json").read_text())
    record["files"]["state"] = "../state.safetensors"
    (folder / "model.json").write_text(json.dumps(record))
    with pytest.raises(ReadError, match="files of other kinds"):
        load(folder)


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound):
        Word2Vec.load(tmp_path)
    with pytest.raises(ModelNotFound):
        saved.load(tmp_path)


@pytest.mark.parametrize("name", ["vectors.safetensors", "state.safetensors"])
def test_files_that_are_cut_off_or_gone(folder: Path, name: str) -> None:
    whole = (folder / name).read_bytes()
    for length in (0, 5, len(whole) // 2, len(whole) - 1):
        (folder / name).write_bytes(whole[:length])
        with pytest.raises(ReadError):
            load(folder)
    (folder / name).unlink()
    with pytest.raises((ReadError, ModelNotFound)):
        load(folder)


@pytest.mark.parametrize("record", ["", "[]", "{}", '{"method": "word2vec"}', '"word2vec"'])
def test_records_that_are_damaged(folder: Path, record: str) -> None:
    (folder / "model.json").write_text(record)
    with pytest.raises(ReadError, match="not a whole model"):
        load(folder)


@pytest.mark.parametrize("part", ["params", "facts"])
def test_records_of_another_version(folder: Path, part: str) -> None:
    record = json.loads((folder / "model.json").read_text())
    record[part] = {"never": "heard of"}
    (folder / "model.json").write_text(json.dumps(record))
    with pytest.raises(ReadError, match="Word2Vec needs"):
        load(folder)


def test_another_method(folder: Path) -> None:
    record = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps({**record, "method": "alchemy"}))
    with pytest.raises(ModelNotFound, match="alchemy"):
        load(folder)
    with pytest.raises(ReadError, match="alchemy"):
        Word2Vec.load(folder)


def test_arrays_come_back_as_they_were(tmp_path: Path, rng: np.random.Generator) -> None:
    state = {
        "empty": np.zeros((0, 3), np.float32),
        "bool": np.array([True, False, True]),
        "bytes": np.arange(7, dtype=np.uint8),
        "long": rng.integers(-9, 9, (2, 3, 4)),
        "wide": rng.standard_normal((5, 6)).T,
    }
    saved.write(tmp_path / "m", saved.Saved("word2vec", {}, {"a": [1, None]}, None, state))
    found = saved.read(tmp_path / "m")
    assert (found.method, found.facts, found.vectors) == ("word2vec", {"a": [1, None]}, None)
    assert found.state.keys() == state.keys()
    for name, array in state.items():
        assert found.state[name].dtype == array.dtype
        np.testing.assert_array_equal(found.state[name], array)
