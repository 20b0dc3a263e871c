"""Texts and images in one space, against sentence-transformers' and transformers' own classes."""

from __future__ import annotations

import io
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kinspace import Embeddings
from kinspace.errors import InvalidInput, InvalidParameter, ReadError
from kinspace.pretrained.neural.vision.clip import ClipEncoder
from tests.pretrained.neural import tiny, tiny_images
from tests.pretrained.neural.tiny import made
from tests.pretrained.neural.tiny_images import TEXTS, pictures

FOLDERS: dict[str, Any] = {
    "transformers": lambda: made(tiny_images.clip),
    "sentence-transformers": lambda: made(tiny_images.clip_of_sentence_transformers),
    "with dense": lambda: made(tiny_images.clip_of_sentence_transformers, "dense", "normalize"),
    "of old": lambda: made(tiny_images.clip_of_old),
}
each_layout = pytest.mark.parametrize("layout", FOLDERS)


def cosines(a: Any, b: Any) -> Any:
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    return (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)


@pytest.fixture(scope="module")
def model() -> ClipEncoder:
    return ClipEncoder(made(tiny_images.clip), precision="float32")


@each_layout
def test_vectors_are_those_of_sentence_transformers(layout: str) -> None:
    from sentence_transformers import SentenceTransformer

    folder = FOLDERS[layout]()
    rival = SentenceTransformer(str(folder), device="cpu")
    ours = ClipEncoder(folder, precision="float32", batch_images=2)
    texts, images = ours.encode(TEXTS), ours.encode(pictures())
    assert texts.space == images.space
    assert cosines(texts, rival.encode(TEXTS)).min() > 0.99999
    assert cosines(images, rival.encode(pictures())).min() > 0.99999
    lengths = np.linalg.norm(rival.encode(pictures()), axis=1)
    np.testing.assert_allclose(np.linalg.norm(images, axis=1), lengths, rtol=1e-4)


KIN: dict[str, Any] = {
    "SigLIP": lambda: made(tiny_images.siglip),
    **{
        family: lambda family=family: made(tiny_images.kin, family)
        for family in ("Siglip2", "ChineseCLIP", "AltCLIP", "Align", "MetaClip2")
    },
}


@pytest.mark.parametrize("family", KIN)
def test_relatives_of_clip_are_those_of_transformers(family: str) -> None:
    import torch
    from transformers import AutoImageProcessor, AutoModel, AutoTokenizer

    folder = KIN[family]()
    rival, tokenizer = AutoModel.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    pixels = AutoImageProcessor.from_pretrained(folder, backend="pil")
    # SigLIP was trained with texts that are filled to the end, and without a mask.
    is_filled = family.lower().startswith("siglip")
    padding = "max_length" if is_filled else True
    words = tokenizer(TEXTS, padding=padding, truncation=True, return_tensors="pt")
    if is_filled:
        words = {"input_ids": words["input_ids"]}
    with torch.inference_mode():
        texts = rival.get_text_features(**words).pooler_output
        images = rival.get_image_features(**pixels(pictures(), return_tensors="pt")).pooler_output
    ours = ClipEncoder(folder, precision="float32", batch_tokens=24)
    assert cosines(ours.encode(TEXTS), texts).min() > 0.99999
    assert cosines(ours.encode(pictures()), images).min() > 0.99999


def test_texts_and_images_may_stand_in_one_list(model: ClipEncoder) -> None:
    mixed: list[Any] = [TEXTS[0], pictures()[0], TEXTS[1], pictures()[3], TEXTS[0]]
    vectors = np.asarray(model.encode(mixed))
    np.testing.assert_allclose(vectors[[0, 2, 4]], model.encode([*TEXTS[:2], TEXTS[0]]), atol=1e-5)
    apart = model.encode([pictures()[0], pictures()[3]])
    np.testing.assert_allclose(vectors[[1, 3]], apart, atol=1e-5)


def test_an_image_finds_itself_however_it_is_given(model: ClipEncoder, tmp_path: Path) -> None:
    images = pictures()
    found = Embeddings(np.asarray(model.encode(images)), model.space, list("abcdef"))
    buffer = io.BytesIO()
    images[2].save(buffer, "PNG")
    (tmp_path / "c.png").write_bytes(buffer.getvalue())
    given = [
        tmp_path / "c.png",
        buffer.getvalue(),
        np.asarray(images[2]),
        images[2].convert("RGBA"),
    ]
    for item in given:
        nearest = found.nearest(model.encode([item]), k=1)
        assert nearest.ids == ["c"]
        assert nearest.scores[0] == pytest.approx(1, abs=1e-5)


def test_a_text_finds_images(model: ClipEncoder, tmp_path: Path) -> None:
    import kinspace as ks
    from kinspace.read.images import image_files

    for number, image in enumerate(pictures()):
        image.save(tmp_path / f"{number}.png")
    files = image_files([tmp_path])
    photos = ks.Embeddings(model.encode(files), model.space, [str(file) for file in files])
    question = model.encode_query(["the dog"])
    found = photos.nearest(question, k=6)
    near = cosines(photos, np.repeat(question.vectors, 6, axis=0))
    assert found.ids == [str(files[row]) for row in np.argsort(-near)]
    np.testing.assert_allclose(found.scores, np.sort(near)[::-1], atol=1e-5)


def test_bfloat16_stays_near_float32(model: ClipEncoder) -> None:
    items: list[Any] = [*TEXTS, *pictures()]
    fast = ClipEncoder(made(tiny_images.clip), precision="bfloat16")
    assert fast.space == model.space
    assert cosines(fast.encode(items), model.encode(items)).min() > 0.999


def test_batches_and_order_change_nothing(model: ClipEncoder) -> None:
    one = ClipEncoder(model.name, precision="float32", batch_images=1, batch_tokens=1)
    items: list[Any] = [*pictures(), *TEXTS]
    np.testing.assert_allclose(one.encode(items), model.encode(items), atol=1e-5)
    np.testing.assert_allclose(
        model.encode(items[::-1]).vectors[::-1], model.encode(items), atol=1e-5
    )


def test_long_texts_are_cut_and_counted() -> None:
    model = ClipEncoder(made(tiny_images.clip))
    model.encode(TEXTS)
    tokens = len(tiny_images.clip_tokenizer()(TEXTS[-1])["input_ids"])
    assert model.truncated_ == {"texts": 1, "tokens": tokens - 16}
    with pytest.raises(InvalidInput, match="16"):
        ClipEncoder(model.name, long="error").encode(TEXTS)


def test_the_space_knows_the_weights_and_not_the_precision(tmp_path: Path) -> None:
    plain, old = ClipEncoder(made(tiny_images.clip)), ClipEncoder(made(tiny_images.clip_of_old))
    assert plain.space.dim == 24
    shutil.copytree(plain.name, tmp_path / "other")
    same = ClipEncoder(tmp_path / "other", precision="float32")
    assert same.space.agrees(plain.space)
    pixels = tmp_path / "other" / "processor_config.json"
    pixels.write_text(pixels.read_text().replace("0.48145466", "0.5"))
    assert not ClipEncoder(tmp_path / "other").space.agrees(plain.space)
    assert not old.space.agrees(plain.space)


def test_what_is_neither_text_nor_image_is_refused(
    model: ClipEncoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for item in (3, None, 2.5, "half \ud800"):
        with pytest.raises(InvalidInput):
            model.encode([item])
    pictures()[0].save(tmp_path / "cat.png")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InvalidInput, match="path of an image"):
        model.encode(["cat.png"])
    assert len(model.encode(["a picture named dog.png"])) == 1
    assert model.encode([]).vectors.shape == (0, 24)


def test_an_image_given_to_a_model_of_texts_is_refused(tmp_path: Path) -> None:
    from kinspace import load

    model = load("all-MiniLM-L6-v2")
    pictures()[0].save(tmp_path / "cat.png")
    for item in (tmp_path / "cat.png", pictures()[0], np.zeros((8, 8, 3), np.uint8)):
        with pytest.raises(InvalidInput, match="is not a text"):
            model.encode([item])


@pytest.mark.parametrize(
    "options",
    [{"batch_images": 0}, {"batch_tokens": 0}, {"precision": "int8"}, {"precision": "half"},
     {"device": "cuda:7"}, {"device": "abacus"}, {"long": "split"}],
)  # fmt: skip
def test_parameters_outside_their_range_are_refused(options: dict[str, Any]) -> None:
    model = ClipEncoder(made(tiny_images.clip), **options)
    with pytest.raises(InvalidParameter):
        model.encode(["a cat"])


def test_a_missing_pillow_is_a_missing_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    from kinspace.errors import MissingExtra
    from kinspace.pretrained.neural.vision.images import ImageEncoder

    monkeypatch.setitem(sys.modules, "PIL", None)
    network = made(tiny_images.network, "ResNetModel")
    for model in (ClipEncoder(made(tiny_images.clip)), ImageEncoder(network)):
        with pytest.raises(MissingExtra, match="images"):
            model.encode([b""])


def test_folders_that_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="dense"):
        ClipEncoder(made(tiny.bert)).encode(["a cat"])
    broken = tmp_path / "broken"
    shutil.copytree(made(tiny_images.clip), broken)
    weights = broken / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:2000])
    with pytest.raises(ReadError):
        ClipEncoder(broken).encode(["a cat"])
    without = tmp_path / "without"
    shutil.copytree(made(tiny_images.clip), without)
    (without / "processor_config.json").unlink()
    with pytest.raises(ReadError):
        ClipEncoder(without).encode(["a cat"])


def test_load_tells_the_kinds_apart(model: ClipEncoder, tmp_path: Path) -> None:
    import kinspace as ks
    from kinspace.pretrained.neural.vision.images import ImageEncoder

    for layout in FOLDERS.values():
        assert isinstance(ks.load(layout()), ClipEncoder)
    assert ks.load(made(tiny_images.clip), precision="float32").space == model.space
    assert isinstance(ks.load(made(tiny_images.siglip)), ClipEncoder)
    for kind in ("ViTModel", "ResNetForImageClassification", "ConvNextModel"):
        assert isinstance(ks.load(made(tiny_images.network, kind)), ImageEncoder)
    of_modules = ks.load(made(tiny_images.vit_of_sentence_transformers), batch_images=2)
    assert isinstance(of_modules, ImageEncoder)


def test_one_image_given_without_a_list_is_refused(model: ClipEncoder) -> None:
    for item in (pictures()[0], np.asarray(pictures()[0]), Path("a.png"), b"bytes"):
        with pytest.raises(InvalidInput):
            model.encode(item)  # type: ignore[arg-type]


def test_a_clip_without_its_tokenizer_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "clip"
    shutil.copytree(made(tiny_images.clip), folder)
    for name in ("tokenizer.json", "vocab.json", "merges.txt"):
        (folder / name).unlink(missing_ok=True)
    with pytest.raises(ReadError, match="no tokenizer"):
        ClipEncoder(folder).encode(["a cat"])
