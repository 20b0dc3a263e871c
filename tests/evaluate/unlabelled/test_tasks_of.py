"""Tasks from whatever holds the texts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from kinspace.datasets.content import Document, RetrievalSet
from kinspace.errors import DuplicateId, EmptyInput, InvalidInput, InvalidJudgements, PathNotFound
from kinspace.evaluate.systems import as_system
from kinspace.evaluate.unlabelled import documents_of, tasks_of
from kinspace.store import Collection
from tests.source import ROOT
from tests.toys import HashEncoder

KINDS = ["known_item", "near_duplicates", "neighbour_stability"]


def test_documents_collection_and_folder_give_the_same_tasks(
    documents: list[Document], tmp_path: Path
) -> None:
    path = tmp_path / "notes.kin"
    with Collection.open(path, encoder=HashEncoder()) as notes:
        notes.add([{"id": one.id, "text": one.text, "title": one.title} for one in documents])
        made = [tasks_of(notes, n=30), tasks_of(documents, n=30)]
    made.append(tasks_of(path, n=30))
    made.append(tasks_of(str(path), n=30))
    assert [task.kind for task in made[0]] == KINDS
    prints = {tuple(task.fingerprint for task in tasks) for tasks in made}
    assert len(prints) == 1


def test_files_are_read() -> None:
    found = documents_of(ROOT / "docs" / "how-to")
    assert len({document.id for document in found}) == len(found) > 10
    assert any(document.title for document in found)
    assert [task.kind for task in tasks_of(ROOT / "docs", n=30)] == KINDS


def test_a_log_and_a_set_of_queries_come_first(documents: list[Document], tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    log.write_text("query,id\nsomething,3\n")
    first, *others = tasks_of(documents, queries=log, n=30)
    assert first.kind == "retrieval"
    assert [task.kind for task in others] == KINDS
    asked = RetrievalSet("asked", {"1": documents[1]}, {"q": "x"}, {"q": {"1": 1}})
    assert tasks_of(documents, queries=asked, n=30)[0].name == "asked"
    log.write_text("query,id\nsomething,gone\n")
    with pytest.raises(InvalidJudgements):
        tasks_of(documents, queries=log, n=30)


def test_of_many_texts_a_sample_is_taken(documents: list[Document]) -> None:
    known, _, stable = tasks_of(documents, n=30, most=100)
    outcome = stable.run(as_system("bm25"))
    assert "among 100" in outcome.notes[0]
    assert any("100 of 150" in note for note in known.run(as_system("bm25")).notes)


def test_what_holds_no_texts(tmp_path: Path) -> None:
    with pytest.raises(EmptyInput):
        documents_of([])
    with pytest.raises(EmptyInput):
        documents_of([Document("1", " ")])
    with pytest.raises(DuplicateId, match="'1'"):
        documents_of([Document("1", "a"), Document("1", "b")])
    with pytest.raises(InvalidInput):
        documents_of(["a text"])  # type: ignore[list-item]
    with pytest.raises(PathNotFound):
        documents_of(tmp_path / "none")


def test_importing_it_is_light() -> None:
    code = (
        "import sys, kinspace.evaluate.unlabelled; "
        "print({'torch', 'sklearn', 'faiss', 'numba', 'scipy', 'tantivy'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
