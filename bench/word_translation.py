"""Word translation: two spaces of words, learned apart, brought together by Procrustes.

    python bench/word_translation.py [--seeds 3]

Skip-gram is trained on the English, the French and the German side of Multi30k (29,000 captions
each; that they are translations of each other is not used), with the same settings for all. MUSE's
dictionaries, sorted by frequency, are parted as in Conneau et al. (2017): the map is learned from
the 5,000 most frequent source words, and asked about words 5,000 to 6,500. Most of these do not
occur in captions: pairs that are not known on both sides are left out, and their number is told.
Answers are chosen from all words of the target table. Means over seeds of the two spaces.
"""

from __future__ import annotations

import argparse
import gzip
import statistics
import tarfile
import time
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

from common import Target, data_folder, machine, show, show_targets, versions, write

from kinspace import datasets
from kinspace.embeddings import Embeddings
from kinspace.learn.alignment import Procrustes, translation_precision
from kinspace.learn.words.word2vec import Word2Vec

SETTINGS: dict[str, Any] = {
    "dim": 100, "window": 5, "negative": 10, "epochs": 30, "min_count": 3, "sample": 1e-3,
}  # fmt: skip
ROUNDS = 20
FIGURES = ("precision_at_1", "precision_at_5", "csls_precision_at_1", "csls_precision_at_5")


def captions(language: str) -> list[str]:
    """The training captions of Multi30k in one language."""
    with tarfile.open(data_folder() / "crosslingual" / "multi30k.tar.gz") as archive:
        file = archive.extractfile(f"multi30k/task1/raw/train.{language}.gz")
        assert file is not None
        return gzip.decompress(file.read()).decode("utf-8").splitlines()


def pairs(
    translations: Mapping[str, Sequence[str]], start: int, stop: int
) -> list[tuple[str, str]]:
    """Pairs of the source words of these ranks."""
    chosen = islice(translations.items(), start, stop)
    return [(word, other) for word, right in chosen for other in right]


def judged(source: Embeddings, target: Embeddings, language: str) -> dict[str, dict[str, float]]:
    """Figures by how the map was learned."""
    known = datasets.load(f"muse-en-{language}", split="full").translations
    found = {}
    for name, rounds in (("Procrustes", 0), ("and self-learning", ROUNDS)):
        aligner = Procrustes(rounds).fit(source, target, pairs(known, 0, 5000))
        test = pairs(known, 5000, 6500)
        figures = translation_precision(test, aligner.map(source), target)
        found[name] = {**figures, "pairs": aligner.pairs_, "rounds": len(aligner.rounds_)}
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    seeds = range(1, parser.parse_args().seeds + 1)
    about, start = machine(), time.perf_counter()
    texts = {language: captions(language) for language in ("en", "fr", "de")}
    runs: dict[str, list[dict[str, float]]] = {}
    sizes: dict[str, int] = {}
    for seed in seeds:
        spaces = {}
        for language, lines in texts.items():
            spaces[language] = Word2Vec(**SETTINGS, seed=seed).fit(lines).vectors
            sizes[language] = len(spaces[language])
        for language in ("fr", "de"):
            for name, figures in judged(spaces["en"], spaces[language], language).items():
                runs.setdefault(f"en→{language}, {name}", []).append(figures)
    means = {
        name: {key: round(statistics.mean(run[key] for run in each), 2) for key in each[0]}
        for name, each in runs.items()
    }
    show(
        ["percent right", "words", "p@1", "p@5", "CSLS p@1", "CSLS p@5"],
        [[name, each["words"], *(each[key] for key in FIGURES)] for name, each in means.items()],
    )  # fmt: skip
    targets = [
        Target(f"{name}: CSLS p@{k} less p@{k}", 0,
               round(each[f"csls_precision_at_{k}"] - each[f"precision_at_{k}"], 2))
        for name, each in means.items() for k in (1, 5)
    ]  # fmt: skip
    show_targets(targets)
    result = {
        "machine": about, "versions": versions("numpy", "numba"), "settings": SETTINGS,
        "seeds": list(seeds), "words": sizes, "means": means, "runs": runs,
        "seconds": round(time.perf_counter() - start, 1),
        "targets": [target.to_dict() for target in targets],
    }  # fmt: skip
    write("word_translation", result, whole=len(seeds) >= 3)


if __name__ == "__main__":
    main()
