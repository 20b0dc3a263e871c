"""Real passages and real queries for bench/collection.py, out of ``$KINSPACE_DATA``.

Passages are the paragraphs of 20 Newsgroups, WikiText-2, War and Peace, ABC, the State of the
Union, the inaugural addresses and the movie reviews: white space made plain, 60 to 1,200
characters (longer ones are cut at ends of sentences), each once, in one random order. Of the
queries, half are questions that people asked (TREC's question set), half spans of 4 to 10 words
cut out of the passages.
"""

from __future__ import annotations

import random
import re
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

SHORTEST, LONGEST = 60, 1200


class Passage(NamedTuple):
    """A text, and two small fields."""

    text: str
    source: str
    words: int


def passages(data: Path, count: int) -> list[Passage]:
    """So many passages, the same ones in the same order every time."""
    found: dict[str, str] = {}
    for source, paragraph in _paragraphs(data / "text"):
        for piece in _pieces(" ".join(paragraph.split())):
            found.setdefault(piece, source)
    if len(found) < count:
        raise SystemExit(
            f"There are only {len(found):,} passages in {data}: give a smaller --size."
        )
    texts = list(found)
    random.Random(0).shuffle(texts)
    return [Passage(text, found[text], len(text.split())) for text in texts[:count]]


def queries(data: Path, among: list[Passage], count: int) -> list[str]:
    """So many queries, questions and spans in turns."""
    rng = random.Random(1)
    path = data / "classify" / "sent-conv" / "TREC.train.all"
    lines = path.read_text(encoding="latin-1").splitlines()
    questions = [line.split(maxsplit=1)[1].removesuffix("?").strip() + "?" for line in lines]
    found = rng.sample(sorted(set(questions)), count - count // 2)
    while len(found) < count:
        words = re.findall(r"[A-Za-z]+", rng.choice(among).text)
        size = rng.randint(4, 10)
        if len(words) >= size:
            start = rng.randrange(len(words) - size + 1)
            found.append(" ".join(words[start : start + size]))
    rng.shuffle(found)
    return found


def _pieces(text: str) -> Iterator[str]:
    """A paragraph as pieces of at most LONGEST characters, cut where a sentence or word ends."""
    while len(text) > LONGEST:
        head = text[:LONGEST]
        end = max(head.rfind(mark) for mark in (". ", "? ", "! "))
        end = end + 1 if end >= SHORTEST else head.rfind(" ")
        end = end if end >= SHORTEST else LONGEST
        yield text[:end]
        text = text[end:].lstrip()
    if len(text) >= SHORTEST:
        yield text


def _paragraphs(folder: Path) -> Iterator[tuple[str, str]]:
    yield from _newsgroups(folder / "20_newsgroups.tar.bz2")
    for part in ("valid", "test"):
        text = (folder / "wikitext-2" / f"{part}.txt").read_text(encoding="utf-8")
        yield from (("wikitext", line) for line in text.split("\n") if not line.startswith(" ="))
    novel = (folder / "warandpeace.txt").read_text(encoding="utf-8", errors="replace")
    yield from (("warandpeace", part) for part in re.split(r"\n\s*\n", novel))
    for name in ("abc", "state_union", "inaugural", "movie_reviews"):
        with zipfile.ZipFile(folder / "nltk" / f"{name}.zip") as archive:
            for inner in sorted(archive.namelist()):
                if inner.endswith(".txt"):
                    text = archive.read(inner).decode("utf-8", errors="replace")
                    whole = name == "movie_reviews"  # one sentence a line there
                    yield from ((name, part) for part in ([text] if whole else text.split("\n")))


def _newsgroups(path: Path) -> Iterator[tuple[str, str]]:
    """The paragraphs of all posts, without their headers; the group is the source."""
    with tarfile.open(path) as archive:
        for member in archive:
            file = archive.extractfile(member) if member.isfile() else None
            if file is not None:
                _, _, body = file.read().decode("latin-1").partition("\n\n")
                group = Path(member.name).parent.name
                yield from ((group, part) for part in re.split(r"\n\s*\n", body))
