"""Datasets: sets to judge by and to learn from, each a record, not code.

`load` gives the content of one by its name, `names` and `describe` tell what there is, and
`read_path` reads sets of your own: BEIR and TREC folders, pairs with scores, labelled texts,
analogies, translations. `write_beir` hands a retrieval set to other tools, `read_judgements` and
`write_judgements` are for judgements alone.
"""

from __future__ import annotations

from kinspace.datasets.content import (
    AnalogySet,
    BitextSet,
    Content,
    DictionarySet,
    Document,
    LabelledSet,
    OutlierSet,
    PairSet,
    RetrievalSet,
    TaggedSet,
    TextSet,
    WordListSet,
)
from kinspace.datasets.files import at_hand, fetch
from kinspace.datasets.judgements import read_judgements, write_judgements
from kinspace.datasets.loading import load
from kinspace.datasets.own import read_path, write_beir
from kinspace.datasets.record import Dataset, File, describe, names

__all__ = [
    "AnalogySet",
    "BitextSet",
    "Content",
    "Dataset",
    "DictionarySet",
    "Document",
    "File",
    "LabelledSet",
    "OutlierSet",
    "PairSet",
    "RetrievalSet",
    "TaggedSet",
    "TextSet",
    "WordListSet",
    "at_hand",
    "describe",
    "fetch",
    "load",
    "names",
    "read_judgements",
    "read_path",
    "write_beir",
    "write_judgements",
]
