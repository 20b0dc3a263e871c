"""Make the model that is shipped: ``KINSPACE_DATA=… python bench/default_model.py [folder]``.

Or with the command line, from the same texts:

    python bench/default_model.py --texts texts.txt
    kinspace distill all-MiniLM-L6-v2 texts.txt --lines --vocabulary-size 28900 --epochs 8 -o model

Needs ``pip install -c constraints.txt "kinspace[neural,test]"``. The teacher reads some 16 million
tokens: 20 minutes on two quiet cores with bfloat16, kept in ``--cache``; learning takes 5 more.
"""

from __future__ import annotations

import argparse
import json
import platform
from collections.abc import Iterator
from importlib.metadata import version
from itertools import chain, islice
from pathlib import Path

import default_glossary
import default_texts

import kinspace as ks

GLOSSARY = 60_000
PLAIN = 6
TEXTS = 520_000
ROOT = Path(__file__).parents[1]


def texts() -> Iterator[str]:
    """Our own sentences, plain ones six times over, and so many texts of all sources."""
    yield from dict.fromkeys(default_glossary.sentences(GLOSSARY))
    plain = default_texts.blocks({"stsb_train": default_texts.stsb_train})
    yield from chain.from_iterable(plain * PLAIN)
    yield from islice(chain.from_iterable(default_texts.blocks(default_texts.SOURCES)), TEXTS)


def provenance() -> dict[str, object]:
    """What the recipe says beside what Distill writes down."""
    packages = ["scikit-learn" if p == "sklearn" else p for p in default_texts.DOCSTRINGS[:-1]]
    return {
        "script": "bench/default_model.py",
        "sources": default_texts.LICENCES | {"glossary": "ours, Apache-2.0"},
        "docstrings_of": {p: version(p) for p in packages} | {"python": platform.python_version()},
        "left_out": "texts and sentences of over 20 letters that STS-B dev or test, SciFact, "
        "Cranfield or CACM hold",
    }


def main() -> None:
    """Learn, save, and say how large the folder is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=None)
    parser.add_argument("--cache", type=Path, default=None, help="keeps the teacher's vectors")
    parser.add_argument("--texts", type=Path, default=None, help="only write the texts, one a line")
    given = parser.parse_args()
    if given.texts is not None:
        with given.texts.open("w", encoding="utf-8") as file:
            file.writelines(f"{text}\n" for text in texts())
        return
    folder = given.folder or ROOT / "src/kinspace/pretrained/default"
    learner = ks.Distill(
        "all-MiniLM-L6-v2",
        vocabulary_size=28_900,
        epochs=8,
        cache=given.cache,
    )
    learner.fit(texts(), progress=True)
    learner.recipe_ |= provenance()
    learner.save(folder)
    size = sum(path.stat().st_size for path in folder.iterdir())
    print(json.dumps({"folder": str(folder), "MB": round(size / 1e6, 2)}))


if __name__ == "__main__":
    main()
