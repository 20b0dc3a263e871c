"""Texts with a label each."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence

from kinspace.datasets.content import LabelledSet
from kinspace.datasets.material import Material
from kinspace.datasets.parsers.archive import as_utf8, tarred, zipped


def label_first(material: Material) -> LabelledSet:
    """A number, a blank and the text; what the numbers mean is in the record."""
    meanings: Sequence[str] = material.options["labels"]
    texts, labels = [], []
    for number, line in enumerate(material.only.lines(material.encoding), start=1):
        label, _, text = line.partition(" ")
        if not label.isdecimal() or int(label) >= len(meanings):
            raise material.only.wrong(number, f"{label!r} is no label")
        texts.append(text.strip())
        labels.append(meanings[int(label)])
    return LabelledSet(material.name, texts, labels)


def intents(material: Material) -> LabelledSet:
    """A table with the columns ``text`` and ``category``."""
    reader = csv.reader(io.StringIO(material.only.text(), newline=""))
    texts, labels = [], []
    for row in reader:
        if len(row) != 2:
            raise material.only.wrong(reader.line_num, f"{len(row)} cells, not two")
        if row != ["text", "category"]:
            texts.append(row[0].strip())
            labels.append(row[1])
    return LabelledSet(material.name, texts, labels)


def movie_reviews(material: Material) -> LabelledSet:
    """Reviews in the folders ``pos`` and ``neg``."""
    texts, labels = [], []
    for blob in zipped(material.only):
        label = blob.name.split("/")[1]
        texts.append(blob.text().strip())
        labels.append({"pos": "positive", "neg": "negative"}[label])
    return LabelledSet(material.name, texts, labels)


# -- 20 Newsgroups -----------------------------------------------------------------------------

_QUOTE = re.compile(r"(writes in|writes:|wrote:|says:|said:|^In article|^Quoted from|^\||^>)")


def newsgroups(material: Material) -> LabelledSet:
    """20 Newsgroups: the split ``"posts"`` has them as posted, ``"stripped"`` only what was said.

    The headers of a post name its group, and who wrote it: with them classification is easy and
    tells little. Stripped are headers, signatures and quotations, by the rules of scikit-learn's
    ``fetch_20newsgroups(remove=…)``; posts of which nothing is left are left out.
    """
    texts, labels = [], []
    for blob in sorted(tarred(material.only), key=lambda blob: blob.name):
        text = as_utf8(blob.data, "utf-8").decode().replace("\r\n", "\n")
        if material.split == "stripped":
            text = stripped_post(text)
        if text.strip():
            texts.append(text.strip())
            labels.append(blob.name.split("/")[-2])
    return LabelledSet(material.name, texts, labels)


def stripped_post(text: str) -> str:
    r"""A post without its header, its signature and what it quotes.

    Examples
    --------
    >>> stripped_post("From: a@b\nSubject: cats\n\n> Do they purr?\nThey do.\n\n-- \nAnn")
    'They do.'
    """
    _, _, body = text.partition("\n\n")
    lines = body.strip().split("\n")
    for number in range(len(lines) - 1, 0, -1):
        if not lines[number].strip().strip("-"):
            lines = lines[:number]  # what follows the last gap is taken for the signature
            break
    return "\n".join(line for line in lines if not _QUOTE.search(line)).strip()
