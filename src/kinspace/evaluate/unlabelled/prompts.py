"""What a chat model is asked, and how its answers are read.

A change of a prompt is a change of its version: answers are kept by it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from kinspace.datasets.content import Document

ASK_VERSION = "ask-1"
CHECK_VERSION = "check-1"

LONGEST = 6_000
"""Characters of a text that a model is shown; the rest is cut."""

_ASK = """\
You write test questions for a search engine. Below is one text of a large collection.
Write {count} different questions that somebody might ask who does not know this text, and that \
this text answers.
Each must make sense by itself (never speak of "the text", "the study", "the author" or "this"), \
be specific enough that few other texts answer it, and use your own words rather than the text's \
where that is natural. Write in the language of the text.
Answer with JSON only: {{"questions": ["…", "…"]}}

<text>
{text}
</text>"""

_CHECK = """\
Does the text below contain the answer to the question? Judge by the text alone.
Answer with JSON only: {{"answerable": true}} or {{"answerable": false}}

<question>
{question}
</question>

<text>
{text}
</text>"""

Messages = list[dict[str, str]]


def ask(document: Document, count: int) -> Messages:
    """Asks for questions that a document answers."""
    return [{"role": "user", "content": _ASK.format(count=count, text=_shown(document))}]


def check(document: Document, question: str) -> Messages:
    """Asks whether a document answers a question."""
    text = _CHECK.format(question=question, text=_shown(document))
    return [{"role": "user", "content": text}]


def _shown(document: Document) -> str:
    return document.whole[:LONGEST]


def questions_in(answer: str) -> list[str]:
    """The questions of an answer, as single lines; an empty list if there are none.

    Examples
    --------
    >>> questions_in('Sure! ```json\\n{"questions": ["Why do cats purr?", 7]}\\n```')
    ['Why do cats purr?']
    """
    for values in _objects(answer):
        found = values.get("questions")
        if isinstance(found, Sequence) and not isinstance(found, str):
            lines = [" ".join(one.split()) for one in found if isinstance(one, str)]
            return [line for line in lines if line]
    return []


def verdict_in(answer: str) -> bool | None:
    """Whether an answer says yes; None if it says neither.

    Examples
    --------
    >>> verdict_in('{"answerable": false}'), verdict_in("perhaps")
    (False, None)
    """
    for values in _objects(answer):
        if isinstance(found := values.get("answerable"), bool):
            return found
    return None


def _objects(answer: str) -> list[dict[str, object]]:
    """The JSON objects in an answer, whatever is said around them."""
    found = []
    for match in re.finditer(r"\{", answer):
        try:
            values, _ = json.JSONDecoder().raw_decode(answer, match.start())
        except (ValueError, RecursionError):
            continue
        if isinstance(values, dict):
            found.append(values)
    return found
