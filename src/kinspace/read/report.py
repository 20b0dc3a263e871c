"""`Report`: what was passed over or repaired while reading, so that nothing is so silently."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Reason = Literal[
    "binary",
    "broken row",
    "collection",
    "damaged",
    "empty",
    "generated",
    "hidden",
    "ignored",
    "invalid bytes",
    "link",
    "no permission",
    "no text",
    "not a file",
    "not convertible",
    "missing extra",
    "missing text",
    "too large",
    "unreadable",
    "vanished",
]
"""Why a file or folder was passed over, or what was wrong with one that was read."""

_LOG = logging.getLogger("kinspace.read")
_CHOSEN: frozenset[Reason] = frozenset(
    ("binary", "collection", "empty", "generated", "hidden", "ignored", "link", "too large")
)
_PER_FILE = 10  # a file with a million broken rows does not fill the memory


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing to know about a file or folder.

    Parameters
    ----------
    path : str
        The file or folder, written as `Passage.path`.
    reason : str
        One of a few fixed reasons, such as ``"binary"`` or ``"broken row"``.
    detail : str
        More about it, in words.
    line : int, optional
        The line concerned, counted from 1.
    skipped : bool
        Whether the file or folder was passed over; else it was read, and this is a warning.

    Examples
    --------
    >>> print(Notice("a.jsonl", "broken row", "no closing brace", 7, skipped=False))
    a.jsonl:7: broken row: no closing brace
    """

    path: str
    reason: Reason
    detail: str = ""
    line: int | None = None
    skipped: bool = True

    def __str__(self) -> str:
        place = self.path if self.line is None else f"{self.path}:{self.line}"
        return ": ".join(part for part in (place, self.reason, self.detail) if part)


class Report:
    """Collects what was passed over or repaired while reading.

    At most ten warnings are kept for a file; `counts` counts all of them.

    Parameters
    ----------
    on_notice : callable, optional
        Called with each `Notice` as it comes, for instance to print it.

    Attributes
    ----------
    notices : list of Notice
        In the order in which they came.
    counts : Counter
        How often each reason came up.

    Examples
    --------
    >>> report = Report()
    >>> report.add(Notice("a.png", "binary"))
    >>> report.add(Notice("b.txt", "invalid bytes", skipped=False))
    >>> report.summary()
    '1 skipped (1 binary), 1 warning (1 invalid bytes)'
    """

    def __init__(self, on_notice: Callable[[Notice], None] | None = None) -> None:
        self.on_notice = on_notice
        self.notices: list[Notice] = []
        self.counts: Counter[str] = Counter()
        self._skips: Counter[str] = Counter()
        self._current: tuple[str, int] = ("", 0)

    def add(self, notice: Notice) -> None:
        """Take up one notice, and pass it on to ``on_notice``."""
        self.counts[notice.reason] += 1
        if notice.skipped:
            self._skips[notice.reason] += 1
        else:
            path, count = self._current
            self._current = (notice.path, count + 1 if path == notice.path else 1)
            if self._current[1] > _PER_FILE:
                return
        self.notices.append(notice)
        if self.on_notice is not None:
            self.on_notice(notice)

    @property
    def skipped(self) -> list[Notice]:
        """The notices about files and folders that were passed over."""
        return [n for n in self.notices if n.skipped]

    @property
    def warnings(self) -> list[Notice]:
        """The notices about files that were read, though not all of them as they should be."""
        return [n for n in self.notices if not n.skipped]

    def about(self, path: str) -> list[Notice]:
        """The notices about one file or folder."""
        return [n for n in self.notices if n.path == path]

    def summary(self) -> str:
        """All of it in one line; empty if there is nothing to say."""
        parts = []
        for word, counts in (("skipped", self._skips), ("warning", self.counts - self._skips)):
            total = sum(counts.values())
            if total:
                plural = "s" if word == "warning" and total > 1 else ""
                named = ", ".join(f"{n} {reason}" for reason, n in counts.most_common())
                parts.append(f"{total} {word}{plural} ({named})")
        return ", ".join(parts)

    def __repr__(self) -> str:
        return f"Report({self.summary() or 'nothing to say'})"


class LoggedReport(Report):
    """The report when nobody asked for one: it goes to the log ``kinspace.read``, unstored.

    What was passed over by a rule is logged as info, all else as a warning.
    """

    def add(self, notice: Notice) -> None:
        """Write the notice to the log."""
        super().add(notice)
        self.notices.clear()

    def __init__(self) -> None:
        super().__init__(_log)


def _log(notice: Notice) -> None:
    by_rule = notice.skipped and notice.reason in _CHOSEN
    _LOG.log(logging.INFO if by_rule else logging.WARNING, "%s", notice)
