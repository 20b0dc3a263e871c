"""`read_path`: what a file or folder of the user's holds, told by its content."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from itertools import islice
from pathlib import Path

from kinspace.datasets.content import (
    AnalogySet,
    Content,
    LabelledSet,
    TextSet,
)
from kinspace.datasets.own import shapes
from kinspace.datasets.own.beir import corpus_of, read_beir
from kinspace.datasets.own.outliers import read_outliers
from kinspace.datasets.own.table import read_table, wrong
from kinspace.datasets.own.trec import has_judgements, read_trec
from kinspace.datasets.parsers.words import analogies_of
from kinspace.errors import EmptyInput, InvalidParameter, PathNotFound, ReadError
from kinspace.read import lines


def read_path(
    path: str | os.PathLike[str], kind: str | None = None, *, split: str | None = None
) -> Content:
    """Read a set of your own.

    Parameters
    ----------
    path : path
        A folder in BEIR's format (``corpus.jsonl``, ``queries.jsonl``, ``qrels/*.tsv``) or in
        TREC's (files with ``qrel``, ``topic`` and ``doc`` in their names); or a file:

        - pairs: two texts or words and a number a line (CSV, TSV, JSON Lines, or words apart by
          blanks), with or without names of columns, or as in STS-B;
        - labelled: a text and its label a line, or ``__label__…`` before a text;
        - analogies: ``: section`` and then four words a line;
        - bitext: two columns of sentences; dictionary: two of words;
        - outliers: words that belong together, a blank line, words that do not, in a file or in
          a folder of such files;
        - texts: a text a line.

        Compressed files (``.gz``) are unpacked; the encoding is found out.
    kind : str, optional
        ``"retrieval"``, ``"pairs"``, ``"labelled"``, ``"analogies"``, ``"bitext"``,
        ``"dictionary"``, ``"outliers"`` or ``"texts"``. The last three are never guessed.
    split : str, optional
        Which judgements of a folder are meant; ``test`` or the only ones if not given.

    Returns
    -------
    RetrievalSet, PairSet, LabelledSet, AnalogySet, BitextSet, DictionarySet, OutlierSet or TextSet

    Raises
    ------
    PathNotFound
        If there is no such file or folder, or a folder lacks a file that it needs.
    ReadError
        If a line cannot be understood, or it cannot be told what the file holds.
    EmptyInput
        If there is nothing in it.
    DuplicateId
        If an id is there twice.
    InvalidJudgements
        If judgements name documents or queries that do not exist, or contradict each other.
    InvalidParameter
        If there is no such kind or split.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile(suffix=".tsv") as file:
    ...     _ = file.write(b"cat\\tkitten\\t9.1\\ncat\\tstone\\t0.4\\n")
    ...     file.flush()
    ...     read_path(file.name).scores
    array([9.1, 0.4])
    """
    place = Path(path)
    if not place.exists():
        raise PathNotFound(f"There is no file or folder {os.fspath(path)!r}.", "Check the path.")
    if kind is not None and kind not in KINDS:
        raise InvalidParameter(f"There is no kind {kind!r}.", f"Give one of: {', '.join(KINDS)}.")
    if place.is_dir():
        return _folder(place, kind, split)
    if split is not None:
        raise InvalidParameter(
            f"split={split!r} chooses judgements, and {place} is a file.", "Leave split away."
        )
    name = place.name.removesuffix(".gz").rpartition(".")[0] or place.name
    return KINDS[kind or _told(place)](place, name)


def _folder(folder: Path, kind: str | None, split: str | None) -> Content:
    if kind == "outliers":
        return read_outliers(folder, folder.resolve().name)
    if kind not in (None, "retrieval"):
        raise InvalidParameter(f"{folder} is a folder, not a file of {kind}.", "Give the file.")
    if corpus_of(folder) is not None:
        return read_beir(folder, split)
    if has_judgements(folder):
        return read_trec(folder, split)
    raise ReadError(
        f"{folder} is no folder in BEIR's or TREC's format.",
        "It needs corpus.jsonl, queries.jsonl and qrels/test.tsv; "
        "or files with qrel, topic and doc in their names.",
    )


def _told(path: Path) -> str:
    """The kind of a file, by its content."""
    top = [line for line in islice(lines(path), 50) if line.strip()]
    if not top:
        raise EmptyInput(f"{path} is empty.", "Give a file with something in it.")
    if top[0].startswith(": ") and all(len(line.split()) == 4 for line in top[1:2]):
        return "analogies"
    if all(line.startswith("__label__") for line in top):
        return "labelled"
    table = read_table(path, shapes.NAMES)
    if shapes.pair_columns(table):
        return "pairs"
    if shapes.label_columns(table):
        return "labelled"
    if shapes.is_bitext(table):
        return "bitext"
    raise ReadError(
        f"What {path} holds cannot be told from its content (its first line: {top[0][:60]!r}).",
        f"Give kind=: one of {', '.join(KINDS)}.",
    )


def _pairs(path: Path, name: str) -> Content:
    return shapes.pairs(read_table(path, shapes.NAMES), name)


def _labelled(path: Path, name: str) -> LabelledSet:
    if next(iter(lines(path)), "").startswith("__label__"):
        texts, labels = [], []
        for number, line in enumerate(lines(path), start=1):
            label, _, text = line.partition(" ")
            if line.strip():
                if not label.startswith("__label__") or not text.strip():
                    raise wrong(path, number, "this is no label and text")
                texts.append(text.strip())
                labels.append(label.removeprefix("__label__"))
        return LabelledSet(name, texts, labels)
    return shapes.labelled(read_table(path, shapes.NAMES), name)


def _analogies(path: Path, name: str) -> AnalogySet:
    return analogies_of(list(lines(path)), name, str(path))


def _bitext(path: Path, name: str) -> Content:
    return shapes.bitext(read_table(path, frozenset()), name)


def _dictionary(path: Path, name: str) -> Content:
    return shapes.dictionary(read_table(path, frozenset()), name)


def _texts(path: Path, name: str) -> TextSet:
    return TextSet(name, [line.strip() for line in lines(path) if line.strip()])


def _retrieval(path: Path, name: str) -> Content:
    raise InvalidParameter(f"{path} is a file.", "Give the folder that holds the corpus.")


KINDS: Mapping[str, Callable[[Path, str], Content]] = {
    "retrieval": _retrieval,
    "pairs": _pairs,
    "labelled": _labelled,
    "analogies": _analogies,
    "bitext": _bitext,
    "dictionary": _dictionary,
    "outliers": read_outliers,
    "texts": _texts,
}
"""What `read_path` can be told that a file holds."""
