"""Every error that Kinspace raises on purpose.

KinspaceError
├── InvalidInput (ValueError)      what was given cannot be used
│   ├── EmptyInput                 nothing where something is needed
│   ├── InvalidVectors             NaN, infinity, wrong number of axes
│   ├── DimensionMismatch          vectors of another length
│   ├── InvalidFilter              a `where` that cannot be understood
│   ├── InvalidParameter           an argument outside its range
│   ├── InvalidJudgements          labels or judgements by which nothing can be judged
│   ├── NotApplicable              a task that such a system cannot do
│   └── DuplicateId                one id twice where ids must differ
├── SpaceMismatch (ValueError)     vectors of two models brought together
├── NotFitted                      a learner used before `fit`
├── NotFound (LookupError)
│   ├── ModelNotFound
│   ├── DatasetNotFound
│   ├── TaskNotFound
│   ├── CollectionNotFound
│   ├── PathNotFound
│   └── IdNotFound
├── MissingExtra (ImportError)     an optional dependency is not installed
├── ReadError                      a file that cannot be read
├── DatasetError
│   ├── ChecksumMismatch           a file of a dataset that is not the one that is meant
│   └── DownloadFailed             no network, or the address does not answer
├── ProviderError                  a service with an API that refuses, fails or answers nonsense
└── StoreError
    ├── CorruptStore               damage that opening cannot repair by itself
    ├── StoreLocked                another process is writing
    ├── StoreFull                  no space left; the last commit is intact
    ├── StoreClosed                used after `close`
    ├── ReadOnlyStore              a write to what was opened for reading
    └── NewerFormat                written by a later Kinspace

A message says what is wrong, where, and what to do: ``remedy`` holds the last part
by itself, so that the command line can print it on a line of its own.
"""

from __future__ import annotations

import numbers
from typing import get_args


class KinspaceError(Exception):
    """The root of all errors that Kinspace raises on purpose.

    Parameters
    ----------
    message : str
        What is wrong, and where.
    remedy : str, optional
        What to do about it, as a sentence.
    """

    def __init__(self, message: str, remedy: str = "") -> None:
        self.message = message
        self.remedy = remedy
        super().__init__(message, remedy)

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip()


class InvalidInput(KinspaceError, ValueError):
    """What was given cannot be used."""


class EmptyInput(InvalidInput):
    """Nothing was given where something is needed."""


class InvalidVectors(InvalidInput):
    """Vectors with NaN or infinity, or with the wrong number of axes."""


class DimensionMismatch(InvalidInput):
    """Vectors of another length than the space or the index has."""


class InvalidFilter(InvalidInput):
    """A ``where`` filter that cannot be understood."""


class InvalidParameter(InvalidInput):
    """An argument outside the range in which it means something."""


class InvalidJudgements(InvalidInput):
    """Labels or judgements by which nothing can be judged."""


class NotApplicable(InvalidInput):
    """A task that such a system cannot do, such as similarity without vectors."""


class DuplicateId(InvalidInput):
    """One id given twice where every id must be another."""


class SpaceMismatch(KinspaceError, ValueError):
    """Vectors of two different spaces were brought together."""


class NotFitted(KinspaceError):
    """A learner was used before ``fit``."""


class NotFound(KinspaceError, LookupError):
    """Something that was named does not exist."""


class ModelNotFound(NotFound):
    """No model of that name on this machine."""


class DatasetNotFound(NotFound):
    """No dataset of that name, or its files are nowhere on this machine."""


class TaskNotFound(NotFound):
    """No task of that name."""


class CollectionNotFound(NotFound):
    """No collection in that folder."""


class PathNotFound(NotFound):
    """No file or folder at that path."""


class IdNotFound(NotFound):
    """No record, word or vector has that id."""


class MissingExtra(KinspaceError, ImportError):
    """An optional dependency is not installed.

    Parameters
    ----------
    what : str
        What needs it, as the subject of a sentence.
    extra : str
        The extra of the ``kinspace`` package that brings it.
    """

    def __init__(self, what: str, extra: str) -> None:
        self.extra = extra
        super().__init__(
            f"{what} needs packages that are not installed.",
            f'Install them with: pip install "kinspace[{extra}]"',
        )
        self.args = (what, extra)  # what a copy, or a worker process, makes it from again


class ReadError(KinspaceError):
    """A file that cannot be read, or not as what it claims to be."""


class DatasetError(KinspaceError):
    """Something is wrong with the files of a dataset."""


class ChecksumMismatch(DatasetError):
    """A file of a dataset is not the one that is meant: its checksum differs."""


class DownloadFailed(DatasetError):
    """A file cannot be fetched: no network, or its address does not answer."""


class ProviderError(KinspaceError):
    """A service with an API refuses, fails, or answers what cannot be understood."""


class StoreError(KinspaceError):
    """Something is wrong with a collection."""


class CorruptStore(StoreError):
    """The collection is damaged in a way that opening cannot repair by itself."""


class StoreLocked(StoreError):
    """Another process has the collection open for writing."""


class StoreFull(StoreError):
    """No space is left on the disk; the last commit is intact."""


class StoreClosed(StoreError):
    """The collection was used after it was closed."""


class ReadOnlyStore(StoreError):
    """A write to a collection that was opened for reading, or lies on a read-only disk."""


class NewerFormat(StoreError):
    """The collection was written by a later version of Kinspace."""


def require_count(name: str, value: object) -> None:
    """Raise :class:`InvalidParameter` unless a value is a whole number of 1 or more."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < 1:
        raise InvalidParameter(f"{name} is {value!r:.80}.", "Give a whole number, 1 or more.")


def require_choice(name: str, value: object, choices: object) -> None:
    """Raise :class:`InvalidParameter` unless a value is one of those of a ``Literal``."""
    if value not in get_args(choices):
        raise InvalidParameter(
            f"Unknown {name} {value!r:.80}.", f"Choose one of: {', '.join(get_args(choices))}."
        )
