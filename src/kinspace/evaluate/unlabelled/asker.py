"""Many calls to a chat model at a time: what is answered is kept, what fails is counted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from typing import TypeVar

from kinspace.datasets.content import Document
from kinspace.encoder import Progress
from kinspace.errors import ProviderError
from kinspace.evaluate.unlabelled import prompts
from kinspace.evaluate.unlabelled.chat import Answer, Chat, Refusal
from kinspace.evaluate.unlabelled.journal import Journal
from kinspace.space import fingerprint_of

ROUNDS = 2
"""How often a model is asked whose answer holds no JSON."""

T = TypeVar("T")
Item = TypeVar("Item")


class Asker:
    """Calls a model, several times at once, and keeps what it says.

    Parameters
    ----------
    chat : Chat
    journal : Journal
        What was answered before, and what is answered now.
    concurrency : int
        Calls at a time.
    total : int
        Calls that there will be at most, for ``progress``.
    progress : callable, optional
    """

    def __init__(
        self,
        chat: Chat,
        journal: Journal,
        *,
        concurrency: int = 4,
        total: int = 0,
        progress: Progress | None = None,
    ) -> None:
        self.chat = chat
        self.journal = journal
        self.concurrency = concurrency
        self.total = total
        self.progress = progress
        self.calls = self.prompt_tokens = self.answer_tokens = 0
        self.last_problem: ProviderError | None = None
        self._gave_up: ProviderError | None = None
        self._done = self._failed_in_a_row = 0

    def ask(self, document: Document, count: int) -> list[str] | None:
        """A document's questions; None if nothing usable was said."""
        messages = prompts.ask(document, count)
        return self._kept(
            prompts.ASK_VERSION, document, messages, lambda text: prompts.questions_in(text) or None
        )

    def check(self, document: Document, question: str) -> bool | None:
        """Whether a document answers a question; None if nothing usable was said."""
        messages = prompts.check(document, question)
        return self._kept(prompts.CHECK_VERSION, document, messages, prompts.verdict_in)

    def _kept(
        self,
        version: str,
        document: Document,
        messages: prompts.Messages,
        read: Callable[[str], T | None],
    ) -> T | None:
        key = fingerprint_of(version, self.chat.identity, messages)
        if (text := self.journal.get(key)) is not None:
            return read(text)
        for _ in range(ROUNDS):
            answer = self.chat.ask(messages)
            self._count(answer)
            if (found := read(answer.text)) is not None:
                self.journal.keep(key, answer.text, prompt=version, document=document.id)
                return found
        raise ProviderError(
            f"{self.chat.model} answers without the JSON that it is asked for: "
            f"{answer.text[:80]!r}.",
            "Try another model.",
        )

    def _count(self, answer: Answer) -> None:
        with self.journal.lock:
            self.calls += 1
            self.prompt_tokens += answer.prompt_tokens
            self.answer_tokens += answer.answer_tokens

    def each(self, work: Callable[[Item], T | None], items: Sequence[Item]) -> list[T | None]:
        """What comes of each item, None where it failed.

        Raises
        ------
        ProviderError
            If the service refuses, or one call after the other fails: then no more are made.
        """
        with ThreadPoolExecutor(self.concurrency) as pool:
            futures = [pool.submit(lambda item: self._one(work, item), item) for item in items]
            try:
                wait(futures, return_when=FIRST_EXCEPTION)
            finally:
                for future in futures:
                    future.cancel()
        for future in futures:
            if problem := _problem(future):
                raise problem
        return [future.result() for future in futures]

    def _one(self, work: Callable[[Item], T | None], item: Item) -> T | None:
        if self._gave_up is not None:
            raise self._gave_up
        try:
            found = work(item)
        except ProviderError as problem:
            self.last_problem = problem
            self._failed_in_a_row += 1
            if isinstance(problem, Refusal) or self._failed_in_a_row > 2 * self.concurrency:
                self._gave_up = problem
                raise
            return None
        self._failed_in_a_row = 0
        with self.journal.lock:
            self._done += 1
            if self.progress is not None:
                self.progress(min(self._done, self.total), self.total)
        return found


def _problem(future: Future[T]) -> BaseException | None:
    return None if future.cancelled() else future.exception()
