"""`encode_to_file`: a stream of items to a file of vectors, resumable, in flat memory."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from kinspace.bulk.counting import Count, Counter
from kinspace.bulk.entries import Entries, Entry
from kinspace.bulk.targets import check_target, write_target
from kinspace.bulk.work import Work, remove, unfinished
from kinspace.encoder import Encoder, Side
from kinspace.errors import EmptyInput, InvalidInput
from kinspace.space import Space

WINDOW_ITEMS: Final = 4096
WINDOW_CHARACTERS: Final = 1 << 22
"""A window is what is encoded together: identical texts once, sorted by length."""

_IMAGE: Final = WINDOW_CHARACTERS // 256
"""What an item that is no text counts for, in characters: a window holds 256 images."""

COMMIT_EVERY: Final = 2.0
"""Seconds of work that are lost at most, but for the window at hand."""

_SETTINGS: Final = ("precision", "device", "batch_tokens", "long", "threads")
"""Parameters of encoders that may change the last bits of a vector, though not its space."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an encoding has come.

    Attributes
    ----------
    done : int
        Items, those of earlier runs included.
    total : int or None
        About how many there are, by the share of the files that was read; None if not known.
    resumed : int
        How many of them earlier runs had done.
    tokens : int or None
        Of what this run encoded; None if the encoder has no tokens, or does not say.
    seconds : float
        Since this run began to encode.
    """

    done: int
    total: int | None
    resumed: int
    tokens: int | None
    seconds: float


@dataclass(frozen=True, slots=True)
class Summary:
    """What came of an encoding.

    Attributes
    ----------
    path : Path
    rows : int
    space : Space
    resumed : int
        How many rows earlier runs had done.
    seconds : float
        Of this run.
    tokens : int or None
        Of what this run encoded, special tokens included, after cutting.
    cut_texts, cut_tokens : int or None
        How many texts were longer than the model reads, and how many tokens were left out,
        earlier runs included; None if the encoder does not say.
    """

    path: Path
    rows: int
    space: Space
    resumed: int
    seconds: float
    tokens: int | None
    cut_texts: int | None
    cut_tokens: int | None


def encode_to_file(
    encoder: Encoder[Any],
    items: Iterable[Any],
    target: str | Path,
    *,
    side: Side = "document",
    keep_text: bool = False,
    restart: bool = False,
    progress: Callable[[Progress], None] | None = None,
) -> Summary:
    """Encode a stream of items into a file, and go on where an earlier run was stopped.

    Memory does not grow with the stream. What is done lies beside the target, in a folder whose
    name ends in ``.unfinished``, until the file is whole; an interrupted run that goes on leaves
    the same file, byte for byte, as one that was not.

    Parameters
    ----------
    encoder : Encoder
    items : iterable
        Texts, or whatever the encoder takes; or :class:`Entry` (id, item). It must give the same
        ones again to go on; that is checked.
    target : path
        ``.parquet``, ``.safetensors`` (what :meth:`Embeddings.load` opens) or ``.npy``.
    side : {"document", "query"}
    keep_text : bool
        Whether a Parquet file gets the texts beside their vectors.
    restart : bool
        Whether unfinished work is thrown away.
    progress : callable, optional
        Called with a :class:`Progress` after each window.

    Raises
    ------
    InvalidInput
        If the unfinished work is of another model, other options or other items.
    InvalidParameter
        If the target is no such file.
    EmptyInput
        If there are no items.
    StoreLocked, StoreFull, PathNotFound, DuplicateId, MissingExtra

    Examples
    --------
    >>> import tempfile
    >>> import kinspace as ks
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     done = encode_to_file(ks.load(), ["a cat", "a car"], Path(folder, "v.safetensors"))
    ...     done.rows, ks.Embeddings.load(done.path).shape[0]
    (2, 2)
    """
    target = Path(target)
    ending = check_target(target, encoder.space)
    with_items = keep_text and ending == ".parquet"
    about = {"side": side, "texts": with_items, "window": [WINDOW_ITEMS, WINDOW_CHARACTERS]}
    about |= {name: _plain(encoder, name) for name in _SETTINGS if hasattr(encoder, name)}
    always_compiled(encoder)
    with unfinished(target, encoder.space, about, with_items=with_items, restart=restart) as work:
        resumed = work.mark.rows
        began = time.monotonic()
        run = _Run(encoder, work, side)
        run.over(_all_there(items) if ending == ".npy" else items, progress)
        if not run.done:
            raise EmptyInput("There is nothing to encode.", "Give at least one text.")
        write_target(target, work)
    remove(target)
    found = work.mark.counts
    return Summary(
        target, work.mark.rows, work.space, resumed, time.monotonic() - began, run.tokens,
        found.get("cut_texts"), found.get("cut_tokens"),
    )  # fmt: skip


class _Run:
    """One run over the items: what was done is passed over, the rest encoded and committed."""

    def __init__(self, encoder: Encoder[Any], work: Work, side: Side) -> None:
        self.work = work
        self.resumed = work.mark.rows
        self.encode = encoder.encode_query if side == "query" else encoder.encode
        self.counter = Counter(encoder, side)
        self.counts = Count.of(work.mark.counts)
        self.tokens: int | None = None
        self.done = 0
        self.digest = sha256()

    def over(self, items: Iterable[Any], progress: Callable[[Progress], None] | None) -> None:
        """Encode what is not done yet."""
        began = committed = time.monotonic()
        try:
            for window in windows(items):
                if self.done < self.resumed:
                    self._pass(window)
                    continue
                self._add(window)
                if time.monotonic() - committed >= COMMIT_EVERY:
                    self.commit()
                    committed = time.monotonic()
                if progress is not None:
                    share = getattr(items, "share", None)
                    total = max(self.done, round(self.done / share)) if share else None
                    spent = time.monotonic() - began
                    progress(Progress(self.done, total, self.resumed, self.tokens, spent))
        finally:  # also when it is interrupted, or a service gives up
            self.commit()
        if self.done < self.resumed:
            _require_same(self.work, "")

    def commit(self) -> None:
        """Commit the windows that are done."""
        if self.done > self.work.mark.rows:
            self.work.commit(self.done, self.digest.hexdigest(), self.counts.to_dict())

    def _pass(self, window: list[Entry]) -> None:
        """Go past a window that an earlier run encoded."""
        self.digest.update(_content(window))
        self.done += len(window)
        if self.done >= self.resumed:
            _require_same(self.work, self.digest.hexdigest() if self.done == self.resumed else "")

    def _add(self, window: list[Entry]) -> None:
        listed = [entry.item for entry in window]
        self.work.add(window, self.encode(listed).vectors)
        counted = self.counter.of(listed)
        self.counts += counted
        if counted.tokens is not None:
            self.tokens = (self.tokens or 0) + counted.tokens
        self.digest.update(_content(window))
        self.done += len(window)


class _all_there(Iterable[Any]):  # noqa: N801 - used as a function
    """Items none of which may be left out: the file names no ids by which it would be seen."""

    def __init__(self, items: Iterable[Any]) -> None:
        self._items = items

    @property
    def share(self) -> float | None:
        found: float | None = getattr(self._items, "share", None)
        return found

    def __iter__(self) -> Iterator[Any]:
        for item in self._items:
            yield item
            if isinstance(self._items, Entries) and self._items.left_out:
                raise InvalidInput(
                    f"A row has no text ({self._items.report.warnings[0]}), and an .npy file has "
                    "no ids that would tell.",
                    "Write .parquet or .safetensors, or give it a text.",
                )


def windows(items: Iterable[Any]) -> Iterator[list[Entry]]:
    """Items in windows of bounded size, cut at the same places whenever they are the same."""
    held: list[Entry] = []
    characters = 0
    for number, item in enumerate(items):
        entry = item if isinstance(item, Entry) else Entry(number, item)
        held.append(entry)
        characters += len(entry.item) if isinstance(entry.item, str) else _IMAGE
        if len(held) == WINDOW_ITEMS or characters >= WINDOW_CHARACTERS:
            yield held
            held, characters = [], 0
    if held:
        yield held


def _content(window: list[Entry]) -> bytes:
    """All that a window says, so that no other window says the same."""
    return b"".join(_stated(entry) for entry in window)


def _stated(entry: Entry) -> bytes:
    item = entry.item
    if isinstance(item, Path) and item.is_file():
        state = item.stat()
        item = f"{item} {state.st_size} {state.st_mtime_ns}"
    raw = (item if isinstance(item, str) else repr(item)).encode("utf-8", "surrogatepass")
    return f"{entry.id!r} {len(raw)} ".encode("utf-8", "surrogatepass") + raw


def _require_same(work: Work, digest: str) -> None:
    if digest != work.mark.digest:
        raise InvalidInput(
            f"The first {work.mark.rows:,} items are not those that {work.folder} was made of.",
            "Give the same input to go on, or --restart to begin anew.",
        )


def _plain(encoder: Any, name: str) -> Any:
    value = getattr(encoder, name)
    return value if isinstance(value, str | int | float | bool | type(None)) else str(value)


def always_compiled(encoder: Any) -> None:
    """Let a static model use its compiled code from the first text on.

    It would start in plain Python, with other last digits, in a run that goes on too.
    """
    inner = getattr(encoder, "encoder", encoder)
    if hasattr(inner, "compile_from"):
        inner.compile_from = 0
