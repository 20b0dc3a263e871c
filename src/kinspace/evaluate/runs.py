"""What a retrieval system answered (`Run`), and the files that hold it.

Runs are read and written as trec_eval, ir-measures and ranx do: TREC's six columns, in which odd
ids are quoted (:mod:`kinspace.datasets.columns`), or JSON.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kinspace.datasets.columns import (
    all_plain,
    ending,
    nested,
    quoted,
    read_text,
    table,
    unquoted,
    write_text,
)
from kinspace.errors import DuplicateId, InvalidInput, ReadError


@dataclass(frozen=True, eq=False)
class Run:
    """What a retrieval system answered: scores of documents by query.

    Parameters
    ----------
    name : str
        Of the system; the last column of a TREC file.
    scores : mapping of str to mapping of str to float
        By query, then by document; higher is better.

    Raises
    ------
    InvalidInput
        If a score is NaN or infinite.

    Examples
    --------
    >>> run = Run("bm25", {"q1": {"cat": 2.5, "dog": 2.5, "cow": 3.0}})
    >>> run.ranked("q1")
    ['cow', 'dog', 'cat']
    """

    name: str
    scores: Mapping[str, Mapping[str, float]]

    def __post_init__(self) -> None:
        for query, found in self.scores.items():
            if not all(map(math.isfinite, found.values())):
                document = next(d for d, score in found.items() if not math.isfinite(score))
                raise InvalidInput(
                    f"{self.name}: the document {document!r} of query {query!r} has the score "
                    f"{found[document]}.",
                    "Give finite scores, or leave the document out.",
                )

    def ranked(self, query: str) -> list[str]:
        """The documents of a query as trec_eval ranks them; none if it was not answered.

        The higher score first, and of equal scores the greater id first. Scores are equal if they
        are so in single precision, in which trec_eval keeps them.
        """
        found = self.scores.get(query, {})
        ids = sorted(found, reverse=True)
        scores = single([found[document] for document in ids])
        return [ids[place] for place in np.argsort(-scores, kind="stable")]

    @classmethod
    def read(cls, path: str | Path, name: str | None = None) -> Run:
        """Read a run: JSON if the name ends in .json, else TREC; also compressed (.gz).

        Parameters
        ----------
        path : str or Path
        name : str, optional
            Of the system; by default what a TREC file says, else the file's name.

        Raises
        ------
        PathNotFound
            If there is no such file.
        ReadError
            If it is not what it claims to be; the message names the line.
        DuplicateId
            If a query has a document twice.
        InvalidInput
            If a score is NaN or infinite.
        """
        file = Path(path)
        text = read_text(file)
        scores: dict[str, dict[str, float]]
        if ending(file) == ".json":
            return cls(name or file.name.split(".")[0], nested(text, file, float))
        scores, tag = {}, ""
        for where, (query, mark, document, _, score, tag) in table(text, file, 6):  # noqa: B007
            query, document = unquoted(query, mark, document)  # noqa: PLW2901
            found = scores.setdefault(query, {})
            if document in found:
                raise DuplicateId(
                    f"{where}: the query {query!r} has the document {document!r} a second time.",
                    "Keep one of them.",
                )
            found[document] = _score(score, where)
        return cls(name or tag or file.name.split(".")[0], scores)

    def write(self, path: str | Path) -> None:
        """Write the run: JSON if the name ends in .json, else TREC; compressed if in .gz."""
        file = Path(path)
        if ending(file) == ".json":
            plain = {q: {d: float(s) for d, s in found.items()} for q, found in self.scores.items()}
            write_text(file, json.dumps(plain))
        else:
            write_text(file, write_trec(self))


def write_trec(run: Run) -> str:
    """A run as TREC's six columns: query, Q0, document, rank, score, system.

    Queries without documents are not in it. White space in the system's name becomes ``_``.

    Examples
    --------
    >>> print(write_trec(Run("my model", {"q1": {"cat": 0.5, "big dog": 0.75}})), end="")
    q1 Q0% big%20dog 1 0.75 my_model
    q1 Q0 cat 2 0.5 my_model
    """
    tag = "_".join(run.name.encode("utf-8", "replace").decode().split()) or "run"
    lines = []
    for query, found in run.scores.items():
        plain = all_plain([query, *found])
        for rank, document in enumerate(run.ranked(query), start=1):
            ids = f"{query} Q0 {document}" if plain else quoted(query, "Q0", document)
            lines.append(f"{ids} {rank} {float(found[document])!r} {tag}\n")
    return "".join(lines)


def single(scores: Iterable[float]) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    """Scores in single precision, in which trec_eval compares them."""
    with np.errstate(over="ignore"):  # beyond its range they are infinite, and equal
        return np.fromiter(scores, np.float64).astype(np.float32)


def _score(text: str, where: str) -> float:
    try:
        number = float(text)
    except ValueError as error:
        raise ReadError(f"{where}: {text!r} is not a number.", "Check the line.") from error
    if not math.isfinite(number):
        raise InvalidInput(f"{where}: the score {text!r}.", "Give finite scores.")
    return number
