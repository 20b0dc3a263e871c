"""A small web server that misbehaves on demand."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Server:
    """What it serves, how it behaves, and what it was asked."""

    body: bytes
    address: str = ""
    ranges: bool = True
    status: list[int] = field(default_factory=list)
    """Answers to give instead of the file, in order."""
    cut_after: list[int] = field(default_factory=list)
    """Bytes after which to break off, in order."""
    wait: float = 0.0
    """Seconds before the answer."""
    asked: list[str | None] = field(default_factory=list)
    """The ranges that were asked for."""

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.body).hexdigest()


@contextmanager
def serving(body: bytes) -> Iterator[Server]:
    """A server at an address of its own for as long as the block runs."""
    state = Server(body)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            _answer(self, state)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """Say nothing when the client has gone, as it does when it has seen enough."""

    with Quiet(("127.0.0.1", 0), Handler) as server:
        state.address = f"http://127.0.0.1:{server.server_address[1]}/file"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield state
        finally:
            server.shutdown()
            thread.join()


def _answer(handler: BaseHTTPRequestHandler, state: Server) -> None:
    wanted = handler.headers.get("Range")
    state.asked.append(wanted)
    time.sleep(state.wait)
    if state.status:
        handler.send_error(state.status.pop(0))
        return
    start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and state.ranges else 0
    if start >= len(state.body):
        handler.send_error(416)
        return
    body = state.body[start:]
    handler.send_response(206 if start else 200)
    if start:
        handler.send_header("Content-Range", f"bytes {start}-{len(state.body) - 1}/{len(body)}")
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    cut = state.cut_after.pop(0) if state.cut_after else len(body)
    handler.wfile.write(body[:cut])
    handler.close_connection = True
