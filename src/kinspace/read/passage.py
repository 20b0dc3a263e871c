"""`Passage`: a piece of a file, small enough for a model, that knows where it came from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Passage:
    r"""A piece of text and the place it was found.

    Parameters
    ----------
    text : str
        The piece, with its lines ended by ``\n``. Never empty or only white space.
    path : str
        The file as it was named, or the folder as it was named and the way from there,
        with ``/`` between the parts on every system.
    start_line, end_line : int
        First and last line in the file, counted from 1, both included. A line ends with
        ``\n``, ``\r\n`` or ``\r``, as in an editor. For formats that are converted first
        (PDF, DOCX, PPTX, XLSX, notebooks) these are lines of the converted text.
    headings : tuple of str
        The headings above the piece, outermost first; for source code the names of the
        classes and functions around it.
    fields : dict
        What else is known: the other columns of a row, the front matter, ``title``, ``page``.
    part : int
        Which piece of the file this is, counted from 0.
    row : int, optional
        Which row of a table this is, counted from 1; ``None`` where a file is one document.

    Examples
    --------
    >>> piece = Passage("Run pip.", "docs/a.md", 3, 3, ("Guide", "Install"))
    >>> piece.context
    'Guide › Install'
    >>> piece.document
    'docs/a.md'
    """

    text: str
    path: str
    start_line: int
    end_line: int
    headings: tuple[str, ...] = ()
    fields: dict[str, Any] = field(default_factory=dict)
    part: int = 0
    row: int | None = None

    @property
    def context(self) -> str:
        """Title and headings above the piece, joined by `` › ``; empty where there are none.

        A model that reads it before the text knows what the piece is about.
        """
        title = self.fields.get("title")
        above = [title.strip()] if isinstance(title, str) and title.strip() else []
        above += [h for h in self.headings if h not in above]
        return " › ".join(above)

    @property
    def document(self) -> str:
        """The document that the piece belongs to: its path, or path and row of a table."""
        return self.path if self.row is None else f"{self.path}#{self.row}"
