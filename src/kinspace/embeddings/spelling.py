"""Known names that look like one that is not known."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from itertools import islice
from typing import Final

_LOOKED_AT: Final = 300_000
"""Names that are compared: word tables hold the commonest first."""
_COMPARED: Final = 256
"""Of these, so many are compared letter by letter."""
_LONGEST: Final = 50
"""Letters; what is longer is not typed by hand."""


def closest(name: Hashable, known: Mapping[Hashable, int], count: int = 3) -> list[Hashable]:
    """The ``count`` known names that are spelled most like ``name``, the likest first.

    Names that differ by case alone, or by being a number instead of a text, come first; then those
    that are few typing errors away (a third of the letters at most).

    Parameters
    ----------
    name : hashable
    known : mapping
        Its keys are the names; among equally like ones the earlier wins.
    count : int

    Examples
    --------
    >>> closest("kign", {"queen": 0, "king": 1, "kin": 2})
    ['king', 'kin']
    """
    text = str(name)
    if len(text) > _LONGEST:
        return []
    found = [form for form in _forms(text) if form in known and form != name]
    if len(found) < count:
        found += [one for one in _misspelled(text, known) if one not in found]
    return found[:count]


def errors_between(a: str, b: str) -> int:
    """How many typing errors lie between two texts.

    An error is a letter too many, too few or wrong, or two neighbours that changed places (optimal
    string alignment: Damerau, 1964; Levenshtein, 1966).

    Examples
    --------
    >>> errors_between("kign", "king"), errors_between("kitten", "sitting")
    (1, 3)
    """
    before: list[int] = []
    above = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        line = [i]
        for j, y in enumerate(b, 1):
            errors = min(above[j] + 1, line[j - 1] + 1, above[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                errors = min(errors, before[j - 2] + 1)
            line.append(errors)
        before, above = above, line
    return above[-1]


def _forms(text: str) -> list[Hashable]:
    forms: list[Hashable] = [text, text.lower(), text.capitalize(), text.upper(), text.title()]
    if text.removeprefix("-").isdecimal():
        forms.append(int(text))
    return list(dict.fromkeys(forms))


def _misspelled(text: str, known: Iterable[Hashable]) -> list[Hashable]:
    """Names that text may be a misspelling of, the likest first."""
    most = len(text) // 3
    if not most:
        return []
    parts = {*text, *(text[i : i + 2] for i in range(len(text) - 1))}  # letters and their pairs
    shared = []
    for row, one in enumerate(islice(known, _LOOKED_AT)):
        if isinstance(one, str) and abs(len(one) - len(text)) <= most:
            count = sum([part in one for part in parts])
            if count:
                shared.append((-count, row, one))
    errors = [(errors_between(text, one), row, one) for _, row, one in sorted(shared)[:_COMPARED]]
    return [one for count, _, one in sorted(errors) if count <= most]
