"""Analogies and lists of words."""

from __future__ import annotations

import json

from kinspace.datasets.content import AnalogySet, WordListSet
from kinspace.datasets.material import Material
from kinspace.datasets.parsers.archive import zipped
from kinspace.errors import ReadError


def analogies(material: Material) -> AnalogySet:
    """Mikolov's format: ``: section`` before its questions, a question of four words a line."""
    return analogies_of(material.only.lines(), material.name, material.only.name)


def analogies_of(lines: list[str], name: str, where: str) -> AnalogySet:
    """Questions from lines; see `analogies`.

    Examples
    --------
    >>> analogies_of([": capitals", "Athens Greece Oslo Norway"], "small", "small.txt").sections
    {'capitals': [('Athens', 'Greece', 'Oslo', 'Norway')]}
    """
    sections: dict[str, list[tuple[str, str, str, str]]] = {}
    section = ""
    for number, line in enumerate(lines, start=1):
        words = line.split()
        if line.startswith(":"):
            section = line[1:].strip()
            sections.setdefault(section, [])
        elif words:
            if len(words) != 4:
                raise ReadError(
                    f"{where}, line {number}: {len(words)} words, not four.",
                    "Give four words a line, or a section as ': name'.",
                )
            a, b, c, d = words
            sections.setdefault(section, []).append((a, b, c, d))
    return AnalogySet(name, sections)


def association(material: Material) -> WordListSet:
    """A test of association (WEAT, SEAT): two lists of targets and two of attributes.

    The lists are called by their categories; the notes say which is ``targ1``, ``targ2``,
    ``attr1`` and ``attr2``.
    """
    blob = material.only
    try:
        found = json.loads(blob.text())
        lists = {part["category"]: list(part["examples"]) for part in found.values()}
        notes = {role: part["category"] for role, part in found.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise blob.wrong(getattr(error, "lineno", 1), f"this is no test ({error})") from None
    return WordListSet(material.name, lists, notes)


def word_lists(material: Material) -> WordListSet:
    """A zip archive of files with a word a line; a list is called by its file."""
    lists = {
        blob.name.rpartition("/")[2].removesuffix(".txt"): [
            word.strip() for word in blob.lines() if word.strip()
        ]
        for blob in zipped(material.only)
    }
    return WordListSet(material.name, lists)
