"""TREC's folders: judgements, topics and documents, found by the names of their files."""

from __future__ import annotations

import html
import re
from pathlib import Path

from kinspace.datasets.content import Document, RetrievalSet
from kinspace.datasets.judgements import read_judgements
from kinspace.datasets.own.beir import keep, read_documents
from kinspace.datasets.own.table import wrong
from kinspace.errors import InvalidParameter, PathNotFound
from kinspace.read import lines

_NAMED = {
    "judgements": ("qrel",),
    "topics": ("topic", "quer"),
    "documents": ("corpus", "collection", "doc"),
}
_TOPIC = re.compile(r"<top>(.*?)(?:</top>|(?=<top>)|\Z)", re.DOTALL | re.IGNORECASE)
_DOCUMENT = re.compile(r"<doc>(.*?)</doc>", re.DOTALL | re.IGNORECASE)
_NUMBER = re.compile(r"<(?:num|docno)>\s*(?:Number:)?\s*([^\s<]+)", re.IGNORECASE)
_MARK = re.compile(r"<[^<>]*>")


def has_judgements(folder: Path) -> bool:
    """Whether a folder has a file that is called as judgements are."""
    return bool(_called(folder, "judgements"))


def read_trec(folder: Path, split: str | None) -> RetrievalSet:
    """Read a folder of TREC's.

    The judgements are in a file with ``qrel`` in its name: query, iteration, document, grade.
    Topics (``topic`` or ``quer`` in the name) are in TREC's markup, of which the title is the
    query, or a line each (id, tab, text), or JSON Lines. Documents (``corpus``, ``collection``
    or ``doc``) are in TREC's markup, a line each (id, tab, text; or id, tab, title, tab, text),
    or JSON Lines. A split chooses among several files of judgements or topics by their names.
    """
    judgements = _one(folder, "judgements", split)
    topics = _read(_one(folder, "topics", split), "topics")
    documents = _read(_one(folder, "documents", None), "documents")
    name = folder.resolve().name
    return RetrievalSet(
        f"{name}-{split}" if split else name,
        documents,
        {number: topic.text for number, topic in topics.items()},
        read_judgements(judgements),
    )


def _called(folder: Path, what: str) -> list[Path]:
    """Files by what their names hold; one that names judgements is nothing else."""
    found = []
    for path in sorted(folder.iterdir()):
        kinds = [k for k, words in _NAMED.items() if any(w in path.name.lower() for w in words)]
        if path.is_file() and kinds[:1] == [what]:
            found.append(path)
    return found


def _one(folder: Path, what: str, split: str | None) -> Path:
    found = _called(folder, what)
    if split is not None and len(found) > 1:
        found = [path for path in found if split in path.name]
    if not found:
        raise PathNotFound(
            f"{folder} has no file of {what}{f' for {split!r}' if split else ''}.",
            f"Put {' or '.join(_NAMED[what])!s} into the name of the one that is meant.",
        )
    if len(found) > 1:
        raise InvalidParameter(
            f"Which {what} of {folder} are meant cannot be told: "
            f"{', '.join(path.name for path in found)}.",
            "Name one with split=, by a part of its name, or leave only one there.",
        )
    return found[0]


def _read(path: Path, what: str) -> dict[str, Document]:
    """The documents or topics of a file, by id, in whichever of the three forms it is."""
    if path.name.removesuffix(".gz").endswith((".jsonl", ".ndjson")):
        return read_documents(path)
    whole = list(lines(path))
    if any(line.lstrip().lower().startswith(("<top>", "<doc>")) for line in whole):
        return _marked_up(path, "\n".join(whole), what)
    found: dict[str, Document] = {}
    for number, line in enumerate(whole, start=1):
        cells = line.split("\t")
        if not line.strip():
            continue
        if len(cells) not in (2, 3):
            raise wrong(path, number, f"{len(cells)} cells, not an id and a text")
        title = cells[1] if len(cells) == 3 else ""
        keep(found, Document(cells[0].strip(), cells[-1].strip(), title.strip()), path, number)
    return found


def _marked_up(path: Path, text: str, what: str) -> dict[str, Document]:
    """Entries in TREC's markup; its tags often stand unclosed."""
    found: dict[str, Document] = {}
    for entry in (_TOPIC if what == "topics" else _DOCUMENT).finditer(text):
        line = text.count("\n", 0, entry.start()) + 1
        number = _NUMBER.search(entry[1])
        if number is None:
            raise wrong(path, line, "an entry without a number")
        title = _field(entry[1], "title")
        if what == "topics":
            title, body = "", title
        else:
            title, body = title or _field(entry[1], "headline"), _field(entry[1], "text")
        if not (title or body):
            raise wrong(path, line, f"nothing to read in {number[1]!r}")
        keep(found, Document(number[1], body, title), path, line)
    return found


def _field(entry: str, name: str) -> str:
    """What stands after a tag, up to its end or the next tag of the entry."""
    ends = rf"</{name}>|\Z" if f"</{name}>" in entry.lower() else r"<(?!/?[pbi]>)|\Z"
    match = re.search(rf"<{name}>(.*?)(?:{ends})", entry, re.DOTALL | re.IGNORECASE)
    if match is None:
        return ""
    words = html.unescape(_MARK.sub(" ", match[1])).split()
    return " ".join(words).removeprefix("Topic:").strip()
