"""`Source`: a file that can be read."""

from __future__ import annotations

from dataclasses import dataclass

from kinspace.read.kinds import Kind


@dataclass(frozen=True, slots=True)
class Source:
    """A file that can be read, as it was when it was found.

    Parameters
    ----------
    path : str
        The file as it was named, or folder and way from there, with ``/`` between the parts.
        A relative path is relative to the working folder.
    size : int
        Bytes.
    mtime_ns : int
        Time of the last change, in nanoseconds.
    kind : str
        How it is read: ``"text"``, ``"markdown"``, ``"csv"`` ...
    named : bool
        Whether it was given by its own name, not found in a folder. It is then read whatever
        the ignore rules say, and an error with it is raised instead of reported.

    Examples
    --------
    >>> Source("a.md", size=12, mtime_ns=0, kind="markdown").kind
    'markdown'
    """

    path: str
    size: int
    mtime_ns: int
    kind: Kind
    named: bool = False
