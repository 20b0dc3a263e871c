"""What becomes of a character in a BERT tokenizer, before words are cut into pieces.

``BertNormalizer`` cleans, strips accents and lowers, ``BertPreTokenizer`` cuts at white
space and around punctuation. Both treat one code point at a time (but for one corner, see
:class:`Beyond`), so that all they do fits in a table from code points to short strings:
a letter to itself in lower case, white space to a space, a comma to " , ", a control
character to nothing. A text is then ready for WordPiece after ``text.translate(table)``.

Which table the Rust library has depends on the Unicode version it was built with. What
Unicode 3.2 had, and this Python still puts in the same category, both agree on (a test
compares all such code points); the rest is asked of the library, one code point at a time.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Any

_WHITE = frozenset(
    "\t\n\x0b\x0c\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009"
    "\u200a\u2028\u2029\u202f\u205f\u3000"
)
"""Unicode's White_Space, which Rust's ``char::is_whitespace`` follows and str.isspace does not."""

_CHINESE = (
    (0x4E00, 0x9FFF),
    (0x3400, 0x4DBF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2B73F),
    (0x2B740, 0x2B81F),
    (0x2B920, 0x2CEAF),
    (0xF900, 0xFAFF),
    (0x2F800, 0x2FA1F),
)
"""What the Rust library takes as Chinese; BERT's own code begins the sixth at 0x2B820."""

_SURROGATES = re.compile("[\ud800-\udfff]")


class Beyond(Exception):
    """A text that the table cannot treat: ask the library about the whole of it.

    Accents are stripped after canonical decomposition, which also reorders combining marks
    that follow one another; a mark that survives the stripping makes its neighbours matter.
    (Not a LookupError, which ``str.translate`` would swallow.)
    """


@dataclass(frozen=True, slots=True)
class BertRules:
    """The options of ``BertNormalizer``, as in ``tokenizer.json``."""

    clean_text: bool = True
    handle_chinese_chars: bool = True
    strip_accents: bool = True
    lowercase: bool = True

    @classmethod
    def from_spec(cls, spec: dict[str, Any]) -> BertRules:
        """Read the ``normalizer`` of a ``tokenizer.json``."""
        lowercase = bool(spec.get("lowercase", True))
        strip = spec.get("strip_accents")
        return cls(
            clean_text=bool(spec.get("clean_text", True)),
            handle_chinese_chars=bool(spec.get("handle_chinese_chars", True)),
            strip_accents=lowercase if strip is None else bool(strip),
            lowercase=lowercase,
        )


class Characters(dict[int, str]):
    """A table for ``str.translate`` that fills itself; words end up between spaces.

    Examples
    --------
    >>> "Né, 1\\x00".translate(Characters(BertRules()))
    'ne ,  1'
    """

    def __init__(self, rules: BertRules) -> None:
        super().__init__()
        self.rules = rules
        self._library: tuple[Any, Any] | None = None

    def __missing__(self, point: int) -> str:
        char = chr(point)
        words = self._by_python(char) if _long_known(char) else self._by_library(char)
        if self.rules.strip_accents and any(_may_reorder(c) for c in words):
            raise Beyond
        if len(words) - words.count(" ") > len(char.encode()):
            raise Beyond  # so that a text never has more tokens than bytes
        self[point] = words
        return words

    def _by_python(self, char: str) -> str:
        rules, text = self.rules, char
        if rules.clean_text:
            if char in "\x00\ufffd":
                return ""
            if char not in "\t\n\r" and unicodedata.category(char)[0] == "C":
                return ""
        if rules.handle_chinese_chars and any(a <= ord(char) <= b for a, b in _CHINESE):
            text = f" {char} "
        if rules.strip_accents:
            plain = unicodedata.normalize("NFD", text)
            text = "".join(c for c in plain if unicodedata.category(c) != "Mn")
        if rules.lowercase:
            text = "".join(c.lower() for c in text)  # one by one: no final sigma
        return "".join(map(_apart, text))

    def _by_library(self, char: str) -> str:
        if self._library is None:
            from tokenizers import normalizers, pre_tokenizers

            normalizer = normalizers.BertNormalizer(
                clean_text=self.rules.clean_text,
                handle_chinese_chars=self.rules.handle_chinese_chars,
                strip_accents=self.rules.strip_accents,
                lowercase=self.rules.lowercase,
            )
            self._library = normalizer, pre_tokenizers.BertPreTokenizer()
        normalizer, cutter = self._library
        # Between two letters a letter leaves one piece, white space two, punctuation three.
        forms = {1: "{}", 2: " ", 3: " {} "}
        return "".join(
            forms[len(cutter.pre_tokenize_str(f"a{c}a"))].format(c)
            for c in normalizer.normalize_str(char)
        )


def mend(text: str) -> str:
    """Put U+FFFD for lone surrogates, which no encoding can hold."""
    return _SURROGATES.sub("\ufffd", text)


def _long_known(char: str) -> bool:
    then = unicodedata.ucd_3_2_0.category(char)
    return then != "Cn" and then == unicodedata.category(char)


def _may_reorder(char: str) -> bool:
    return unicodedata.combining(char) != 0 or unicodedata.category(char) == "Cn"


def _apart(char: str) -> str:
    """White space as a space, punctuation between spaces, all else as it is."""
    if char in _WHITE:
        return " "
    category = unicodedata.category(char)
    # BERT takes ASCII symbols such as $ and + as punctuation, but not other symbols.
    if category[0] == "P" or (char < "\x80" and category[0] == "S"):
        return f" {char} "
    return char
