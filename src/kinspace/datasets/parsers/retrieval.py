"""SciFact, Cranfield, CACM and CoSQA: documents, queries and judgements."""

from __future__ import annotations

import ast
import csv
import io
import json
import re
from collections.abc import Iterator
from typing import Any

from kinspace.datasets.content import Document, RetrievalSet
from kinspace.datasets.material import Blob, Material
from kinspace.datasets.parsers.archive import zipped
from kinspace.errors import ReadError

_LITERAL = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\"""", re.DOTALL)
_SPACE = re.compile(r"\s*")
_MAX_CELL = 1 << 30


def scifact(material: Material) -> RetrievalSet:
    """SciFact in BEIR's protocol: a claim asks for the abstracts that it cites.

    The test queries are the 300 claims of ``claims_validation``, the train queries those of
    ``claims_train`` that are not among them.
    """
    inside = {blob.name: blob for blob in zipped(material.only)}
    documents: dict[str, Document] = {}
    for row in _rows(inside["corpus_train.csv"]):
        if (name := row["doc_id"]) not in documents:
            text = " ".join(" ".join(printed_list(row["abstract"])).split())
            documents[name] = Document(name, text, " ".join(row["title"].split()))
    claims = _claims(inside["claims_validation.csv"])
    if material.split == "train":
        held_out = {text for text, _ in claims.values()}
        claims = {
            name: (text, cited)
            for name, (text, cited) in _claims(inside["claims_train.csv"]).items()
            if name not in claims and text not in held_out
        }
    claims = {name: claim for name, claim in claims.items() if claim[1]}
    return RetrievalSet(
        material.name,
        documents,
        {name: text for name, (text, _) in claims.items()},
        {name: dict.fromkeys(cited, 1) for name, (_, cited) in claims.items()},
    )


def printed_list(text: str) -> list[str]:
    r"""The texts of a list as numpy prints it: Python literals, no commas, broken lines.

    Raises
    ------
    ReadError
        If anything stands there that is no literal.

    Examples
    --------
    >>> printed_list("['one' \"it's\"\n 'a \\'q\\' [x]']")
    ['one', "it's", "a 'q' [x]"]
    """
    body = text.strip()
    if not (body.startswith("[") and body.endswith("]")):
        raise ReadError(f"This is no printed list: {text[:60]!r}.", "Check the file.")
    found, place, end = [], 1, len(body) - 1
    while (place := _past_space(body, place)) < end:
        literal = _LITERAL.match(body, place, end)
        if literal is None:
            raise ReadError(f"This is no literal: {body[place : place + 60]!r}.", "Check the file.")
        found.append(str(ast.literal_eval(_escaped(literal[0]))))
        place = literal.end()
    return found


def _past_space(text: str, place: int) -> int:
    match = _SPACE.match(text, place)
    return match.end() if match else place


def _escaped(literal: str) -> str:
    """Line breaks inside a literal as Python wants them."""
    return literal.replace("\r", "\\r").replace("\n", "\\n")


def _claims(blob: Blob) -> dict[str, tuple[str, list[str]]]:
    """Each claim once: its text, and the ids of the documents that it cites."""
    found: dict[str, tuple[str, list[str]]] = {}
    for row in _rows(blob):
        found.setdefault(row["id"], (row["claim"], re.findall(r"\d+", row["cited_doc_ids"])))
    return found


def _rows(blob: Blob) -> Iterator[dict[str, str]]:
    old = csv.field_size_limit(_MAX_CELL)  # csv knows only one limit for the whole process
    try:
        yield from csv.DictReader(io.StringIO(blob.data.decode("utf-8"), newline=""))
    finally:
        csv.field_size_limit(old)


# -- SMART's format ----------------------------------------------------------------------------

_MARK = re.compile(r"\.([A-Z])(?:\s+(\d+))?\s*")


def cranfield(material: Material) -> RetrievalSet:
    """Cranfield: 1,400 abstracts on aerodynamics, 225 queries numbered by their order.

    Judgements of 1 to 4 are relevant, all alike, as is usual; -1 is not. A body begins with its
    title once more; that is left out.
    """
    documents = {}
    for number, entry in _smart(material.files["documents"]).items():
        title, body = entry.get("T", ""), entry.get("W", "")
        documents[number] = Document(number, body.removeprefix(title).strip(), title)
    texts = [entry["W"] for entry in _smart(material.files["queries"]).values()]
    blob = material.files["judgements"]
    qrels: dict[str, dict[str, int]] = {}
    for place, line in enumerate(blob.lines(), start=1):
        try:
            query, document, grade = map(int, line.split())
        except ValueError:
            raise blob.wrong(place, "this is no query, document and grade") from None
        grades = qrels.setdefault(str(query), {})
        grades[str(document)] = max(grades.get(str(document), 0), int(1 <= grade <= 4))
    queries = {str(number): text for number, text in enumerate(texts, 1)}
    return RetrievalSet(material.name, documents, queries, qrels)


def cacm(material: Material) -> RetrievalSet:
    """CACM: 3,204 titles and abstracts on computing, and 64 queries of which 52 are judged."""
    documents = {
        number: Document(number, entry.get("W", ""), entry.get("T", ""))
        for number, entry in _smart(material.files["documents"]).items()
    }
    entries = _smart(material.files["queries"])
    queries = {number: entry.get("W", "") for number, entry in entries.items()}
    blob = material.files["judgements"]
    qrels: dict[str, dict[str, int]] = {}
    for place, line in enumerate(blob.lines(), start=1):
        try:
            query, document = map(int, line.split()[:2])
        except ValueError:
            raise blob.wrong(place, "this is no query and document") from None
        qrels.setdefault(str(query), {})[str(document)] = 1
    return RetrievalSet(material.name, documents, queries, qrels)


def _smart(blob: Blob) -> dict[str, dict[str, str]]:
    """Entries of a file in SMART's format, by number: the text under each mark (.T, .W …)."""
    entries: dict[str, dict[str, str]] = {}
    entry: dict[str, str] = {}
    mark = ""
    for line in blob.text("latin-1").splitlines():
        match = _MARK.fullmatch(line)
        if match and (match[1] == "I") == (match[2] is not None):
            mark = match[1]
            if mark == "I":
                entry = entries.setdefault(str(int(match[2])), {})
        else:
            entry[mark] = f"{entry.get(mark, '')} {line}"
    return {
        number: {mark: " ".join(text.split()) for mark, text in entry.items()}
        for number, entry in entries.items()
    }


# -- code search -------------------------------------------------------------------------------


def cosqa(material: Material) -> RetrievalSet:
    """CoSQA: questions asked on the web, and the Python function that answers each."""
    functions = _json(material.files["functions"])
    asked = _json(material.files["queries"])
    documents = {str(number): Document(str(number), code) for code, number in functions.items()}
    return RetrievalSet(
        material.name,
        documents,
        {row["idx"]: row["doc"] for row in asked},
        {row["idx"]: {str(row["retrieval_idx"]): 1} for row in asked},
    )


def _json(blob: Blob) -> Any:
    try:
        return json.loads(blob.text())
    except ValueError as error:
        raise blob.wrong(getattr(error, "lineno", 1), f"this is no JSON ({error})") from None
