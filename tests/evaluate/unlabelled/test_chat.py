"""The client for chat models, over HTTP against a server that misbehaves on demand."""

from __future__ import annotations

import time
from email.utils import formatdate

import pytest

from kinspace.errors import InvalidParameter, ProviderError
from kinspace.evaluate.unlabelled import Chat
from kinspace.evaluate.unlabelled.chat import Refusal, _seconds
from tests.evaluate.unlabelled.chat_server import CUT, SLOW, Reply, serving

KEY = "sk-very-secret-0123456789"
HELLO = [{"role": "user", "content": "Hello <text> something longer entirely </text>"}]


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


def test_a_question_and_its_answer() -> None:
    with serving(["Hello!"]) as server:
        answer = Chat(server.url + "/", "tiny", options={"seed": 7}).ask(HELLO, most_tokens=9)
    assert (answer.text, answer.prompt_tokens, answer.answer_tokens) == ("Hello!", 100, 10)
    (request,), (headers,) = server.requests, server.headers
    assert request["path"] == "/v1/chat/completions"
    assert request["model"] == "tiny"
    assert request["messages"] == HELLO
    assert (request["max_tokens"], request["seed"], request["temperature"]) == (9, 7, 0)
    assert headers["Authorization"] == f"Bearer {KEY}"


def test_options_can_take_something_out() -> None:
    with serving(["Hello!"]) as server:
        Chat(server.url, "tiny", options={"max_tokens": None, "max_completion_tokens": 5}).ask(
            HELLO
        )
    assert "max_tokens" not in server.requests[0]
    assert server.requests[0]["max_completion_tokens"] == 5


def test_without_a_key_none_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    with serving(["Hello!"]) as server:
        Chat(server.url, "tiny").ask(HELLO)
    assert "Authorization" not in server.headers[0]


@pytest.mark.parametrize(
    "trouble",
    [
        (429, {"Retry-After": "0"}, "slow down"),
        (429, {}, ""),
        (500, {}, "oops"),
        (503, {"Retry-After": "soon"}, ""),
        SLOW,
        CUT,
        b"",
        b"<html>a proxy</html>",
        b"{}",
        b'{"choices": []}',
        b'{"choices": [{"message": {"content": null}}]}',
        b'{"choices": [{"message": {"content": " "}}]}',
        b"[" * 100_000,
    ],
    ids=lambda trouble: str(trouble)[:40],
)
def test_what_may_pass_is_tried_again(trouble: Reply) -> None:
    with serving([trouble, trouble, "Hello!"]) as server:
        chat = Chat(server.url, "tiny", timeout=0.3, wait=0.01)
        assert chat.ask(HELLO).text == "Hello!"
    assert len(server.requests) == 3


def test_retry_after_is_obeyed() -> None:
    with serving([(429, {"Retry-After": "0.5"}, ""), "Hello!"]) as server:
        Chat(server.url, "tiny", wait=0.001).ask(HELLO)
    first, second = server.times
    assert second - first >= 0.5


def test_retry_after_in_both_forms() -> None:
    assert _seconds(None) is None
    assert _seconds("12") == 12.0
    assert _seconds("-1") == 0.0
    assert _seconds("tomorrow") is None
    assert 50 < (_seconds(formatdate(time.time() + 60, usegmt=True)) or 0) <= 60
    assert _seconds(formatdate(0, usegmt=True)) == 0.0


def test_patience_ends() -> None:
    with serving([(503, {}, "")] * 9) as server:
        chat = Chat(server.url, "tiny", attempts=3, wait=0.001)
        with pytest.raises(ProviderError, match=r"3 attempts: status 503") as caught:
            chat.ask(HELLO)
    assert len(server.requests) == 3
    assert caught.value.remedy


def test_nobody_there() -> None:
    with serving() as server:
        pass
    with pytest.raises(ProviderError, match=r"2 attempts"):
        Chat(server.url, "tiny", attempts=2, wait=0.001).ask(HELLO)


@pytest.mark.parametrize(
    ("status", "remedy"),
    [(400, "what it takes"), (401, "OPENAI_API_KEY"), (403, "OPENAI_API_KEY"), (404, "address")],
)
def test_a_refusal_is_final(status: int, remedy: str) -> None:
    with (
        serving([(status, {}, f"Incorrect key: {KEY}\nand more")]) as server,
        pytest.raises(Refusal, match=f"status {status}: Incorrect key: … and") as caught,
    ):
        Chat(server.url, "tiny").ask(HELLO)
    assert len(server.requests) == 1
    assert remedy in caught.value.remedy


def test_the_key_goes_to_no_other_place() -> None:
    with (
        serving() as thief,
        serving([(307, {"Location": f"{thief.url}/steal"}, "")]) as server,
        pytest.raises(Refusal, match="status 307"),
    ):
        Chat(server.url, "tiny").ask(HELLO)
    assert not thief.requests


def test_the_key_is_in_no_message() -> None:
    replies: list[Reply] = [(401, {}, KEY), KEY.encode(), (500, {}, KEY)]
    for reply in replies:
        with serving([reply] * 3) as server:
            chat = Chat(server.url, "tiny", attempts=2, wait=0.001)
            with pytest.raises(ProviderError) as caught:
                chat.ask(HELLO)
        error: BaseException | None = caught.value
        while error is not None:
            assert KEY not in f"{error} {error!r} {error.args}"
            error = error.__cause__
    assert KEY not in f"{chat!r} {chat.identity}"


@pytest.mark.parametrize(
    "address",
    [
        "",
        "localhost:8000/v1",
        "file:///etc/passwd",
        "ftp://somewhere/v1",
        "http://",
        "http://me:secret-word@somewhere/v1",
        "http://somewhere/v1?key=secret-word",
        "http://[oops/v1",
    ],
)
def test_addresses_that_are_none(address: str) -> None:
    with pytest.raises(InvalidParameter) as caught:
        Chat(address, "tiny")
    assert "secret-word" not in str(caught.value)


@pytest.mark.parametrize("settings", [{"attempts": 0}, {"timeout": 0}, {"wait": -1}])
def test_settings_out_of_range(settings: dict[str, int]) -> None:
    with pytest.raises(InvalidParameter):
        Chat("http://somewhere/v1", "tiny", **settings)  # type: ignore[arg-type]
