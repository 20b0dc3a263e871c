"""Networks of images without their last layer, against transformers' own classes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kinspace.errors import InvalidInput, InvalidParameter, PathNotFound, ReadError
from kinspace.pretrained.neural.vision.images import ImageEncoder
from kinspace.pretrained.neural.vision.pixels import Pixels, open_processor
from tests.pretrained.neural import tiny, tiny_images
from tests.pretrained.neural.tiny import made
from tests.pretrained.neural.tiny_images import network, pictures
from tests.pretrained.neural.vision.test_clip import cosines

CLASSIFIERS = {
    "ViTForImageClassification": "classifier",
    "ResNetForImageClassification": "classifier.1",
    "ConvNextForImageClassification": "classifier",
    "SwinForImageClassification": "classifier",
    "Dinov2ForImageClassification": "classifier",
}


def run(kind: str, name: str, layer: str = "") -> Any:
    """What a network of transformers gives, or what one of its layers is given."""
    import torch
    import transformers

    folder = made(network, kind)
    model = getattr(transformers, name).from_pretrained(folder)
    seen: list[Any] = []
    if layer:
        model.get_submodule(layer).register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    pixels = transformers.AutoImageProcessor.from_pretrained(folder, backend="pil")
    with torch.inference_mode():
        found = model(**pixels(pictures(), return_tensors="pt"))
    return seen[0] if layer else found


def encode(kind: str, **options: Any) -> Any:
    model = ImageEncoder(made(network, kind), precision="float32", batch_images=4, **options)
    return model.encode(pictures()).vectors


@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_the_penultimate_layer_is_what_the_classifier_reads(kind: str) -> None:
    expected = run(kind, kind, CLASSIFIERS[kind])
    ours = encode(kind)
    assert ours.shape == expected.shape
    assert cosines(ours, expected).min() > 0.99999
    assert ImageEncoder(made(network, kind)).pooling_ == "classifier"


def test_pooling_of_a_network_with_a_class_token() -> None:
    found = run("ViTModel", "ViTModel")
    states = found.last_hidden_state
    expected = {
        "penultimate": states[:, 0], "cls": states[:, 0], "mean": states[:, 1:].mean(1),
        "max": states[:, 1:].amax(1), "pooler": found.pooler_output,
    }  # fmt: skip
    for pooling, table in expected.items():
        assert cosines(encode("ViTModel", pooling=pooling), table).min() > 0.99999, pooling


def test_pooling_of_a_network_of_convolutions() -> None:
    found = run("ResNetModel", "ResNetModel")
    places = found.last_hidden_state.flatten(2)
    expected = {
        "penultimate": found.pooler_output.flatten(1), "pooler": found.pooler_output.flatten(1),
        "mean": places.mean(2), "max": places.amax(2),
    }  # fmt: skip
    for pooling, table in expected.items():
        assert cosines(encode("ResNetModel", pooling=pooling), table).min() > 0.99999, pooling
    with pytest.raises(InvalidParameter, match="no class token"):
        encode("ResNetModel", pooling="cls")


def test_another_pooling_is_another_space() -> None:
    spaces = [
        ImageEncoder(made(network, "ViTModel"), pooling=pooling).space
        for pooling in ("penultimate", "cls", "mean")
    ]
    assert len({space.fingerprint for space in spaces}) == 3


def test_a_pooler_without_weights_is_refused() -> None:
    with pytest.raises(InvalidParameter, match="pooler"):
        encode("ViTForImageClassification", pooling="pooler")


def test_weights_that_are_missing_are_not_made_up(tmp_path: Path) -> None:
    import shutil

    from safetensors.numpy import load_file, save_file

    folder = tmp_path / "vit"
    shutil.copytree(made(network, "ViTModel"), folder)
    tables = load_file(folder / "model.safetensors")
    lost = next(name for name in tables if "layer.1" in name or "layers.1" in name)
    del tables[lost]
    save_file(tables, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ReadError, match="lacks weights"):
        ImageEncoder(folder).encode(pictures())


def test_a_folder_of_sentence_transformers_keeps_its_pooling() -> None:
    from sentence_transformers import SentenceTransformer

    folder = made(tiny_images.vit_of_sentence_transformers)
    rival = SentenceTransformer(str(folder), device="cpu").encode(pictures())
    model = ImageEncoder(folder, precision="float32")
    assert cosines(model.encode(pictures()), rival).min() > 0.99999
    assert model.pooling_ == "stated"


@pytest.mark.parametrize(
    "kind", ["ViTModel", "Dinov2Model", "ResNetModel", "ConvNextModel", "SwinModel"]
)
def test_pixels_are_those_of_the_processor(kind: str) -> None:
    import torch
    from transformers import AutoImageProcessor

    folder = made(network, kind)
    pixels = Pixels(open_processor(folder))
    rival = AutoImageProcessor.from_pretrained(folder, backend="pil")
    for picture in pictures():
        ours = pixels.together([pixels.of(picture)], "cpu", torch.float32)["pixel_values"]
        expected = rival(picture, return_tensors="pt")["pixel_values"]
        torch.testing.assert_close(ours, expected, atol=1e-5, rtol=0)


def test_pictures_smaller_than_what_is_cut_out_are_left_to_the_processor(tmp_path: Path) -> None:
    import torch
    from transformers import CLIPImageProcessorPil

    options = {"do_resize": False, "crop_size": {"height": 36, "width": 36}}
    rival = CLIPImageProcessorPil(**options)
    pixels = Pixels(rival)
    assert pixels.preparation is not None
    for picture in pictures():
        ours = pixels.together([pixels.of(picture)], "cpu", torch.float32)["pixel_values"]
        expected = rival(picture, return_tensors="pt")["pixel_values"]
        torch.testing.assert_close(ours, expected, atol=1e-5, rtol=0)


def test_pictures_are_read_ahead_and_never_all_at_once() -> None:
    held, most = set[int](), 0

    class Watched(Pixels):
        def __init__(self) -> None:
            self.preparation = None

        def of(self, item: Any) -> Any:
            nonlocal most
            held.add(id(item))
            most = max(most, len(held))
            return {"pixel_values": np.zeros((2, 2, 3), np.uint8)}

    items = [np.zeros((2, 2, 3), np.uint8) for _ in range(100)]
    batches = Watched().batches(items, 5)
    for rows, features in batches:
        assert len(features) == rows.stop - rows.start <= 5
        held.difference_update(id(item) for item in items[rows])
    assert most <= 11


def test_a_stream_of_pictures_is_never_held_whole() -> None:
    model = ImageEncoder(made(network, "ResNetModel"), precision="float32")
    taken = 0

    def stream() -> Iterator[Any]:
        nonlocal taken
        for number in range(1200):
            taken += 1
            yield np.full((32, 32, 3), number % 256, np.uint8)

    sizes = []
    for window in model.stream(stream()):
        sizes.append(len(window))
        assert taken - sum(sizes) < 600
    assert sum(sizes) == 1200


def test_texts_and_other_things_are_refused(tmp_path: Path) -> None:
    model = ImageEncoder(made(network, "ResNetModel"))
    for item in ("a cat", "http://example.org/cat", 3, None):
        with pytest.raises(InvalidInput):
            model.encode([item])
    with pytest.raises(PathNotFound):
        model.encode([tmp_path / "none.png"])
    with pytest.raises(PathNotFound):
        model.encode([str(tmp_path / "none.png")])
    pictures()[0].save(tmp_path / "cat.png")
    np.testing.assert_allclose(
        model.encode([str(tmp_path / "cat.png")]), model.encode(pictures()[:1]), atol=1e-6
    )


def test_a_damaged_picture_is_named(tmp_path: Path) -> None:
    model = ImageEncoder(made(network, "ResNetModel"))
    good, bad = tmp_path / "good.png", tmp_path / "bad.png"
    pictures()[3].save(good)
    bad.write_bytes(good.read_bytes()[:-400])
    with pytest.raises(ReadError, match=r"bad\.png"):
        model.encode([good, bad])


def test_what_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(InvalidParameter, match="pooling"):
        ImageEncoder(made(network, "ViTModel"), pooling="attention").encode(pictures())  # type: ignore[arg-type]
    with pytest.raises(InvalidParameter):
        ImageEncoder(made(network, "ViTModel"), batch_images=0).encode(pictures())
    with pytest.raises(ReadError):
        ImageEncoder(made(tiny.bert)).encode(pictures())
