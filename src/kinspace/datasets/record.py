"""The records of datasets: what each is called, whose it is, and where its files come from.

A dataset is a table in one of the files ``records/*.toml``; adding one needs no code as long as
a parser for its format is in `kinspace.datasets.parsers`.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files as resources
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Any

from kinspace.errors import DatasetNotFound, InvalidParameter


@dataclass(frozen=True, slots=True)
class File:
    """One file of a dataset.

    Parameters
    ----------
    path : str
        Where it lies under ``$KINSPACE_DATA``.
    sha256 : str
        Of its bytes; of all its members where it is ``packed``.
    bytes : int
        How long it is.
    role : str
        What it is to the parser; one file a role in every split.
    splits : tuple of str
        The splits that need it; empty if all do.
    member : str
        What it is called inside ``path``, where that is an archive of several files. It is
        fetched by itself and then lies beside the archive under this name.
    packed : bool
        Whether it is an archive that may be packed in other ways than the one at hand: then the
        checksum is over the names and contents of what is in it, and its length is no matter.
    address : str
        Where it can be fetched; empty if it cannot.
    confirmed : bool
        Whether the file was seen at that address when the record was written (by its name, and
        if it is text by its length). Otherwise the address follows from where the set is
        published, and the checksum has to tell.
    """

    path: str
    sha256: str
    bytes: int
    role: str = "texts"
    splits: tuple[str, ...] = ()
    member: str = ""
    packed: bool = False
    address: str = ""
    confirmed: bool = False

    @property
    def place(self) -> str:
        """Where it lies by itself: under ``$KINSPACE_DATA``, or in the cache."""
        return str(PurePosixPath(self.path).parent / self.member) if self.member else self.path


@dataclass(frozen=True)
class Dataset:
    """What is known about a dataset without having it.

    Parameters
    ----------
    name : str
        What it is loaded by.
    title : str
    kind : str
        What can be judged on it: ``"retrieval"``, ``"similarity"``, ``"classification"`` ….
    content : str
        The class that `kinspace.datasets.load` gives: ``"RetrievalSet"`` ….
    languages : tuple of str
        Codes of ISO 639-1.
    size : str
        In words.
    splits : mapping of str to int
        How many items each has: judged queries, pairs, texts, words …; the first is the default.
    licence : str
        As its source states it, or as it is generally published.
    citation, paper : str
        Whom to cite, and an address where the paper is; the latter may be empty.
    source : str
        The public page that the files come from.
    parser : str
        A name of `kinspace.datasets.parsers.PARSERS`.
    options : mapping
        What the parser has to know.
    files : tuple of File
    notes : str
        What one should know before using it.
    by_hand : str
        How to come by the files where they cannot be fetched.
    """

    name: str
    title: str
    kind: str
    content: str
    languages: tuple[str, ...]
    size: str
    splits: Mapping[str, int]
    licence: str
    citation: str
    source: str
    parser: str
    files: tuple[File, ...]
    paper: str = ""
    notes: str = ""
    by_hand: str = ""
    options: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def default_split(self) -> str:
        """The split that is loaded if none is named."""
        return next(iter(self.splits))

    @property
    def bytes(self) -> int:
        """The length of all its files together."""
        return sum(file.bytes for file in self.files)

    def chosen(self, split: str | None) -> str:
        """The split of that name, or the default.

        Raises
        ------
        InvalidParameter
            If there is no such split.
        """
        if split is None:
            return self.default_split
        if split not in self.splits:
            raise InvalidParameter(
                f"{self.name} has no split {split!r}.",
                f"It has: {', '.join(self.splits)}.",
            )
        return split

    def files_of(self, split: str | None) -> tuple[File, ...]:
        """The files that a split needs; all files if it is ``None``."""
        if split is None:
            return self.files
        return tuple(file for file in self.files if not file.splits or split in file.splits)


def names() -> list[str]:
    """The names of all datasets, sorted.

    Examples
    --------
    >>> names()[:3]
    ['20newsgroups', 'abc', 'banking77']
    """
    return sorted(_records())


def describe(name: str) -> Dataset:
    """The record of a dataset.

    Raises
    ------
    DatasetNotFound
        If there is none of that name.

    Examples
    --------
    >>> found = describe("scifact")
    >>> found.kind, found.default_split, found.splits["test"]
    ('retrieval', 'test', 300)
    """
    found = _records().get(name)
    if found is None:
        close = _close(str(name).lower())
        remedy = f"Did you mean {' or '.join(close)}? " if close else ""
        raise DatasetNotFound(
            f"There is no dataset {name!r}.", f"{remedy}All names: kinspace datasets."
        )
    return found


def _close(name: str) -> list[str]:
    """Names that begin alike, or differ in a few letters."""
    begun = [known for known in names() if name and known.startswith(name)]
    return begun[:4] or difflib.get_close_matches(name, names(), n=3, cutoff=0.7)


@cache
def _records() -> dict[str, Dataset]:
    found: dict[str, Dataset] = {}
    for page in sorted(resources("kinspace.datasets").joinpath("records").iterdir(), key=str):
        if page.name.endswith(".toml"):
            for name, table in tomllib.loads(page.read_text("utf-8")).items():
                found[name] = _record(name, table)
    return found


def _record(name: str, table: dict[str, Any]) -> Dataset:
    rest = dict(table)
    files = tuple(
        File(**{**file, "splits": tuple(file.get("splits", ()))}) for file in rest.pop("files")
    )
    return Dataset(
        name=name,
        files=files,
        languages=tuple(rest.pop("languages")),
        splits=MappingProxyType(rest.pop("splits")),
        options=MappingProxyType(rest.pop("options", {})),
        **rest,
    )
