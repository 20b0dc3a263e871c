"""What cuts a text into words."""

from __future__ import annotations

import json
import re
import unicodedata
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from kinspace.errors import InvalidParameter, PathNotFound, ReadError

_JOINERS = "'’\u200c\u200d"  # an apostrophe, and what joins letters of Persian and Hindi unseen
_ASCII = re.compile(r"[A-Za-z0-9]+(?:'[A-Za-z0-9]+)*")
_MARKED_UP_TO = 0x3100


@runtime_checkable
class Tokenizer(Protocol):
    """Cuts a text into words, and can be written down."""

    def words(self, text: str) -> list[str]:
        """The words of a text, in order."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """Plain values from which :func:`as_tokenizer` makes the same tokenizer."""
        ...


class Words:
    """Runs of letters, their marks and digits; an apostrophe inside a word belongs to it.

    Parameters
    ----------
    lower : bool
        Whether all is put into lower case.

    Examples
    --------
    >>> Words().words("The cat's 2 naïve kittens — gone!")
    ['the', "cat's", '2', 'naïve', 'kittens', 'gone']
    >>> Words(lower=False).words("Ελλάδα, नमस्ते")
    ['Ελλάδα', 'नमस्ते']
    """

    def __init__(self, lower: bool = True) -> None:
        self.lower = lower

    def words(self, text: str) -> list[str]:
        text = text.lower() if self.lower else text
        return (_ASCII if text.isascii() else _any_script()).findall(text)

    def to_dict(self) -> dict[str, Any]:
        return {"kind": "words" if self.lower else "cased words"}

    def __repr__(self) -> str:
        return f"Words(lower={self.lower})"


class Whitespace:
    """What stands between spaces, as it is: for texts that are cut into words already.

    Examples
    --------
    >>> Whitespace().words("New_York , 1999")
    ['New_York', ',', '1999']
    """

    def words(self, text: str) -> list[str]:
        return text.split()

    def to_dict(self) -> dict[str, Any]:
        return {"kind": "whitespace"}

    def __repr__(self) -> str:
        return "Whitespace()"


class Pieces:
    """The pieces of a tokenizer of the package ``tokenizers``, such as BPE or Unigram.

    Special tokens are not put in, and what the tokenizer does not know is left out.

    Parameters
    ----------
    json : str
        The tokenizer as its package writes it. Truncation and padding are not used.
    """

    def __init__(self, json: str) -> None:
        from tokenizers import Tokenizer as Fast

        self.json = json
        self._fast = Fast.from_str(json)
        self._fast.no_truncation()
        self._fast.no_padding()
        self._unknown = _unknown(self._fast)

    def words(self, text: str) -> list[str]:
        found = self._fast.encode(text, add_special_tokens=False)
        if self._unknown is None or self._unknown not in found.ids:
            return list(found.tokens)
        both = zip(found.ids, found.tokens, strict=True)
        return [piece for number, piece in both if number != self._unknown]

    def to_dict(self) -> dict[str, Any]:
        return {"kind": "tokenizers", "tokenizer": json.loads(self.json)}

    def __repr__(self) -> str:
        model = type(self._fast.model).__name__
        return f"Pieces({model} of {self._fast.get_vocab_size():,} pieces)"


def as_tokenizer(tokenizer: Any) -> Tokenizer:
    """The tokenizer that is meant.

    Parameters
    ----------
    tokenizer : str, Path, dict, Tokenizer or tokenizers.Tokenizer
        ``"words"`` (in lower case), ``"cased words"``, ``"whitespace"``; what
        :meth:`Tokenizer.to_dict` gave; the file or folder of a ``tokenizer.json``, or its content;
        or a tokenizer: one with the methods of :class:`Tokenizer`, or one of the packages
        ``tokenizers`` and ``transformers`` (fast ones).

    Raises
    ------
    InvalidParameter
        If it is none of these.
    PathNotFound, ReadError
        If there is no such file, or it holds no tokenizer.

    Examples
    --------
    >>> as_tokenizer("words").words("Two cats.")
    ['two', 'cats']
    """
    if isinstance(tokenizer, Tokenizer):
        return tokenizer
    if isinstance(tokenizer, dict):
        return _from_dict(tokenizer)
    if isinstance(tokenizer, str) and tokenizer in _NAMED:
        return _from_dict({"kind": tokenizer})
    if isinstance(tokenizer, str) and tokenizer.lstrip().startswith("{"):
        return _from_json(tokenizer, "the text that was given")
    if isinstance(tokenizer, Path) or (isinstance(tokenizer, str) and _is_path(tokenizer)):
        return _from_file(Path(tokenizer))
    inner = getattr(tokenizer, "backend_tokenizer", tokenizer)  # of transformers' fast ones
    if hasattr(inner, "to_str") and hasattr(inner, "get_vocab"):
        return _from_json(inner.to_str(), "what was given")
    raise InvalidParameter(
        f"Unknown tokenizer {tokenizer!r:.80}.",
        f"Choose one of: {', '.join(_NAMED)}; or give a tokenizer or the path of its JSON.",
    )


def tokenizer_of(learner: Any) -> Tokenizer:
    """The tokenizer that a learner's argument ``tokenizer`` means; see :func:`as_tokenizer`.

    A loaded learner has it as plain values, of phrases and pieces a great many: from such, it is
    made once, and again when another is set.
    """
    given = learner.tokenizer
    if not isinstance(given, dict):
        return as_tokenizer(given)
    before, made = getattr(learner, "_tokenizer", (None, None))
    if made is None or before is not given:
        made = as_tokenizer(given)
        learner._tokenizer = given, made
    return made


_NAMED = ("words", "cased words", "whitespace")


def _from_dict(found: dict[str, Any]) -> Tokenizer:
    kind = found.get("kind")
    if kind in ("words", "cased words"):
        return Words(lower=kind == "words")
    if kind == "whitespace":
        return Whitespace()
    if kind == "tokenizers":
        return _from_json(json.dumps(found["tokenizer"]), "what was written down")
    if kind == "phrases":
        from kinspace.learn.text.phrases import Phrases

        return Phrases.from_dict(found)
    if kind is None and "model" in found:  # the content of a tokenizer.json
        return _from_json(json.dumps(found), "what was given")
    raise InvalidParameter(
        f"Unknown kind of tokenizer {kind!r}.", "Give what Tokenizer.to_dict gave."
    )


def _is_path(text: str) -> bool:
    return text.endswith(".json") or "/" in text or Path(text).exists()


def _from_file(path: Path) -> Tokenizer:
    file = path / "tokenizer.json" if path.is_dir() else path
    try:
        text = file.read_text("utf-8")
    except FileNotFoundError as error:
        raise PathNotFound(f"There is no file {str(file)!r}.", "Check the path.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ReadError(f"{file} cannot be read: {error}.", "Give a tokenizer.json.") from error
    return _from_json(text, str(file))


@lru_cache(maxsize=4)
def _from_json(text: str, where: str) -> Tokenizer:
    try:
        return Pieces(text)
    except Exception as error:  # the package raises nothing narrower
        raise ReadError(
            f"There is no tokenizer in {where}: {error}.",
            "Give a tokenizer.json of the package tokenizers.",
        ) from error


def _unknown(tokenizer: Any) -> int | None:
    """The number of the piece that stands for what a tokenizer does not know."""
    model = json.loads(tokenizer.to_str())["model"]
    named = model.get("unk_token")
    number: int | None = tokenizer.token_to_id(named) if named else model.get("unk_id")
    return number


@cache
def _any_script() -> re.Pattern[str]:
    """Words of any script: ``\\w`` alone would cut नमस्ते at each sign of a vowel."""
    signs = (chr(code) for code in range(0x300, _MARKED_UP_TO))
    marks = "".join(sign for sign in signs if unicodedata.category(sign).startswith("M"))
    part = rf"[^\W_](?:[^\W_]|[{marks}])*"
    return re.compile(rf"{part}(?:[{_JOINERS}]{part})*")
