"""Tiny models of images with random weights, saved in the layouts that real ones have."""

from __future__ import annotations

import json
import shutil
import string
from pathlib import Path
from typing import Any

import numpy as np

from tests.pretrained.neural.tiny import bytes_tokenizer, made, seeded, wordpiece

TEXTS = ["a cat", "the dog", "", "the cat and the dog!", "a dog, a cat, 3 dogs. " * 9]


def pictures() -> list[Any]:
    """Six pictures of different shapes, as Pillow images."""
    from PIL import Image

    rng = np.random.default_rng(3)
    found = []
    for width, height in ((50, 40), (40, 61), (32, 32), (200, 64), (33, 90), (128, 128)):
        few = Image.fromarray(rng.integers(0, 256, (5, 6, 3), dtype=np.uint8))
        found.append(few.resize((width, height), 3))
    return found


def clip_tokenizer(longest: int = 16) -> Any:
    """CLIP's byte-pair tokenizer over letters, digits and three words."""
    from transformers import CLIPTokenizer

    letters = [*string.ascii_lowercase, *string.digits, *"!?.,"]
    words = ["<|startoftext|>", "<|endoftext|>", *letters, *(f"{one}</w>" for one in letters)]
    merges = [("c", "a"), ("ca", "t</w>"), ("d", "o"), ("do", "g</w>"), ("t", "h"), ("th", "e</w>")]
    words += [left + right for left, right in merges]
    vocabulary = {word: place for place, word in enumerate(words)}
    tokenizer = CLIPTokenizer(vocab=vocabulary, merges=merges)
    tokenizer.model_max_length = longest
    return tokenizer


def sizes(**more: Any) -> dict[str, Any]:
    """Two layers of width 32."""
    return {
        "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
        "num_attention_heads": 2, **more,
    }  # fmt: skip


def clip(folder: Path) -> Path:
    """A CLIP, as transformers saves it."""
    from transformers import CLIPConfig, CLIPImageProcessorPil, CLIPModel, CLIPProcessor

    tokenizer = clip_tokenizer()
    config = CLIPConfig(
        text_config=sizes(
            vocab_size=len(tokenizer), max_position_embeddings=16,
            bos_token_id=0, eos_token_id=1, pad_token_id=1,
        ),
        vision_config=sizes(image_size=32, patch_size=8),
        projection_dim=24,
    )  # fmt: skip
    seeded(lambda: CLIPModel(config)).save_pretrained(folder)
    pixels = CLIPImageProcessorPil(
        size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}
    )
    CLIPProcessor(image_processor=pixels, tokenizer=tokenizer).save_pretrained(folder)
    return folder


def clip_of_sentence_transformers(folder: Path, *after: str) -> Path:
    """A CLIP as sentence-transformers saves it since 5.4, perhaps with more modules."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Dense, Normalize

    model = SentenceTransformer(str(made(clip)), device="cpu")
    if "dense" in after:
        model.append(seeded(lambda: Dense(24, 20)))
    if "normalize" in after:
        model.append(Normalize())
    model.eval().save(str(folder), create_model_card=False)
    return folder


def clip_of_old(folder: Path) -> Path:
    """A CLIP as sentence-transformers saved it before 5.4: one module, ``CLIPModel``."""
    shutil.copytree(made(clip), folder / "0_CLIPModel")
    module = {"idx": 0, "name": "0", "path": "0_CLIPModel"}
    kind = {"type": "sentence_transformers.models.CLIPModel"}
    (folder / "modules.json").write_text(json.dumps([module | kind]))
    versions = {"sentence_transformers": "2.0.0", "transformers": "4.6.1", "pytorch": "1.8.1"}
    (folder / "config_sentence_transformers.json").write_text(json.dumps({"__version__": versions}))
    return folder


def siglip(folder: Path) -> Path:
    """A SigLIP, which reads padding as well, with BERT's tokenizer."""
    from transformers import SiglipConfig, SiglipImageProcessorPil, SiglipModel

    tokenizer = wordpiece(folder, longest=12)
    config = SiglipConfig(
        text_config=sizes(
            vocab_size=len(tokenizer), max_position_embeddings=12,
            bos_token_id=2, eos_token_id=3, pad_token_id=0,
        ),
        vision_config=sizes(image_size=32, patch_size=8),
    )  # fmt: skip
    seeded(lambda: SiglipModel(config)).save_pretrained(folder)
    SiglipImageProcessorPil(size={"height": 32, "width": 32}).save_pretrained(folder)
    return folder


def network(folder: Path, kind: str) -> Path:
    """A network of images; ``kind`` is the name of its class in transformers."""
    import transformers

    family = next(name for name in _CONFIGS if kind.startswith(name))
    config = getattr(transformers, f"{family}Config")(**_CONFIGS[family], num_labels=5)
    seeded(lambda: getattr(transformers, kind)(config)).save_pretrained(folder)
    name = {"Dinov2": "Bit", "ResNet": "ConvNext", "Swin": "ViT"}.get(family, family)
    square = {"height": 32, "width": 32}
    options: dict[str, Any] = {"size": square}
    if name == "ConvNext":
        options = {"size": {"shortest_edge": 32}}
    if name == "Bit":
        options = {"size": {"shortest_edge": 40}, "crop_size": square}
    getattr(transformers, f"{name}ImageProcessorPil")(**options).save_pretrained(folder)
    return folder


_CONFIGS: dict[str, dict[str, Any]] = {
    "ViT": sizes(image_size=32, patch_size=8),
    "Dinov2": {
        "hidden_size": 32, "mlp_ratio": 2, "num_hidden_layers": 2, "num_attention_heads": 2,
        "image_size": 32, "patch_size": 8,
    },
    "ResNet": {"embedding_size": 8, "hidden_sizes": [8, 16], "depths": [1, 1]},
    "ConvNext": {"hidden_sizes": [8, 16], "depths": [1, 1], "num_stages": 2},
    "Swin": {
        "image_size": 32, "patch_size": 4, "embed_dim": 8, "depths": [1, 1], "num_heads": [2, 2],
        "window_size": 4,
    },
}  # fmt: skip


def vit_of_sentence_transformers(folder: Path) -> Path:
    """A ViT and mean pooling, as sentence-transformers saves them."""
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(made(network, "ViTModel")), device="cpu")
    model.eval().save(str(folder), create_model_card=False)
    return folder


def kin(folder: Path, family: str) -> Path:
    """A relative of CLIP, as transformers saves it; ``family`` as transformers spells it."""
    import transformers as tr

    square = {"height": 32, "width": 32}
    vision = sizes(image_size=32, patch_size=8)
    tokenizer = (
        bytes_tokenizer(folder, longest=16, kind="roberta")
        if family == "AltCLIP"
        else wordpiece(folder, longest=16)
    )
    text = sizes(
        vocab_size=len(tokenizer), max_position_embeddings=20 if family == "AltCLIP" else 16,
        pad_token_id=tokenizer.pad_token_id, bos_token_id=2, eos_token_id=3,
    )  # fmt: skip
    pixels = tr.CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size=square)
    width = {"projection_dim": 24}
    if family == "ChineseCLIP":
        pixels = tr.ChineseCLIPImageProcessorPil(size=square, crop_size=square)
    elif family == "AltCLIP":
        text["project_dim"] = 24
    elif family == "Align":
        vision = {
            "image_size": 32, "width_coefficient": 0.1, "depth_coefficient": 0.1, "hidden_dim": 32,
        }  # fmt: skip
        pixels, width = tr.EfficientNetImageProcessorPil(size=square), {"projection_dim": 32}
    elif family == "Siglip2":
        vision = sizes(num_patches=16, patch_size=8)
        pixels, width = tr.Siglip2ImageProcessorPil(patch_size=8, max_num_patches=16), {}
    config = getattr(tr, f"{family}Config")(text_config=text, vision_config=vision, **width)
    seeded(lambda: getattr(tr, f"{family}Model")(config)).save_pretrained(folder)
    pixels.save_pretrained(folder)
    return folder
