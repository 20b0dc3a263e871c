"""What the files of a model say, and what is wrong with them, is known before torch sees them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sentence_transformers")

import kinspace as ks
from kinspace.errors import InvalidInput, InvalidParameter, ReadError
from kinspace.pretrained import registry
from kinspace.pretrained.neural.folders.layout import fingerprint, read_layout
from kinspace.store.recipe import made_from, recipe_of
from tests.pretrained.neural import late_models, tiny
from tests.pretrained.neural.tiny import made, sentence_model


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A sentence-transformers model that may be written to."""
    return sentence_model(tmp_path / "model", prompts={"query": "query : "}, max_seq_length=20)


def change(path: Path, **values: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def older(folder: Path) -> Path:
    """The layout that versions before 5.4 wrote: folders for all modules, flags for poolings."""
    inner = folder / "0_Transformer"
    inner.mkdir()
    for name in ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"):
        (folder / name).rename(inner / name)
    (folder / "sentence_bert_config.json").unlink()
    (inner / "sentence_bert_config.json").write_text('{"max_seq_length": 20}')
    modules = [
        ("0_Transformer", "sentence_transformers.models.Transformer"),
        ("1_Pooling", "sentence_transformers.models.Pooling"),
    ]
    listed = [
        {"idx": place, "name": str(place), "path": path, "type": kind}
        for place, (path, kind) in enumerate(modules)
    ]
    (folder / "modules.json").write_text(json.dumps(listed))
    flags = {"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": True}
    (folder / "1_Pooling" / "config.json").write_text(
        json.dumps({"word_embedding_dimension": 32, "pooling_mode_max_tokens": False, **flags})
    )
    (folder / "config_sentence_transformers.json").write_text('{"__version__": {}}')
    return folder


def test_a_folder_of_sentence_transformers(folder: Path) -> None:
    (folder / "README.md").write_text("---\nlicense: mit\n---\n# Model\n")
    found = read_layout(folder)
    assert (found.kind, found.architecture) == ("dense", "BertModel")
    assert found.modules == ("Transformer", "Pooling")
    assert (found.dim, found.longest, found.metric, found.licence) == (32, 20, "cosine", "mit")
    assert found.pooling == ("mean",)
    assert found.prompts["query"] == "query : "


def test_an_older_folder_encodes_the_same(folder: Path, tmp_path: Path) -> None:
    from sentence_transformers import SentenceTransformer

    found = read_layout(older(folder))
    assert found.pooling == ("cls", "mean")
    assert (found.dim, found.longest) == (64, 20)
    assert found.transformer == folder / "0_Transformer"
    model = ks.load(folder, precision="float32", device="cpu")
    theirs = SentenceTransformer(str(folder), device="cpu").encode(tiny.TEXTS)
    np.testing.assert_allclose(model.encode(tiny.TEXTS).vectors, theirs, atol=2e-4)


@pytest.mark.parametrize(
    ("make", "dim", "longest", "pooling"),
    [
        (tiny.bert, 32, 64, "mean"),
        (tiny.roberta, 32, 62, "mean"),
        (tiny.distilbert, 32, 64, "mean"),
        (tiny.gpt2, 32, 64, "mean"),
        (tiny.t5, 32, 64, "mean"),
    ],
)
def test_plain_transformers(make: tiny.Make, dim: int, longest: int, pooling: str) -> None:
    found = read_layout(made(make))
    assert (found.kind, found.modules, found.dim) == ("dense", (), dim)
    assert (found.longest, found.pooling) == (longest, (pooling,))
    model = ks.load(made(make), device="cpu", precision="float32")
    assert (model.space.dim, model.longest) == (dim, longest)


def test_a_decoder_gives_its_last_token(tmp_path: Path) -> None:
    folder = shutil.copytree(made(tiny.qwen), tmp_path / "qwen")
    change(folder / "config.json", architectures=["Qwen3ForCausalLM"])
    assert read_layout(folder).pooling == ("lasttoken",)
    stated = ks.load(folder, pooling="lasttoken", device="cpu")
    assert ks.load(folder, device="cpu").space == stated.space


# -- the kinds of models ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "options", "kind", "title"),
    [
        (tiny.bert, (), "dense", "TransformerEncoder"),
        (tiny.bert, ("SequenceClassification",), "reranker", "Reranker"),
        (late_models.colbert, (), "multi", "MultiVectorEncoder"),
    ],
)
def test_each_kind_has_its_class(
    make: Any, options: tuple[str, ...], kind: str, title: str
) -> None:
    folder = made(make, *options)
    assert registry.describe(folder).kind == kind
    model = ks.load(folder, device="cpu")
    assert type(model).__name__ == title


def test_a_sparse_encoder(tmp_path: Path) -> None:
    from sentence_transformers import SparseEncoder

    model = SparseEncoder(str(made(tiny.bert, "MaskedLM")), device="cpu")
    model.save_pretrained(str(tmp_path), create_model_card=False)
    info = registry.describe(tmp_path)
    assert info.kind == "sparse"
    encoder = ks.load(tmp_path, device="cpu")
    assert registry.space_of(info) == encoder.space
    assert encoder.space.form == "sparse"


def test_the_kind_may_be_chosen() -> None:
    folder = made(tiny.bert, "MaskedLM")
    assert ks.load(folder, device="cpu").space.form == "dense"
    assert ks.load(folder, kind="sparse", device="cpu").space.form == "sparse"
    encoder = ks.load(folder, kind="sparse", device="cpu")
    assert made_from(recipe_of(encoder)).space == encoder.space
    with pytest.raises(InvalidParameter, match="Unknown kind"):
        ks.load(folder, kind="quantum")


def test_the_space_is_known_without_loading(folder: Path) -> None:
    for place in (folder, made(tiny.bert), made(tiny.gpt2)):
        model = ks.load(place, device="cpu")
        assert registry.space_of(registry.describe(place)) == model.space


def test_a_reranker_gives_no_vectors() -> None:
    from kinspace.loading import load_encoder

    folder = made(tiny.bert, "SequenceClassification")
    with pytest.raises(InvalidInput, match="cross-encoder"):
        load_encoder(folder)
    assert load_encoder(made(tiny.bert), device="cpu").space.dim == 32


# -- the fingerprint -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("1_Pooling/config.json", {"pooling_mode": "cls"}),
        ("config_sentence_transformers.json", {"prompts": {"query": "find : "}}),
        ("sentence_bert_config.json", {"max_seq_length": 21}),
        ("tokenizer_config.json", {"do_lower_case": False}),
    ],
)
def test_what_changes_a_vector_changes_the_fingerprint(
    name: str, values: dict[str, Any], folder: Path
) -> None:
    before = fingerprint(read_layout(folder))
    change(folder / name, **values)
    assert fingerprint(read_layout(folder)) != before


def test_a_weight_changes_the_fingerprint(folder: Path) -> None:
    before = fingerprint(read_layout(folder))
    weights = folder / "model.safetensors"
    raw = bytearray(weights.read_bytes())
    raw[-1] ^= 1
    weights.write_bytes(raw)
    assert fingerprint(read_layout(folder)) != before


def test_other_files_do_not(folder: Path) -> None:
    before = fingerprint(read_layout(folder))
    (folder / "README.md").write_text("words")
    (folder / "pytorch_model.bin").write_bytes(b"the same weights in another format")
    (folder / "trainer_state.json").write_text("{}")
    for name in ("onnx", ".cache", "checkpoint-500"):
        (folder / name).mkdir()
        (folder / name / "config.json").write_text("{}")
    assert fingerprint(read_layout(folder)) == before
    assert fingerprint(read_layout(folder), ("pooling", "cls")) != before


# -- damage ----------------------------------------------------------------------------------------


def damage(folder: Path) -> dict[str, Any]:
    weights = folder / "model.safetensors"
    raw = weights.read_bytes()
    return {
        "no weights": weights.unlink,
        "weights cut off": lambda: weights.write_bytes(raw[:-100]),
        "weights with more": lambda: weights.write_bytes(raw + b"more"),
        "a header cut off": lambda: weights.write_bytes(raw[:50]),
        "empty weights": lambda: weights.write_bytes(b""),
        "an empty file of torch": lambda: (
            weights.unlink(),
            (folder / "pytorch_model.bin").touch(),
        ),
        "weights in parts, one missing": lambda: (
            weights.unlink(),
            (folder / "model.safetensors.index.json").write_text(
                '{"weight_map": {"a": "model-00001-of-00002.safetensors"}}'
            ),
        ),
        "no tokenizer": (folder / "tokenizer.json").unlink,
        "no configuration": (folder / "config.json").unlink,
        "a damaged configuration": lambda: (folder / "config.json").write_text("{"),
        "a configuration of something else": lambda: (folder / "config.json").write_text("[]"),
        "damaged modules": lambda: (folder / "modules.json").write_text("nonsense"),
        "no modules": lambda: (folder / "modules.json").write_text("[]"),
        "modules without a type": lambda: (folder / "modules.json").write_text('[{"path": ""}]'),
        "modules elsewhere": lambda: (folder / "modules.json").write_text(
            '[{"path": "../..", "type": "sentence_transformers.models.Transformer"}]'
        ),
        "a damaged pooling": lambda: (folder / "1_Pooling" / "config.json").write_text("{"),
        "damaged settings": lambda: (folder / "config_sentence_transformers.json").write_text(
            "\xff"
        ),
    }


DAMAGE = [
    "no weights", "weights cut off", "weights with more", "a header cut off", "empty weights",
    "an empty file of torch", "weights in parts, one missing", "no tokenizer", "no configuration",
    "a damaged configuration", "a configuration of something else", "damaged modules", "no modules",
    "modules without a type", "modules elsewhere", "a damaged pooling", "damaged settings",
]  # fmt: skip


@pytest.mark.parametrize("what", DAMAGE)
def test_damage_is_said(what: str, folder: Path) -> None:
    damage(folder)[what]()
    for look in (read_layout, ks.load, registry.describe):
        with pytest.raises(ReadError) as raised:
            look(folder)
        assert str(folder) in raised.value.message
        assert raised.value.remedy


def test_weights_of_another_model(folder: Path) -> None:
    shutil.copy(made(tiny.distilbert) / "model.safetensors", folder)
    with pytest.raises(ReadError, match="another model"):
        ks.load(folder, device="cpu").encode("a")


def test_a_damaged_tokenizer_and_unknown_modules(folder: Path, tmp_path: Path) -> None:
    other = shutil.copytree(folder, tmp_path / "other")
    (folder / "tokenizer.json").write_text("{}")
    change_of = json.loads((other / "modules.json").read_text())
    change_of[1]["type"] = "someones.own.Pooling"
    (other / "modules.json").write_text(json.dumps(change_of))
    for place in (folder, other):
        with pytest.raises(ReadError) as raised:
            ks.load(place, device="cpu").encode("a")
        assert str(place) in raised.value.message


def test_a_damaged_model_of_the_hub_is_listed_and_hides_no_other(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    for name in ("broken", "whole"):
        place = tmp_path / "hub" / f"models--owner--{name}" / "snapshots" / "1"
        shutil.copytree(folder, place)
    (tmp_path / "hub" / "models--owner--broken" / "snapshots" / "1" / "model.safetensors").unlink()
    found = {info.name: info for info in registry.models()}
    assert found["owner/whole"].at_hand
    assert not found["owner/broken"].at_hand
    assert "no weights" in found["owner/broken"].note
    assert ks.load("owner/whole", device="cpu").encode("a").space.model == "whole"
