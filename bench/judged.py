"""The judged sets of the bench: SciFact, Cranfield, CACM and STS-B, read from ``$KINSPACE_DATA``.

    python bench/judged.py            # counts, and a look at each set

(Not called datasets.py: a file of that name beside a script hides Hugging Face's package.)
"""

from __future__ import annotations

import ast
import csv
import io
import math
import re
import sys
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from common import data_folder

if TYPE_CHECKING:
    from kinspace import Collection, Encoder

csv.field_size_limit(sys.maxsize)


@dataclass(frozen=True)
class Retrieval:
    """Documents, queries, and which documents are relevant to a query.

    Parameters
    ----------
    name : str
    documents : dict of str to (str, str)
        Title and text by id.
    queries : dict of str to str
    relevant : dict of str to set of str
        Ids of documents by id of query; every query has some.
    """

    name: str
    documents: dict[str, tuple[str, str]]
    queries: dict[str, str]
    relevant: dict[str, set[str]]

    @property
    def corpus(self) -> str:
        """The name of the documents: both splits of SciFact have the same."""
        return self.name.partition("-")[0]

    def records(self) -> list[dict[str, str]]:
        """The documents as a collection takes them."""
        return [
            {"id": name, "title": title, "text": text}
            for name, (title, text) in self.documents.items()
        ]


@dataclass(frozen=True)
class Pairs:
    """Pairs of sentences with the similarity that people gave them, 0 to 5."""

    name: str
    left: list[str]
    right: list[str]
    scores: list[float]


def collection_of(found: Retrieval, encoder: Encoder[str], folder: Path) -> Collection:
    """A collection with a set's documents, open; what the folder has already is kept."""
    from kinspace import Collection

    space = encoder.space
    path = folder / f"{found.corpus}-{space.model}-{space.fingerprint[:8]}.kin"
    collection = Collection.open(path, encoder=encoder)
    collection.upsert(found.records())
    collection.flush()
    return collection


def ndcg(ranked: Sequence[str], relevant: set[str], k: int = 10) -> float:
    """NDCG@k for judgements that are yes or no.

    >>> ndcg(["a", "b"], {"a"}), round(ndcg(["b", "a"], {"a"}), 4)
    (1.0, 0.6309)
    """
    gain = sum(1 / math.log2(i + 2) for i, one in enumerate(ranked[:k]) if one in relevant)
    return gain / sum(1 / math.log2(i + 2) for i in range(min(k, len(relevant))))


# -- SciFact -----------------------------------------------------------------------------------

_LITERAL = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\"""", re.DOTALL)
_SPACE = re.compile(r"\s*")


def printed_list(text: str) -> list[str]:
    r"""The texts of a list as numpy prints it: Python literals, no commas, broken lines.

    Raises
    ------
    ValueError
        If anything stands there that is no literal.

    Examples
    --------
    >>> printed_list("['one' \"it's\"\n 'a \\'q\\' [x]']")
    ['one', "it's", "a 'q' [x]"]
    """
    body = text.strip()
    if not (body.startswith("[") and body.endswith("]")):
        raise ValueError(f"not a printed list: {text[:60]!r}")
    found, place, end = [], 1, len(body) - 1
    while (place := _SPACE.match(body, place).end()) < end:  # type: ignore[union-attr]
        literal = _LITERAL.match(body, place, end)
        if literal is None:
            raise ValueError(f"not a literal: {body[place : place + 60]!r}")
        found.append(str(ast.literal_eval(_escaped(literal[0]))))
        place = literal.end()
    return found


def _escaped(literal: str) -> str:
    """Line breaks inside a literal as Python wants them."""
    return literal.replace("\r", "\\r").replace("\n", "\\n")


def scifact(split: str) -> Retrieval:
    """SciFact in BEIR's protocol.

    Parameters
    ----------
    split : {"train", "test"}
        The test queries are the 300 claims of ``claims_validation``; the train queries those of
        ``claims_train`` that are not among them. Relevant is what a claim cites.
    """
    archive = zipfile.ZipFile(data_folder() / "retrieval" / "scifact.zip")
    documents: dict[str, tuple[str, str]] = {}
    for row in _rows(archive, "corpus_train.csv"):
        if row["doc_id"] not in documents:
            text = " ".join(" ".join(printed_list(row["abstract"])).split())
            documents[row["doc_id"]] = (" ".join(row["title"].split()), text)
    claims = _claims(archive, "claims_validation.csv")
    if split == "train":
        held_out = {text for text, _ in claims.values()}
        claims = {
            name: (text, cited)
            for name, (text, cited) in _claims(archive, "claims_train.csv").items()
            if name not in claims and text not in held_out
        }
    claims = {name: claim for name, claim in claims.items() if claim[1]}
    return Retrieval(
        f"scifact-{split}",
        documents,
        {name: text for name, (text, _) in claims.items()},
        {name: cited for name, (_, cited) in claims.items()},
    )


def _claims(archive: zipfile.ZipFile, name: str) -> dict[str, tuple[str, set[str]]]:
    """Each claim once: its text, and the ids of the documents that it cites."""
    found: dict[str, tuple[str, set[str]]] = {}
    for row in _rows(archive, name):
        found.setdefault(row["id"], (row["claim"], set(re.findall(r"\d+", row["cited_doc_ids"]))))
    return found


def _rows(archive: zipfile.ZipFile, name: str) -> Iterator[dict[str, str]]:
    with archive.open(name) as file:
        yield from csv.DictReader(io.TextIOWrapper(file, encoding="utf-8", newline=""))


# -- Cranfield and CACM ------------------------------------------------------------------------

_MARK = re.compile(r"\.([A-Z])(?:\s+(\d+))?\s*")


def _smart(path: Path) -> dict[str, dict[str, str]]:
    """Entries of a file in SMART's format, by number: the text under each mark (.T, .W …)."""
    entries: dict[str, dict[str, str]] = {}
    entry: dict[str, str] = {}
    mark = ""
    for line in path.read_text(encoding="latin-1").splitlines():
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


def cranfield() -> Retrieval:
    """Cranfield: 1,400 abstracts on aerodynamics, 225 queries numbered by their order.

    A body there begins with its title once more; that is left out.
    """
    folder = data_folder() / "retrieval" / "cranfield"
    documents = {}
    for number, entry in _smart(folder / "cran.all.1400").items():
        title, body = entry.get("T", ""), entry.get("W", "")
        documents[number] = (title, body.removeprefix(title).strip())
    texts = [entry["W"] for entry in _smart(folder / "cran.qry").values()]
    relevant: dict[str, set[str]] = {}
    for line in (folder / "cranqrel").read_text().splitlines():
        query, document, grade = line.split()
        if 1 <= int(grade) <= 4:
            relevant.setdefault(str(int(query)), set()).add(document)
    queries = {str(n): text for n, text in enumerate(texts, 1) if str(n) in relevant}
    return Retrieval("cranfield", documents, queries, relevant)


def cacm() -> Retrieval:
    """CACM: 3,204 titles and abstracts on computing, and the 52 of 64 queries that are judged."""
    folder = data_folder() / "retrieval" / "cacm"
    documents = {
        number: (entry.get("T", ""), entry.get("W", ""))
        for number, entry in _smart(folder / "cacm.all").items()
    }
    texts = {number: entry.get("W", "") for number, entry in _smart(folder / "query.text").items()}
    relevant: dict[str, set[str]] = {}
    for line in (folder / "qrels.text").read_text().splitlines():
        query, document = line.split()[:2]
        relevant.setdefault(str(int(query)), set()).add(str(int(document)))
    return Retrieval("cacm", documents, {name: texts[name] for name in relevant}, relevant)


# -- STS-B -------------------------------------------------------------------------------------


def sts(split: str) -> Pairs:
    """STS-B, ``"dev"`` or ``"test"``. Quotes stand for themselves there."""
    path = data_folder() / "sts" / "stsbenchmark" / f"sts-{split}.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    left, right = [row[5] for row in rows], [row[6] for row in rows]
    return Pairs(f"sts-{split}", left, right, [float(row[4]) for row in rows])


RETRIEVAL: Mapping[str, Callable[[], Retrieval]] = {
    "scifact-train": lambda: scifact("train"),
    "cacm": cacm,
    "scifact-test": lambda: scifact("test"),
    "cranfield": cranfield,
}
PAIRS: Mapping[str, Callable[[], Pairs]] = {
    "sts-dev": lambda: sts("dev"),
    "sts-test": lambda: sts("test"),
}
CHOICE = ("sts-dev", "scifact-train", "cacm")
"""The sets on which things were chosen; all others are only reported."""

_EXPECTED = {
    "scifact-train": (5183, None),
    "scifact-test": (5183, 300),
    "cranfield": (1400, 225),
    "cacm": (3204, 52),
    "sts-dev": (1500, None),
    "sts-test": (1379, None),
}


def check() -> None:
    """Count what there is, and stop if it is not what the sets' papers say."""
    for name, read in RETRIEVAL.items():
        found = read()
        documents, queries = _EXPECTED[name]
        assert len(found.documents) == documents, (name, len(found.documents))
        assert queries in (None, len(found.queries)), (name, len(found.queries))
        assert found.queries.keys() == found.relevant.keys(), name
        known = found.documents.keys()
        unknown = sum(len(ids - known) for ids in found.relevant.values())
        assert not any(
            re.search(r"^\[['\"]|['\"]\]$|['\"]\s*\n\s*['\"]", text)
            for _, text in found.documents.values()
        ), f"{name}: a printed list is left"
        judged = sum(map(len, found.relevant.values()))
        print(f"{name}: {documents} documents, {len(found.queries)} queries, {judged} relevant")
        print(f"    {unknown} relevant ids are no document; the first: {_first(found)}")
    for name, read_pairs in PAIRS.items():
        pairs = read_pairs()
        assert len(pairs.scores) == _EXPECTED[name][0], (name, len(pairs.scores))
        assert all(0 <= score <= 5 for score in pairs.scores), name
        print(f"{name}: {len(pairs.scores)} pairs; {pairs.left[0]!r}, {pairs.right[0]!r}")


def _first(found: Retrieval) -> str:
    title, text = next(iter(found.documents.values()))
    return f"{title!r}, {text[:60]!r} …"


if __name__ == "__main__":
    check()
