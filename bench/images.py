"""Images at the machine's speed: CLIP and ResNet-50 beside sentence-transformers and transformers.

    python bench/images.py [--count 96] [--results bench/results/images.json]

No weights are needed: networks of the real sizes (CLIP ViT-B/32, ResNet-50) get random ones, which
take as long. The pictures are 1024 × 768 JPEG files, made here. Reading, preparing and encoding
are timed together, after one batch that is not; the ways take turns, and the best of three rounds
counts.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

ROUNDS = 3


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=96)
    parser.add_argument("--results", type=Path)
    arguments = parser.parse_args()
    import torch

    torch.set_num_threads(2)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        files = pictures(root / "pictures", arguments.count)
        rows = [*of_clip(clip(root / "clip"), files), *of_resnet(resnet(root / "resnet"), files)]
    for row in rows:
        print(
            f"{row['model']:<12} {row['way']:<48} {row['per_second']:8.1f}/s  {row['cosine']:.6f}"
        )
    if arguments.results:
        arguments.results.write_text(json.dumps({"rows": rows}, indent=1) + "\n")


def pictures(folder: Path, count: int) -> list[Path]:
    """JPEG files with something in them."""
    from PIL import Image

    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(count):
        few = Image.fromarray(rng.integers(0, 256, (30, 40, 3), dtype=np.uint8))
        few.resize((1024, 768), 3).save(folder / f"{number:04}.jpg", quality=90)
    return sorted(folder.iterdir())


def clip(folder: Path) -> Path:
    """CLIP ViT-B/32 with random weights, and a tokenizer of letters."""
    import string

    import torch
    from transformers import (
        CLIPConfig,
        CLIPImageProcessorPil,
        CLIPModel,
        CLIPProcessor,
        CLIPTokenizer,
    )

    words = ["<|startoftext|>", "<|endoftext|>", *string.ascii_lowercase]
    words += [f"{one}</w>" for one in string.ascii_lowercase]
    tokenizer = CLIPTokenizer(vocab={word: i for i, word in enumerate(words)}, merges=[])
    tokenizer.model_max_length = 77
    torch.manual_seed(0)
    config = CLIPConfig(
        text_config={"bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 1},
        vision_config={"patch_size": 32},
    )
    CLIPModel(config).save_pretrained(folder)
    CLIPProcessor(image_processor=CLIPImageProcessorPil(), tokenizer=tokenizer).save_pretrained(
        folder
    )
    return folder


def resnet(folder: Path) -> Path:
    """ResNet-50 with random weights."""
    import torch
    from transformers import ConvNextImageProcessorPil, ResNetConfig, ResNetForImageClassification

    torch.manual_seed(0)
    ResNetForImageClassification(ResNetConfig(num_labels=1000)).save_pretrained(folder)
    ConvNextImageProcessorPil(size={"shortest_edge": 224}).save_pretrained(folder)
    return folder


def of_clip(folder: Path, files: list[Path]) -> list[dict[str, Any]]:
    """Images, then captions of 3 to 12 words."""
    import torch
    from sentence_transformers import SentenceTransformer

    from kinspace.pretrained.neural.vision.clip import ClipEncoder

    rng = np.random.default_rng(1)
    words = ["cat", "dog", "red", "house", "the", "on", "sea", "a", "man", "two"]
    captions = [" ".join(rng.choice(words, rng.integers(3, 13))) for _ in range(4 * len(files))]
    plain = SentenceTransformer(str(folder), device="cpu")
    half = SentenceTransformer(str(folder), device="cpu", model_kwargs={"dtype": torch.bfloat16})
    ours, exact = ClipEncoder(folder), ClipEncoder(folder, precision="float32")
    paths = [str(file) for file in files]
    rows = []
    for name, items, rival_items in (("images", files, paths), ("texts", captions, captions)):
        rows += compare(
            f"CLIP {name}",
            {
                "sentence-transformers, float32, batches of 32": (plain.encode, rival_items),
                "sentence-transformers, bfloat16": (half_encode(half), rival_items),
                "kinspace, float32": (exact.encode, items),
                f"kinspace, {ours.setting.precision}": (ours.encode, items),
            },
        )
    return rows


def half_encode(model: Any) -> Callable[[Any], Any]:
    """What numpy can take: it knows no bfloat16."""
    return lambda items: model.encode(items, convert_to_tensor=True).float().numpy()


def of_resnet(folder: Path, files: list[Path]) -> list[dict[str, Any]]:
    import torch
    from transformers import AutoImageProcessor, AutoModel
    from transformers.image_utils import load_image

    from kinspace.pretrained.neural.vision.images import ImageEncoder

    network = AutoModel.from_pretrained(folder, dtype=torch.float32)
    processor = AutoImageProcessor.from_pretrained(folder, backend="pil")

    def rival(items: list[Path]) -> Any:
        found = []
        for start in range(0, len(items), 32):
            images = [load_image(str(item)) for item in items[start : start + 32]]
            with torch.inference_mode():
                pixels = processor(images, return_tensors="pt")
                found.append(network(**pixels).pooler_output.flatten(1))
        return torch.cat(found).numpy()

    ours, exact = ImageEncoder(folder), ImageEncoder(folder, precision="float32")
    ways = {
        "transformers, float32, batches of 32": (rival, files),
        "kinspace, float32": (exact.encode, files),
        f"kinspace, {ours.setting.precision}": (ours.encode, files),
    }
    return compare("ResNet-50", ways)


def compare(model: str, ways: dict[str, tuple[Callable[[Any], Any], Any]]) -> list[dict[str, Any]]:
    """Time each way in turn, keep its best round, and hold its vectors against the first way's."""
    took = dict.fromkeys(ways, float("inf"))
    found: dict[str, Any] = {}
    for encode, items in ways.values():
        encode(items[:32])
    for _ in range(ROUNDS):
        for way, (encode, items) in ways.items():
            start = time.perf_counter()
            vectors = np.asarray(encode(items), np.float64)
            took[way] = min(took[way], time.perf_counter() - start)
            found[way] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    first = next(iter(found.values()))
    return [
        {
            "model": model,
            "way": way,
            "per_second": len(ways[way][1]) / took[way],
            "cosine": float((found[way] * first).sum(1).mean()),
        }
        for way in ways
    ]


if __name__ == "__main__":
    main()
