"""Known-item search: sentences taken out of the documents that they must find."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kinspace.datasets.content import Document
from kinspace.errors import InvalidInput, InvalidParameter, KinspaceError
from kinspace.evaluate.systems import as_system
from kinspace.evaluate.unlabelled import KnownItemTask, known_items
from kinspace.evaluate.unlabelled.candidates import candidates
from kinspace.evaluate.unlabelled.known_item import RIVAL, STRATA
from kinspace.evaluate.unlabelled.words import content_words, share
from tests.evaluate.unlabelled.conftest import make_documents
from tests.toys import HashEncoder


def squeezed(text: str) -> str:
    return " ".join(text.split())


def test_a_query_is_a_sentence_that_its_document_no_longer_has(documents: list[Document]) -> None:
    made = known_items(documents, n=30)
    before = {document.id: document for document in documents}
    assert made.content.documents.keys() == before.keys()
    assert len(made.leaks) == len(made.content.queries) == len(made.content.qrels) > 15
    for query, text in made.content.queries.items():
        ((name, grade),) = made.content.qrels[query].items()
        after = made.content.documents[name]
        assert grade == 1
        assert text in squeezed(before[name].text)
        assert text not in squeezed(after.text)
        assert after.title == before[name].title
        words = Counter(squeezed(before[name].text).split())
        assert words - Counter(text.split()) == Counter(after.text.split())


def test_documents_without_a_query_are_whole(documents: list[Document]) -> None:
    made = known_items(documents, n=15)
    asked = {name for grades in made.content.qrels.values() for name in grades}
    assert all(
        made.content.documents[document.id] == document
        for document in documents
        if document.id not in asked
    )


def test_leaks_are_measured_and_balanced(documents: list[Document]) -> None:
    made = known_items(documents, n=45)
    sizes = {stratum: len(made.of_stratum(stratum)) for stratum in STRATA}
    assert len(set(sizes.values())) == 1
    assert sum(sizes.values()) == len(made.leaks)
    whole = [content_words(document.whole) for document in documents]
    for query, leak in made.leaks.items():
        ((name, _),) = made.content.qrels[query].items()
        words = content_words(made.content.queries[query])
        assert leak.own == pytest.approx(
            share(words, content_words(made.content.documents[name].whole))
        )
        rivals = [
            share(words, other)
            for document, other in zip(documents, whole, strict=True)
            if document.id != name
        ]
        assert leak.rival == pytest.approx(max(rivals)) and leak.rival < RIVAL
        low, high = STRATA[leak.stratum]
        assert low <= leak.own < high


def test_what_others_say_too_is_no_query(documents: list[Document]) -> None:
    notice = "Copyright reserved zanimo kelutra bodafi remuno salipa for everybody everywhere."
    same = [replace(one, text=f"{one.text} {notice}") for one in documents]
    for made in (
        known_items(same, n=60),
        known_items([*documents[:60], *_copies(documents)], n=15),
    ):
        assert notice not in made.content.queries.values()
        for query in made.content.queries:
            ((name, _),) = made.content.qrels[query].items()
            assert not name.startswith("copy") and int(name) >= 0
    assert made.left_out["said in another text too"] > 0


def _copies(documents: list[Document]) -> list[Document]:
    """Of the first ten documents there is another copy each; none of both can be asked for."""
    return [replace(one, id=f"copy {one.id}") for one in documents[:10]]


def test_which_sentences_are_left_out_and_why() -> None:
    left_out: Counter[str] = Counter()
    rest = "Alpha bravo charlie delta echo foxtrot golf hotel india juliet kilo lima mike."
    again = "November oscar papa quebec romeo sierra."
    text = (
        f"{rest} Short one. This points back towards something mentioned beforehand somewhere. "
        f"1 2 3 4 5 6 7 8 9 alpha 10 11 12 13 14 15 16 bravo charlie delta echo 17 18 19 20 21. "
        f"{again} {again} {' '.join(['word'] + [f'tango{n}x' for n in range(70)]).capitalize()}."
    )
    found = candidates(Document("1", text), left_out)
    assert [one.query for one in found] == [rest]
    assert left_out == {
        "too short": 1,
        "points back to what was said before": 1,
        "mostly figures or signs": 1,
        "said twice in its text": 2,
        "too long": 1,
    }


def test_chance_has_a_seed(documents: list[Document]) -> None:
    one, same, other = (known_items(documents, n=30, seed=seed) for seed in (1, 1, 2))
    assert one.content == same.content
    assert one.content.queries != other.content.queries
    assert KnownItemTask(one).fingerprint == KnownItemTask(same).fingerprint
    assert KnownItemTask(one).fingerprint != KnownItemTask(other).fingerprint


@pytest.mark.parametrize(
    "texts",
    [
        [],
        [Document("1", "Only one text, of one sentence.")],
        [Document(str(n), f"Note number {n}.") for n in range(500)],
        [
            Document(str(n), "The same long sentence about nothing in particular.")
            for n in range(50)
        ],
    ],
)
def test_too_little_to_ask_is_an_error_with_a_remedy(texts: list[Document]) -> None:
    with pytest.raises(InvalidInput) as caught:
        known_items(texts, n=30)
    assert "Give more texts" in caught.value.remedy


def test_too_few_queries_are_an_error(documents: list[Document]) -> None:
    with pytest.raises(InvalidParameter):
        known_items(documents, n=5)


def test_a_scarce_stratum_makes_all_small(documents: list[Document]) -> None:
    few = known_items(make_documents(60, sentences=3), n=300)
    sizes = [len(few.of_stratum(stratum)) for stratum in STRATA]
    assert len({size for size in sizes if size}) == 1


def test_the_task_says_what_each_stratum_gives(documents: list[Document]) -> None:
    items = known_items(documents, n=45)
    outcome = KnownItemTask(items).run(as_system("bm25"))
    values = outcome.samples["ndcg_at_10"]
    assert len(values) == len(outcome.items) == len(items.leaks)
    parts = [outcome.samples[f"ndcg_at_10_{stratum}"].value() for stratum in STRATA]
    assert np.mean(parts) == pytest.approx(values.value())
    assert parts[0] < parts[2]  # repeated words help keyword search
    assert sum("overlap" in note for note in outcome.notes) == 3


def test_any_system_can_be_judged(documents: list[Document]) -> None:
    task = KnownItemTask(known_items(documents, n=15))
    good, poor = (
        task.run(as_system(HashEncoder(dim))).samples["ndcg_at_10"].value() for dim in (256, 2)
    )
    assert good > 0.5 > poor


def test_real_texts(data: Path) -> None:
    """On CACM the sentences are plain ones, a third of each stratum."""
    from kinspace.datasets import load

    try:
        cacm = load("cacm")
    except KinspaceError as error:
        pytest.skip(str(error))
    made = known_items(list(cacm.documents.values()), n=300)
    assert [len(made.of_stratum(stratum)) for stratum in STRATA] == [100, 100, 100]
    assert all(len(text.split()) >= 5 for text in made.content.queries.values())
