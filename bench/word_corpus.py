"""The corpus of the word benchmarks, built from the real data: some 10 M words.

    python bench/word_corpus.py FOLDER

It takes all text of ``$KINSPACE_DATA/text`` that is running English (the NLTK sets, WikiText-2,
the wiki excerpt, the 20 Newsgroups), cuts it into sentences of lower-case words, drops words
that come fewer than five times, and writes

- ``ids.npy``: the words of all sentences as numbers, uint32, the most frequent word first;
- ``starts.npy``: where each sentence begins and ends in it, int64, one more than sentences;
- ``documents.npy``: the document of each sentence, int32;
- ``vocabulary.txt``: a word and its count a line;
- ``corpus.txt``: the same sentences as words, a line each, as gensim reads them.
"""

from __future__ import annotations

import bz2
import re
import sys
import tarfile
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from common import data_folder

MIN_COUNT = 5
LONGEST = 5000
"""Words of a document; longer ones are cut, since gensim leaves out what follows 10,000."""
_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*")
_END = re.compile(r"(?<=[.!?])[\"')\]]*\s+|\n\s*\n")
_TAG = re.compile(r"/[^\s/]+(?=\s|$)")
_UNLIKE_TEXT = re.compile(r"^\S{50,}$", re.MULTILINE)
_PAGE = re.compile(r"<text[^>]*>(.*?)</text>", re.DOTALL)
_MARKUP = re.compile(
    r"&lt;ref.*?&lt;/ref&gt;|&lt;.*?&gt;|\{\{[^{}]*\}\}|\{\|.*?\|\}|\[\[(?:File|Image|Category):[^\]]*\]\]"
    r"|\[\[[^\]|]*\||https?://\S+|&[a-z]+;",
    re.DOTALL,
)


def documents(folder: Path) -> Iterator[str]:
    """The text of each document."""
    for path in sorted((folder / "nltk").glob("*.zip")):
        if path.stem in ("names", "stopwords"):
            continue
        with zipfile.ZipFile(path) as archive:
            for name in sorted(archive.namelist()):
                if name.endswith("/") or re.search(r"README|CONTENTS|cats\.txt", name):
                    continue
                text = archive.read(name).decode("latin-1")
                yield _TAG.sub("", text) if path.stem == "brown" else text
    for part in ("valid", "test"):
        text = (folder / "wikitext-2" / f"{part}.txt").read_text("utf-8")
        yield from re.split(r"^ = [^=].*$", text.replace("<unk>", " "), flags=re.MULTILINE)
    pages = bz2.decompress((folder / "enwiki-excerpt.xml.bz2").read_bytes()).decode("utf-8")
    for page in _PAGE.finditer(pages):
        yield _MARKUP.sub(" ", _MARKUP.sub(" ", page[1]))
    with tarfile.open(folder / "20_newsgroups.tar.bz2") as archive:
        for member in archive:
            file = archive.extractfile(member)
            if file is not None:
                post = file.read().decode("latin-1").partition("\n\n")[2]
                yield _UNLIKE_TEXT.sub("", post)


def sentences(document: str) -> Iterator[list[str]]:
    """The words of each sentence, in lower case."""
    for sentence in _END.split(document):
        words: list[str] = _WORD.findall(sentence.lower())
        if words:
            yield words


def build(folder: Path) -> None:
    """Write the corpus into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    numbers: dict[str, int] = {}
    flat: list[int] = []
    lengths: list[int] = []
    of: list[int] = []
    n = -1
    for document in documents(data_folder() / "text"):
        n, size = n + 1, 0
        for words in sentences(document):
            size += len(words)
            if size > LONGEST:
                n, size = n + 1, len(words)
            flat += [numbers.setdefault(word, len(numbers)) for word in words]
            lengths.append(len(words))
            of.append(n)
    counts = Counter(flat)
    words = list(numbers)
    kept = sorted((w for w, c in counts.items() if c >= MIN_COUNT), key=lambda w: -counts[w])
    place = np.full(len(numbers), -1, np.int64)
    place[kept] = np.arange(len(kept))
    ids = place[flat]
    ends = np.cumsum(lengths)
    known = np.concatenate([[0], np.cumsum(ids >= 0)])
    sizes = np.diff(known[np.concatenate([[0], ends])])
    ids = ids[ids >= 0].astype(np.uint32)
    starts = np.concatenate([[0], np.cumsum(sizes[sizes > 0])])
    np.save(folder / "ids.npy", ids)
    np.save(folder / "starts.npy", starts)
    _, document_ids = np.unique(np.array(of)[sizes > 0], return_inverse=True)
    np.save(folder / "documents.npy", document_ids.astype(np.int32))
    (folder / "vocabulary.txt").write_text(
        "".join(f"{words[w]}\t{counts[w]}\n" for w in kept), encoding="utf-8"
    )
    with (folder / "corpus.txt").open("w", encoding="utf-8") as file:
        for i in range(len(starts) - 1):
            line = ids[starts[i] : starts[i + 1]].tolist()
            file.write(" ".join(words[kept[w]] for w in line) + "\n")
    print(
        f"{len(flat):,} words, {len(ids):,} kept in {len(starts) - 1:,} sentences of "
        f"{document_ids[-1] + 1:,} documents; {len(kept):,} different words"
    )


if __name__ == "__main__":
    build(Path(sys.argv[1]))
