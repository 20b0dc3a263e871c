"""A small server that speaks the protocols of all services, and misbehaves on demand."""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

SLOW = "slow"
CUT = "cut"
HANG_UP = "hang up"

Mood = str | bytes | tuple[int, dict[str, str], Any] | Callable[[Any], Any]
"""One of the words above, a body, status with headers and body, or what is done to an answer."""


@dataclass
class Asked:
    """A request."""

    path: str
    body: dict[str, Any]
    headers: dict[str, str]
    at: float

    @property
    def items(self) -> list[str]:
        """The texts; of pictures their addresses."""
        body = self.body
        if "requests" in body:
            parts = [one["content"]["parts"][0] for one in body["requests"]]
            return [part.get("text") or part["inline_data"]["data"] for part in parts]
        if "inputs" in body:
            return [one["content"][0]["image_url"]["url"] for one in body["inputs"]]
        return list(body.get("input") or body.get("texts") or body["images"])


@dataclass
class Server:
    """What was asked of it, and how it behaves."""

    url: str = ""
    dim: int = 8
    moods: list[Mood] = field(default_factory=list)
    """How the next requests are met, in order; after these, well."""
    longest: int | None = None
    """Characters beyond which a text is refused, and the whole request with it."""
    most: int | None = None
    """Items beyond which a request is refused."""
    wait: float = 0.0
    knows_base64: bool = True
    asked: list[Asked] = field(default_factory=list)
    connections: int = 0
    most_at_once: int = 0
    _at_once: int = 0
    _lock: Any = field(default_factory=threading.Lock)

    @property
    def items(self) -> list[str]:
        """All that was asked for, one request after the other."""
        return [item for asked in self.asked for item in asked.items]

    def vector(self, text: str, dim: int | None = None) -> NDArray[np.float32]:
        """The vector of a text; shorter ones are the beginnings of longer ones."""
        seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")
        whole = np.random.default_rng(seed).standard_normal(4096).astype(np.float32)
        return whole[: dim or self.dim]

    def answer(self, asked: Asked) -> tuple[int, Any]:
        """Status and JSON."""
        texts = asked.items
        if self.most is not None and len(texts) > self.most:
            return 413, {"error": {"message": f"batch size {len(texts)} > {self.most}"}}
        if self.longest is not None and any(len(text) > self.longest for text in texts):
            return 400, {"error": {"message": "maximum context length exceeded", "code": None}}
        if "batchEmbedContents" in asked.path:
            return 200, self._gemini(asked)
        return 200, self._cohere(asked) if asked.path.endswith("/embed") else self._openai(asked)

    def _openai(self, asked: Asked) -> Any:
        data = []
        for place, text in enumerate(asked.items):
            vector: Any = self.vector(text, asked.body.get("dimensions"))
            if asked.body["encoding_format"] == "base64" and self.knows_base64:
                vector = base64.b64encode(vector.astype("<f4").tobytes()).decode()
            else:
                vector = vector.tolist()
            data.append({"object": "embedding", "index": place, "embedding": vector})
        data.reverse()  # the index counts, not the place
        return {"object": "list", "data": data, "usage": {"total_tokens": 3 * len(data)}}

    def _gemini(self, asked: Asked) -> Any:
        dims = [one.get("outputDimensionality") for one in asked.body["requests"]]
        pairs = zip(asked.items, dims, strict=True)
        found = [{"values": self.vector(text, dim).tolist()} for text, dim in pairs]
        return {"embeddings": found, "usageMetadata": {"promptTokenCount": 3 * len(found)}}

    def _cohere(self, asked: Asked) -> Any:
        (kind,) = asked.body["embedding_types"]
        dim = asked.body.get("output_dimension")
        rows = np.array([self.vector(text, dim) for text in asked.items])
        found = quantised(rows, kind).tolist()
        tokens = {"billed_units": {"input_tokens": 3 * len(found)}}
        return {"id": "1", "embeddings": {kind: found}, "meta": tokens}


def quantised(rows: NDArray[np.float32], kind: str) -> NDArray[Any]:
    """Vectors in the types in which Cohere sends them."""
    whole = np.clip(np.round(rows * 40), -128, 127)
    if kind in ("int8", "uint8"):
        return whole.astype(np.int8) if kind == "int8" else (whole + 128).astype(np.uint8)
    if kind in ("binary", "ubinary"):
        packed = np.packbits(rows > 0, axis=1)
        return packed if kind == "ubinary" else packed.astype(np.int16) - 128
    return rows


def status(code: int, message: str = "", **headers: str) -> Mood:
    """A refusal as OpenAI says it."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return code, named, {"error": {"message": message or f"status {code}", "code": None}}


@contextmanager
def serving(certificate: Path | None = None, **behaviour: Any) -> Iterator[Server]:
    """A server at an address of its own for as long as the block runs.

    With a file of a key and a certificate for ``localhost`` it speaks https.
    """
    server, http, thread = _started(certificate, **behaviour)
    try:
        yield server
    finally:
        http.shutdown()
        thread.join()
        http.server_close()


@functools.cache
def address() -> str:
    """Of a server that behaves, for as long as the tests run."""
    return _started()[0].url


def _started(
    certificate: Path | None = None, **behaviour: Any
) -> tuple[Server, ThreadingHTTPServer, threading.Thread]:
    server = Server(**behaviour)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            super().setup()
            with server._lock:
                server.connections += 1

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            asked = Asked(self.path, body, dict(self.headers), time.monotonic())
            with server._lock:
                server.asked.append(asked)
                server._at_once += 1
                server.most_at_once = max(server.most_at_once, server._at_once)
                mood = server.moods.pop(0) if server.moods else None
            time.sleep(server.wait)
            try:
                _meet(self, asked, mood)
            except OSError:  # the client has left
                self.close_connection = True
            finally:
                with server._lock:
                    server._at_once -= 1

        def log_message(self, *_: object) -> None:
            pass

    def _meet(handler: Handler, asked: Asked, mood: Mood | None) -> None:
        code, headers, found = 200, {}, b""
        if mood == HANG_UP:
            handler.close_connection = True
            return
        if mood == SLOW:
            time.sleep(0.6)
        if isinstance(mood, tuple):
            code, headers, content = mood
            found = json.dumps(content).encode()
        elif isinstance(mood, bytes):
            found = mood
        else:
            code, content = server.answer(asked)
            found = json.dumps(mood(content) if callable(mood) else content).encode()
        handler.send_response(code)
        size = len(found) * (10 if mood == CUT else 1)
        for name, value in {"Content-Length": str(size), **headers}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(found)
        if mood == CUT:
            handler.close_connection = True

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 64

        def handle_error(self, request: object, client_address: object) -> None:
            pass

    http = Quiet(("127.0.0.1", 0), Handler)
    server.url = f"http://127.0.0.1:{http.server_port}/v1"
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        http.socket = context.wrap_socket(http.socket, server_side=True)
        server.url = f"https://localhost:{http.server_port}/v1"
    thread = threading.Thread(
        target=http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
    )
    thread.start()
    return server, http, thread
