"""How far a ranking of models without labels agrees with the labelled one.

    KINSPACE_DATA=../shared/data python bench/evaluate_unlabelled.py
    python bench/evaluate_unlabelled.py --cache FOLDER     # keep vectors and outcomes

Some twenty systems of different quality are made from the two models that are at hand, and ranked
twice on SciFact, Cranfield and CACM: by nDCG@10 on the sets' own queries and judgements, and by
each measure of `kinspace.evaluate.unlabelled`, which sees the texts only. CACM and SciFact's
training claims were looked at on the way, the other two once. Intervals are from 1,000 draws of
queries and of label-free items. Writes bench/results/evaluate_unlabelled.json.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import tempfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from common import machine, show, versions, write
from numpy.typing import NDArray
from scipy.stats import kendalltau, spearmanr

import kinspace as ks
from kinspace import datasets
from kinspace.datasets import RetrievalSet
from kinspace.encoder import Encoder, Side
from kinspace.evaluate.estimate import Sample
from kinspace.evaluate.system import System
from kinspace.evaluate.systems import Hybrid, Keyword, Reranked, as_system
from kinspace.evaluate.task import Task
from kinspace.evaluate.tasks.retrieval import RetrievalTask
from kinspace.evaluate.unlabelled import (
    KnownItemTask,
    NearDuplicateTask,
    StabilityTask,
    documents_of,
    known_items,
)
from kinspace.metric import normalise
from kinspace.pretrained.static import StaticEncoder
from kinspace.space import Space, fingerprint_of

SETS = ("scifact-train", "cacm", "scifact-test", "cranfield")
LOOKED_AT = ("scifact-train", "cacm")
SIGNALS = {
    "known item": ("known-item", "ndcg_at_10"),
    "known item, low overlap": ("known-item", "ndcg_at_10_low"),
    "known item, middle": ("known-item", "ndcg_at_10_middle"),
    "known item, high": ("known-item", "ndcg_at_10_high"),
    "near-duplicates, AP": ("near-duplicates", "average_precision"),
    "near-duplicates, recall@1": ("near-duplicates", "recall_at_1"),
    "near-duplicates, halves": ("near-duplicates", "recall_half"),
    "stability": ("neighbour-stability", "overlap_at_10"),
}
DRAWS = 1000
SIZES = (25, 50, 100, 200)
Rows = NDArray[np.float32]


# -- systems of different quality --------------------------------------------------------------


class Remembered(Encoder[str]):
    """A model whose vectors are kept on the disk, by text.

    For models to which white space is all the same, and queries are texts like others.
    """

    sorts_by_cost = True

    def __init__(self, inner: Encoder[str], folder: Path) -> None:
        self.inner = inner
        self.folder = folder
        self.keyword_share = inner.keyword_share  # type: ignore[misc]
        self._path = folder / f"{inner.space.model}-{inner.space.fingerprint[:8]}.npz"
        self._rows: dict[str, Rows] = {}
        if self._path.exists():
            kept = np.load(self._path)
            self._rows = dict(zip(kept["keys"].tolist(), kept["rows"], strict=True))

    @property
    def space(self) -> Space:
        return self.inner.space

    def _encode_batch(self, items: Sequence[str], side: Side) -> Rows:
        items = [" ".join(item.split()) for item in items]
        keys = [hashlib.sha256(item.encode()).hexdigest()[:24] for item in items]
        new = [row for row, key in enumerate(keys) if key not in self._rows]
        if new:
            vectors = self.inner.encode([items[row] for row in new]).vectors
            self._rows |= dict(zip([keys[row] for row in new], vectors, strict=True))
            if len(new) > 100:
                np.savez(self._path, keys=list(self._rows), rows=np.stack([*self._rows.values()]))
        return np.stack([self._rows[key] for key in keys])


class Derived(Encoder[str]):
    """A model made worse: its vectors after some change."""

    def __init__(self, inner: Encoder[str], change: str, dim: int) -> None:
        self.inner = inner
        self.change = change
        self.dim = dim
        self.keyword_share = inner.keyword_share  # type: ignore[misc]

    @property
    def space(self) -> Space:
        return self.inner.space.derive(self.change, dim=self.dim)

    def _encode_batch(self, items: Sequence[str], side: Side) -> Rows:
        encode = self.inner.encode_query if side == "query" else self.inner.encode
        return normalise(
            np.ascontiguousarray(CHANGES[self.change](encode(items).vectors, self.dim))
        )


def _noisy(rows: Rows, dim: int) -> Rows:
    """Noise as long as the vector itself, from the vector's own bytes."""
    noise = [
        np.random.default_rng(zlib.crc32(row.tobytes())).standard_normal(dim, np.float32)
        for row in rows
    ]
    return normalise(rows) + np.stack(noise) / np.sqrt(dim).astype(np.float32)


CHANGES: Mapping[str, Callable[[Rows, int], Rows]] = {
    "first": lambda rows, dim: rows[:, :dim],
    "signs": lambda rows, dim: np.where(rows > 0, 1, -1).astype(np.float32),
    "noise": _noisy,
}


class Hashing(Encoder[str]):
    """Words in a bag, each at a place and with a sign that its hash says."""

    def __init__(self, dim: int) -> None:
        self.dim = dim

    @property
    def space(self) -> Space:
        return Space(f"hashing-{self.dim}", fingerprint_of("hashing", self.dim), self.dim)

    def _encode_batch(self, items: Sequence[str], side: Side) -> Rows:
        rows = np.zeros((len(items), self.dim), np.float32)
        for row, item in zip(rows, items, strict=True):
            for word in item.lower().split():
                code = zlib.crc32(word.encode())
                row[code % self.dim] += 1 if code >> 16 & 1 else -1
        return normalise(rows)


def token_layer(transformer: Any) -> StaticEncoder:
    """A transformer without its layers: the mean of the tokens' input vectors."""
    model = transformer._model[0].auto_model
    table = model.get_input_embeddings().weight.detach().float().numpy()
    return StaticEncoder(table, transformer.tokenizer, name="minilm-tokens", max_length=256)


def systems(folder: Path) -> list[System]:
    """All systems."""
    mini = ks.load("all-MiniLM-L6-v2")
    default = Remembered(ks.load(), folder)
    minilm = Remembered(mini, folder)
    tokens = Remembered(token_layer(mini), folder)
    dense: dict[str, Encoder[str]] = {"minilm": minilm, "default": default, "minilm-tokens": tokens}
    for name, base in (("minilm", minilm), ("default", default)):
        dense |= {f"{name}-{dim}": Derived(base, "first", dim) for dim in (128, 64, 32)}
        dense[f"{name}-signs"] = Derived(base, "signs", base.space.dim)
    dense["minilm-noise"] = Derived(minilm, "noise", minilm.space.dim)
    dense |= {f"hashing-{dim}": Hashing(dim) for dim in (1024, 128)}
    made = [as_system(encoder, name=name) for name, encoder in dense.items()]
    made.append(as_system(Keyword(), name="bm25"))
    made += [
        as_system(Hybrid(dense[name]), name=f"{name}+bm25")
        for name in ("minilm", "default", "minilm-tokens", "minilm-32")
    ]
    made.append(as_system(Reranked(Keyword(), dense["minilm"]), name="bm25>minilm"))
    return made


# -- figures -----------------------------------------------------------------------------------


def tasks(name: str, n: int) -> list[Task]:
    """The labelled task of a set, and those made from its texts alone."""
    content = datasets.load(*name.split("-"))
    assert isinstance(content, RetrievalSet)
    documents = documents_of(list(content.documents.values()))
    return [
        RetrievalTask(content, name="labels"),
        KnownItemTask(known_items(documents, n=n)),
        NearDuplicateTask(documents, n=n),
        StabilityTask(documents, n=2 * n // 3),
    ]


def outcomes(
    name: str, made: Sequence[System], n: int, folder: Path
) -> dict[str, dict[str, Sample]]:
    """By task and measure, then by system: what a figure is computed from."""
    wanted = {("labels", "ndcg_at_10"), *SIGNALS.values()}
    found: dict[str, dict[str, Sample]] = {f"{t}/{m}": {} for t, m in wanted}
    for task in tasks(name, n):
        for system in made:
            path = folder / f"{task.fingerprint}-{system.fingerprint}-{system.name}.json"
            path = path.with_name(path.name.replace(">", "~"))
            if not path.exists():
                samples = task.run(system).samples
                kept = {
                    measure: {key: column.tolist() for key, column in sample.columns.items()}
                    | {"statistic": sample.statistic}
                    for measure, sample in samples.items()
                    if (task.name, measure) in wanted
                }
                path.write_text(json.dumps(kept))
            for measure, values in json.loads(path.read_text()).items():
                statistic = values.pop("statistic")
                columns = {key: np.array(column) for key, column in values.items()}
                found[f"{task.name}/{measure}"][system.name] = Sample(statistic, columns)
        print(f"  {name}: {task.name}", flush=True)
    return found


def drawn(samples: Mapping[str, Sample], names: Sequence[str], seed: int) -> NDArray[np.float64]:
    """Each system's figure in each draw, the same rows for all; shape (draws + 1, systems).

    The first row is the figure itself.
    """
    size = len(samples[names[0]])
    rows = np.random.default_rng(seed).integers(size, size=(DRAWS, size))
    if samples[names[0]].statistic == "average_precision":  # a copy's two pairs stay together
        half = rows[:, : size // 2] // 2
        rows = np.stack([2 * half, 2 * half + 1], axis=-1).reshape(DRAWS, -1)
    columns = [[samples[name].value(), *samples[name].resampled(rows)] for name in names]
    return np.array(columns).T


def agreement(label: NDArray[np.float64], signal: NDArray[np.float64]) -> dict[str, Any]:
    """Rank correlations between two tables of :func:`drawn`, with intervals."""
    told = [row for row in range(len(signal)) if np.ptp(signal[row]) > 0]  # not all alike
    taus = [kendalltau(label[row], signal[row]).statistic for row in told]
    rhos = [spearmanr(label[row], signal[row]).statistic for row in told]
    return {"kendall": _interval(taus), "spearman": _interval(rhos)}


def by_size(label: NDArray[np.float64], samples: Sequence[Sample]) -> dict[str, list[float]]:
    """Kendall's tau of fewer label-free queries: the mean of 200 draws, and the lowest tenth."""
    columns = np.array([sample.columns["values"] for sample in samples])
    rng = np.random.default_rng(3)
    found = {}
    for size in SIZES:
        if size > columns.shape[1]:
            continue
        taken = [rng.choice(columns.shape[1], size, replace=False) for _ in range(200)]
        taus = [kendalltau(label[0], columns[:, rows].mean(axis=1)).statistic for rows in taken]
        found[str(size)] = [round(float(one), 3) for one in (np.mean(taus), np.quantile(taus, 0.1))]
    return found


def _interval(values: Sequence[float]) -> list[float]:
    """The figure, and the middle 95 % of its draws."""
    low, high = np.nanquantile(values[1:], [0.025, 0.975])
    return [round(float(one), 3) for one in (values[0], low, high)]


def pairs_told_apart(
    label: NDArray[np.float64], signal: NDArray[np.float64], names: Sequence[str]
) -> dict[str, Any]:
    """Of the pairs that the labels tell apart, those that the signal orders the other way."""
    apart = right = 0
    wrong = []
    for one, other in itertools.combinations(range(len(names)), 2):
        differences = label[:, one] - label[:, other]
        low, high = np.quantile(differences[1:], [0.025, 0.975])
        if low <= 0 <= high:
            continue
        apart += 1
        if (signal[0, one] - signal[0, other]) * differences[0] > 0:
            right += 1
        else:
            better, worse = (one, other) if differences[0] > 0 else (other, one)
            wrong.append([names[better], names[worse], round(float(abs(differences[0])), 3)])
    wrong.sort(key=lambda pair: -pair[2])
    return {"told_apart": apart, "ordered_right": right, "worst": wrong[:8]}


def best_pick(label: NDArray[np.float64], signal: NDArray[np.float64], names: Sequence[str]) -> Any:
    """Which system the signal puts first, and what is lost against the labels' best."""
    pick = int(signal[0].argmax())
    return {"picked": names[pick], "ndcg_lost": round(float(label[0].max() - label[0, pick]), 4)}


def judge(name: str, made: Sequence[System], n: int, folder: Path) -> dict[str, Any]:
    """Everything about one set."""
    found = outcomes(name, made, n, folder)
    names = [system.name for system in made]
    label = drawn(found["labels/ndcg_at_10"], names, 1)
    families = {"all": names, "dense only": [s.name for s in made if s.encoder is not None]}
    result: dict[str, Any] = {"table": {}, "signals": {}}
    for system, value in zip(names, label[0], strict=True):
        result["table"][system] = {"labels": round(float(value), 4)}
    for signal, (task, measure) in SIGNALS.items():
        samples = found[f"{task}/{measure}"]
        values = drawn(samples, names, 2)
        for system, value in zip(names, values[0], strict=True):
            result["table"][system][signal] = round(float(value), 4)
        result["signals"][signal] = {"items": len(samples[names[0]])}
        for family, members in families.items():
            kept = [names.index(one) for one in members]
            result["signals"][signal][family] = (
                agreement(label[:, kept], values[:, kept])
                | pairs_told_apart(label[:, kept], values[:, kept], members)
                | best_pick(label[:, kept], values[:, kept], members)
            )
    known = found["known-item/ndcg_at_10"]
    result["tau_by_queries"] = by_size(label, [known[one] for one in names])
    return result


def report(name: str, result: Mapping[str, Any]) -> None:
    """Print one set's tables."""
    print(f"\n{name}")
    ranked = sorted(result["table"].items(), key=lambda row: -row[1]["labels"])
    show(["", "labels", *SIGNALS], [[system, *row.values()] for system, row in ranked])
    rows = []
    for signal, found in result["signals"].items():
        for family in ("all", "dense only"):
            one = found[family]
            tau, rho = one["kendall"], one["spearman"]
            right = f"{one['ordered_right']}/{one['told_apart']}"
            rows.append([f"{signal} ({family})", *tau, rho[0], right, one["ndcg_lost"]])
    show(["", "tau", "low", "high", "rho", "pairs right", "nDCG lost"], rows)
    print("known item, tau of fewer queries (mean, lowest tenth):", result["tau_by_queries"])


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--sets", default=",".join(SETS), help="of: " + ", ".join(SETS))
    parser.add_argument("--n", type=int, default=300, help="label-free queries")
    parser.add_argument("--cache", type=Path, help="keep vectors and outcomes in this folder")
    options = parser.parse_args()
    sets = options.sets.split(",")
    where = machine()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.cache or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        made = systems(folder)
        results = {}
        for name in sets:
            results[name] = judge(name, made, options.n, folder)
            report(name, results[name])
    result = {
        "machine": where,
        "versions": versions("numpy", "scipy", "tantivy", "torch"),
        "n": options.n,
        "looked_at": list(LOOKED_AT),
        "sets": results,
    }
    write("evaluate_unlabelled", result, whole=sets == list(SETS))


if __name__ == "__main__":
    main()
