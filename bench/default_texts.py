"""The texts that the default model learns from: the sources, and how they are cut.

Everything comes from ``$KINSPACE_DATA``, from the docstrings of installed packages and from
``default_glossary.py``. Sentences that any judged set contains are left out.
"""

from __future__ import annotations

import ast
import bz2
import csv
import html
import importlib.util
import io
import json
import os
import pydoc_data.topics
import random
import re
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

DATA = Path(os.environ.get("KINSPACE_DATA", "../shared/data"))
Document = tuple[str, list[str]]
"""A title (may be empty) and paragraphs."""

SENTENCE_END = re.compile(r"(?<=[.!?])[\"')\]]*\s+(?=[A-Z0-9\"'(])")
DOCSTRINGS = ("numpy", "scipy", "sklearn", "sympy", "networkx", "torch", "transformers", "stdlib")
LICENCES = {
    "docstrings": "BSD-3-Clause, Apache-2.0 (transformers), PSF (standard library); 45 % of them",
    "enwiki": "CC BY-SA",
    "wikitext": "CC BY-SA 3.0",
    "novel": "public domain",
    "inaugural": "public domain",
    "state_union": "public domain",
    "stsb_train": "CC BY-SA 4.0; the training sentences, without their scores, seven times",
    "banking": "CC BY 4.0",
    "wnut": "CC BY 4.0",
    "cosqa": "C-UDA",
    "newsgroups": "none stated",
}


def squash(text: str) -> str:
    """One space between words."""
    return " ".join(text.split())


def key(text: str) -> str:
    """What two copies of a sentence have in common."""
    return re.sub(r"[^a-z0-9]+", " ", text.lower()).strip()


def newsgroups() -> Iterator[Document]:
    """20 Newsgroups without headers, quotations, signatures and binaries."""
    with tarfile.open(DATA / "text/20_newsgroups.tar.bz2") as tar:
        for member in tar:
            if member.isfile():
                yield _post(tar.extractfile(member).read().decode("latin-1"))


def _post(raw: str) -> Document:
    head, _, body = raw.partition("\n\n")
    lines = []
    for line in body.split("\n"):
        s = line.strip()
        quoted = s.startswith((">", "|", ":", "}", "In article", "#"))
        if quoted or s.endswith(("writes:", "wrote:")) or re.match(r"^\w{0,4}>", s):
            continue
        if s.startswith("--") and len(s) < 4:
            break
        if "@" in s and len(s) < 60:
            continue
        letters = sum(c.isalpha() or c == " " for c in s)
        if s and (letters < 0.75 * len(s) or (" " not in s and len(s) > 30)):
            continue
        lines.append(s)
    paragraphs = [squash(p) for p in re.split(r"\n\s*\n", "\n".join(lines))]
    subject = re.search(r"^Subject:\s*(.*)$", head, re.M)
    title = re.sub(r"^(re|fwd?)\s*:\s*", "", subject[1].strip(), flags=re.I) if subject else ""
    return title, [p for p in paragraphs if len(p) > 20]


def enwiki() -> Iterator[Document]:
    """Articles of the MediaWiki excerpt, without markup."""
    with bz2.open(DATA / "text/enwiki-excerpt.xml.bz2", "rt", encoding="utf-8") as file:
        pages = re.findall(r"<page>(.*?)</page>", file.read(), re.S)
    for page in pages:
        title = re.search(r"<title>(.*?)</title>", page)[1]
        text = re.search(r"<text[^>]*>(.*?)</text>", page, re.S)
        if "<redirect" in page or not text or ":" in title:
            continue
        lines = []
        for line in _plain(text[1]).split("\n"):
            s = squash(line.strip("*#:; ="))
            if not line.startswith(("|", "!", "{", "}")) and len(s) >= 15:
                lines.append(s)
        yield title, lines


def _plain(markup: str) -> str:
    t = html.unescape(html.unescape(markup))
    t = re.sub(r"<!--.*?-->", "", t, flags=re.S)
    t = re.sub(r"<ref[^>/]*/>|<ref.*?</ref>", "", t, flags=re.S)
    t = re.sub(r"<(math|code|pre|gallery|table)[^>]*>.*?</\1>", "", t, flags=re.S)
    for _ in range(4):
        t = re.sub(r"\{\{[^{}]*\}\}", "", t)
    t = re.sub(r"\{\|.*?\|\}", "", t, flags=re.S)
    inner = r"[^\[\]]*(?:\[\[[^\[\]]*\]\][^\[\]]*)*"
    t = re.sub(r"\[\[(?:File|Image|Category)" + inner + r"\]\]", "", t)
    t = re.sub(r"\[\[(?:[^\[\]|]*\|)?([^\[\]|]*)\]\]", r"\1", t)
    t = re.sub(r"\[https?://\S+ ?([^\]]*)\]", r"\1", t)
    return re.sub(r"<[^>]+>|'{2,}", "", t)


def wikitext() -> Iterator[Document]:
    """WikiText-2 (valid and test) with its spacing undone and its unknown words left out."""
    for part in ("valid", "test"):
        title, paragraphs = "", []
        for line in (DATA / f"text/wikitext-2/{part}.txt").open(encoding="utf-8"):
            heading = re.match(r"^= ([^=].*?) =$", line.strip())
            s = _joined(line.strip())
            if heading:
                if paragraphs:
                    yield title, paragraphs
                title, paragraphs = s.strip("= "), []
            elif len(s) > 20:
                paragraphs.append(s.strip("= ") if s.startswith("=") else s)
        if paragraphs:
            yield title, paragraphs


def _joined(s: str) -> str:
    for old, new in (("<unk>", ""), (" @-@ ", "-"), (" @,@ ", ","), (" @.@ ", ".")):
        s = s.replace(old, new)
    s = re.sub(r" ([.,;:!?)'%])", r"\1", s)
    s = re.sub(r"([(]) ", r"\1", s)
    return squash(re.sub(r'" ([^"]*) "', r'"\1"', s))


def _book(text: str) -> Iterator[Document]:
    paragraphs = [squash(p) for p in re.split(r"\n\s*\n", text)]
    paragraphs = [p for p in paragraphs if len(p) > 20]
    for i in range(0, len(paragraphs), 20):
        yield "", paragraphs[i : i + 20]


def novel() -> Iterator[Document]:
    """War and Peace, without the licence around it."""
    t = (DATA / "text/warandpeace.txt").open(encoding="utf-8").read().replace("\r", "")
    yield from _book(t[t.index("*** START OF") : t.index("*** END OF")])


def speeches(name: str) -> Iterator[Document]:
    """A corpus of speeches from NLTK's collection."""
    with zipfile.ZipFile(DATA / f"text/nltk/{name}.zip") as archive:
        for path in sorted(archive.namelist()):
            if path.endswith(".txt") and "README" not in path:
                yield from _book(archive.read(path).decode("latin-1").replace("\r", ""))


def stsb_train() -> Iterator[Document]:
    """The sentences of STS-B's training part; the scores are not read."""
    for line in (DATA / "sts/stsbenchmark/sts-train.csv").open(encoding="utf-8"):
        cells = line.rstrip("\n").split("\t")
        yield "", [squash(cells[5]), squash(cells[6])]


def banking() -> Iterator[Document]:
    """Customers' questions; the classes are not read."""
    with (DATA / "classify/banking77/train.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            yield "", [squash(row["text"])]


def wnut() -> Iterator[Document]:
    """Messages of social media; the labels are not read."""
    with tarfile.open(DATA / "tagging/wnut17.tar.gz") as tar:
        text = tar.extractfile("wnut17/wnut17train.conll").read().decode("utf-8")
    for s in re.split(r"\n\s*\n", text):
        yield "", [squash(" ".join(line.split("\t")[0] for line in s.split("\n")))]


def cosqa() -> Iterator[Document]:
    """Descriptions of functions."""
    with tarfile.open(DATA / "code/cosqa.tar.gz") as tar:
        for row in json.load(tar.extractfile("cosqa/qa/cosqa-dev.json")):
            yield "", [squash(row["doc"])]


def docstrings() -> Iterator[Document]:
    """What the installed scientific packages and the standard library say of themselves."""
    for name in DOCSTRINGS:
        origin = ast.__file__ if name == "stdlib" else importlib.util.find_spec(name).origin
        root = Path(origin).parent
        for path in sorted(root.rglob("*.py")):
            relative = path.relative_to(root).as_posix()
            skip = ("site-packages", "idlelib", "lib2to3", "encodings")
            if "test" not in relative and not relative.startswith(skip):
                yield from _of_source(path)
        if name == "sklearn":
            for path in sorted((root / "datasets/descr").glob("*.rst")):
                yield "", _paragraphs(path.read_text("utf-8"))
        if name == "stdlib":
            for topic, text in sorted(pydoc_data.topics.topics.items()):
                yield topic, _paragraphs(text)


def _of_source(path: Path) -> Iterator[Document]:
    try:
        tree = ast.parse(path.read_text("utf-8"))
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node)
            if text and len(text) > 30:
                yield "", _paragraphs(text)


def _paragraphs(text: str) -> list[str]:
    kept = []
    for p in re.split(r"\n\s*\n", text):
        lines = [line.strip() for line in p.split("\n")]
        lines = [s for s in lines if not re.fullmatch(r"[-=~^*]{3,}", s)]
        s = squash(" ".join(s for s in lines if not s.startswith((".. ", "...", ":"))))
        s = re.sub(r":\w+:`~?([^`<]*)[^`]*`", r"\1", s).replace("``", "").replace("`", "")
        letters = sum(c.isalpha() or c == " " for c in s)
        if ">>>" not in p and len(s) > 20 and letters > 0.8 * len(s):
            kept.append(s)
    return kept


SOURCES = {
    "docstrings": docstrings,
    "enwiki": enwiki,
    "wikitext": wikitext,
    "novel": novel,
    "inaugural": lambda: speeches("inaugural"),
    "state_union": lambda: speeches("state_union"),
    "stsb_train": stsb_train,
    "banking": banking,
    "wnut": wnut,
    "cosqa": cosqa,
    "newsgroups": newsgroups,
}


def judged_pairs() -> list[str]:
    """The texts of STS-B's development and test parts."""
    texts = []
    for part in ("dev", "test"):
        for line in (DATA / f"sts/stsbenchmark/sts-{part}.csv").open(encoding="utf-8"):
            texts += line.rstrip("\n").split("\t")[5:7]
    return texts


def judged_documents() -> list[str]:
    """Queries and documents of SciFact, Cranfield and CACM."""
    texts = []
    for path in (
        "cranfield/cran.all.1400",
        "cranfield/cran.qry",
        "cacm/cacm.all",
        "cacm/query.text",
    ):
        raw = (DATA / "retrieval" / path).read_text("utf-8", errors="replace")
        texts += re.split(r"^\.[ITWABXN].*$", raw, flags=re.M)
    csv.field_size_limit(10**9)
    with zipfile.ZipFile(DATA / "retrieval/scifact.zip") as archive:
        for name in archive.namelist():
            for row in csv.DictReader(io.TextIOWrapper(archive.open(name), "utf-8")):
                texts += [row[k] for k in ("claim", "title", "abstract") if row.get(k)]
    return texts


def keys(texts: list[str], *, sentences: bool) -> set[str]:
    """Keys of texts, and of their sentences if these count too; short ones say nothing."""
    found = set()
    for text in map(squash, texts):
        found.add(key(text))
        if sentences:
            found.update(map(key, SENTENCE_END.split(text)))
    return {k for k in found if len(k) > 20}


def cut(document: Document, rng: random.Random, leave_out: set[str]) -> Iterator[str]:
    """Title, passages of 30 to 260 words, sentences, and a random window of each sentence."""
    title, paragraphs = document
    sentences = [s for p in paragraphs for s in SENTENCE_END.split(p) if len(s) > 3]
    sentences = [s for s in sentences if key(s) not in leave_out]
    words = [s.split() for s in sentences]
    if title:
        yield title
    i = 0
    while i < len(sentences):
        goal, n, j = rng.choice((40, 60, 80, 120, 160, 220)), 0, i
        while j < len(sentences) and n < goal:
            n += len(words[j])
            j += 1
        if n >= 30 and j > i + 1:
            yield " ".join(" ".join(sentences[i:j]).split()[:260])
        i = j
    for sentence, w in zip(sentences, words, strict=True):
        n = len(w)
        if n > 80:
            for a in range(0, n, 60):
                yield " ".join(w[a : a + 60])
        else:
            yield sentence
        if n >= 6:
            k = rng.randint(2, min(10, n - 1))
            a = rng.randint(0, n - k)
            yield " ".join(w[a : a + k]).strip(" ,.;:()\"'")


def blocks(sources: dict[str, Callable[[], Iterator[Document]]]) -> list[list[str]]:
    """All texts of the sources in blocks of a dozen neighbours or more, in random order."""
    leave_out = keys(judged_documents(), sentences=True) | keys(judged_pairs(), sentences=False)
    strict = keys(judged_pairs(), sentences=True)
    seen, found = set[str](), []
    for name, source in sources.items():
        rng, block = random.Random(0), []
        for document in source():
            if name == "docstrings" and rng.random() > 0.45:
                continue
            for text in cut(document, rng, leave_out):
                if len(text) >= 3 and text not in seen and key(text) not in leave_out:
                    seen.add(text)
                    block.append(text)
            if len(block) >= 12:
                found.append(block)
                block = []
        if block:
            found.append(block)
    random.Random(1).shuffle(found)
    return [[text for text in block if key(text) not in strict] for block in found]
