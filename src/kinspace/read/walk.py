"""`sources`: the files in folders that are worth reading, in a fixed order."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from kinspace.errors import EmptyInput, PathNotFound, ReadError
from kinspace.read.content import reason_of
from kinspace.read.ignore import IGNORE_FILES, IgnoreRules
from kinspace.read.kinds import is_generated, kind_of
from kinspace.read.options import ReadOptions
from kinspace.read.report import LoggedReport, Notice, Reason, Report
from kinspace.read.source import Source

Paths = str | os.PathLike[str] | Iterable[str | os.PathLike[str]]
"""One file or folder, or several."""

_PATH = "Check the path."
_PERMISSION = "Check its permissions."
_MADE = (
    "node_modules bower_components __pycache__ __pypackages__ site-packages .venv .git .hg .svn"
    " .tox .nox .mypy_cache .ruff_cache .pytest_cache .hypothesis .ipynb_checkpoints .eggs"
)
_GENERATED_FOLDERS = frozenset(_MADE.split())


def sources(
    paths: Paths, options: ReadOptions | None = None, *, report: Report | None = None
) -> Iterator[Source]:
    """Files that can be read, of those given and those in the folders given.

    Folders are walked in the order of names. Passed over, and reported, are: what ``.gitignore``
    (at every level, and above the folder up to the repository's top), ``.git/info/exclude`` and
    ``.kinignore`` say; hidden files; folders and files that programs make for programs
    (``node_modules``, ``__pycache__``, virtual environments, lock files); files whose name says
    that they are no text, or larger than ``max_bytes``; collections (``*.kin``); and symbolic
    links, unless ``follow_links`` is set: then each real folder is read once, so that no loop
    can arise. A file given by its own name is taken whatever the rules say.

    Parameters
    ----------
    paths : path or iterable of paths
        Files and folders.
    options : ReadOptions, optional
        ``max_bytes``, ``hidden``, ``ignore``, ``ignore_files`` and ``follow_links`` count here.
    report : Report, optional
        Takes what is passed over; without it that goes to the log ``kinspace.read``.

    Yields
    ------
    Source
        Each file once. None is opened.

    Raises
    ------
    PathNotFound
        At the call, if a path does not exist.
    EmptyInput
        At the call, if there are no paths.
    ReadError
        If a folder that was given cannot be listed.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = pathlib.Path(folder, "a.md").write_text("# A")
    ...     _ = pathlib.Path(folder, "b.png").write_bytes(b"...")
    ...     [source.kind for source in sources(folder, report=Report())]
    ['markdown']
    """
    given = dict.fromkeys(listed(paths))
    if not given:
        raise EmptyInput("No path was given.", "Give a file or a folder.")
    for path in given:
        try:
            os.stat(path)  # for Path the empty path is the working folder
        except PermissionError as error:
            raise ReadError(f"No permission to read {path!r}.", _PERMISSION) from error
        except (OSError, ValueError) as error:
            raise PathNotFound(f"There is no file or folder {path!r}.", _PATH) from error
    walk = _Walk(options or ReadOptions(), LoggedReport() if report is None else report)
    return walk.sources({str(Path(path).absolute()): path for path in given})


def listed(paths: Paths) -> list[str]:
    """The paths as a list of strings, whether one was given or several.

    Examples
    --------
    >>> listed("a.md"), listed(["a.md", Path("b.md")])
    (['a.md'], ['a.md', 'b.md'])
    """
    if isinstance(paths, str):
        return [paths]
    if isinstance(paths, os.PathLike):
        return [os.fspath(paths)]
    return [os.fspath(path) for path in paths]


@dataclass(slots=True)
class _Walk:
    options: ReadOptions
    report: Report
    given: dict[str, str] = field(default_factory=dict)
    folders: set[tuple[int, int]] = field(default_factory=set)

    def sources(self, given: dict[str, str]) -> Iterator[Source]:
        """All files; ``given`` has the absolute path of each path as it was written."""
        self.given = given
        for absolute, path in given.items():
            try:
                status = Path(path).stat()
            except OSError as error:
                raise ReadError(f"{path!r} has vanished.", _PATH) from error
            shown = PurePath(path).as_posix()
            if stat.S_ISDIR(status.st_mode):
                yield from self._folder(absolute, path, shown, status)
            else:
                kind = kind_of(PurePath(path).name) or "text"  # its content will tell
                yield Source(shown, status.st_size, status.st_mtime_ns, kind, named=True)

    def _folder(
        self, absolute: str, path: str, shown: str, status: os.stat_result
    ) -> Iterator[Source]:
        """The files in a folder that was given, at any depth, without recursion."""
        rules, inside = IgnoreRules.at_root(path, self.options)
        self.folders.add((status.st_dev, status.st_ino))
        try:
            top = self._opened(path, shown, inside, absolute, rules)
        except OSError as error:
            raise ReadError(
                f"The folder {path!r} cannot be listed: {error.strerror}.", _PERMISSION
            ) from error
        stack = [top]
        while stack:
            place = stack[-1]
            entry = next(place.entries, None)
            if entry is None:
                stack.pop()
                continue
            below = place.below(entry.name)
            try:
                found = self._judge(entry, below, place.rules)
                if isinstance(found, Source):
                    yield found
                elif found:
                    args = (entry.path, below.shown, below.inside, below.absolute, place.rules)
                    stack.append(self._opened(*args))
            except OSError as error:
                self._skip(below.shown, reason_of(error), error.strerror or str(error))

    def _opened(
        self, path: str, shown: str, inside: str, absolute: str, rules: IgnoreRules
    ) -> _Place:
        with os.scandir(path) as listing:
            entries = sorted(listing, key=lambda entry: entry.name)
        if self.options.ignore_files and any(e.name in IGNORE_FILES for e in entries):
            rules = rules.entered(path, inside)
        return _Place(shown, inside, absolute, rules, iter(entries))

    def _judge(self, entry: os.DirEntry[str], at: _Place, rules: IgnoreRules) -> Source | bool:
        """A file as its source, ``True`` for a folder to enter, ``False`` for all else."""
        if at.absolute in self.given:
            return False  # given by its own name too, so it is read at its own turn
        if entry.is_symlink() and not self.options.follow_links:
            return self._skip(at.shown, "link")
        is_dir = entry.is_dir()
        if reason := self._by_name(entry.name, entry.path, is_dir=is_dir):
            return self._skip(at.shown, reason)
        if label := rules.ignores(at.inside, is_dir=is_dir):
            return self._skip(at.shown, "ignored", f"by {label}")
        status = entry.stat()
        if is_dir:
            key = (status.st_dev, status.st_ino)
            if key in self.folders:
                return self._skip(at.shown, "link", "to a folder that is read already")
            self.folders.add(key)
            return True
        kind = kind_of(entry.name)
        if not stat.S_ISREG(status.st_mode):
            return self._skip(at.shown, "not a file")
        if kind is None:
            return self._skip(at.shown, "binary", "by its name")
        if status.st_size > self.options.max_bytes:
            return self._skip(at.shown, "too large", f"{status.st_size} bytes")
        return Source(at.shown, status.st_size, status.st_mtime_ns, kind)

    def _by_name(self, name: str, path: str, *, is_dir: bool) -> Reason | None:
        if not _is_unicode(name):
            return "unreadable"
        if is_dir:
            if name in _GENERATED_FOLDERS or name.endswith(".egg-info"):
                return "generated"
            if name.endswith(".kin"):
                return "collection"
            if Path(path, "pyvenv.cfg").exists():
                return "generated"
        elif is_generated(name):
            return "generated"
        return "hidden" if name.startswith(".") and not self.options.hidden else None

    def _skip(self, shown: str, reason: Reason, detail: str = "") -> bool:
        shown = shown.encode("utf-8", "replace").decode()
        self.report.add(Notice(shown, reason, detail))
        return False


@dataclass(slots=True)
class _Place:
    """A folder on the way: as shown, its path in the repository, its absolute path."""

    shown: str
    inside: str
    absolute: str
    rules: IgnoreRules
    entries: Iterator[os.DirEntry[str]]

    def below(self, name: str) -> _Place:
        """A file or folder in this one."""
        shown = name if self.shown == "." else f"{self.shown.rstrip('/')}/{name}"
        inside = f"{self.inside}/{name}" if self.inside else name
        return _Place(
            shown, inside, f"{self.absolute.rstrip(os.sep)}{os.sep}{name}", self.rules, iter(())
        )


def _is_unicode(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
