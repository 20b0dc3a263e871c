"""Services that are slow, busy, broken or wrong, and keys that are seen nowhere."""

from __future__ import annotations

import contextlib
import json
import logging
import shutil
import socket
import socketserver
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from email.utils import format_datetime, formatdate
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kinspace.errors import InvalidInput, InvalidParameter, KinspaceError, ProviderError
from kinspace.pretrained.providers import Calls, CohereEncoder, GeminiEncoder, OpenAIEncoder
from tests.pretrained.providers.server import CUT, HANG_UP, SLOW, Mood, Server, serving, status

TEXTS = [f"text number {i}" for i in range(12)]
KEY = "sk-proj-abcdefgh12345678"


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KINSPACE_API_KEY", KEY)


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


def encoder(server: Server, **options: Any) -> OpenAIEncoder:
    calls = {"wait": 0.01, "timeout": 0.3, "items": 4, **options.pop("calls", {})}
    return OpenAIEncoder(
        "m", **{"dim": 8, "base_url": server.url, "calls": Calls(**calls), **options}
    )


def right(server: Server, found: Any, texts: list[str] = TEXTS) -> None:
    np.testing.assert_allclose(np.asarray(found), [server.vector(text) for text in texts])


# -- what may pass -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "trouble",
    [
        status(429),
        status(500),
        status(502),
        status(503),
        status(529),
        status(408),
        SLOW,
        CUT,
        HANG_UP,
        b"<html>busy</html>",
        b'{"data": [{"index": 0, "embed',
        b"",
        b"[" * 100_000,
    ],
    ids=lambda mood: str(mood)[:30],
)
def test_what_may_pass_is_tried_again(server: Server, trouble: Mood) -> None:
    server.moods = [trouble, trouble]
    right(server, encoder(server).encode(TEXTS))
    assert len(server.asked) == 5


def test_retry_after_is_obeyed(server: Server) -> None:
    server.moods = [status(429, Retry_After="0.3")]
    right(server, encoder(server, calls={"timeout": 5}).encode(TEXTS[:1]), TEXTS[:1])
    first, second = server.asked
    assert 0.3 <= second.at - first.at < 2


def test_retry_after_holds_for_all_requests(server: Server) -> None:
    server.moods = [status(429, Retry_After="0.4")]
    one_at_a_time = {"timeout": 5, "concurrency": 1}
    encoder(server, calls=one_at_a_time).encode(TEXTS)
    times = [asked.at for asked in server.asked]
    assert times[1] - times[0] >= 0.4

    server.asked.clear()
    server.wait = 0.05
    server.moods = [status(429, Retry_After="0.4")] * 2
    encoder(server, calls={"timeout": 5, "concurrency": 2, "items": 1}).encode(TEXTS)
    times = sorted(asked.at for asked in server.asked)
    assert times[2] - times[0] >= 0.35


@pytest.mark.parametrize(
    "refusal",
    [
        status(429, Retry_After=formatdate(time.time() + 3600, usegmt=True)),
        status(429, Retry_After="3600"),
        status(429, retry_after_ms="3600000"),
        (429, {}, {"error": {"message": "quota", "details": [{"retryDelay": "3600s"}]}}),
    ],
    ids=["date", "seconds", "milliseconds", "gemini"],
)
def test_a_service_that_wants_an_hour_is_given_up(server: Server, refusal: Mood) -> None:
    server.moods = [refusal]
    with pytest.raises(ProviderError, match=r"asks for a pause of \d{4} s"):
        encoder(server).encode(TEXTS[:1])
    assert len(server.asked) == 1


def test_dates_that_have_passed_and_nonsense_are_no_pause(server: Server) -> None:
    from datetime import UTC, datetime

    past = format_datetime(datetime(2020, 1, 1, tzinfo=UTC), usegmt=True)
    server.moods = [status(429, Retry_After=past), status(429, Retry_After="soon")]
    right(server, encoder(server).encode(TEXTS[:1]), TEXTS[:1])


def test_patience_ends(server: Server) -> None:
    server.moods = [status(500, "out of order")] * 99
    with pytest.raises(ProviderError, match=r"did not answer in 3 attempts: status 500: out of"):
        encoder(server, calls={"attempts": 3}).encode(TEXTS[:1])
    assert len(server.asked) == 3


def test_nobody_there() -> None:
    with serving() as server:
        model = encoder(server, calls={"attempts": 2})
        other = model.clone()
        model.encode(["a"])
    with pytest.raises(ProviderError, match="cannot be reached") as raised:
        other.encode(TEXTS)
    assert "whether the server runs" in raised.value.remedy
    with pytest.raises(ProviderError, match="did not answer in 2 attempts"):
        model.encode(TEXTS)  # it was there before, and may come back


def test_a_host_that_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")
    model = OpenAIEncoder("m", dim=8, base_url="http://no.such.host.invalid/v1")
    with pytest.raises(ProviderError, match="cannot be reached"):
        model.encode(["a"])


# -- what does not pass ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "remedy"),
    [(401, "valid key"), (403, "may do"), (404, "name of the model"), (402, "balance"), (301, "")],
)
def test_a_refusal_is_final(server: Server, code: int, remedy: str) -> None:
    server.moods = [status(code, Location="http://127.0.0.1:1/")] * 99
    with pytest.raises(ProviderError, match=f"status {code}") as raised:
        encoder(server, calls={"concurrency": 1}).encode(TEXTS)
    assert remedy in raised.value.remedy
    assert len(server.asked) == 1


def test_a_quota_that_is_used_up_is_not_asked_again(server: Server) -> None:
    server.moods = [(429, {}, {"error": {"message": "quota", "code": "insufficient_quota"}})] * 9
    with pytest.raises(ProviderError, match="429"):
        encoder(server, calls={"concurrency": 1}).encode(TEXTS)
    assert len(server.asked) == 1


def test_what_every_item_would_meet_is_not_asked_for_each(server: Server) -> None:
    server.moods = [status(400, "dimensions are not supported")] * 99
    with pytest.raises(ProviderError, match="dimensions are not supported"):
        encoder(server, calls={"concurrency": 1}).encode(TEXTS)
    assert len(server.asked) == 2


def _mangle(change: Callable[[list[Any]], object]) -> Callable[[Any], Any]:
    def changed(answer: Any) -> Any:
        change(answer["data"])
        return answer

    return changed


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        (_mangle(lambda data: data.pop()), "cannot be understood|3 vectors for 4"),
        (_mangle(lambda data: data.clear()), "0 vectors for 4"),
        (_mangle(lambda data: data[0].update(index=7)), "numbered"),
        (_mangle(lambda data: data[0].update(index="x")), "cannot be understood"),
        (_mangle(lambda data: data[0].update(embedding="no base64!")), "cannot be understood"),
        (_mangle(lambda data: data[0].update(embedding=[1.0])), "cannot be understood"),
        (_mangle(lambda data: data[0].update(embedding=None)), "cannot be understood|dimensions"),
        (
            _mangle(lambda data: [d.update(embedding=[1.0] * 9) for d in data]),
            "9 dimensions where 8",
        ),
        (lambda answer: {"object": "error"}, "cannot be understood"),
        (lambda answer: {"error": {"message": "no model loaded"}}, "no model loaded"),
        (lambda answer: [], "cannot be understood"),
        (lambda answer: None, "cannot be understood"),
    ],
)
def test_nonsense_is_named(server: Server, trouble: Mood, said: str) -> None:
    server.moods = [trouble]
    with pytest.raises(ProviderError, match=said) as raised:
        encoder(server).encode(TEXTS[:4])
    assert raised.value.remedy
    assert len(server.asked) == 1  # it was paid for once, and would be again


def test_an_item_with_nan_is_named_and_the_others_are_kept(server: Server) -> None:
    server.moods = [_mangle(lambda data: data[-1].update(embedding=[float("nan")] * 8))]
    with pytest.raises(ProviderError, match=r"'text number 0'.*NaN"):
        encoder(server, calls={"concurrency": 1}).encode(TEXTS)
    server.moods = [_mangle(lambda data: data[-1].update(embedding=[1e39] * 8))]
    got, error = collected(encoder(server, calls={"concurrency": 1}), TEXTS)
    assert "NaN or infinity" in str(error)
    assert sorted(got) == list(range(1, 12))


# -- what was paid for is kept -------------------------------------------------------------------


def collected(model: Any, texts: list[str]) -> tuple[dict[int, Any], BaseException | None]:
    """What came, and what ended it."""
    got: dict[int, Any] = {}
    try:
        for places, rows in model.parts(texts):
            got |= dict(zip(places.tolist(), rows, strict=True))
    except (KinspaceError, KeyboardInterrupt) as error:
        return got, error
    return got, None


def test_one_item_too_long_costs_no_other(server: Server) -> None:
    server.longest = 40
    texts = [*TEXTS, "x" * 600, *TEXTS[:3]]
    got, error = collected(encoder(server, long="error"), texts)
    assert sorted(got) == [i for i in range(len(texts)) if i != 12]
    for place, row in got.items():
        np.testing.assert_allclose(row, server.vector(texts[place]))
    assert isinstance(error, ProviderError)
    assert "'xxx" in error.message
    assert "15 other items" in error.message


def test_a_service_that_dies_keeps_what_it_gave(server: Server) -> None:
    model = encoder(server, calls={"concurrency": 1, "attempts": 2})
    server.moods = [lambda answer: answer] * 2 + [status(500)] * 99
    got, error = collected(model, TEXTS)
    assert sorted(got) == list(range(8))
    assert isinstance(error, ProviderError)


def test_a_refusal_ends_what_has_not_begun(server: Server) -> None:
    server.moods = [lambda answer: answer] + [status(401)] * 99
    got, error = collected(encoder(server, calls={"concurrency": 1, "items": 1}), TEXTS)
    assert sorted(got) == [0]
    assert isinstance(error, ProviderError)
    assert len(server.asked) == 2


def test_an_interrupt_keeps_what_is_under_way(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kinspace.pretrained.providers import gathering

    real, calls = gathering.wait, []

    def interrupted(*args: Any, **options: Any) -> Any:
        calls.append(1)
        if len(calls) == 1:
            time.sleep(0.1)  # the first two are under way
            raise KeyboardInterrupt
        return real(*args, **options)

    monkeypatch.setattr(gathering, "wait", interrupted)
    server.wait = 0.2
    got, error = collected(encoder(server, calls={"concurrency": 2, "timeout": 5}), TEXTS)
    assert isinstance(error, KeyboardInterrupt)
    assert sorted(got) == list(range(8))
    assert len(server.asked) == 2


def test_a_request_of_too_many_is_halved(server: Server) -> None:
    server.most = 3
    model = encoder(server, calls={"items": 12})
    right(server, model.encode(TEXTS))
    assert [len(asked.items) for asked in server.asked] == [12, 1, 6, 3, 3, 6, 3, 3]
    assert model.usage_.tokens == 3 * (len(TEXTS) + 1)  # what was refused costs nothing


def test_too_large_for_a_minute_is_halved(server: Server) -> None:
    server.moods = [status(429, "Request too large for m: limit 40000 tokens per min")]
    right(server, encoder(server, calls={"items": 12}).encode(TEXTS))


# -- long texts ----------------------------------------------------------------------------------


def test_the_beginning_of_a_long_text(server: Server) -> None:
    server.longest = 2000
    model = encoder(server)
    text = "word " * 4000
    found = model.encode([*TEXTS[:3], text])
    sent = server.asked[-1].items[0]
    assert text.startswith(sent)
    assert 1500 <= len(sent) <= 2000
    np.testing.assert_allclose(np.asarray(found)[3], server.vector(sent))
    assert model.truncated_["texts"] == 1
    assert 4000 < model.truncated_["tokens"] < 5000


def test_the_mean_of_a_long_text(server: Server) -> None:
    server.longest = 2000
    text = "word " * 1000
    found = np.asarray(encoder(server, long="mean").encode([text]))[0]
    pieces = [i for asked in server.asked for i in asked.items if len(i) <= 2000]
    assert " ".join(pieces) == text.strip()
    rows = np.array([server.vector(piece) for piece in pieces])
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    mean = np.average(rows, axis=0, weights=[len(piece) for piece in pieces])
    np.testing.assert_allclose(found, mean / np.linalg.norm(mean), atol=1e-6)


def test_a_short_text_that_is_refused_is_no_long_one(server: Server) -> None:
    server.longest = 5
    with pytest.raises(ProviderError, match="maximum context length"):
        encoder(server).encode(["too long for it"])
    assert len(server.asked) == 1


def test_ten_megabytes(server: Server) -> None:
    server.longest = 10_000
    found = encoder(server, calls={"timeout": 10}).encode(["naïve café " * 900_000])
    assert np.isfinite(np.asarray(found)).all()


def test_blank_texts_are_not_sent(server: Server) -> None:
    found = np.asarray(encoder(server).encode(["", " \n", "a"]))
    assert not found[:2].any()
    assert server.items == ["a"]


def test_what_is_no_text(server: Server) -> None:
    for bad in ("a \ud800 b", None, 3):
        with pytest.raises(InvalidInput):
            encoder(server).encode(["a", bad])
    assert not server.asked


# -- many at once --------------------------------------------------------------------------------


def test_as_many_at_once_as_are_allowed_and_no_more(server: Server) -> None:
    server.wait = 0.05
    texts = [f"text {i}" for i in range(40)]
    calls = {"concurrency": 3, "timeout": 5}
    right(server, encoder(server, calls=calls).encode(texts), texts)
    assert server.most_at_once == 3
    assert server.connections == 3  # kept open from one request to the next


def test_a_connection_that_was_closed_meanwhile(server: Server) -> None:
    model = encoder(server, calls={"attempts": 1})
    model.encode(["a"])
    server.moods = [HANG_UP]
    right(server, model.encode(["b"]), ["b"])


def test_threads_may_share_an_encoder(server: Server) -> None:
    model = encoder(server)
    found: dict[int, Any] = {}
    threads = [
        threading.Thread(target=lambda i=i: found.update({i: model.encode(TEXTS)}))
        for i in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    for one in found.values():
        right(server, one)
    assert model.usage_.tokens == 4 * 3 * len(TEXTS)


# -- keys ----------------------------------------------------------------------------------------


def test_the_key_is_seen_nowhere(
    server: Server, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    model = encoder(server, calls={"attempts": 1})
    shown = []
    for mood in (
        status(401, f"Incorrect API key provided: {KEY[:8]}********{KEY[-4:]}"),
        status(400, f"the key {KEY} and {KEY[:10]}… are bad"),
        status(500, f"crash with {KEY}"),
        (418, {}, f"Bearer {KEY}"),
        (404, {}, {"detail": [{"key": KEY}]}),
        (200, {}, {"data": [{"index": 0, "embedding": [KEY]}]}),
    ):
        server.moods = [mood] * 3
        with pytest.raises(ProviderError) as raised:
            model.encode(["a text"])
        error: BaseException | None = raised.value
        while error is not None:
            shown.append(repr(error) + str(error))
            error = error.__cause__ or error.__context__
    assert all(asked.headers["Authorization"] == f"Bearer {KEY}" for asked in server.asked)
    shown += [repr(model), str(model), json.dumps(model.get_params(), default=repr)]
    shown += [
        repr(model.space),
        str(model.space.to_dict()),
        repr(model.clone()),
        repr(model._client),
    ]
    shown += [caplog.text, *capfd.readouterr()]
    for text in shown:
        assert KEY not in text
        assert KEY[:8] not in text
        assert KEY[-4:] not in text


def test_the_fingerprint_does_not_know_the_key(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = encoder(server).space
    monkeypatch.setenv("KINSPACE_API_KEY", "another")
    assert encoder(server).space == first


def test_what_is_no_key_is_not_shown(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for bad in ("one two", "naïve", "a\nb"):
        monkeypatch.setenv("KINSPACE_API_KEY", bad)
        with pytest.raises(InvalidParameter, match="is no key") as raised:
            encoder(server).encode(["a"])
        assert bad not in str(raised.value)
    assert not server.asked


@pytest.mark.parametrize("kind", [OpenAIEncoder, GeminiEncoder, CohereEncoder])
def test_without_a_key_it_is_said_where_to_put_it(
    kind: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kinspace.pretrained.providers import keys

    monkeypatch.setattr(keys, "_from_keyring", lambda variable: None)
    for variable in kind.variables:
        monkeypatch.delenv(variable, raising=False)
    options = ("text-embedding-3-small",) if kind is OpenAIEncoder else ()
    with pytest.raises(ProviderError, match="There is no key for") as raised:
        kind(*options).encode(["a"])
    assert f"${kind.variables[0]}" in raised.value.remedy
    assert "keyring" in raised.value.remedy


def test_a_key_from_the_keyring(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    import keyring

    held = {("kinspace", "OF_MY_SERVER"): "from-the-ring"}
    monkeypatch.setattr(keyring, "get_password", lambda *names: held.get(names))
    monkeypatch.delenv("KINSPACE_API_KEY")
    encoder(server, key_from="OF_MY_SERVER").encode(["a"])
    assert server.asked[-1].headers["Authorization"] == "Bearer from-the-ring"
    encoder(server).encode(["a"])  # where no key is asked for, no keyring is unlocked
    assert "Authorization" not in server.asked[-1].headers


def test_a_keyring_that_is_locked_has_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    import keyring
    from keyring.errors import KeyringLocked

    def locked(*_: str) -> str:
        raise KeyringLocked

    monkeypatch.setattr(keyring, "get_password", locked)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(ProviderError, match="There is no key for OpenAI"):
        OpenAIEncoder("text-embedding-3-small").encode(["a"])


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate for localhost and models.test that nobody vouches for."""
    if shutil.which("openssl") is None:
        pytest.skip("makes a certificate with openssl, which is not installed")
    path = tmp_path_factory.mktemp("certificate") / "both.pem"
    names = "subjectAltName=DNS:localhost,DNS:models.test"
    command = f"openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=localhost -addext {names}"
    made = subprocess.run(
        [*command.split(), "-keyout", "-", "-out", "-"], capture_output=True, check=True
    )
    path.write_bytes(made.stdout)
    return path


def test_only_certificates_that_are_trusted(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(certificate) as server:
        with pytest.raises(ProviderError, match=r"certificate of https://localhost.* not trusted"):
            encoder(server).encode(TEXTS)
        assert not server.asked
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        right(server, encoder(server, calls={"timeout": 5}).encode(TEXTS))


class _Tunnel(socketserver.StreamRequestHandler):
    """A proxy that knows CONNECT, and connects to one place whatever it is asked."""

    def handle(self) -> None:
        heads = [*iter(lambda: self.rfile.readline().strip().decode(), "")]
        self.server.asked.append(heads)  # type: ignore[attr-defined]
        with socket.create_connection(("localhost", self.server.port)) as far:  # type: ignore[attr-defined]
            self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
            back = threading.Thread(target=self.carry, args=(far, self.connection))
            back.start()
            self.carry(self.connection, far)
            back.join()

    def carry(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)


def test_a_proxy_of_https_sees_no_key(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with (
        serving(certificate) as server,
        socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Tunnel) as proxy,
    ):
        proxy.daemon_threads = True
        proxy.asked, proxy.port = [], int(server.url.split(":")[2].split("/")[0])  # type: ignore[attr-defined]
        thread = threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            monkeypatch.setenv("https_proxy", f"127.0.0.1:{proxy.server_address[1]}")
            for name in ("no_proxy", "NO_PROXY"):
                monkeypatch.delenv(name, raising=False)
            model = encoder(server, base_url="https://models.test/v1", calls={"timeout": 5})
            right(server, model.encode(TEXTS[:2]), TEXTS[:2])
            model._client._connections.close()
        finally:
            proxy.shutdown()
            thread.join()
        (heads,) = proxy.asked  # type: ignore[attr-defined]
    assert heads[0].startswith("CONNECT models.test:443")
    assert KEY not in str(heads)
    assert server.asked[0].headers["Authorization"] == f"Bearer {KEY}"


def test_a_proxy_is_used_but_not_for_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving() as proxy:
        monkeypatch.setenv("http_proxy", proxy.url.removesuffix("/v1").replace("//", "//me:word@"))
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        model = OpenAIEncoder("m", dim=8, base_url="http://models.test/v1", calls=Calls(attempts=1))
        model.encode(["a"])
        (asked,) = proxy.asked
        assert asked.path == "http://models.test/v1/embeddings"
        assert asked.headers["Host"] == "models.test"
        assert asked.headers["Proxy-Authorization"] == "Basic bWU6d29yZA=="
        with serving() as server:
            encoder(server).encode(["a"])
        assert len(proxy.asked) == 1
