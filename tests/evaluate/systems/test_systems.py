"""Systems by name and by hand: the same contract for every way of retrieving."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from kinspace import Embeddings, Encoder, Exact, Ivf, Space
from kinspace.datasets.content import Document
from kinspace.encoder import Side
from kinspace.errors import (
    DuplicateId,
    EmptyInput,
    InvalidInput,
    InvalidParameter,
    KinspaceError,
    ModelNotFound,
    NotApplicable,
    NotFitted,
)
from kinspace.evaluate.system import Meter, Retriever, System
from kinspace.evaluate.systems import (
    Dense,
    Hybrid,
    Keyword,
    Reranked,
    as_system,
    as_systems,
)
from tests.toys import HashEncoder

DOCUMENTS = [
    Document("cat", "A cat sleeps on the warm mat.", "Cats"),
    Document("dog", "The dog barks at the postman."),
    Document("stock", "Shares fell on fears of inflation.", "Markets"),
    Document("rain", "Rain is expected in the north."),
]

MAKERS = {
    "dense": lambda: Dense(HashEncoder()),
    "dense, approximate": lambda: Dense(HashEncoder(), "ivf"),
    "dense, by a class": lambda: Dense(HashEncoder(), Exact),
    "bm25": Keyword,
    "hybrid": lambda: Hybrid(HashEncoder()),
    "reranked": lambda: Reranked(Keyword(), HashEncoder()),
    "reranked twice": lambda: Reranked(Reranked(Keyword(), HashEncoder()), HashEncoder(), depth=2),
}


@pytest.fixture(params=MAKERS, ids=str)
def retriever(request: pytest.FixtureRequest) -> Iterator[Retriever]:
    made: Retriever = MAKERS[request.param]()
    yield made
    made.close()


def test_every_way_keeps_the_contract(retriever: Retriever) -> None:
    assert isinstance(retriever, Retriever)
    with pytest.raises(NotFitted):
        retriever.search(["cat"], 1)
    retriever.index(DOCUMENTS)
    found = retriever.search([DOCUMENTS[1].text, DOCUMENTS[3].text], 2)
    assert [one.ids[0] for one in found] == ["dog", "rain"]
    for one in found:
        assert len(set(one.ids)) == len(one.ids) <= 2
        assert (np.diff(one.scores) <= 0).all()
    assert retriever.index_bytes > 0


def test_indexing_again_replaces(retriever: Retriever) -> None:
    retriever.index(DOCUMENTS)
    retriever.index([Document("only", "The dog barks at the postman.")])
    assert retriever.search(["the dog barks"], 10)[0].ids == ["only"]


def test_more_than_there_are(retriever: Retriever) -> None:
    retriever.index(DOCUMENTS)
    assert 1 <= len(retriever.search(["the dog"], 1000)[0]) <= len(DOCUMENTS)


def test_fingerprints_tell_systems_apart() -> None:
    prints = {name: make().fingerprint for name, make in MAKERS.items()}
    assert prints["dense"] == MAKERS["dense"]().fingerprint
    different = {one for name, one in prints.items() if name != "dense, by a class"}
    assert len(different) == len(prints) - 1


def test_settings_of_an_index_are_part_of_the_fingerprint() -> None:
    encoder = HashEncoder()
    few, many = (
        Dense(encoder, lambda dim, metric, n=n: Ivf(dim, metric, nprobe=n)) for n in (1, 8)
    )
    again = Dense(encoder, lambda dim, metric: Ivf(dim, metric, nprobe=1))
    assert few.fingerprint == again.fingerprint != many.fingerprint
    assert few.name == many.name == Dense(encoder, "ivf").name
    assert Dense(encoder, Exact).fingerprint == Dense(encoder).fingerprint


def test_a_table_is_known_by_its_vectors() -> None:
    space, ids = Space("by hand", "0", 2), ["a", "b"]
    one = as_system(Embeddings(np.eye(2, dtype=np.float32), space, ids=ids))
    same = as_system(Embeddings(np.eye(2, dtype=np.float32), space, ids=ids))
    turned = as_system(Embeddings(np.eye(2, dtype=np.float32)[::-1], space, ids=ids))
    assert one.fingerprint == same.fingerprint != turned.fingerprint


def test_bytes_of_an_index_are_those_it_holds() -> None:
    encoder = HashEncoder()
    floats = (4 * encoder.space.dim + 9) * len(DOCUMENTS)  # nine bytes of an id and its mark
    held = {}
    for kind in ("exact", "ivf", "product"):
        dense = Dense(encoder, kind)
        assert dense.index_bytes == 0
        dense.index(DOCUMENTS)
        held[kind] = dense.index_bytes
    assert held["exact"] == floats
    assert held["product"] == held["ivf"] == floats  # so few are compared one and all


def test_a_collection_finds_what_it_searches(tmp_path: Path) -> None:
    """``find`` gives the ids and scores of ``search``, also deeper than one round."""
    from kinspace import Collection

    with Collection.open(tmp_path / "c.kin", encoder=HashEncoder()) as made:
        made.add({"id": str(n), "text": f"word{n % 7} thing number {n}"} for n in range(700))
        for mode in ("hybrid", "dense", "keyword"):
            for k in (1, 10, 450):
                hits = made.search("word3 thing", k, mode=mode)  # type: ignore[arg-type]
                found = made.find("word3 thing", k, mode=mode)  # type: ignore[arg-type]
                assert found.ids == [hit.id for hit in hits]
                np.testing.assert_allclose(found.scores, [hit.score for hit in hits], rtol=1e-6)


def test_dense_agrees_with_numpy() -> None:
    encoder = HashEncoder()
    dense = Dense(encoder)
    dense.index(DOCUMENTS)
    vectors = encoder.encode([one.whole for one in DOCUMENTS]).vectors
    asked = encoder.encode_query(["a cat"]).vectors
    cosines = (vectors @ asked[0]) / np.linalg.norm(vectors, axis=1) / np.linalg.norm(asked[0])
    order = np.argsort(-cosines, kind="stable")
    found = dense.search(["a cat"], 4)[0]
    assert found.ids == [DOCUMENTS[place].id for place in order]
    np.testing.assert_allclose(found.scores, cosines[order], atol=1e-6)


class Sided(Encoder[str]):
    """Queries and documents differ: a query for "x" is the document "X"."""

    space = Space("sided", "0" * 16, 2)

    def _encode_batch(self, items: Sequence[str], side: Side) -> NDArray[np.float32]:
        wanted = "q" if side == "query" else "D"
        return np.array([[item.count(wanted), 1] for item in items], np.float32)


def test_queries_are_encoded_as_queries() -> None:
    dense = Dense(Sided())
    dense.index([Document("a", "DDDD"), Document("b", "qqqq")])
    assert dense.search(["qqqq"], 1)[0].ids == ["a"]


def test_the_reranker_orders_only_its_depth() -> None:
    class Backwards:
        name, fingerprint = "backwards", "1"

        def score(self, query: str, texts: Sequence[str]) -> NDArray[np.float32]:
            return np.arange(len(texts), dtype=np.float32)

    first = Keyword()
    same = [Document(str(n), f"cat {'dog ' * n}") for n in range(5)]
    first.index(same)
    plain = first.search(["cat"], 5)[0].ids
    made = Reranked(first, Backwards(), depth=3)
    made.index(same)
    found = made.search(["cat"], 5)[0]
    assert found.ids == plain[2::-1] + plain[3:]
    assert (np.diff(found.scores) < 0).all()
    made.close()
    with pytest.raises(InvalidParameter):
        Reranked(first, Backwards(), depth=0)


def test_a_text_is_reranked_once() -> None:
    meter = Meter(HashEncoder())
    made = Reranked(Keyword(), meter)
    made.index(DOCUMENTS)
    made.search(["the dog", "the postman", "the mat"], 4)
    documents = meter.texts - 3
    assert documents <= len(DOCUMENTS)
    made.close()


def test_the_meter_changes_nothing() -> None:
    inner = HashEncoder()
    meter = Meter(inner)
    texts = ["a", "b", "a"]
    np.testing.assert_array_equal(meter.encode(texts).vectors, inner.encode(texts).vectors)
    assert [len(part) for part in meter.stream(iter(texts), size=2)] == [2, 1]
    meter.encode_query("one text")
    assert meter.texts == 7
    assert meter.seconds > 0
    assert meter.space == inner.space
    meter.reset()
    assert (meter.texts, meter.seconds) == (0, 0.0)


# -- names -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("bm25", Keyword),
        ("default", Dense),
        ("default@ivf", Dense),
        ("default+bm25", Hybrid),
        ("bm25>default", Reranked),
        ("default+bm25>default", Reranked),
        ("bm25>default>default", Reranked),
    ],
)
def test_a_name_stands_for_a_system(name: str, kind: type) -> None:
    system = as_system(name)
    assert system.name == name
    assert isinstance(system.retriever, kind)
    assert (system.encoder is not None) == (name == "default")


def test_a_cross_encoder_by_its_path() -> None:
    pytest.importorskip("sentence_transformers")
    from kinspace.pretrained.neural.reranking.reranker import Reranker
    from tests.pretrained.neural.cross_encoders import classifier
    from tests.pretrained.neural.tiny import made

    path = str(made(classifier))
    system = as_system(f"bm25>{path}")
    assert isinstance(system.retriever, Reranked)
    reranker = system.retriever.reranker
    assert isinstance(reranker, Reranker)
    with contextlib.closing(system.retriever) as retriever:
        retriever.index(DOCUMENTS)
        found = retriever.search(["the dog barks"], 2)[0]
    texts = {document.id: document.whole for document in DOCUMENTS}
    expected = reranker.score("the dog barks", [texts[name] for name in found.ids])
    np.testing.assert_allclose(found.scores, expected, atol=1e-4)
    assert system.fingerprint != as_system("bm25>default").fingerprint
    with pytest.raises(InvalidParameter, match="is a reranker, which finds no documents"):
        as_system(path)


def test_names_share_one_encoder() -> None:
    systems = as_systems(["default", "default+bm25", "bm25>default", "default@ivf"])
    meters = {id(getattr(s.retriever, "encoder", systems[0].encoder)) for s in systems}
    assert meters == {id(systems[0].encoder)}
    assert len({system.fingerprint for system in systems}) == 4


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("", InvalidParameter),
        (" ", InvalidParameter),
        (">default", InvalidParameter),
        ("default>", InvalidParameter),
        ("bm25>bm25", InvalidParameter),
        ("default>default+bm25", InvalidParameter),
        ("no-such-model", ModelNotFound),
        ("no-such-model+bm25", ModelNotFound),
        ("bm25>no-such-model", ModelNotFound),
        ("default@hnswx", ModelNotFound),
    ],
)
def test_names_that_stand_for_nothing(name: str, error: type[KinspaceError]) -> None:
    with pytest.raises(error) as caught:
        as_system(name)
    assert caught.value.remedy


def test_things_stand_for_themselves() -> None:
    encoder = HashEncoder()
    assert as_system(encoder).name == encoder.space.model
    assert as_system(encoder, name="mine").name == "mine"
    ready = as_system(Dense(encoder, Ivf))
    assert ready.retriever is not None
    assert ready.encoder is None
    assert as_system(ready) is ready
    words = Embeddings(np.eye(2, dtype=np.float32), Space("w", "0" * 16, 2), ids=["a", "b"])
    assert as_system(words).words is words
    for wrong in (42, None, ["default"]):
        with pytest.raises(InvalidInput):
            as_system(wrong)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput):
        as_system(Embeddings(np.eye(2, dtype=np.float32), Space("w", "0" * 16, 2)))


def test_a_table_on_disk_is_judged_on_words(tmp_path: Path) -> None:
    words = Embeddings(np.eye(2, dtype=np.float32), Space("w", "0" * 16, 2), ids=["a", "b"])
    words.save(tmp_path / "table.safetensors")
    system = as_system(tmp_path / "table.safetensors")
    assert system.name == "table"
    assert system.words is not None
    assert list(system.words.ids or []) == ["a", "b"]


def test_what_a_system_lacks_is_said() -> None:
    bare = System("nothing", "0")
    with pytest.raises(NotApplicable, match="nothing gives no vectors, which sts needs"):
        bare.need_encoder("sts")
    with pytest.raises(NotApplicable, match="finds no documents"):
        bare.need_retriever("scifact")


def test_lists_of_systems_are_checked() -> None:
    with pytest.raises(EmptyInput):
        as_systems([])
    with pytest.raises(DuplicateId):
        as_systems([HashEncoder(), HashEncoder()])
    assert [system.name for system in as_systems("bm25")] == ["bm25"]
