"""Running text: corpora, articles and a novel, as documents in their order."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from kinspace.datasets.content import TextSet
from kinspace.datasets.files import unpack
from kinspace.datasets.material import Material
from kinspace.datasets.parsers.archive import zipped
from kinspace.datasets.parsers.tagged import brown_samples, brown_sentences
from kinspace.datasets.parsers.wikicode import plain
from kinspace.errors import ReadError


def lines(material: Material) -> TextSet:
    """A text a line."""
    found = [line.strip() for line in material.only.lines(material.encoding) if line.strip()]
    return TextSet(material.name, found)


def zipped_files(material: Material) -> TextSet:
    """An archive in which every file is a text."""
    return TextSet(material.name, [blob.text().strip() for blob in zipped(material.only)])


def zipped_lines(material: Material) -> TextSet:
    """An archive of files in which every line is a text."""
    found = [line.strip() for blob in zipped(material.only) for line in blob.lines()]
    return TextSet(material.name, [text for text in found if text])


def brown(material: Material) -> TextSet:
    """The 500 samples of the Brown corpus without their tags, a sentence a line."""
    texts = [
        "\n".join(" ".join(words) for words, _ in brown_sentences(sample))
        for sample in brown_samples(material.only)
    ]
    return TextSet(material.name, texts)


_TITLE = re.compile(r"^ = [^=].* = $", re.MULTILINE)


def wikitext(material: Material) -> TextSet:
    """WikiText: an article from ``= Title =`` to the next, title included."""
    text = material.only.text()
    starts = [match.start() for match in _TITLE.finditer(text)]
    ends = [*starts[1:], len(text)]
    return TextSet(material.name, [text[a:b].strip() for a, b in zip(starts, ends, strict=True)])


_GUTENBERG = re.compile(
    r"^\*\*\* START OF TH\w+ PROJECT GUTENBERG.*?\*\*\*$(.*?)"
    r"(?:^End of (?:the )?Project Gutenberg[^\n]*\s*)?^\*\*\* END OF TH\w+ PROJECT GUTENBERG",
    re.MULTILINE | re.DOTALL,
)
_CHAPTER = re.compile(r"^CHAPTER [IVXLC]+\s*$", re.MULTILINE)
_PART = re.compile(r"^[A-Z ]*(?:BOOK|EPILOGUE)[A-Z ]*(?:: [\d -]+)?\s*\Z", re.MULTILINE)


def novel(material: Material) -> TextSet:
    """The chapters of a novel as Project Gutenberg has it, without what stands around it."""
    body = _GUTENBERG.search(material.only.text())
    if body is None:
        raise material.only.wrong(1, "this has no marks of Project Gutenberg")
    chapters = _CHAPTER.split(body[1])[1:]
    return TextSet(material.name, [_PART.sub("", chapter.strip()).strip() for chapter in chapters])


def mediawiki(material: Material) -> TextSet:
    """The articles of a MediaWiki export in plain words, each after its title.

    Redirections and pages about the encyclopedia itself are left out.
    """
    blob = material.only
    try:
        root = ElementTree.fromstring(unpack(blob.name, blob.data))
    except ElementTree.ParseError as error:
        raise blob.wrong(error.position[0], f"this is no XML ({error})") from None
    space = root.tag.partition("}")[0] + "}" if root.tag.startswith("{") else ""
    texts = []
    for page in root.iter(f"{space}page"):
        if page.findtext(f"{space}ns") != "0" or page.find(f"{space}redirect") is not None:
            continue
        title = page.findtext(f"{space}title") or ""
        written = page.findtext(f"{space}revision/{space}text") or ""
        texts.append(f"{title}\n\n{plain(written)}".strip())
    if not texts:
        raise ReadError(f"{blob.name} has no articles.", "Check that it is a MediaWiki export.")
    return TextSet(material.name, texts)
