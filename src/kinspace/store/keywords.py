"""The keyword index of a collection: tantivy on disk, and a tail that it does not hold yet."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from kinspace.durable import sync_folder
from kinspace.search.keyword import Clause, Tail, analyser, idf
from kinspace.store.database import Database, Row
from kinspace.store.derived import Damaged
from kinspace.store.parts import Part

_ROWS: Final = 4096
_MEMORY: Final = 40_000_000
"""Bytes that tantivy may hold before it writes a segment."""
_SAMPLE: Final = 16
"""One record in so many is counted for the mean length of a text."""
_ANALYSER: Final = "kinspace-english-1"
FEW: Final = 1000
"""Records up to which a filter is handed to tantivy as a set of row numbers."""


TITLE_COUNTS: Final = 3
"""How often a title's words count beside those of the text (the field weight of BM25F; Robertson,
Zaragoza and Taylor, 2004). Chosen on the SciFact training claims and CACM: see bench/LOG.md."""


def texts_of(row: Row) -> dict[str, list[str]]:
    """What of a record is searched, in parts that no phrase reaches across.

    Returns
    -------
    dict of str to list of str
        Titles and text under ``""``, and each field that holds text, or texts, by its path.
    """
    texts: dict[str, list[str]] = dict(_flat(row.fields, ""))
    titles = texts.get("title", []) * TITLE_COUNTS
    return {**texts, "": [*titles, row.text]}


def _flat(value: Any, path: str) -> Iterator[tuple[str, list[str]]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _flat(inner, f"{path}.{name}" if path else name)
    elif isinstance(value, str):
        yield path, [value]
    elif isinstance(value, list) and value and all(isinstance(one, str) for one in value):
        yield path, value


class KeywordIndex(Part):
    """BM25 over the records up to ``last_seq``."""

    name = "keywords"

    def __init__(self, root: Path) -> None:
        super().__init__(root, {"analyser": _ANALYSER, "title": TITLE_COUNTS})
        self._index: Any = None
        self._searcher: Any = None
        self._schema: Any = None
        self._links: tempfile.TemporaryDirectory[str] | None = None

    def _folder(self) -> Path:
        return self.root / f"{self.name}-{self.generation}"

    def _create(self) -> None:
        import tantivy

        folder = self._folder()
        folder.mkdir()
        builder = tantivy.SchemaBuilder()
        builder.add_integer_field("seq", indexed=True, fast=True)
        builder.add_text_field("text", tokenizer_name=_ANALYSER)
        builder.add_json_field("fields", tokenizer_name=_ANALYSER)
        self._attach(tantivy.Index(builder.build(), str(folder)))

    def _attach(self, index: Any) -> None:
        index.config_reader("manual")  # no thread of its own that watches the folder
        index.register_tokenizer(_ANALYSER, analyser())
        self._index = index
        self._schema = index.schema

    def _append(self, database: Database) -> None:
        large = database.count_after(self.manifest.last_seq) > 4 * _ROWS
        writer = self._index.writer(_MEMORY * (2 if large else 1), 2 if large else 1)
        try:
            writer.garbage_collect_files()  # what a killed process left half-made
            self._write(writer, database)
            writer.commit()
            writer.wait_merging_threads()
        except BaseException as error:
            with suppress(Exception):
                writer.wait_merging_threads()  # lets go of tantivy's lock
            if "FileAlreadyExists" in str(error):
                raise Damaged(f"{self.name} has a file of a killed process") from error
            raise
        self._note_files()

    def _write(self, writer: Any, database: Database) -> None:
        import tantivy

        values = self.manifest.values
        while rows := database.rows_after(self.manifest.last_seq, _ROWS):
            for row in rows:
                texts = texts_of(row)
                document = tantivy.Document()
                document.add_integer("seq", row.seq)
                for part in texts.pop(""):
                    document.add_text("text", part)
                if texts:
                    document.add_json("fields", _nested(texts))
                writer.add_document(document)
            self.manifest.last_seq = rows[-1].seq
            sample = Tail()
            for row in rows[::_SAMPLE]:
                sample.add(row.seq, texts_of(row))
            values["sampled"] = values.get("sampled", 0) + len(sample)
            values["sampled_words"] = values.get("sampled_words", 0) + sample.words()
        self.manifest.buried, gone = database.tombstones(self.manifest.buried)
        for seq in gone.tolist():
            writer.delete_documents_by_term("seq", seq)

    def _note_files(self) -> None:
        folder = self._folder()
        known, self.manifest.files = self.manifest.files, {}
        for path in sorted(folder.iterdir()):
            name = f"{folder.name}/{path.name}"
            if path.name.startswith("."):
                continue  # locks, and a list of files that changes before a commit
            status = path.stat()
            entry = known.get(name)
            unchanged = entry and entry[:2] == [status.st_size, status.st_mtime_ns]
            self.manifest.note(self.root, name, crc=entry[2] if entry and unchanged else None)
        sync_folder(folder)

    def _open(self) -> None:
        import tantivy

        try:
            if self._index is None:
                self._attach(tantivy.Index.open(str(self._readable_folder())))
            self._index.reload()
            self._searcher = self._index.searcher()
        except (ValueError, OSError) as error:
            raise Damaged(f"{self.name} cannot be opened ({error})") from error

    def _readable_folder(self) -> Path:
        """The index's folder; where it cannot be written, links to its files in another.

        tantivy makes a lock file even for reading.
        """
        folder = self._folder()
        try:
            with tempfile.TemporaryFile(dir=folder):
                return folder
        except OSError:
            self._links = tempfile.TemporaryDirectory(prefix="kinspace-")
            for path in folder.iterdir():
                if path.suffix != ".lock":
                    (Path(self._links.name) / path.name).symlink_to(path.absolute())
            return Path(self._links.name)

    def _forget(self) -> None:
        self._index = self._searcher = self._schema = None
        if self._links is not None:
            self._links.cleanup()
            self._links = None

    # -- searching -----------------------------------------------------------------------------

    def mean_length(self, tail: Tail) -> float:
        """Words of an average text of index (from a sample) and tail together."""
        values = self.manifest.values
        sampled = values.get("sampled_words", 0) / max(1, values.get("sampled", 0))
        held = 0 if self._searcher is None else self._searcher.num_docs
        return float((sampled * held + tail.words()) / max(1, held + len(tail)))

    def weights(self, clauses: Sequence[Clause], tail: Tail) -> dict[Clause, float]:
        """Each clause's idf over index and tail together."""
        held = 0 if self._searcher is None else self._searcher.num_docs
        weights = {}
        for clause in clauses:
            # A phrase weighs what its words weigh together, as in tantivy and Lucene.
            weights[clause] = sum(
                idf(held + len(tail), self._containing(clause, word) + tail.containing(one))
                for word, one in ((w, Clause((w,), clause.field)) for w in clause.words)
            )
        return weights

    def _containing(self, clause: Clause, word: str) -> int:
        return 0 if self._searcher is None else self._searcher.doc_freq(self._field(clause), word)

    def search(
        self, clauses: Sequence[Clause], limit: int, few: NDArray[np.int64] | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32], bool]:
        """The best ``limit`` records by BM25, some of which may have been deleted since.

        Parameters
        ----------
        clauses : sequence of Clause
        limit : int
        few : ndarray of int64, optional
            Look only at these row numbers; for sets of up to :data:`FEW`.

        Returns
        -------
        seqs : ndarray of int64
        scores : ndarray of float32
        complete : bool
            Whether there are no more.
        """
        if self._searcher is None or not any(c.need != "not" for c in clauses):
            return np.empty(0, np.int64), np.empty(0, np.float32), True
        query = self._query(clauses, few)
        limit = min(limit, max(1, self._searcher.num_docs))  # tantivy makes room for so many
        hits = self._searcher.search(query, limit, count=False).hits
        seqs = self._searcher.fast_field_values("seq", [address for _, address in hits])
        scores = np.fromiter((score for score, _ in hits), np.float32, len(hits))
        complete = len(hits) < limit or limit >= self._searcher.num_docs
        return np.array(seqs, np.int64), scores, complete

    def explain(self, clauses: Sequence[Clause], seq: int) -> dict[Clause, float]:
        """What each clause gives to the score of one record that the index holds."""
        from tantivy import Query

        if self._searcher is None:
            return {}
        one = Query.term_query(self._schema, "seq", seq)
        hits = self._searcher.search(one, 1, count=False).hits
        found = {}
        for clause in clauses if hits else ():
            if clause.need != "not":
                part = self._clause(clause)
                both = Query.boolean_query([(_must(), part), (_must(), one)])
                if self._searcher.search(both, 1, count=False).hits:
                    explained = part.explain(self._searcher, hits[0][1])
                    found[clause] = float(json.loads(explained.to_json())["value"])
        return found

    def disagreements(self, records: NDArray[np.int64], buried: NDArray[np.int64]) -> list[str]:
        """Where index and truth differ: row numbers that only one of them has."""
        if self._searcher is None:
            return []
        from tantivy import Query

        count = max(1, self._searcher.num_docs)
        hits = self._searcher.search(Query.all_query(), count, count=False).hits
        held = self._searcher.fast_field_values("seq", [address for _, address in hits])
        mine = np.array(held, np.int64)
        found = []
        if missing := len(np.setdiff1d(records[records <= self.manifest.last_seq], mine)):
            found.append(f"keywords: {missing} records are missing")
        if extra := len(np.setdiff1d(np.setdiff1d(mine, records), buried)):
            found.append(f"keywords: {extra} belong to no record")
        if len(np.unique(mine)) != len(mine):
            found.append("keywords: a record is there twice")
        return found

    def _query(self, clauses: Sequence[Clause], few: NDArray[np.int64] | None) -> Any:
        from tantivy import Occur, Query

        need = {"should": Occur.Should, "must": Occur.Must, "not": Occur.MustNot}
        query = Query.boolean_query([(need[c.need], self._clause(c)) for c in clauses])
        if few is None:
            return query
        among = Query.term_set_query(self._schema, "seq", few.tolist())
        return Query.boolean_query(
            [(Occur.Must, query), (Occur.Must, Query.const_score_query(among, 0.0))]
        )

    def _clause(self, clause: Clause) -> Any:
        from tantivy import Query

        field = self._field(clause)
        if len(clause.words) == 1:
            return Query.term_query(self._schema, field, clause.words[0])
        return Query.phrase_query(self._schema, field, list(clause.words))

    def _field(self, clause: Clause) -> str:
        return f"fields.{clause.field}" if clause.field else "text"


def _must() -> Any:
    from tantivy import Occur

    return Occur.Must


def _nested(texts: dict[str, list[str]]) -> dict[str, Any]:
    """Texts by dotted path as nested dicts, the shape that tantivy looks paths up in."""
    root: dict[str, Any] = {}
    for path, text in texts.items():
        *outer, last = path.split(".")
        place = root
        for name in outer:
            inner = place.setdefault(name, {})
            if not isinstance(inner, dict):
                break
            place = inner
        else:
            place.setdefault(last, text)
    return root
