"""What was asked of a service and paid for, counted by several threads."""

from __future__ import annotations

import threading
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Usage:
    """What was asked of a service so far.

    Parameters
    ----------
    requests : int
        Those that were answered.
    tokens : int
        As the service counts them; estimated from characters where it does not say.
    """

    requests: int = 0
    tokens: int = 0


class Tally:
    """Counts that threads add to.

    Examples
    --------
    >>> tally = Tally()
    >>> tally.add(requests=1, tokens=12)
    >>> tally.usage
    Usage(requests=1, tokens=12)
    """

    def __init__(self) -> None:
        self._counts = dict.fromkeys(("requests", "tokens", "cut_texts", "cut_tokens"), 0)
        self._lock = threading.Lock()

    def add(self, **counts: int) -> None:
        """Add to counts by name: requests, tokens, cut_texts, cut_tokens."""
        with self._lock:
            for name, count in counts.items():
                self._counts[name] += count

    @property
    def usage(self) -> Usage:
        """Requests that were answered, and their tokens."""
        return Usage(self._counts["requests"], self._counts["tokens"])

    @property
    def cut(self) -> dict[str, int]:
        """Texts that were cut, and about how many tokens were left out."""
        return {"texts": self._counts["cut_texts"], "tokens": self._counts["cut_tokens"]}
