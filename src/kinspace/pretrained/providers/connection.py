"""Connections to one address, kept open between requests; the standard library's HTTP and TLS.

Each thread takes a connection and gives it back. There is no following of redirections: they
would carry a key to another address.
"""

from __future__ import annotations

import base64
import http.client
import queue
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from kinspace.errors import InvalidParameter

LARGEST = 1 << 28
"""Bytes of an answer (256 MiB); the largest of an honest service, 2,048 vectors, has 100 MB."""

_LOCAL = ("localhost", "127.0.0.1", "::1")

_STALE = (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError)
"""What a kept connection says that the other side has closed meanwhile."""


class TooLarge(Exception):
    """An answer of more than :data:`LARGEST` bytes."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back: status, headers (names in lower case) and body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Connections:
    """Open connections to one address.

    Parameters
    ----------
    base_url : str
        http or https, without user, password, query and fragment.
    timeout : float
        Seconds that the other side may stay silent.

    Raises
    ------
    InvalidParameter
        If the address is none.
    """

    def __init__(self, base_url: str, timeout: float) -> None:
        try:
            parts = urllib.parse.urlsplit(base_url)
            self._host, self._port = parts.hostname or "", parts.port
        except ValueError:
            parts, self._host = urllib.parse.urlsplit(""), ""
        if parts.scheme not in ("http", "https") or not self._host:
            raise InvalidParameter(
                "The address of the service is no http or https address.",
                'Give one such as "http://localhost:8080/v1".',
            )
        if parts.username or parts.password or parts.query or parts.fragment:
            raise InvalidParameter(
                f"The address at {self._host} holds more than a place.",
                "Leave out user, password and query; put a key into the environment.",
            )
        self._scheme = parts.scheme
        self._path = parts.path.rstrip("/")
        self._timeout = timeout
        self._idle: queue.LifoQueue[http.client.HTTPConnection] = queue.LifoQueue()

    def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        """Send a body and wait for the answer, whatever its status.

        Raises
        ------
        OSError, http.client.HTTPException
            If there is no answer, or it breaks off.
        TooLarge
        """
        sent = {"Accept": "application/json", "Content-Type": "application/json"}
        sent |= {"User-Agent": _agent(), **headers}
        try:
            kept = self._idle.get_nowait()
        except queue.Empty:
            return self._exchange(self._opened(), path, body, sent)
        try:
            return self._exchange(kept, path, body, sent)
        except _STALE:
            return self._exchange(self._opened(), path, body, sent)

    def close(self) -> None:
        """Close what is open and idle."""
        while not self._idle.empty():
            self._idle.get_nowait().close()

    def __del__(self) -> None:
        if hasattr(self, "_idle"):
            self.close()

    def _exchange(
        self,
        connection: http.client.HTTPConnection,
        path: str,
        body: bytes,
        headers: Mapping[str, str],
    ) -> Reply:
        try:
            target, extra = self._target(self._path + path)
            connection.request("POST", target, body, {**headers, **extra})
            response = connection.getresponse()
            content = _content(response)
        except BaseException:
            connection.close()
            raise
        if response.will_close:
            connection.close()
        else:
            self._idle.put(connection)
        named = {name.lower(): value for name, value in response.getheaders()}
        return Reply(response.status, named, content)

    def _opened(self) -> http.client.HTTPConnection:
        proxy = self._proxy()
        port = self._port or (443 if self._scheme == "https" else 80)
        host = self._host if proxy is None else (proxy.hostname or "")
        at = port if proxy is None else (proxy.port or 80)
        if self._scheme == "http":
            return http.client.HTTPConnection(host, at, timeout=self._timeout)
        connection = http.client.HTTPSConnection(host, at, timeout=self._timeout)
        if proxy is not None:
            connection.set_tunnel(self._host, port, _proxy_headers(proxy))
        return connection

    def _target(self, path: str) -> tuple[str, dict[str, str]]:
        """What is asked for, and the headers for a proxy; a proxy of plain http wants it whole."""
        proxy = self._proxy()
        if proxy is None or self._scheme == "https":
            return path, {}
        host = f"[{self._host}]" if ":" in self._host else self._host
        port = f":{self._port}" if self._port else ""
        return f"http://{host}{port}{path}", _proxy_headers(proxy)

    def _proxy(self) -> urllib.parse.SplitResult | None:
        """The proxy that the environment names for this address."""
        if self._host in _LOCAL or urllib.request.proxy_bypass(self._host):
            return None
        address = urllib.request.getproxies().get(self._scheme)
        if not address:
            return None
        return urllib.parse.urlsplit(address if "//" in address else f"http://{address}")


def _content(response: http.client.HTTPResponse) -> bytes:
    if response.length is not None:
        if response.length > LARGEST:
            raise TooLarge
        return response.read()  # raises IncompleteRead if it breaks off
    parts, size = [], 0
    while part := response.read(1 << 20):
        size += len(part)
        if size > LARGEST:
            raise TooLarge
        parts.append(part)
    return b"".join(parts)


def _proxy_headers(proxy: urllib.parse.SplitResult) -> dict[str, str]:
    if proxy.username is None:
        return {}
    pair = f"{urllib.parse.unquote(proxy.username)}:{urllib.parse.unquote(proxy.password or '')}"
    return {"Proxy-Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}


def _agent() -> str:
    try:
        return f"kinspace/{version('kinspace')}"
    except PackageNotFoundError:  # run from a folder that was never installed
        return "kinspace"
