"""Many requests at once, each item settled: answered, or refused with a reason.

A request that is refused because of an item is cut in halves until the item stands alone, so that
one bad item costs nobody else a vector. A refusal that would meet every item ends the work, but
what was answered before is handed out: it is paid for.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from kinspace.errors import ProviderError
from kinspace.pretrained.providers.client import Refused, Stopped

Part = tuple[NDArray[np.int64], NDArray[np.float32]]
"""Positions (k,) and their vectors (k, dim)."""


@dataclass
class Work:
    """What is asked, and how.

    Parameters
    ----------
    ask : callable
        From positions to their vectors, by one request.
    alone : callable
        From a position whose item was refused by itself, and the refusal, to its vector by other
        means; it raises :class:`Refused` where there are none.
    probe : callable
        Asks for something that is surely taken; it raises :class:`Refused` if the reason of a
        refusal is none of the items.
    concurrency : int
    stop : threading.Event
        Set when nothing more is wanted; ``ask`` heeds it.
    """

    ask: Callable[[NDArray[np.int64]], NDArray[np.float32]]
    alone: Callable[[int, Refused], NDArray[np.float32]]
    probe: Callable[[], None]
    concurrency: int
    stop: threading.Event = field(default_factory=threading.Event)

    def run(self, requests: Sequence[NDArray[np.int64]]) -> Iterator[Part | Failure]:
        """Make the requests; vectors come as they arrive, in any order, and so do failures.

        Raises
        ------
        ProviderError
            At the end, if the service ended the work.
        KeyboardInterrupt
            At the end as well: what was under way is awaited and handed out first.
        """
        ended: BaseException | None = None
        with ThreadPoolExecutor(min(self.concurrency, max(len(requests), 1))) as pool:
            pending = {pool.submit(self._settle, places) for places in requests}
            try:
                while pending:
                    try:
                        done, pending = wait(pending, return_when=FIRST_COMPLETED)
                    except KeyboardInterrupt as error:
                        if ended is not None:  # the second time: hand out nothing more
                            raise
                        ended = error
                        pending = self._end(pending)
                        continue
                    for future in done:
                        settled = future.result()
                        yield from settled.parts
                        yield from settled.failures
                        if settled.ended is not None and ended is None:
                            ended = settled.ended
                            pending = self._end(pending)
            finally:
                self._end(pending)
        if ended is not None:
            raise ended

    def _end(self, pending: set[Future[Settled]]) -> set[Future[Settled]]:
        """Begin nothing more; what is left is under way."""
        self.stop.set()
        return {future for future in pending if not future.cancel()}

    def _settle(self, places: NDArray[np.int64]) -> Settled:
        settled = Settled()
        try:
            self._halve(places, settled)
        except Stopped:
            pass
        except ProviderError as error:
            self.stop.set()
            settled.ended = error
        return settled

    def _halve(self, places: NDArray[np.int64], settled: Settled) -> None:
        try:
            rows = self.ask(places)
        except Refused as refusal:
            if not refusal.of_items:
                raise
            if len(places) == 1:
                self._single(int(places[0]), refusal, settled)
                return
            self.probe()
            half = len(places) // 2
            self._halve(places[:half], settled)
            self._halve(places[half:], settled)
            return
        settled.take(places, rows)

    def _single(self, place: int, refusal: Refused, settled: Settled) -> None:
        try:
            settled.take(np.array([place]), self.alone(place, refusal)[None])
        except Refused as error:
            if not error.of_items:
                raise
            settled.failures.append(Failure(place, error))


@dataclass(frozen=True)
class Failure:
    """An item without a vector, and why."""

    place: int
    error: ProviderError


@dataclass
class Settled:
    """What came of one request."""

    parts: list[Part] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    ended: ProviderError | None = None

    def take(self, places: NDArray[np.int64], rows: NDArray[np.float32]) -> None:
        """Keep vectors; those with NaN or infinity are failures of their items."""
        finite = np.isfinite(rows).all(axis=1)
        for place in places[~finite]:
            error = ProviderError("It got NaN or infinity.", "Report it to whoever runs the model.")
            self.failures.append(Failure(int(place), error))
        if finite.any():
            self.parts.append((places[finite], rows[finite]))


def in_requests(
    sizes: NDArray[np.int64], alone: NDArray[np.bool_], most: int, most_bytes: int
) -> list[NDArray[np.int64]]:
    """Positions in requests, in order.

    Parameters
    ----------
    sizes : array of int64, shape (n,)
        Bytes of each item.
    alone : array of bool, shape (n,)
        Items that want a request of their own.
    most, most_bytes : int
        Items and bytes of one request; a larger item is a request by itself.

    Examples
    --------
    >>> sizes = np.array([5, 5, 5, 99, 5])
    >>> [r.tolist() for r in in_requests(sizes, np.zeros(5, bool), 2, 20)]
    [[0, 1], [2], [3], [4]]
    """
    found: list[list[int]] = []
    held: list[int] = []
    spent = 0
    for place, size in enumerate(sizes.tolist()):
        if alone[place]:
            found.append([place])
            continue
        if held and (len(held) == most or spent + size > most_bytes):
            found.append(held)
            held, spent = [], 0
        held.append(place)
        spent += size
    if held:
        found.append(held)
    return [np.array(places, np.int64) for places in found]
