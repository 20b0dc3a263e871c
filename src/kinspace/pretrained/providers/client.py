"""A patient client of one service: it asks again where there is hope, and says why where not.

Statuses that may pass (429, 5xx and their like), cut and silent connections and broken answers
are tried again, as late as ``Retry-After`` asks, else after a pause that doubles and is shortened
by chance. A pause that one thread is asked for holds for all of them.
"""

from __future__ import annotations

import email.utils
import http.client
import json
import random
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kinspace.errors import InvalidParameter, ProviderError
from kinspace.pretrained.providers.connection import Connections, Reply, TooLarge
from kinspace.pretrained.providers.keys import without

_AGAIN = frozenset((408, 409, 425, 429, 500, 502, 503, 504, 529))
_OF_ITEMS = frozenset((400, 413, 422))
_OVER = ("insufficient_quota", "billing_hard_limit_reached")
"""What OpenAI calls a quota that is used up: 429, but waiting does not help."""

_WORDS = 300
"""Characters of what a service says that are shown."""


class Refused(ProviderError):
    """A service says no, and would say it again.

    Attributes
    ----------
    of_items : bool
        Whether other items of the same request may be taken: one is too long, or all are too many.
    """

    of_items: bool = False


class Stopped(Exception):
    """The caller has given up while a call waited for its next attempt."""


class _Again(Exception):
    """An attempt that failed in a way that may pass."""

    def __init__(self, what: str, wait: float | None = None) -> None:
        self.what = what
        self.wait = wait
        super().__init__(what)


@dataclass(frozen=True)
class Calls:
    """How a service is called.

    Parameters
    ----------
    concurrency : int
        Most requests under way at once.
    timeout : float
        Seconds that the service may stay silent.
    attempts : int
        How often a request is made that fails in a way that may pass.
    wait : float
        Seconds before the second attempt; twice as many before each further one, each shortened
        by chance, so that requests do not come back together.
    patience : float
        Seconds of the longest pause. A service that asks for a longer one is given up.
    items : int, optional
        Most items of one request; by default the service's limit, and 32 at an address of your
        own, since that is what TEI takes unless it is told otherwise.

    Raises
    ------
    InvalidParameter
        If there is no attempt, no time or no item.
    """

    concurrency: int = 8
    timeout: float = 60.0
    attempts: int = 8
    wait: float = 1.0
    patience: float = 60.0
    items: int | None = None

    def __post_init__(self) -> None:
        whole = (self.concurrency, self.attempts, 1 if self.items is None else self.items)
        if min(whole) < 1 or self.timeout <= 0 or self.wait < 0 or self.patience < 0:
            raise InvalidParameter(
                f"{self} calls nobody.",
                "Give at least one request, attempt and item, some time, and no negative pauses.",
            )


@dataclass
class Client:
    """A service at an address.

    Parameters
    ----------
    service : str
        Its name, for messages.
    base_url : str
    key, header : str
        The key, and the header that it goes into (``"Authorization: Bearer "``); without a key no
        header is sent.
    variable : str
        Where the key comes from, for messages.
    calls : Calls
    """

    service: str
    base_url: str
    key: str = field(repr=False)
    header: str
    variable: str
    calls: Calls
    _free_at: float = field(default=0.0, init=False, repr=False)
    """When the service wants to be asked again, by the monotonic clock."""
    _is_reached: bool = field(default=False, init=False, repr=False)

    def __post_init__(self) -> None:
        self._connections = Connections(self.base_url, self.calls.timeout)
        self._lock = threading.Lock()

    def post(self, path: str, body: Mapping[str, Any], stop: threading.Event) -> Any:
        """Send JSON and return the JSON that comes back.

        Parameters
        ----------
        path : str
            What follows the address.
        body : mapping
        stop : threading.Event
            Set when nobody wants the answer any more; then no further attempt is made.

        Raises
        ------
        Refused
            If the service says no.
        ProviderError
            If all attempts failed, or the service asks for more patience than there is.
        Stopped
        """
        raw = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        for attempt in range(1, self.calls.attempts + 1):
            self._pause(attempt, stop)
            try:
                return self._once(path, raw)
            except _Again as problem:
                last = problem.what
                if problem.wait is not None and problem.wait > self.calls.patience:
                    raise ProviderError(
                        f"{self.service} asks for a pause of {problem.wait:.0f} s: {last}.",
                        "Come back then, or give calls=Calls(patience=…) that many seconds.",
                    ) from None
                if attempt < self.calls.attempts:
                    self._put_off(attempt, problem.wait, stop)
        raise ProviderError(
            f"{self.service} at {self.base_url} did not answer in {self.calls.attempts} attempts: "
            f"{last}.",
            "Try again later; with a cache, what was answered is not paid for again.",
        )

    def _pause(self, attempt: int, stop: threading.Event) -> None:
        """Wait until the service wants to be asked; :class:`Stopped` if nobody waits for it."""
        while True:
            with self._lock:
                left = self._free_at - time.monotonic()
            # A little later each, so that those who wait do not all come back at once.
            if stop.wait(left + random.uniform(0, min(self._grown(attempt), 1)) if left > 0 else 0):
                raise Stopped
            if left <= 0:
                return

    def _put_off(self, attempt: int, asked: float | None, stop: threading.Event) -> None:
        """Before the next attempt: what the service asks for holds for all, backoff for one."""
        if asked is not None:
            with self._lock:
                self._free_at = max(self._free_at, time.monotonic() + asked)
            return
        grown = self._grown(attempt)
        if stop.wait(random.uniform(grown / 2, grown)):
            raise Stopped

    def _grown(self, attempt: int) -> float:
        """The pause after an attempt, in seconds, before chance shortens it."""
        return min(self.calls.wait * 2.0 ** (attempt - 1), self.calls.patience)

    def _once(self, path: str, raw: bytes) -> Any:
        headers = {}
        if self.key:
            name, _, start = self.header.partition(": ")
            headers[name] = f"{start}{self.key}"
        try:
            reply = self._connections.post(path, raw, headers)
        except TooLarge:
            raise ProviderError(
                f"{self.service} sends an answer of more than 256 MiB.",
                "Check that the address is that of a service of embeddings.",
            ) from None
        except (OSError, http.client.HTTPException) as error:
            raise self._no_answer(error) from None
        self._is_reached = True
        if reply.status == 200:
            try:
                return json.loads(reply.body)
            except (ValueError, RecursionError):
                raise _Again("an answer that is no JSON") from None
        raise self._meaning(reply)

    def _no_answer(self, error: Exception) -> Exception:
        """What a failure below HTTP means: an address that was reached before may come back."""
        import ssl
        from socket import gaierror

        said = without(self.key, f"{type(error).__name__}: {error}").removesuffix(": ")
        if isinstance(error, ssl.SSLCertVerificationError):
            return ProviderError(
                f"The certificate of {self.base_url} is not trusted: {said}.",
                "Name the file of the authority's certificate in $SSL_CERT_FILE.",
            )
        if isinstance(error, gaierror | ConnectionRefusedError) and not self._is_reached:
            return ProviderError(
                f"{self.service} at {self.base_url} cannot be reached: {said}.",
                "Check the address, the network, and whether the server runs.",
            )
        return _Again(said)

    def _meaning(self, reply: Reply) -> Exception:
        """What a status other than 200 means: wait and ask again, or give up."""
        said, code = _said(reply.body)
        said = " ".join(without(self.key, said).split())[:_WORDS]
        too_large = reply.status == 429 and "too large" in said.lower()
        if reply.status in _AGAIN and code not in _OVER and not too_large:
            words = f": {said}" if said else ""
            return _Again(f"status {reply.status}{words}".rstrip("."), _asked_pause(reply))
        if reply.status in (401, 403):  # some services repeat the key here, in part
            said = ""
        remedy = {
            401: f"Put a valid key into ${self.variable}.",
            402: "Look at the account's balance.",
            403: f"Look at what the key in ${self.variable} may do.",
            404: "Check the address and the name of the model.",
            429: "Look at the account's plan and limits.",
        }.get(reply.status, "Check the address, the model and what it takes.")
        refused = Refused(
            f"{self.service} at {self.base_url} refuses with status {reply.status}"
            f"{': ' + said.rstrip('.') if said else ''}.",
            remedy,
        )
        refused.of_items = reply.status in _OF_ITEMS or too_large
        return refused


def _said(raw: bytes) -> tuple[str, str]:
    """What a refusal says and its code, in the shapes in which services say it."""
    text = raw[:20_000].decode("utf-8", "replace")
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        return text, ""
    error = values.get("error", values) if isinstance(values, dict) else values
    if not isinstance(error, dict):
        return str(error), ""
    message = error.get("message") or error.get("detail") or error
    return str(message), str(error.get("code", ""))


def _asked_pause(reply: Reply) -> float | None:
    """The pause that a service asks for, in seconds: by a header, or Gemini's ``RetryInfo``."""
    milliseconds = _number(reply.headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    header = reply.headers.get("retry-after")
    seconds = _number(header)
    if seconds is not None:
        return seconds
    if header is not None:
        try:
            return max(0.0, email.utils.parsedate_to_datetime(header).timestamp() - time.time())
        except (TypeError, ValueError):
            return None
    try:
        details = json.loads(reply.body)["error"]["details"]
        delays = [_number(str(each.get("retryDelay", "")).rstrip("s")) for each in details]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None
    return max((delay for delay in delays if delay is not None), default=None)


def _number(text: str | None) -> float | None:
    """A number of 0 or more; None for anything else."""
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if 0 <= value < float("inf") else None
