"""``kinspace index tune``."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kinspace.cli import output

if TYPE_CHECKING:
    from kinspace.embeddings import Embeddings
    from kinspace.metric import Metric


def tune(
    path: Annotated[
        Path,
        typer.Argument(
            help="A collection, a file of vectors (ours, word2vec, GloVe, fastText …), or an "
            "array of numpy (.npy).",
            show_default=False,
        ),
    ],
    recall: Annotated[
        float | None,
        typer.Option(
            help="The share of the nearest to be found; that of the collection, or 0.95.",
            show_default=False,
        ),
    ] = None,
    k: Annotated[int, typer.Option("-k", help="How many nearest that is said of.")] = 10,
    metric: Annotated[
        str | None,
        typer.Option(help="How vectors are compared; as in their space, or cosine."),
    ] = None,
    memory: Annotated[
        str | None, typer.Option(help="The largest size of the index, such as 400MB.")
    ] = None,
    latency: Annotated[
        str | None, typer.Option(help="The longest time of one query alone, such as 2ms.")
    ] = None,
    queries: Annotated[
        Path | None,
        typer.Option(help="Vectors of queries, 200 or more; vectors of the data if not given."),
    ] = None,
    threads: Annotated[
        int | None, typer.Option(help="For a batch of queries; all processors if not given.")
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Try only what may well be the best.")
    ] = False,
    save: Annotated[
        Path | None, typer.Option("--output", "-o", help="Save the index into this file.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Find out which index suits vectors best, prove its recall, and say what others would cost.

    A collection does so by itself, for the --recall of kinspace index.
    """
    from kinspace.index.tune import NotReached, build_index

    vectors, own_metric, promised = _read(path)
    asked = None if queries is None else _read(queries)[0]
    with warnings.catch_warnings(), output.progress("Tuning", "steps") as advance:
        warnings.simplefilter("ignore", NotReached)
        index = build_index(
            vectors,
            _metric(metric) or own_metric,
            recall or promised or 0.95,
            k,
            memory=memory,
            latency=latency,
            queries=asked,
            threads=threads,
            thorough=not quick,
            progress=advance,
        )
    if save is not None:
        index.save(save)
        output.note(f"{save}: {output.size(save.stat().st_size)}")
    if as_json:
        output.print_json(index.choice.to_dict())
        return
    output.print_line(str(index.choice))
    for miss in index.choice.misses:
        output.warn(f"It could not {miss}.")


def _metric(name: str | None) -> Metric | None:
    from kinspace.metric import check_metric

    return None if name is None else check_metric(name)


def _read(path: Path) -> tuple[Any, Metric | None, float | None]:
    """Vectors, how they are compared and the recall that is promised, where they say so."""
    from kinspace.errors import PathNotFound

    if not path.exists():
        raise PathNotFound(f"There is no file or folder {str(path)!r}.", "Check the path.")
    if path.suffix == ".npy":
        return _array(path), None, None
    if path.is_dir() and not _is_learned(path):
        return _collection(path)
    table = _table(path)
    return table.vectors, table.space.metric, None


def _array(path: Path) -> Any:
    import numpy as np

    from kinspace.errors import ReadError

    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise ReadError(f"{path} cannot be read: {error}.", "Save it with numpy.save.") from error


def _collection(path: Path) -> tuple[Any, Metric, float]:
    from kinspace.store import Collection

    with Collection.open(path, create=False, read_only=True) as opened:
        _, rows = opened.vector_rows.rows_after(0, len(opened))
        return rows, opened.space.metric, float(opened.info().recall)


def _is_learned(path: Path) -> bool:
    from kinspace.learn.saved import is_learned

    return is_learned(path)


def _table(path: Path) -> Embeddings:
    from kinspace.loading import read_vectors

    with output.progress("Reading", "words") as advance:
        return read_vectors(path, progress=lambda done, total: advance(done, total, ""))
