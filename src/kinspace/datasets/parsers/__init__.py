"""Parsers: from the files of a split to its content. A record names the one that it needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from kinspace.datasets.content import Content
from kinspace.datasets.material import Material
from kinspace.datasets.parsers import (
    crosslingual,
    labelled,
    pairs,
    retrieval,
    running,
    tagged,
    words,
)

Parser = Callable[[Material], Content]

PARSERS: Mapping[str, Parser] = {
    "analogies": words.analogies,
    "association": words.association,
    "bitext": crosslingual.bitext,
    "brown": running.brown,
    "brown-tagged": tagged.brown,
    "captions": crosslingual.captions,
    "conll": tagged.conll,
    "cosqa": retrieval.cosqa,
    "cranfield": retrieval.cranfield,
    "cacm": retrieval.cacm,
    "dictionary": crosslingual.dictionary,
    "intents": labelled.intents,
    "label-first": labelled.label_first,
    "lee": pairs.lee,
    "lines": running.lines,
    "mediawiki": running.mediawiki,
    "movie-reviews": labelled.movie_reviews,
    "msrp": pairs.msrp,
    "newsgroups": labelled.newsgroups,
    "novel": running.novel,
    "scifact": retrieval.scifact,
    "sts": pairs.sts,
    "word-lists": words.word_lists,
    "word-pairs": pairs.word_pairs,
    "wikitext": running.wikitext,
    "zipped-files": running.zipped_files,
    "zipped-lines": running.zipped_lines,
}
"""By the names that records use."""
