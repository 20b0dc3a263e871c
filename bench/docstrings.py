"""The texts of bench/transformer_encoding.py: docstrings of Python's own library.

    python bench/docstrings.py          # says what they are

Real technical English of very mixed length, on every machine that has Python. The 1,500 texts
are drawn so that a tenth reaches MiniLM's limit of 256 tokens and the mean is about 76, as in
collections of documents; docstrings as they come are shorter (mean 49).
"""

from __future__ import annotations

import ast
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

LONGEST = 256


def docstrings() -> list[str]:
    """All docstrings of the standard library, each once, in the order of its files."""
    return list(dict.fromkeys(_every(Path(sysconfig.get_path("stdlib")))))


def _every(root: Path) -> Iterator[str]:
    for path in sorted(root.rglob("*.py")):
        if {"site-packages", "test", "tests", "idlelib", "lib2to3"} & set(path.parts):
            continue
        try:
            tree = ast.parse(path.read_bytes())
        except (SyntaxError, ValueError):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                found = ast.get_docstring(node)
                if found:
                    yield found


def lengths(tokenizer: Any, texts: list[str]) -> np.ndarray:
    """Tokens of each text, special ones included, cut at 256."""
    counts = [len(ids) for ids in tokenizer(texts)["input_ids"]]
    return np.minimum(np.array(counts), LONGEST)


def sets(tokenizer: Any) -> dict[str, list[str]]:
    """The texts by kind: mixed, short (under 20 tokens) and long (256)."""
    every = docstrings()
    size = lengths(tokenizer, every)
    rng = np.random.default_rng(0)
    long, rest = np.flatnonzero(size == LONGEST), np.flatnonzero(size < LONGEST)
    share = size[rest] ** 0.35  # the longer the likelier, until the mean is 76
    drawn = rng.choice(rest, 1350, replace=False, p=share / share.sum())
    mixed = rng.permutation([*rng.choice(long, 150, replace=False), *drawn])
    short = rng.permutation(np.flatnonzero(size < 20))[:3000]
    chosen = {"mixed": mixed, "short": short, "long": rng.permutation(long)[:300]}
    return {name: [every[place] for place in places] for name, places in chosen.items()}


def main() -> None:
    from transformers import AutoTokenizer

    from kinspace.pretrained.resolve import resolve

    tokenizer = AutoTokenizer.from_pretrained(resolve("all-MiniLM-L6-v2"))
    for name, texts in sets(tokenizer).items():
        size = lengths(tokenizer, texts)
        print(f"{name}: {len(texts):,} texts, mean {size.mean():.1f} tokens, "
              f"{(size == LONGEST).mean():.1%} at {LONGEST}")  # fmt: skip


if __name__ == "__main__":
    main()
