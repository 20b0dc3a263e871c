"""BEIR's folders: ``corpus.jsonl``, ``queries.jsonl`` and ``qrels/SPLIT.tsv``."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from kinspace.datasets.content import Document, RetrievalSet
from kinspace.datasets.judgements import read_judgements, write_judgements
from kinspace.datasets.own.table import records, wrong
from kinspace.durable import replace_file
from kinspace.errors import DuplicateId, InvalidParameter, PathNotFound

_IDS = ("_id", "id", "doc_id", "docid", "docno", "query_id", "qid")
_TEXTS = ("text", "contents", "body", "query")


def corpus_of(folder: Path) -> Path | None:
    """The file of the documents, if this is a folder as BEIR has them."""
    return _existing(folder / "corpus.jsonl")


def read_beir(folder: Path, split: str | None) -> RetrievalSet:
    """Read a folder of BEIR's; without a split named, ``test`` or the only one there is."""
    corpus = corpus_of(folder)
    queries = _existing(folder / "queries.jsonl")
    if corpus is None or queries is None:
        missing = "corpus.jsonl" if corpus is None else "queries.jsonl"
        raise PathNotFound(f"{folder} has no {missing}.", "Give a folder in BEIR's format.")
    judgements = _judgements(folder, split)
    title = f"{folder.resolve().name}-{judgements.stem}"
    texts = {name: query.text for name, query in read_documents(queries).items()}
    return RetrievalSet(title, read_documents(corpus), texts, read_judgements(judgements))


def read_documents(path: Path) -> dict[str, Document]:
    """Documents (or queries) of a file of JSON Lines, by id.

    Raises
    ------
    DuplicateId
        If two have the same id.
    ReadError
        If one has no id or no text.
    """
    found: dict[str, Document] = {}
    for line, record in records(path):
        name = next((record[key] for key in _IDS if record.get(key) is not None), None)
        text = next((record[key] for key in _TEXTS if record.get(key) is not None), None)
        if name is None or not isinstance(text, str):
            what = f"no id ({', '.join(_IDS[:2])} …)" if name is None else "no text"
            raise wrong(path, line, what)
        title = record.get("title") or ""
        keep(found, Document(str(name), text, str(title)), path, line)
    return found


def keep(found: dict[str, Document], document: Document, path: Path, line: int) -> None:
    """Add a document whose id must be new."""
    if document.id in found:
        raise DuplicateId(
            f"{path}, line {line}: the id {document.id!r} was there before.",
            "Give every document and every query an id of its own.",
        )
    found[document.id] = document


def write_beir(
    content: RetrievalSet, folder: str | os.PathLike[str], *, split: str = "test"
) -> Path:
    """Write a retrieval set as a folder in BEIR's format, for other tools.

    Parameters
    ----------
    content : RetrievalSet
    folder : path
        Made if it does not exist; its files of the same names are replaced.
    split : str
        The name of the file of judgements.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    InvalidParameter
        If an id holds a tab, a line break or another control character: the file of judgements
        cannot hold it.

    Examples
    --------
    >>> import tempfile
    >>> from kinspace.datasets import read_path
    >>> cats = {"d": Document("d", "It purrs.", "Cats")}
    >>> small = RetrievalSet("small-test", cats, {"q": "purring"}, {"q": {"d": 1}})
    >>> with tempfile.TemporaryDirectory() as place:
    ...     read_path(write_beir(small, f"{place}/small")) == small
    True
    """
    for name in (*content.documents, *content.queries):
        if not name or name != name.strip() or not name.isprintable():
            raise InvalidParameter(
                f"The id {name!r} cannot be written in BEIR's format.",
                "Give ids without control characters and without blanks around them.",
            )
    place = Path(folder)
    (place / "qrels").mkdir(parents=True, exist_ok=True)
    documents = content.documents.values()
    _write(place / "corpus.jsonl",
           ({"_id": d.id, "title": d.title, "text": d.text} for d in documents))  # fmt: skip
    _write(place / "queries.jsonl",
           ({"_id": name, "text": text} for name, text in content.queries.items()))  # fmt: skip
    write_judgements(content.qrels, place / "qrels" / f"{split}.tsv")
    return place


def _write(path: Path, found: Iterable[dict[str, Any]]) -> None:
    replace_file(path, "".join(json.dumps(record) + "\n" for record in found).encode())


def _judgements(folder: Path, split: str | None) -> Path:
    there = {path.stem: path for path in sorted((folder / "qrels").glob("*.tsv"))}
    names = f"In qrels/ there are: {', '.join(there) or 'none'}."
    if split is not None and split not in there:
        raise InvalidParameter(f"{folder} has no split {split!r}.", names)
    if split is None and "test" not in there and len(there) != 1:
        raise InvalidParameter(
            f"Which judgements of {folder} are meant cannot be told. {names}",
            "Name one with split=." if there else "Give judgements as qrels/test.tsv.",
        )
    return there[split or ("test" if "test" in there else next(iter(there)))]


def _existing(path: Path) -> Path | None:
    return next((p for p in (path, path.with_name(path.name + ".gz")) if p.is_file()), None)
