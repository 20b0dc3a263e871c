"""Questions that a chat model writes about the user's texts: optional, and paid for.

A model is asked for questions that a text answers, and then, with a fresh mind, whether the text
answers each. Left out are questions that it then denies, that speak of "the text", that are no
more than the text's words, and most of those that keyword search answers with ease: a share of
them is kept, so that keyword search is neither favoured nor robbed of what it can do.

Whether other texts answer a question too is not known: the figures say which of two systems is
better rather than how good one is. Compare Bonifacio et al., "InPars" (2022) and Dai et al.,
"Promptagator" (2022), whose round trip through a retriever is not made here: it would keep the
questions that the filtering retriever can answer, and so favour systems like it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kinspace.datasets.content import Document, RetrievalSet
from kinspace.encoder import Progress
from kinspace.errors import EmptyInput, InvalidParameter
from kinspace.evaluate.unlabelled import prompts
from kinspace.evaluate.unlabelled.asker import Asker
from kinspace.evaluate.unlabelled.chat import Chat
from kinspace.evaluate.unlabelled.difficulty import Pair, balanced
from kinspace.evaluate.unlabelled.journal import Journal
from kinspace.evaluate.unlabelled.sources import sample_of
from kinspace.evaluate.unlabelled.words import content_words

EASY_SHARE = 1 / 3
"""The most that questions which keyword search answers with ease make up of all."""

_SPEAKS_OF_ITSELF = re.compile(
    r"\b(the|this|that) (text|passage|document|article|paper|study|author|abstract|excerpt)s?\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Plan:
    """What asking would take, before anything is asked.

    Parameters
    ----------
    calls : int
        If none fails and must be made again; answers that are kept already need none.
    prompt_tokens, answer_tokens : int
        Estimated from the characters.
    """

    calls: int
    prompt_tokens: int
    answer_tokens: int


@dataclass(frozen=True)
class Questions:
    """Questions and the texts that they were made from.

    Parameters
    ----------
    content : RetrievalSet
    left_out : mapping of str to int
        Questions and texts that were left out, by reason.
    calls : int
        Calls made now.
    prompt_tokens, answer_tokens : int
        What the service counted for them.
    """

    content: RetrievalSet
    left_out: Mapping[str, int]
    calls: int
    prompt_tokens: int
    answer_tokens: int


def plan(documents: Sequence[Document], *, n: int = 200, per_text: int = 2, seed: int = 0) -> Plan:
    """How many calls and tokens :func:`questions` would take; asks nothing.

    Examples
    --------
    >>> plan([Document("1", "A cat sleeps.")], n=1).calls
    3
    """
    from kinspace.read.tokens import UNIT, total_tokens

    chosen = _sampled(documents, n, per_text, seed)
    asking = [prompts.ask(one, per_text)[0]["content"] for one in chosen]
    checking = [
        prompts.check(one, "x" * 80)[0]["content"] for one in chosen for _ in range(per_text)
    ]
    tokens = sum(total_tokens(text) for text in asking + checking) // UNIT
    answers = len(asking) * (20 + 25 * per_text) + 10 * len(checking)
    return Plan(len(asking) + len(checking), tokens, answers)


def questions(
    documents: Sequence[Document],
    chat: Chat,
    *,
    n: int = 200,
    per_text: int = 2,
    seed: int = 0,
    cache: str | Path | None = None,
    concurrency: int = 4,
    easy_share: float = EASY_SHARE,
    name: str = "questions",
    progress: Progress | None = None,
) -> Questions:
    """Ask a chat model for questions that texts answer.

    Parameters
    ----------
    documents : sequence of Document
        All are searched in; questions are about a sample.
    chat : Chat
    n : int
        How many questions are wanted. There are fewer after those left out.
    per_text : int
        How many a text is asked for.
    seed : int
    cache : path, optional
        A file of JSON lines that keeps each answer as it comes. With it, a run that was broken
        off goes on where it was, and nothing is paid for twice.
    concurrency : int
        Calls at a time.
    easy_share : float
        The most that questions which keyword search answers with ease make up of all, 0 to 1.
    name : str
    progress : callable, optional
        Called with (done, total) calls.

    Returns
    -------
    Questions

    Raises
    ------
    ProviderError
        If the service refuses, or answers nothing that can be used. Failures of single texts are
        counted in ``left_out``.
    EmptyInput
        If no question is left.
    """
    if concurrency < 1 or not 0 <= easy_share <= 1:
        raise InvalidParameter(
            f"concurrency is {concurrency} and easy_share {easy_share}.",
            "Give at least one call at a time, and a share from 0 to 1.",
        )
    chosen = _sampled(documents, n, per_text, seed)
    asker = Asker(
        chat,
        Journal(Path(cache) if cache else None),
        concurrency=concurrency,
        total=len(chosen) * (1 + per_text),
        progress=progress,
    )
    left_out: Counter[str] = Counter()
    written = _written(asker, chosen, per_text, left_out)
    answered = _answered(asker, written, left_out)
    kept, left_out["too easy for keyword search"] = balanced(answered, documents, easy_share, seed)
    if not kept:
        if asker.last_problem is not None and not written:
            raise asker.last_problem
        why = ", ".join(f"{reason}: {count}" for reason, count in left_out.items() if count)
        raise EmptyInput(f"No question is left ({why}).", "Give more texts, or another model.")
    return Questions(
        _as_set(name, kept, documents),
        {reason: count for reason, count in left_out.items() if count},
        asker.calls,
        asker.prompt_tokens,
        asker.answer_tokens,
    )


def _written(
    asker: Asker, chosen: Sequence[Document], per_text: int, left_out: Counter[str]
) -> list[Pair]:
    """Questions that are worth a check, each with its text."""
    pairs: list[Pair] = []
    seen: set[str] = set()
    found = asker.each(lambda one: asker.ask(one, per_text), chosen)
    for one, asked in zip(chosen, found, strict=True):
        if asked is None:
            left_out["texts without an answer"] += 1
        for question in (asked or [])[:per_text]:
            if reason := _unfit(question, one, seen):
                left_out[reason] += 1
            else:
                pairs.append((one, question))
    return pairs


def _answered(asker: Asker, pairs: Sequence[Pair], left_out: Counter[str]) -> list[Pair]:
    """Those questions of which the model says that their text answers them."""
    verdicts = asker.each(lambda pair: asker.check(*pair), pairs)
    left_out["not checked"] = verdicts.count(None)
    left_out["its text does not answer it"] = verdicts.count(False)
    return [pair for pair, verdict in zip(pairs, verdicts, strict=True) if verdict]


def _as_set(name: str, pairs: Sequence[Pair], documents: Sequence[Document]) -> RetrievalSet:
    rows = {f"{one.id} #{row}": (one, text) for row, (one, text) in enumerate(pairs, 1)}
    return RetrievalSet(
        name,
        {one.id: one for one in documents},
        {query: text for query, (_, text) in rows.items()},
        {query: {one.id: 1} for query, (one, _) in rows.items()},
    )


def _sampled(documents: Sequence[Document], n: int, per_text: int, seed: int) -> list[Document]:
    if n < 1 or per_text < 1:
        raise InvalidParameter(f"n is {n}, per_text {per_text}.", "Give at least 1 of both.")
    if not documents:
        raise EmptyInput("There are no texts to ask about.", "Give some.")
    return sample_of(documents, -(-n // per_text), seed + 3)


def _unfit(question: str, document: Document, seen: set[str]) -> str:
    """Why a question is not worth a check, empty if it is; remembers what was seen."""
    key = " ".join(sorted(content_words(question)))
    if len(key.split()) < 2:
        return "too short"
    if key in seen:
        return "asked twice"
    seen.add(key)
    if _SPEAKS_OF_ITSELF.search(question):
        return "speaks of its text"
    return "a sentence of its text" if question.rstrip("?") in document.whole else ""
