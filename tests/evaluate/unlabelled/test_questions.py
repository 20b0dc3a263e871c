"""Questions that a chat model writes, over HTTP against a server that misbehaves on demand."""

from __future__ import annotations

import json
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from kinspace.datasets.content import Document
from kinspace.errors import EmptyInput, InvalidParameter, ProviderError, ReadError
from kinspace.evaluate.systems import as_system
from kinspace.evaluate.tasks.retrieval import RetrievalTask
from kinspace.evaluate.unlabelled import Chat, plan, questions
from kinspace.evaluate.unlabelled.difficulty import balanced
from kinspace.evaluate.unlabelled.journal import Journal
from kinspace.evaluate.unlabelled.prompts import questions_in, verdict_in
from tests.evaluate.unlabelled.chat_server import Reply, Server, model, serving


@pytest.fixture(autouse=True)
def _no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


def chat_of(server: Server) -> Chat:
    return Chat(server.url, "tiny", attempts=2, wait=0.001, timeout=2)


def test_questions_become_a_set_to_judge_on(documents: list[Document]) -> None:
    with serving() as server:
        made = questions(documents, chat_of(server), n=20, easy_share=1.0)
    assert len(made.content.documents) == len(documents)
    assert made.content.queries.keys() == made.content.qrels.keys()
    assert 15 <= len(made.content.queries) <= 20
    for query, text in made.content.queries.items():
        ((name, _),) = made.content.qrels[query].items()
        assert query.startswith(f"{name} #")
        assert text.endswith("?")
    assert made.calls == len(server.requests) == 30
    assert (made.prompt_tokens, made.answer_tokens) == (3000, 300)
    outcome = RetrievalTask(made.content).run(as_system("bm25"))
    assert outcome.samples["ndcg_at_10"].value() > 0.8


def test_a_plan_asks_nothing_and_bounds_what_is_asked(documents: list[Document]) -> None:
    before = plan(documents, n=20, per_text=2)
    assert before.calls == 30
    with serving() as server:
        questions(documents, chat_of(server), n=20, per_text=2, easy_share=1.0)
    shown = sum(len(request["messages"][0]["content"]) for request in server.requests)
    assert len(server.requests) <= before.calls
    assert shown / 6 < before.prompt_tokens < shown / 2


def test_nothing_is_paid_for_twice(documents: list[Document], tmp_path: Path) -> None:
    cache = tmp_path / "deep" / "questions.jsonl"
    with serving() as server:
        first = questions(documents, chat_of(server), n=20, cache=cache, easy_share=1.0)
        again = questions(documents, chat_of(server), n=20, cache=cache, easy_share=1.0)
        assert again.content == first.content
        assert (again.calls, again.prompt_tokens) == (0, 0)
        assert len(server.requests) == 30
        more = questions(documents, chat_of(server), n=20, seed=1, cache=cache, easy_share=1.0)
    assert 0 < more.calls <= 30
    rows = [json.loads(line) for line in cache.read_text().splitlines()]
    assert len({row["key"] for row in rows}) == len(rows) == 30 + more.calls
    assert {row["prompt"] for row in rows} == {"ask-1", "check-1"}


def test_a_run_that_was_broken_off_goes_on(documents: list[Document], tmp_path: Path) -> None:
    cache = tmp_path / "questions.jsonl"
    lock, count = threading.Lock(), 0

    def failing(prompt: str) -> Reply:
        nonlocal count
        with lock:
            count += 1
            return model(prompt) if count <= 12 else (402, {}, "no money left")

    with serving(failing) as server:
        with pytest.raises(ProviderError, match="no money left"):
            questions(documents, chat_of(server), n=40, cache=cache)
        assert len(cache.read_text().splitlines()) == 12
        cache.write_text(cache.read_text() + '{"key": "cut in the mid')
        server.replies = model
        server.requests.clear()
        made = questions(documents, chat_of(server), n=40, cache=cache, easy_share=1.0)
    assert len(server.requests) == 60 - 12
    assert len(made.content.queries) > 30
    assert len(Journal(cache)) == 60


def test_single_failures_are_counted_and_the_rest_is_kept(documents: list[Document]) -> None:
    def moody(prompt: str) -> Reply:
        text = prompt.split("<text>")[1]
        if len(text) % 4 == 0:
            return "I would rather not."
        return model(prompt)

    with serving(moody) as server:
        made = questions(documents, chat_of(server), n=80, easy_share=1.0, concurrency=4)
    assert 1 <= made.left_out["texts without an answer"] <= 20
    assert 40 <= len(made.content.queries) < 80


def test_a_dead_service_is_given_up_soon(documents: list[Document]) -> None:
    with (
        serving(lambda prompt: (500, {}, "")) as server,
        pytest.raises(ProviderError, match="status 500"),
    ):
        questions(documents, chat_of(server), n=200, concurrency=2)
    assert len(server.requests) <= 2 * 8


def test_a_model_that_writes_no_json(documents: list[Document]) -> None:
    with (
        serving(lambda prompt: "Once upon a time") as server,
        pytest.raises(ProviderError, match="JSON"),
    ):
        questions(documents, chat_of(server), n=100)


def test_calls_at_a_time_are_bounded(documents: list[Document]) -> None:
    gate = threading.Barrier(3)

    def waiting(prompt: str) -> Reply:
        with suppress(threading.BrokenBarrierError):
            gate.wait(timeout=0.5)
        return model(prompt)

    with serving(waiting) as server:
        questions(documents, chat_of(server), n=24, concurrency=3, easy_share=1.0)
    assert server.most_at_once == 3


def test_what_the_text_does_not_answer_is_left_out(documents: list[Document]) -> None:
    def doubting(prompt: str) -> Reply:
        if '"answerable"' in prompt and "What became" in prompt:
            return 'No: {"answerable": false}'
        return model(prompt)

    with serving(doubting) as server:
        made = questions(documents, chat_of(server), n=20, easy_share=1.0)
    assert made.left_out["its text does not answer it"] == 10
    assert all(text.startswith("Why") for text in made.content.queries.values())


def test_poor_questions_are_not_even_checked(documents: list[Document]) -> None:
    asked = [
        "What does the text say about garden walls?",
        "Why?",
        "Who repairs garden walls?",
        "Who repairs  garden walls",
    ]
    reply = json.dumps({"questions": asked})
    with serving(lambda p: model(p) if '"answerable"' in p else reply) as server:
        made = questions(documents, chat_of(server), n=4, per_text=4, easy_share=1.0)
    assert list(made.content.queries.values()) == ["Who repairs garden walls?"]
    assert made.left_out == {"speaks of its text": 1, "too short": 1, "asked twice": 1}
    assert made.calls == 2


def test_easy_questions_are_a_share_at_most(documents: list[Document]) -> None:
    easy = [(document, f"{document.text.split('.')[0]}?") for document in documents[:30]]
    hard = [(document, "Which of them is best?") for document in documents[30:60]]
    for share in (0.0, 0.25, 1 / 3, 0.5):
        kept, gone = balanced([*easy, *hard], documents, share, 0)
        ease = sum(pair in easy for pair in kept)
        assert ease == round(30 * share / (1 - share)) and gone == 30 - ease
        assert [pair for pair in kept if pair in hard] == hard
    assert balanced([*easy, *hard], documents, 1.0, 0) == ([*easy, *hard], 0)
    assert balanced([], documents, 0.5, 0) == ([], 0)


def test_answers_in_odd_shapes() -> None:
    assert questions_in('{"questions": []}') == []
    assert questions_in('{"questions": "one"}') == []
    assert questions_in('[1, {"questions": ["a\\n b", "", null]}]') == ["a b"]
    assert questions_in('{"x": 1} {"questions": ["a?"]}') == ["a?"]
    assert questions_in("{" * 5000) == []
    assert verdict_in('{"answerable": "yes"}') is None
    assert verdict_in('I think {"answerable": true}.') is True


def test_a_cache_that_is_something_else(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("Dear diary\nand more\n")
    with pytest.raises(ReadError, match="line 1"):
        Journal(path)
    with pytest.raises(ReadError):
        Journal(tmp_path)


@pytest.mark.parametrize(
    "settings", [{"n": 0}, {"per_text": 0}, {"concurrency": 0}, {"easy_share": 2.0}]
)
def test_settings_out_of_range(documents: list[Document], settings: dict[str, float]) -> None:
    with pytest.raises(InvalidParameter):
        questions(documents, Chat("http://localhost:1/v1", "tiny"), **settings)  # type: ignore[arg-type]


def test_no_texts() -> None:
    with pytest.raises(EmptyInput):
        questions([], Chat("http://localhost:1/v1", "tiny"))
