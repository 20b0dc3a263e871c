"""``kinspace compress``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from kinspace.cli import output

_MOST: Final = 200_000
"""Of more vectors, as many are measured on."""

if TYPE_CHECKING:
    from kinspace.compress import Loss, Quantizer
    from kinspace.embeddings import Embeddings
    from kinspace.store import Collection


def compress(
    path: Annotated[
        Path,
        typer.Argument(
            help="A collection; or a file of vectors: ours, .npy, word2vec, GloVe, fastText.",
            show_default=False,
        ),
    ],
    to: Annotated[
        str,
        typer.Option(
            help="float16, int8, int4, binary, product, pca:N, truncate:N, random:N, "
            "count-sketch:N, simhash:N; or several: pca:128+int8."
        ),
    ] = "int8",
    target: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Where a file of vectors goes, compressed."),
    ] = None,
    loss: Annotated[
        float,
        typer.Option(
            help="The most that may be lost: of the ten nearest; of nDCG@10 where there are qrels."
        ),
    ] = 0.05,
    rescore: Annotated[
        bool,
        typer.Option("--rescore", help="The original vectors will score candidates again."),
    ] = False,
    queries: Annotated[
        Path | None,
        typer.Option(help="Queries to a collection: one a line, or an id, a tab and a query."),
    ] = None,
    qrels: Annotated[
        Path | None, typer.Option(help="Which records answer them, as TREC and BEIR write it.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Measure, and write nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """Make vectors smaller, after measuring on your own what that loses.

    A collection gets a second set of vectors, beside its own: kinspace migrate goes --back to
    those, or lets go of them for good with --finish. A file is left as it is.
    """
    from kinspace.compress import parse_quantizer
    from kinspace.errors import InvalidParameter

    if not 0 <= loss <= 1:
        raise InvalidParameter(f"loss is {loss}.", "Give a share from 0 to 1, such as 0.05.")
    if qrels is not None and queries is None:
        raise InvalidParameter("--qrels needs its queries.", "Give --queries too.")
    quantizer = parse_quantizer(to)
    if path.is_file():
        if queries is not None:
            raise InvalidParameter("A file of vectors has no model for queries.", "Leave them out.")
        return _file(path, quantizer, to, target, loss, rescore, dry_run, as_json)
    if target is not None or rescore:
        raise InvalidParameter(
            "A collection keeps what it is compressed to, and searches by that.",
            "Leave --output and --rescore out; a file of vectors takes them.",
        )
    return _collection(path, quantizer, to, (queries, qrels), loss, dry_run, as_json)


def _file(
    path: Path,
    quantizer: Quantizer,
    to: str,
    target: Path | None,
    limit: float,
    rescore: bool,
    dry_run: bool,
    as_json: bool,
) -> int:
    from kinspace.compress.compressed import compress as made_smaller
    from kinspace.compress.compressed import loss_of
    from kinspace.errors import InvalidParameter

    table = _table(path)
    place = target or path.with_name(f"{path.stem}.{to.replace(':', '-').replace('+', '-')}.kinc")
    if not dry_run and place.exists() and place.samefile(path):
        raise InvalidParameter("The original vectors stay as they are.", "Name another output.")
    small = made_smaller(table, quantizer)
    lost = loss_of(small, table)
    found = _found(path, to, lost, lost.of(rescored=rescore), limit)
    if found["accepted"] and not dry_run:
        small.save(place)
        found |= {"output": str(place), "bytes": place.stat().st_size}
    _tell(found, lost, as_json=as_json)
    if found["output"] and not as_json:
        output.out().print(f"{place}: {output.size(found['bytes'])}, {len(small):,} vectors")
    return 0 if found["accepted"] else 1


def _collection(
    path: Path,
    quantizer: Quantizer,
    to: str,
    asked: tuple[Path | None, Path | None],
    limit: float,
    dry_run: bool,
    as_json: bool,
) -> int:
    from kinspace.compress import Int8, RowInt8, measure
    from kinspace.store import Collection
    from kinspace.store.compression import (
        check_kept,
        compress_collection,
        dense_vectors,
        kept_bytes,
    )

    if isinstance(quantizer, Int8):
        quantizer = RowInt8()  # right for whatever is added later
    judged = _judgements(*asked)
    with Collection.open(path, create=False) as opened:
        if not dry_run:
            check_kept(opened, quantizer)
        judges = judged is not None and judged[1] is not None
        names, vectors = dense_vectors(opened, None if judges else _MOST)
        quantizer.fit(vectors)
        queries = None if judged is None else opened.encoder.encode_query(judged[0].values())
        lost = measure(
            vectors, quantizer, opened.space.metric,
            queries=None if queries is None else queries.vectors,
        )  # fmt: skip
        before, after = kept_bytes(opened, quantizer)
        lost = replace(lost, bytes_before=before, bytes_after=after)
        found = _found(path, to, lost, lost.of(), limit)
        if judged is not None and judged[1] is not None:
            gains = _ndcg(opened, names, vectors, quantizer, queries, judged)
            part = 1 - gains[1] / gains[0] if gains[0] else 0.0
            found = _found(path, to, lost, part, limit) | {
                "ndcg": {"before": gains[0], "after": gains[1]}
            }
        if found["accepted"] and not dry_run:
            with output.progress("Compressing", "vectors") as advance:
                found["vectors"] = compress_collection(
                    opened, quantizer, progress=lambda done, total: advance(done, total, "")
                )
            found["output"] = str(path)
    _tell(found, lost, as_json=as_json)
    if found["output"] and not as_json:
        output.out().print(
            f"{path} searches by {opened.space.model}. Back: kinspace migrate {path} --back; "
            "for good: --finish"
        )
    return 0 if found["accepted"] else 1


def _found(path: Path, to: str, lost: Loss, share: float, limit: float) -> dict[str, Any]:
    return {
        "path": str(path), "to": to, "measured": lost.to_dict(), "loss": share, "limit": limit,
        "accepted": share <= limit, "output": None,
    }  # fmt: skip


def _tell(found: dict[str, Any], lost: Loss, *, as_json: bool) -> None:
    if as_json:
        output.print_json(found)
    else:
        output.print_line(f"{found['to']}: {lost}")
        if "ndcg" in found:
            before, after = found["ndcg"]["before"], found["ndcg"]["after"]
            output.print_line(f"nDCG@10 {before:.3f} → {after:.3f}")
    if not found["accepted"]:
        what = "nDCG@10" if "ndcg" in found else f"the nearest {lost.k}"
        output.warn(
            f"{found['loss']:.1%} of {what} would be lost, and at most {found['limit']:.1%} may be:"
            " nothing was changed. Allow more with --loss, or choose a way that keeps more"
        )


def _table(path: Path) -> Embeddings:
    """The vectors of a file, by any of its readers."""
    import numpy as np

    from kinspace.embeddings import Embeddings
    from kinspace.errors import ReadError
    from kinspace.loading import read_vectors
    from kinspace.space import Space, fingerprint_of

    if path.suffix != ".npy":
        return read_vectors(path)
    try:
        rows = np.load(path, mmap_mode="r", allow_pickle=False)
    except ValueError as error:
        raise ReadError(f"{path} is damaged: {error}.", "Make or copy it again.") from error
    if rows.ndim != 2 or not rows.size:
        raise ReadError(f"{path} holds an array of shape {rows.shape}.", "Give one of (n, dim).")
    name = path.name
    return Embeddings(rows, Space(name, fingerprint_of(name, *rows.shape), rows.shape[1]))


def _judgements(queries: Path | None, qrels: Path | None) -> tuple[Any, Any] | None:
    from kinspace.datasets.judgements import read_judgements
    from kinspace.evaluate.model_change import read_queries

    if queries is None:
        return None
    return read_queries(queries), None if qrels is None else read_judgements(qrels)


def _ndcg(
    opened: Collection,
    names: list[str],
    vectors: Any,
    quantizer: Quantizer,
    queries: Any,
    judged: tuple[Any, Any],
) -> list[float]:
    """Mean nDCG@10 of the judged queries by the original vectors, and by the compressed ones."""
    from kinspace.compress import Truncation
    from kinspace.compress.search import nearest
    from kinspace.evaluate.metrics.ranking import per_query
    from kinspace.evaluate.runs import Run

    texts, grades = judged
    means = []
    asked = [name for name in texts if name in grades]
    whole = Truncation(vectors.shape[1]).fit(vectors)
    for way in (whole, quantizer):
        found = nearest(way, way.encode(vectors), queries.vectors, 10, opened.space.metric)
        run = {
            name: {names[place]: float(value) for place, value in zip(*line, strict=True)}
            for name, *line in zip(texts, found.ids.tolist(), found.scores.tolist(), strict=True)
        }
        one = Run("", {name: run[name] for name in asked})
        means.append(
            float(
                per_query(one, grades, measures=["ndcg_at_10"], judged=asked)["ndcg_at_10"].mean()
            )
        )
    return means
