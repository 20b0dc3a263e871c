"""A small server that speaks the chat protocol, and misbehaves on demand."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Reply = str | bytes | tuple[int, dict[str, str], str]
"""What a model says, raw bytes of a body, or status, headers and body."""

SLOW = "<slow>"
CUT = "<cut>"


@dataclass
class Server:
    """What was asked of it, and how it answers."""

    url: str
    replies: Callable[[str], Reply]
    requests: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    lock: Any = field(default_factory=threading.Lock)


def model(prompt: str) -> str:
    """A well-behaved model: questions from rare words of the text, and yes to all of them."""
    if '"answerable"' in prompt:
        return '{"answerable": true}'
    text = prompt.partition("<text>")[2].partition("</text>")[0]
    words = sorted(set(re.findall(r"[a-z]{6,}", text)), key=lambda word: (-len(word), word))
    questions = [f"Why would {words[0]} or {words[1]} be needed?", f"What became of {words[2]}?"]
    return "Here you are:\n```json\n" + json.dumps({"questions": questions}) + "\n```"


@contextmanager
def serving(replies: Callable[[str], Reply] | Sequence[Reply] = model) -> Iterator[Server]:
    """Run a server; a sequence of replies is given in turn, and then the well-behaved ones."""
    if not callable(replies):
        left = list(replies)
        lock = threading.Lock()

        def next_of(prompt: str) -> Reply:
            with lock:
                return left.pop(0) if left else model(prompt)

        replies = next_of

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with server.lock:
                server.requests.append(body | {"path": self.path})
                server.headers.append(dict(self.headers))
                server.times.append(time.monotonic())
                server.at_once += 1
                server.most_at_once = max(server.most_at_once, server.at_once)
            reply = server.replies(body["messages"][-1]["content"])
            with server.lock:
                server.at_once -= 1
            self.answer(reply)

        def answer(self, reply: Reply) -> None:
            status, headers, body = 200, {}, b""
            if isinstance(reply, tuple):
                status, headers, text = reply
                body = text.encode()
            elif reply == SLOW:
                time.sleep(0.6)
            elif reply == CUT:
                body = b'{"choices": [{"mess'
                headers = {"Content-Length": "5000"}
            elif isinstance(reply, bytes):
                body = reply
            else:
                usage = {"prompt_tokens": 100, "completion_tokens": 10}
                message = {"role": "assistant", "content": reply}
                body = json.dumps({"choices": [{"message": message}], "usage": usage}).encode()
            try:
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.send_header("Connection", "close")
                self.end_headers()
                self.wfile.write(body)
            except OSError:  # the client has left
                pass
            self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    server = Server(f"http://127.0.0.1:{http.server_port}/v1", replies)
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        thread.join()
        http.server_close()
