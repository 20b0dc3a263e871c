"""Files of numbers by query and document: columns, or JSON as ranx writes it.

Judgements (:mod:`kinspace.datasets.judgements`) and runs (:mod:`kinspace.evaluate.runs`) are such.

White space parts TREC's columns. A line with an id that has some is written with both ids quoted as
in web addresses (``my%20notes.md``), and says so by a ``%`` in its second column, which no tool
uses. Read here, the ids are what they were; to other tools they are the quoted ones.
"""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from kinspace.durable import replace_file
from kinspace.errors import DuplicateId, InvalidInput, PathNotFound, ReadError

_UNPACK: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.decompress, ".bz2": bz2.decompress, ".xz": lzma.decompress,
}  # fmt: skip
_PACK: dict[str, Callable[[bytes], bytes]] = {
    ".gz": partial(gzip.compress, compresslevel=6, mtime=0),  # the same text, the same bytes
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
}


def ending(file: Path) -> str:
    """The ending of a file's name in small letters, that of its packing left out.

    Examples
    --------
    >>> ending(Path("test.TSV.gz"))
    '.tsv'
    """
    inner = file.with_suffix("") if file.suffix.lower() in _UNPACK else file
    return inner.suffix.lower()


def read_text(file: Path) -> str:
    """The text of a file in UTF-8, unpacked if its name ends in .gz, .bz2 or .xz.

    Raises
    ------
    PathNotFound
        If there is no such file.
    ReadError
        If it is not what its name says, or not UTF-8.
    """
    if not file.is_file():
        raise PathNotFound(f"There is no file {file}.", "Check the path.")
    packing = file.suffix.lower()
    content = file.read_bytes()
    try:
        if packing in _UNPACK:
            content = _UNPACK[packing](content)
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ReadError(f"{file} is not UTF-8.", "Convert it.") from error
    except (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError) as error:
        raise ReadError(
            f"{file} is not compressed with {packing[1:]}, or damaged.", "Check the file."
        ) from error


def write_text(file: Path, text: str) -> None:
    """Write a text in UTF-8, packed if the name ends in .gz, .bz2 or .xz."""
    pack = _PACK.get(file.suffix.lower(), bytes)
    replace_file(file, pack(text.encode()))


def table(
    text: str, file: Path, width: int, separator: str | None = None
) -> Iterator[tuple[str, list[str]]]:
    """Where each line stands, and its columns; empty lines are passed over.

    Parameters
    ----------
    text : str
    file : Path
        That the text is from.
    width : int
        How many columns every line has.
    separator : str, optional
        Of the columns; white space by default.

    Raises
    ------
    ReadError
        If a line has more columns, or fewer.
    """
    for number, line in enumerate(text.split("\n"), start=1):
        columns = line.rstrip("\r").split(separator)
        if not line.strip():
            continue
        if len(columns) != width:
            raise ReadError(
                f"{file}, line {number}: {len(columns)} columns where {width} belong.",
                "Check the line, and that the file is of the kind that its name says.",
            )
        yield f"{file}, line {number}", columns


def nested(text: str, file: Path, kind: type) -> dict[str, dict[str, Any]]:
    """``{query: {document: number}}`` from JSON.

    Raises
    ------
    DuplicateId
        If a name comes twice, of which other readers keep the last without a word.
    ReadError
        If it is anything else, or a number is not of the kind (``int`` or ``float``).
    """

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            raise DuplicateId(f"{file}: {twice!r} is there twice.", "Keep one of them.")
        return found

    try:
        found = json.loads(text, object_pairs_hook=unique)
    except json.JSONDecodeError as error:
        raise ReadError(f"{file}: not JSON: {error}.", "Check the file.") from error
    rows: dict[str, Any] = found if isinstance(found, dict) else {"": None}
    for query, row in rows.items():
        numbers = row.values() if isinstance(row, dict) else [None]
        if not all(type(number) in (int, kind) for number in numbers):
            raise ReadError(
                f"{file}: not numbers by query and document (query {query!r}).",
                f'Give {{"query": {{"document": {kind(1)}}}}}.',
            )
    return {query: {d: kind(number) for d, number in row.items()} for query, row in rows.items()}


def quoted(query: str, mark: str, document: str) -> str:
    """Three columns of TREC's, the ids quoted if one of them cannot stand as it is.

    Examples
    --------
    >>> quoted("q1", "0", "a.md"), quoted("q1", "0", "my notes.md")
    ('q1 0 a.md', 'q1 0% my%20notes.md')
    """
    if all_plain([query, document]):
        return f"{query} {mark} {document}"
    query, document = (
        quote(name, "/:#", errors="surrogatepass") or "%" for name in (query, document)
    )
    return f"{query} {mark}% {document}"


def unquoted(query: str, mark: str, document: str) -> tuple[str, str]:
    """The ids that :func:`quoted` wrote in three columns."""
    if not mark.endswith("%"):
        return query, document
    pair = (name if name != "%" else "" for name in (query, document))
    query, document = (unquote(name, errors="surrogatepass") for name in pair)
    return query, document


def all_plain(ids: list[str]) -> bool:
    """Whether ids can stand in columns that are parted by white space, in UTF-8."""
    joined = " ".join(ids)
    return joined.split() == ids and _is_text(joined)


def check_cells(*ids: str) -> None:
    """Check that ids can stand in columns that are parted by tabs, and lines by line breaks.

    Raises
    ------
    InvalidInput
        If one cannot.
    """
    for name in ids:
        if set("\t\n\r") & set(name) or not name.strip() or not _is_text(name):
            raise InvalidInput(
                f"The id {name!r} cannot stand in a column of a table.", "Write a .json file."
            )


def _is_text(text: str) -> bool:
    """Whether UTF-8 holds it, and no reader takes a part of it for a mark of byte order."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\ufeff" not in text
