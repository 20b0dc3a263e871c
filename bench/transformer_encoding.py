"""Documents a second of all-MiniLM-L6-v2, beside sentence-transformers, OpenVINO and ONNX Runtime.

    KINSPACE_DATA=../shared/data python bench/transformer_encoding.py [--repeats 5] [--no-quality]

1,500 docstrings of the standard library (bench/docstrings.py), then short and long ones by
themselves; two threads on both sides, in turns, warm; from texts to normalised vectors, so
tokenising counts. Sentence-transformers runs with its defaults (float32, 32 a batch) and in
bfloat16; OpenVINO and ONNX Runtime are given batches by tokens over sorted texts, as ours are.
The floor is the time of the dense layers alone, for the same tokens without padding, by the same
library of matrix products. Then quality: cosine to float32, and SciFact, Cranfield and STS-B in
both precisions. Writes bench/results/transformer_encoding.json.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from common import Target, data_folder, machine, show, show_targets, versions, write
from docstrings import lengths, sets

THREADS = 2
NAME = "all-MiniLM-L6-v2"
Encode = Callable[[list[str]], np.ndarray]


def contenders(folder: Path, cache: Path) -> dict[str, Encode]:
    """Everyone by name: from texts to normalised vectors."""
    import torch
    from sentence_transformers import SentenceTransformer

    import kinspace as ks

    def theirs(dtype: Any) -> Encode:
        model = SentenceTransformer(str(folder), device="cpu", model_kwargs={"dtype": dtype})
        return lambda texts: model.encode(texts, show_progress_bar=False)

    def ours(precision: str) -> Encode:
        model = ks.pretrained.load(folder).set_params(precision=precision, device="cpu")
        return lambda texts: model.encode(texts).vectors

    return {
        "kinspace": ours("auto"),
        "kinspace, float32": ours("float32"),
        "sentence-transformers": theirs(torch.float32),
        "sentence-transformers, bfloat16": theirs(torch.bfloat16),
        **others(folder, cache),
    }


def others(folder: Path, cache: Path) -> dict[str, Encode]:
    """OpenVINO and ONNX Runtime, where they are installed."""
    try:
        import onnxruntime
        import openvino
    except ImportError:
        print("onnxruntime and openvino are not installed: left out")
        return {}
    path = export(folder, cache)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    compiled = openvino.Core().compile_model(
        str(path), "CPU", {"INFERENCE_NUM_THREADS": THREADS, "PERFORMANCE_HINT": "THROUGHPUT",
                           "NUM_STREAMS": 1, "INFERENCE_PRECISION_HINT": "bf16"}
    )  # fmt: skip
    request = compiled.create_infer_request()
    return {
        "ONNX Runtime, float32": by_tokens(folder, lambda feed: session.run(None, feed)[0]),
        "OpenVINO, bfloat16": by_tokens(
            folder, lambda feed: request.infer(feed, share_inputs=True)[0]
        ),
    }


def export(folder: Path, cache: Path) -> Path:
    """The transformer as an ONNX file."""
    import torch
    from transformers import AutoModel

    class States(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = AutoModel.from_pretrained(folder).eval()

        def forward(self, input_ids: Any, attention_mask: Any) -> Any:
            return self.model(input_ids=input_ids, attention_mask=attention_mask)[0]

    path = cache / "model.onnx"
    example = torch.ones(2, 8, dtype=torch.int64)
    shapes = {name: {0: "batch", 1: "size"} for name in ("input_ids", "attention_mask")}
    # torch.export's way (dynamo=True) gave other states than the model: cosine .03.
    torch.onnx.export(
        States().eval(), (example, example), path, input_names=list(shapes), dynamic_axes=shapes,
        dynamo=False, opset_version=17,
    )  # fmt: skip
    return path


def by_tokens(folder: Path, states: Callable[[dict[str, Any]], np.ndarray]) -> Encode:
    """The loop for those who bring none: batches of 4,096 tokens over sorted texts."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_truncation(256)
    tokenizer.no_padding()

    def encode(texts: list[str]) -> np.ndarray:
        ids = [one.ids for one in tokenizer.encode_batch_fast(texts)]
        order = sorted(range(len(ids)), key=lambda i: -len(ids[i]))
        found = np.empty((len(ids), 384), np.float32)
        while order:
            longest = len(ids[order[0]])
            count = max(4096 // longest, 1)
            rows, order = order[:count], order[count:]
            mask = np.zeros((len(rows), longest), np.int64)
            table = np.zeros((len(rows), longest), np.int64)
            for place, row in enumerate(rows):
                mask[place, : len(ids[row])] = 1
                table[place, : len(ids[row])] = ids[row]
            hidden = states({"input_ids": table, "attention_mask": mask})
            mean = (hidden * mask[:, :, None]).sum(1) / mask.sum(1, keepdims=True)
            found[rows] = mean / np.linalg.norm(mean, axis=1, keepdims=True)
        return found

    return encode


def speed(everyone: dict[str, Encode], texts: list[str], repeats: int) -> dict[str, Any]:
    """Documents a second, in turns; the cosine of each to float32."""
    taken: dict[str, list[float]] = {name: [] for name in everyone}
    vectors = {name: work(texts) for name, work in everyone.items()}  # warm
    for _ in range(repeats):
        for name, work in everyone.items():
            start = time.perf_counter()
            work(texts)
            taken[name].append(time.perf_counter() - start)
    truth = vectors["sentence-transformers"]
    result = {}
    for name, seconds in taken.items():
        cosine = (vectors[name] * truth).sum(1) / np.linalg.norm(vectors[name], axis=1)
        result[name] = {
            "documents_per_second": round(len(texts) / statistics.median(seconds), 1),
            "each": [round(len(texts) / one, 1) for one in seconds],
            "cosine_mean": float(cosine.mean()),
            "cosine_min": float(cosine.min()),
        }
    return result


def floor(tokens: int, texts: int) -> dict[str, float]:
    """What the dense layers alone would take, two at a time with one thread each, as ours run."""
    from concurrent.futures import ThreadPoolExecutor

    import torch

    shapes = [(384, 1152), (384, 384), (384, 1536), (1536, 384)]
    layers = [torch.randn(out, into).to(torch.bfloat16) for into, out in shapes]
    ordered = [torch.ops.mkldnn._reorder_linear_weight(weight) for weight in layers]
    multiply = torch.ops.mkldnn._linear_pointwise
    size = 4096

    def work(_: int) -> None:
        with torch.inference_mode():
            rows = {into: torch.randn(size, into).to(torch.bfloat16) for into in (384, 1536)}
            for _ in range(6 * 20):
                for weight, (into, _out) in zip(ordered, shapes, strict=True):
                    multiply(rows[into], weight, None, "none", [], "")

    def alone() -> None:
        torch.set_num_threads(1)

    with ThreadPoolExecutor(THREADS, initializer=alone) as pool:
        list(pool.map(work, range(THREADS)))
        start = time.perf_counter()
        list(pool.map(work, range(2 * THREADS)))
        seconds = time.perf_counter() - start
    torch.set_num_threads(THREADS)
    per_token = seconds / (2 * THREADS * 20 * size)
    products = 2 * 6 * sum(into * out for into, out in shapes)
    return {
        "documents_per_second": round(texts / (tokens * per_token), 1),
        "teraflops": round(products / per_token / 1e12, 2),
    }


def quality() -> dict[str, dict[str, float]]:
    """What each task gives in both precisions."""
    import kinspace as ks

    found: dict[str, dict[str, float]] = {}
    for precision in ("auto", "float32"):
        model = ks.pretrained.load(NAME).set_params(precision=precision)
        report = ks.evaluate([model], ["scifact", "cranfield", "stsb"], cache=False)
        for one in report:
            found.setdefault(one.task, {})[precision] = one.score.value
    return found


def targets(result: dict[str, Any]) -> list[Target]:
    """What was asked for."""
    mixed = {name: one["documents_per_second"] for name, one in result["speed"]["mixed"].items()}
    mine = mixed["kinspace"]
    asked = [
        Target("times sentence-transformers, defaults", 7, mine / mixed["sentence-transformers"]),
        Target(
            "times sentence-transformers, bfloat16",
            2.2,
            mine / mixed["sentence-transformers, bfloat16"],
        ),
        Target(
            "mean cosine to float32", 0.9995, result["speed"]["mixed"]["kinspace"]["cosine_mean"]
        ),
    ]
    for task, scores in result.get("quality", {}).items():
        away = abs(scores["auto"] - scores["float32"])
        asked.append(Target(f"{task}: away from float32", 0.003, away, at_least=False))
    published = {"scifact": (0.645, 0.005), "stsb": (0.820, 0.005)}
    for task, (value, within) in published.items():
        if task in result.get("quality", {}):
            away = abs(result["quality"][task]["float32"] - value)
            asked.append(Target(f"{task}: away from {value}", within, away, at_least=False))
    return asked


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--no-quality", action="store_true", help="speed and cosines only")
    options = parser.parse_args()
    data_folder()

    import torch
    from transformers import AutoTokenizer

    from kinspace.pretrained.resolve import resolve

    torch.set_num_threads(THREADS)
    folder = resolve(NAME)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    texts = sets(tokenizer)
    result: dict[str, Any] = {
        "machine": machine(),
        "versions": versions(
            "torch", "transformers", "sentence-transformers", "tokenizers", "numba",
            "onnxruntime", "openvino",
        ),
        "threads": THREADS,
        "texts": {},
        "speed": {},
        "floor": {},
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as cache:
        everyone = contenders(folder, Path(cache))
        for name, some in texts.items():
            size = lengths(tokenizer, some)
            result["texts"][name] = {
                "count": len(some),
                "mean_tokens": round(float(size.mean()), 1),
            }
            result["speed"][name] = speed(everyone, some, options.repeats)
            result["floor"][name] = floor(int(size.sum()), len(some))
            tell(name, result)
    if not options.no_quality:
        result["quality"] = quality()
        show(["", "auto", "float32"], [[t, *s.values()] for t, s in result["quality"].items()])
    asked = targets(result)
    result["targets"] = [target.to_dict() for target in asked]
    show_targets(asked)
    write("transformer_encoding", result, whole=not options.no_quality)


def tell(name: str, result: dict[str, Any]) -> None:
    """Print one table."""
    about = result["texts"][name]
    print(f"\n{name}: {about['count']:,} texts of {about['mean_tokens']} tokens on average")
    mine = result["speed"][name]["kinspace"]["documents_per_second"]
    rows = [
        [who, one["documents_per_second"], round(mine / one["documents_per_second"], 2),
         f"{one['cosine_mean']:.6f}", f"{one['cosine_min']:.5f}"]
        for who, one in result["speed"][name].items()
    ]  # fmt: skip
    bottom = result["floor"][name]["documents_per_second"]
    rows.append(["dense layers alone", bottom, round(mine / bottom, 2), "", ""])
    show(["", "documents/s", "ours to it", "mean cosine", "least"], rows)


if __name__ == "__main__":
    main()
