"""A client for chat models behind an OpenAI-compatible address, and nothing more.

It is patient (429 with Retry-After, 5xx, slow or cut connections) and discreet: the key comes
from the environment, goes into one header, and into no message, log or fingerprint.
"""

from __future__ import annotations

import email.utils
import http.client
import json
import os
import random
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kinspace.errors import InvalidParameter, ProviderError

_LARGEST = 4 << 20
"""Bytes of an answer; what is larger is no answer to what is asked here."""

_PATIENCE = 60.0
"""Seconds of the longest wait between two attempts, whatever the service asks for."""

_AGAIN = frozenset((408, 409, 425, 429, 500, 502, 503, 504, 529))


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model said, and what it counted.

    Parameters
    ----------
    text : str
    prompt_tokens, answer_tokens : int
        0 if the service does not say.
    """

    text: str
    prompt_tokens: int = 0
    answer_tokens: int = 0


class Refusal(ProviderError):
    """A service says no, and would say it again: the key, the address or the model is wrong."""


class _Again(Exception):
    """An attempt that failed in a way that may pass."""

    def __init__(self, what: str, wait: float | None = None) -> None:
        self.what = what
        self.wait = wait
        super().__init__(what)


class _Stay(urllib.request.HTTPRedirectHandler):
    """Follows no redirection: it would carry the key to another address."""

    def redirect_request(self, *_: Any) -> None:
        return None


@dataclass(frozen=True)
class Chat:
    """A chat model behind an address.

    Parameters
    ----------
    base_url : str
        Up to what stands before ``/chat/completions``: ``http://localhost:11434/v1``.
    model : str
    key_from : str
        The environment variable that holds the key; without one, none is sent.
    timeout : float
        Seconds that the service may stay silent.
    attempts : int
        How often a call is made that fails in a way that may pass.
    wait : float
        Seconds before the second attempt; twice as many before each further one, each shortened
        by chance so that parallel calls do not come back together.

    options : mapping
        What else goes into each call, such as ``{"seed": 1}``; None takes something out that a
        service does not know, as in ``{"max_tokens": None, "max_completion_tokens": 512}``.

    Raises
    ------
    InvalidParameter
        If the address is none of http or https, or holds a password.
    """

    base_url: str
    model: str
    key_from: str = "OPENAI_API_KEY"
    timeout: float = 60.0
    attempts: int = 5
    wait: float = 1.0
    options: Mapping[str, Any] = field(default_factory=dict)
    _opener: urllib.request.OpenerDirector = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        try:
            parts = urllib.parse.urlsplit(self.base_url)
        except ValueError:
            parts = urllib.parse.urlsplit("")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InvalidParameter(
                "The address of the model is no http or https address.",
                'Give one such as "http://localhost:11434/v1".',
            )
        if parts.username or parts.password or parts.query or parts.fragment:
            raise InvalidParameter(
                f"The address of {parts.hostname} holds more than a place.",
                f"Leave out user, password and query; put the key into ${self.key_from}.",
            )
        if not self.model or self.attempts < 1 or self.timeout <= 0 or self.wait < 0:
            raise InvalidParameter(
                f"A model called {self.model!r} with {self.attempts} attempts of {self.timeout} s.",
                "Name a model, and give at least one attempt and some time.",
            )
        object.__setattr__(self, "_opener", urllib.request.build_opener(_Stay))

    @property
    def identity(self) -> list[Any]:
        """What an answer depends on besides the question: address, model and options."""
        return [self.base_url.rstrip("/"), self.model, dict(self.options)]

    def ask(self, messages: Sequence[Mapping[str, str]], *, most_tokens: int = 512) -> Answer:
        """Ask, and ask again as long as there is hope.

        Parameters
        ----------
        messages : sequence of mapping
            ``{"role": …, "content": …}`` each.
        most_tokens : int
            The longest answer.

        Raises
        ------
        ProviderError
            If the service refuses, or all attempts failed.
        """
        body: dict[str, Any] = {
            "model": self.model,
            "messages": list(messages),
            "temperature": 0,
            "max_tokens": most_tokens,
            **self.options,
        }
        body = {name: value for name, value in body.items() if value is not None}
        for attempt in range(1, self.attempts + 1):
            try:
                return self._once(json.dumps(body).encode())
            except _Again as problem:
                last = problem.what
                if attempt < self.attempts:
                    time.sleep(self._pause(attempt, problem.wait))
        raise ProviderError(
            f"{self.base_url} did not answer in {self.attempts} attempts: {self._clean(last)}.",
            "Try again later; with a cache, what was answered is not asked again.",
        )

    def _pause(self, attempt: int, asked: float | None) -> float:
        """What the service asks for, and up to as long again; else the backoff."""
        grown = self.wait * 2 ** (attempt - 1)
        if asked is not None:
            return min(asked + random.uniform(0, min(grown, 1.0)), _PATIENCE)
        return min(random.uniform(grown / 2, grown), _PATIENCE)

    def _once(self, body: bytes) -> Answer:
        request = urllib.request.Request(
            self.base_url.rstrip("/") + "/chat/completions",
            data=body,
            headers={"Content-Type": "application/json", "Accept": "application/json"},
        )
        if key := self._key:
            request.add_unredirected_header("Authorization", f"Bearer {key}")
        try:
            with self._opener.open(request, timeout=self.timeout) as reply:
                raw = reply.read(_LARGEST + 1)
        except urllib.error.HTTPError as error:
            with error:
                raise self._refusal(error) from None
        except (OSError, http.client.HTTPException) as error:  # URLError is an OSError
            reason = getattr(error, "reason", error)
            raise _Again(f"{type(error).__name__}: {reason}") from None
        return _answer(raw)

    def _refusal(self, error: urllib.error.HTTPError) -> Exception:
        """What a status of 300 and more means: wait and ask again, or give up."""
        if error.code in _AGAIN:
            return _Again(f"status {error.code}", _seconds(error.headers.get("Retry-After")))
        try:
            said = error.read(2000).decode("utf-8", "replace")
        except (OSError, http.client.HTTPException):
            said = ""
        said = " ".join(self._clean(said).split())[:200]
        remedy = {
            401: f"Put a valid key into ${self.key_from}.",
            403: f"Check what the key in ${self.key_from} may do.",
            404: "Check the address and the name of the model.",
        }.get(error.code, "Check the address, the model and what it takes.")
        return Refusal(
            f"{self.base_url} refuses with status {error.code}{': ' + said if said else ''}.",
            remedy,
        )

    @property
    def _key(self) -> str:
        return os.environ.get(self.key_from, "").strip()

    def _clean(self, text: str) -> str:
        """Without the key, should a service repeat it."""
        return text.replace(self._key, "…") if self._key else text


def _answer(raw: bytes) -> Answer:
    """The message of an answer; :class:`_Again` if there is none in it."""
    if len(raw) > _LARGEST:
        raise _Again("an answer of more than 4 MiB")
    try:
        values = json.loads(raw)
        text = values["choices"][0]["message"]["content"]
    except (ValueError, LookupError, TypeError, RecursionError):
        raise _Again(f"an answer that is none: {raw[:80]!r}") from None
    if not isinstance(text, str) or not text.strip():
        raise _Again("an empty answer")
    usage = values.get("usage")
    counts = usage if isinstance(usage, dict) else {}
    tokens = [counts.get(name) for name in ("prompt_tokens", "completion_tokens")]
    spent = [count if isinstance(count, int) and count > 0 else 0 for count in tokens]
    return Answer(text, *spent)


def _seconds(header: str | None) -> float | None:
    """What Retry-After asks for: seconds, or a date."""
    if header is None:
        return None
    try:
        return max(0.0, float(header))
    except ValueError:
        pass
    try:
        return max(0.0, email.utils.parsedate_to_datetime(header).timestamp() - time.time())
    except (TypeError, ValueError):
        return None
