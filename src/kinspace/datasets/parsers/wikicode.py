"""Plain words out of MediaWiki's markup."""

from __future__ import annotations

import html
import re

_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_DROPPED = re.compile(
    r"<(ref|math|gallery|timeline|source|syntaxhighlight|score|imagemap)\b[^>]*?"
    r"(?:/>|>.*?</\1\s*>)",
    re.DOTALL | re.IGNORECASE,
)
_TEMPLATE = re.compile(r"\{\{[^{}]*\}\}|\{\|[^{}]*?\|\}", re.DOTALL)
_MEDIA = re.compile(r"\[\[(?:File|Image|Category|[a-z-]{2,12}):[^\[\]]*\]\]", re.IGNORECASE)
_LINK = re.compile(r"\[\[(?:[^\[\]|]*\|)?([^\[\]|]*)\]\]")
_EXTERNAL = re.compile(r"\[(?:https?:|ftp:)?//[^\s\]]+\s*([^\]]*)\]")
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>")
_HEADING = re.compile(r"^(=+)\s*(.*?)\s*\1\s*$", re.MULTILINE)
_LIST = re.compile(r"^[*#:;]+\s*", re.MULTILINE)
_QUOTES = re.compile(r"'{2,5}")
_MAGIC = re.compile(r"__[A-Z]+__")
_GAPS = re.compile(r"\n{3,}")


def plain(text: str) -> str:
    """The words of a page: no templates, tables, notes, pictures or marks.

    It is a reader of what is common, not of all that MediaWiki understands.

    Examples
    --------
    >>> plain("'''Cats''' are [[felis|small]] {{cn|date={{now}}}}animals.<ref>Who?</ref>")
    'Cats are small animals.'
    """
    text = _DROPPED.sub("", _COMMENT.sub("", text))
    text = _emptied(_TEMPLATE, text)
    text = _links(text)
    text = _EXTERNAL.sub(r"\1", text)
    text = _TAG.sub("", text)
    text = _QUOTES.sub("", _HEADING.sub(r"\2", text))
    text = html.unescape(_MAGIC.sub("", _LIST.sub("", text))).replace("\xa0", " ")
    text = "\n".join(line.strip() for line in text.split("\n"))
    return _GAPS.sub("\n\n", text).strip()


def _emptied(pattern: re.Pattern[str], text: str) -> str:
    """Without what matches, from the innermost outwards."""
    found = 1
    while found:
        text, found = pattern.subn("", text)
    return text


def _links(text: str) -> str:
    """Links as their words, the innermost first, so that captions of pictures go with them."""
    found = 1
    while found:
        text, media = _MEDIA.subn("", text)
        text, found = _LINK.subn(_word, text)
        found += media
    return text


def _word(link: re.Match[str]) -> str:
    return link[1]
