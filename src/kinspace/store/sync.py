"""Keeping a collection in step with files: only what changed is read, split and encoded."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from kinspace import read
from kinspace.errors import PathNotFound
from kinspace.read import Notice, Passage, ReadOptions, Report, Source
from kinspace.space import Space
from kinspace.store.base import Checked, check
from kinspace.store.collection import Collection
from kinspace.store.database import Database

_BATCH: Final = 2048
"""Passages that are committed together."""
_FLUSH: Final = 8 * _BATCH
_SAMPLE_BYTES: Final = 1 << 20
_BLOCK: Final = 1 << 20
_OVERHEAD: Final = 2.6
"""Bytes on disk for a byte of text: the text, its fields, the keyword index (see bench/)."""

OnFile = Callable[[int, int, str], None]
"""Called with bytes done, bytes in all, and the file at hand."""


@dataclass
class SyncReport:
    """What bringing a collection into step did, or with ``dry_run`` would do.

    Parameters
    ----------
    added, changed, removed : list of str
        Files, by absolute path.
    unchanged : int
        How many files were as before.
    passages : int
        Passages written; with ``dry_run`` an estimate.
    deleted : int
        Passages taken out.
    notices : list of Notice
        Files that were passed over, and what was wrong with those that were read.
    seconds : float
        How long it took; with ``dry_run`` an estimate.
    bytes : int
        With ``dry_run``, how much larger the collection gets, about.
    dry_run : bool
    """

    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    unchanged: int = 0
    passages: int = 0
    deleted: int = 0
    notices: list[Notice] = field(default_factory=list)
    seconds: float = 0.0
    bytes: int = 0
    dry_run: bool = False

    def to_dict(self) -> dict[str, Any]:
        """As plain values, for JSON."""
        values = {**self.__dict__, "seconds": round(self.seconds, 3)}
        values["notices"] = [
            {"path": n.path, "reason": n.reason, "detail": n.detail, "line": n.line}
            for n in self.notices
        ]
        return values


@dataclass(frozen=True, slots=True)
class _Work:
    """One file that has to be read."""

    source: Source
    path: str
    digest: bytes


def sync(
    collection: Collection,
    paths: str | Path | Iterable[str | Path],
    options: ReadOptions | None = None,
    *,
    dry_run: bool = False,
    progress: OnFile | None = None,
) -> SyncReport:
    """Make a collection hold exactly what the files under some paths hold now.

    New files are read, changed ones replace their passages, and files that are gone leave.
    Files outside the paths stay as they are. A file counts as unchanged if its size and time
    are as before, or its content is. Passages whose text is known are not encoded again. What
    was committed stays when it is interrupted; the next call goes on from there.

    Parameters
    ----------
    collection : Collection
    paths : path or iterable of paths
        Files and folders.
    options : ReadOptions, optional
        How to find, read and cut. With other options files are read again.
    dry_run : bool
        Only say what would be done, how long it would take and how large it would get; about
        a megabyte of the files is read for the estimate.
    progress : callable, optional
        Called with (bytes done, bytes in all, file).

    Returns
    -------
    SyncReport

    Raises
    ------
    PathNotFound
        If a path does not exist and nothing under it is in the collection.
    ReadError, MissingExtra
        If a file given by its own name cannot be read.
    StoreLocked, StoreFull
    """
    started = time.perf_counter()
    options = options or ReadOptions()
    given = [paths] if isinstance(paths, str | Path) else list(paths)
    known = collection.database.sources()
    report, notes = SyncReport(dry_run=dry_run), Report()
    here, gone = _split(given, known)
    roots = [*map(absolute, here), *gone]
    found = {absolute(s.path): s for s in read.sources(here, options, report=notes)} if here else {}
    kept = {absolute(n.path) for n in notes.skipped if n.reason in ("no permission", "unreadable")}
    report.removed = sorted(
        path for path in known
        if path not in found and _under(path, roots) and not _under(path, kept)
    )  # fmt: skip
    touched: list[_Work] = []
    work = list(_changed(found, known, _stamp(options), touched, report, notes))
    if dry_run:
        _estimate(collection, work, options, report)
    elif work or touched or report.removed:
        batch = _Batch(collection, report)
        batch.complete += [_completion(one, _stamp(options)) for one in touched]
        # Read first: what moved from one file to another need not be encoded again.
        _read_in(batch, work, options, notes, progress)
        _remove(batch)
        collection.settle()
    report.notices = notes.notices
    if not dry_run:
        report.seconds = time.perf_counter() - started
    return report


def absolute(path: str | Path) -> str:
    """A path from the root, links resolved, with ``/`` between the parts."""
    try:
        return Path(os.path.realpath(path)).as_posix()
    except ValueError as error:  # a NUL
        raise PathNotFound(f"There is no file or folder {path!r}.", "Check the path.") from error


def _split(
    given: Sequence[str | Path], known: dict[str, Any]
) -> tuple[list[str | Path], list[str]]:
    """Paths to look at, and paths that are gone but whose files the collection still has."""
    here: list[str | Path] = []
    gone: list[str] = []
    for path in given:
        whole = absolute(path)
        if not os.path.exists(path) and any(_under(one, [whole]) for one in known):
            gone.append(whole)
        else:
            here.append(path)
    return here, gone


def _under(path: str, roots: Iterable[str]) -> bool:
    """Whether an absolute path is one of some others, or in one of them."""
    return any(path == root or path.startswith(root.rstrip("/") + "/") for root in roots)


def _stamp(options: ReadOptions) -> str:
    """The options that change what a file's passages are, as text."""
    tokenizer = options.tokenizer
    parts = [options.max_tokens, options.overlap_tokens, options.text_fields, options.id_field]
    if tokenizer is not None:
        parts.append(hashlib.sha256(tokenizer.to_str().encode()).hexdigest()[:16])
    return json.dumps(parts)


def _changed(
    found: dict[str, Source],
    known: dict[str, tuple[int, int, bytes, str]],
    stamp: str,
    touched: list[_Work],
    report: SyncReport,
    notes: Report,
) -> Iterator[_Work]:
    """Files that have to be read; sorts all into added, changed and unchanged.

    Unchanged ones with another time than before go into ``touched``.
    """
    for path, source in found.items():
        old = known.get(path)
        if old and old[:2] == (source.size, source.mtime_ns) and old[3] == stamp:
            report.unchanged += 1
            continue
        try:
            digest = _digest(path)
        except OSError as error:
            reason = "vanished" if isinstance(error, FileNotFoundError) else "no permission"
            notes.add(Notice(source.path, reason, error.strerror or ""))  # type: ignore[arg-type]
            continue
        if old and old[2] == digest and old[3] == stamp:
            report.unchanged += 1
            touched.append(_Work(source, path, digest))
            continue
        (report.changed if old else report.added).append(path)
        yield _Work(source, path, digest)


def _digest(path: str) -> bytes:
    digest = hashlib.blake2b(digest_size=16)
    with open(path, "rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.digest()


class _Batch:
    """Passages of several files on their way in, and the files that are complete with them."""

    def __init__(self, collection: Collection, report: SyncReport) -> None:
        self.collection = collection
        self.report = report
        self.records: list[Checked] = []
        self.stale: list[str] = []
        self.complete: list[Callable[[Database], None]] = []
        self.waiting = 0

    def ids_of(self, path: str) -> list[str]:
        """The passages that the collection has of a file."""
        return self.collection.database.ids_where("source = ?", [path])

    def commit_if_full(self) -> None:
        """Write what is held if it is much."""
        if max(len(self.records), len(self.stale), len(self.complete)) >= _BATCH:
            self.commit()

    def commit(self) -> None:
        """Write what is held, in one transaction."""
        done = list(self.complete)

        def also(database: Database) -> None:
            for note in done:
                note(database)

        self.collection.write(self.records, without=self.stale, also=also)
        self.report.passages += len(self.records)
        self.report.deleted += len(self.stale)
        self.waiting += len(self.records)
        self.records, self.stale, self.complete = [], [], []
        if self.waiting >= _FLUSH:
            self.collection.settle(neighbours=False)
            self.waiting = 0


def _read_in(
    batch: _Batch,
    work: Sequence[_Work],
    options: ReadOptions,
    notes: Report,
    progress: OnFile | None,
) -> None:
    total = sum(one.source.size for one in work)
    done = 0
    stamp = _stamp(options)
    for one in work:
        if progress is not None:
            progress(done, total, one.source.path)
        stale = set(batch.ids_of(one.path))
        before = len(notes.notices)
        for record in _records(one, options, batch.collection.space, notes):
            stale.discard(record.id)
            batch.records.append(record)
            batch.commit_if_full()
        skipped = [n.reason for n in notes.notices[before:] if n.skipped]
        if all(reason in ("empty", "no text") for reason in skipped):
            # A file that could not be read keeps its old passages and is tried again next time.
            batch.stale += stale
            batch.complete.append(_completion(one, stamp))
        done += one.source.size
    batch.commit()
    if progress is not None:
        progress(total, total, "")


def _remove(batch: _Batch) -> None:
    for path in batch.report.removed:
        batch.stale += batch.ids_of(path)
        batch.complete.append(_dropping(path))
        batch.commit_if_full()
    batch.commit()


def _dropping(path: str) -> Callable[[Database], None]:
    return lambda database: database.drop_source(path)


def _completion(one: _Work, stamp: str) -> Callable[[Database], None]:
    def note(database: Database) -> None:
        database.set_source(one.path, one.source.size, one.source.mtime_ns, one.digest, stamp)

    return note


def _records(one: _Work, options: ReadOptions, space: Space, notes: Report) -> Iterator[Checked]:
    for place, passage in enumerate(read.read_file(one.source, options, report=notes)):
        yield check(as_record(passage, one.path, options), space, place, source=one.path)


_PLACE: Final = ("path", "start_line", "end_line", "headings", "part", "document")


def as_record(passage: Passage, path: str, options: ReadOptions) -> dict[str, Any]:
    """A passage as a record: its place in fields of its own, its other fields beside them.

    A field of a row that has the name of one of ours is kept with an underscore behind it.
    """
    row = {
        f"{name}_" if name in (*_PLACE, "id", "text", "vector") else name: value
        for name, value in passage.fields.items()
    }
    name = passage.fields.get("id") if options.id_field else None
    record: dict[str, Any] = {
        "id": str(name) if name is not None else f"{path}#{passage.part}",
        "text": passage.text.encode("utf-8", "replace").decode(),
        **row,
        "path": path,
        "document": path if passage.row is None else f"{path}#{passage.row}",
        "start_line": passage.start_line,
        "end_line": passage.end_line,
        "part": passage.part,
    }
    if passage.headings:
        record["headings"] = list(passage.headings)
    if passage.context:
        record["title"] = passage.context
    return record


def _estimate(
    collection: Collection, work: Sequence[_Work], options: ReadOptions, report: SyncReport
) -> None:
    """Passages, seconds and bytes of the whole from a sample of the files."""
    total = sum(one.source.size for one in work)
    sampled = passages = text = numbers = 0
    started = time.perf_counter()
    quiet = Report()
    every = max(1, total // _SAMPLE_BYTES)
    for one in work[:: min(every, max(1, len(work) // 32))]:
        records = list(_limited(_records(one, options, collection.space, quiet)))
        found = collection.encoder.encode([r.encoded_text for r in records])
        packed = collection.vector_rows.packing.pack(found.vectors, "a passage")
        numbers += sum(map(len, packed))
        sampled += min(one.source.size, max(1, sum(len(r.text) for r in records)))
        passages += len(records)
        text += sum(len(r.text.encode()) for r in records)
        if sampled >= _SAMPLE_BYTES:
            break
    share = total / max(1, sampled)
    report.passages = round(passages * share)
    # Reading and encoding were timed; writing takes about as long again.
    report.seconds = 2 * (time.perf_counter() - started) * share
    report.bytes = round((text * _OVERHEAD + 2 * numbers) * share)  # vectors lie there twice


def _limited(records: Iterator[Checked]) -> Iterator[Checked]:
    """Records up to about the sample's size, so that one huge file is not read whole."""
    size = 0
    for record in records:
        yield record
        size += len(record.text)
        if size >= _SAMPLE_BYTES:
            return
