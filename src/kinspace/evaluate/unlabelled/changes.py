"""Changes to a text that leave its meaning as it is, or nearly so.

Each takes a text and a source of chance, and gives the changed text: the same one where there
is nothing to change.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from kinspace.evaluate.unlabelled.words import carries_meaning, sentences

Change = Callable[[str, np.random.Generator], str]

_WORD = re.compile(r"[^\W\d_]+")
_WORD_SPACE = re.compile(r"([^\W\d_]+) ?")
_POINTS = re.compile(r"[^\w\s]+(?=\s|$)|(?<=\s)[^\w\s]+|^[^\w\s]+")
_LIST = re.compile(r"(?<![\w-])([\w-]+(?: [\w-]+)?), ([\w-]+(?: [\w-]+)?)(?=, | and | or )")


def case(text: str, rng: np.random.Generator) -> str:
    """All letters small; where they are already, all capital.

    Examples
    --------
    >>> case("Cats purr.", chance("", "case")), case("cats purr.", chance("", "case"))
    ('cats purr.', 'CATS PURR.')
    """
    return text.lower() if text != text.lower() else text.upper()


def punctuation(text: str, rng: np.random.Generator) -> str:
    """Without signs at the edges of words.

    Examples
    --------
    >>> punctuation("Cats (and dogs) don't purr.", chance("", "punctuation"))
    "Cats and dogs don't purr"
    """
    return _POINTS.sub("", text)


def common_words(text: str, rng: np.random.Generator) -> str:
    """Without a quarter of the common words (English): the, of, and others."""
    places = [match for match in _WORD_SPACE.finditer(text) if not carries_meaning(match[1])]
    return _replaced(text, [(match.span(), "") for match in _some(places, 4, rng)])


def typos(text: str, rng: np.random.Generator, *, every: int = 20) -> str:
    """Two neighbouring letters changed about in one word of 20 (of four letters and more)."""
    places = [match for match in _WORD.finditer(text) if len(match[0]) >= 4]
    edits = []
    for match in _some(places, every, rng):
        at = match.start() + int(rng.integers(1, len(match[0]) - 1))
        edits.append(((at, at + 2), text[at + 1] + text[at]))
    return _replaced(text, edits)


def many_typos(text: str, rng: np.random.Generator) -> str:
    """The same in one word of eight."""
    return typos(text, rng, every=8)


def last_sentence(text: str, rng: np.random.Generator) -> str:
    """Without the last sentence, where there are several."""
    spans = sentences(text)
    return text[: spans[-2][1]] if len(spans) > 1 else text


def sentence(text: str, rng: np.random.Generator) -> str:
    """Without one sentence, where there are several."""
    spans = sentences(text)
    if len(spans) < 2:
        return text
    start, end = spans[int(rng.integers(len(spans)))]
    return f"{text[:start].rstrip()} {text[end:].lstrip()}".strip()


def half(text: str, rng: np.random.Generator) -> str:
    """Only the middle half of its words, as if it had been cut elsewhere."""
    words = text.split()
    if len(words) < 8:
        return text
    return " ".join(words[len(words) // 4 : -(len(words) // 4)])


def white_space(text: str, rng: np.random.Generator) -> str:
    """Lines broken every few words, and some spaces doubled."""
    words = text.split()
    signs = np.array([" ", "  ", "\n"])[rng.choice(3, len(words), p=[0.7, 0.15, 0.15])]
    return "".join(word + sign for word, sign in zip(words, signs, strict=True)).strip()


def list_order(text: str, rng: np.random.Generator) -> str:
    """The first two things of each list change places.

    Examples
    --------
    >>> list_order("We saw cats, dogs and birds.", chance("", "list_order"))
    'We saw dogs, cats and birds.'
    """
    return _LIST.sub(_turned, text)


def _turned(match: re.Match[str]) -> str:
    words = match[1].split()  # "We saw cats" has its first word outside the list
    head, first = (" ".join(words[:-1]), words[-1]) if len(words) > 1 else ("", words[0])
    return f"{head} {match[2]}, {first}".strip()


def _some(places: list[re.Match[str]], every: int, rng: np.random.Generator) -> list[re.Match[str]]:
    """One place of ``every``, at least one if there are any."""
    if not places:
        return []
    count = max(1, len(places) // every)
    rows = rng.choice(len(places), count, replace=False)
    return [places[row] for row in sorted(rows.tolist())]


def _replaced(text: str, edits: Sequence[tuple[tuple[int, int], str]]) -> str:
    """A text with other words at some places, given in their order."""
    pieces, done = [], 0
    for (start, end), new in edits:
        pieces += [text[done:start], new]
        done = end
    return "".join([*pieces, text[done:]])


def chance(text: str, change: str, seed: int = 0) -> np.random.Generator:
    """A source of chance that depends on the text alone, not on what was drawn before it."""
    return np.random.default_rng([seed, zlib.crc32(text.encode()), zlib.crc32(change.encode())])


def changed(text: str, change: str, seed: int = 0) -> str:
    """A text after the change of that name.

    Examples
    --------
    >>> changed("Cats purr. Dogs bark.", "last_sentence")
    'Cats purr.'
    """
    return CHANGES[change](text, chance(text, change, seed))


CHANGES: Mapping[str, Change] = {
    "case": case,
    "punctuation": punctuation,
    "common_words": common_words,
    "typos": typos,
    "last_sentence": last_sentence,
    "white_space": white_space,
    "many_typos": many_typos,
    "list_order": list_order,
    "sentence": sentence,
    "half": half,
}
"""All changes by name."""

HARMLESS = ("case", "punctuation", "common_words", "typos", "last_sentence")
"""Those after which a text should keep its neighbours."""

COPIES = ("white_space", "many_typos", "list_order", "sentence", "half")
"""Those that make a near-duplicate of a text."""
