"""`ReadOptions`: how files are found, read and cut, in one frozen record."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, TypedDict, Unpack

from kinspace.errors import InvalidParameter

if TYPE_CHECKING:
    from tokenizers import Tokenizer


@dataclass(frozen=True)
class ReadOptions:
    """How files are found, read and cut.

    Parameters
    ----------
    max_tokens : int
        Longest passage, in tokens, without the special ones that a model adds.
    overlap : int, optional
        How many tokens at most a passage repeats of the one before it; whole sentences are
        repeated where they fit. An eighth of ``max_tokens`` if not given.
    tokenizer : tokenizers.Tokenizer, optional
        Counts tokens exactly. Without it they are estimated from the characters, about
        ten times as fast and on the safe side for English WordPiece.
    text_field : str or tuple of str, optional
        Which fields of a JSON or CSV row are the text. Guessed if not given.
    id_field : str, optional
        Which field of a row is its id: it is copied to ``fields["id"]`` as a string.
    max_bytes : int
        Larger files in a folder are passed over. A file given by its own name is always read.
    hidden : bool
        Whether to read files and folders whose name starts with a dot.
    ignore : str or tuple of str
        More patterns to pass over, written as in ``.gitignore``; they count most.
    ignore_files : bool
        Whether to obey ``.gitignore``, ``.git/info/exclude`` and ``.kinignore``.
    follow_links : bool
        Whether to follow symbolic links found in folders. Each folder is read once.

    Raises
    ------
    InvalidParameter
        If ``max_tokens`` or ``max_bytes`` is under 1, or ``overlap`` is negative or more
        than half of ``max_tokens``.

    Examples
    --------
    >>> ReadOptions(max_tokens=128).overlap_tokens
    16
    """

    max_tokens: int = 256
    overlap: int | None = None
    tokenizer: Tokenizer | None = None
    text_field: str | tuple[str, ...] | None = None
    id_field: str | None = None
    max_bytes: int = 64 * 2**20
    hidden: bool = False
    ignore: str | tuple[str, ...] = ()
    ignore_files: bool = True
    follow_links: bool = False

    def __post_init__(self) -> None:
        if self.max_tokens < 1:
            raise InvalidParameter(f"max_tokens is {self.max_tokens}.", "Give at least 1.")
        if self.max_bytes < 1:
            raise InvalidParameter(f"max_bytes is {self.max_bytes}.", "Give at least 1.")
        if not 0 <= self.overlap_tokens <= self.max_tokens // 2:
            raise InvalidParameter(
                f"overlap is {self.overlap}, with max_tokens {self.max_tokens}.",
                f"Give 0 to {self.max_tokens // 2}, at most half of max_tokens.",
            )

    @property
    def overlap_tokens(self) -> int:
        """The overlap that holds: ``overlap``, or an eighth of ``max_tokens``."""
        return self.max_tokens // 8 if self.overlap is None else self.overlap

    @property
    def text_fields(self) -> tuple[str, ...]:
        """``text_field`` as a tuple, empty when it is to be guessed."""
        if self.text_field is None:
            return ()
        return (self.text_field,) if isinstance(self.text_field, str) else tuple(self.text_field)


class Settings(TypedDict, total=False):
    """The options that may be given by keyword; see `ReadOptions`."""

    max_tokens: int
    overlap: int | None
    tokenizer: Tokenizer | None
    text_field: str | tuple[str, ...] | None
    id_field: str | None
    max_bytes: int
    hidden: bool
    ignore: str | tuple[str, ...]
    ignore_files: bool
    follow_links: bool


def resolve(options: ReadOptions | None, **settings: Unpack[Settings]) -> ReadOptions:
    """``options``, or the default ones, with some of them replaced.

    Raises
    ------
    InvalidParameter
        If there is no such option, or its value is out of range.

    Examples
    --------
    >>> resolve(ReadOptions(max_tokens=64), hidden=True).max_tokens
    64
    """
    names = [f.name for f in fields(ReadOptions)]
    for name in settings:
        if name not in names:
            raise InvalidParameter(f"No option {name!r}.", f"There are: {', '.join(names)}.")
    return replace(options or ReadOptions(), **settings)
