"""What each service is asked, and what is made of its answers."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kinspace.embeddings import Embeddings
from kinspace.errors import InvalidInput, InvalidParameter, PathNotFound, ProviderError
from kinspace.pretrained.providers import (
    Calls,
    CohereEncoder,
    GeminiEncoder,
    OpenAIEncoder,
    estimate,
    open_provider,
)
from tests.pretrained.providers.server import Server, quantised, serving

KEYS = ("OPENAI_API_KEY", "GEMINI_API_KEY", "GOOGLE_API_KEY", "CO_API_KEY", "COHERE_API_KEY")
TEXTS = ["a cat", "a kitten", "a car"]
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for key in (*KEYS, "KINSPACE_API_KEY"):
        monkeypatch.delenv(key, raising=False)


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


def at(server: Server, model: str = "m", **options: Any) -> OpenAIEncoder:
    return OpenAIEncoder(model, base_url=server.url, **options)


def close(found: Embeddings, wanted: Any) -> None:
    np.testing.assert_allclose(np.asarray(found), np.asarray(wanted), rtol=1e-6, atol=1e-6)


# -- OpenAI ------------------------------------------------------------------------------------


def test_openai_is_asked_as_its_reference_says(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", " sk-secret-one \n")
    monkeypatch.setattr(OpenAIEncoder, "home", server.url)
    found = OpenAIEncoder("text-embedding-3-small", dim=256).encode(TEXTS)
    (asked,) = server.asked
    assert asked.path == "/v1/embeddings"
    assert asked.body == {
        "model": "text-embedding-3-small",
        "input": TEXTS,
        "encoding_format": "base64",
        "dimensions": 256,
    }
    assert asked.headers["Authorization"] == "Bearer sk-secret-one"
    close(found, [server.vector(text, 256) for text in TEXTS])


@pytest.mark.parametrize("knows_base64", [True, False])
@pytest.mark.parametrize("encoding", ["base64", "float"])
def test_numbers_travel_either_way(encoding: Any, knows_base64: bool) -> None:
    with serving(knows_base64=knows_base64) as server:
        found = at(server, encoding=encoding).encode(TEXTS)
        close(found, [server.vector(text) for text in TEXTS])


def test_a_model_of_ones_own_tells_its_dimension(server: Server) -> None:
    encoder = at(server, "bge-m3")
    assert encoder.space.dim == 8
    assert encoder.space.model == f"{server.url}#bge-m3" == encoder.name
    assert len(server.asked) == 1
    encoder.encode(TEXTS)
    assert len(server.asked) == 2


def test_prompts_stand_before_each_side(server: Server) -> None:
    encoder = at(server, prompt="passage: ", query_prompt="query: ")
    close(encoder.encode(["a"]), [server.vector("passage: a")])
    close(encoder.encode_query(["a"]), [server.vector("query: a")])


def test_no_key_goes_where_it_does_not_belong(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-openai")
    at(server).encode(["a"])
    assert "Authorization" not in server.asked[-1].headers
    monkeypatch.setenv("KINSPACE_API_KEY", "for-all")
    at(server).encode(["a"])
    assert server.asked[-1].headers["Authorization"] == "Bearer for-all"
    monkeypatch.setenv("VLLM_KEY", "for-this")
    at(server, key_from="VLLM_KEY").encode(["a"])
    assert server.asked[-1].headers["Authorization"] == "Bearer for-this"


# -- Gemini ------------------------------------------------------------------------------------


def gemini(server: Server, model: str = "gemini-embedding-001", **options: Any) -> GeminiEncoder:
    return GeminiEncoder(model, base_url=server.url, **options)


def unit(rows: Any) -> Any:
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def test_gemini_is_asked_as_its_reference_says(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GEMINI_API_KEY", "AIza-secret")
    found = gemini(server, dim=768).encode(TEXTS)
    (asked,) = server.asked
    assert asked.path == "/v1/models/gemini-embedding-001:batchEmbedContents"
    assert asked.headers["x-goog-api-key"] == "AIza-secret"
    assert "Authorization" not in asked.headers
    assert asked.body["requests"][1] == {
        "model": "models/gemini-embedding-001",
        "taskType": "RETRIEVAL_DOCUMENT",
        "outputDimensionality": 768,
        "content": {"parts": [{"text": "a kitten"}]},
    }
    close(found, unit([server.vector(text, 768) for text in TEXTS]))


@pytest.mark.parametrize(
    ("task", "document", "query"),
    [
        ("retrieval", "RETRIEVAL_DOCUMENT", "RETRIEVAL_QUERY"),
        ("question-answering", "RETRIEVAL_DOCUMENT", "QUESTION_ANSWERING"),
        ("fact-verification", "RETRIEVAL_DOCUMENT", "FACT_VERIFICATION"),
        ("code-retrieval", "RETRIEVAL_DOCUMENT", "CODE_RETRIEVAL_QUERY"),
        ("similarity", "SEMANTIC_SIMILARITY", "SEMANTIC_SIMILARITY"),
        ("classification", "CLASSIFICATION", "CLASSIFICATION"),
        ("clustering", "CLUSTERING", "CLUSTERING"),
    ],
)
def test_all_task_types(task: Any, document: str, query: str) -> None:
    with serving(dim=3072) as server:
        encoder = gemini(server, task=task)
        encoder.encode(["a"])
        encoder.encode_query(["a"])
        types = [asked.body["requests"][0]["taskType"] for asked in server.asked]
        assert types == [document, query]
        second = gemini(server, "gemini-embedding-2", task=task)
        second.encode(["a"])
        second.encode_query(["a"])
        assert not [a for a in server.asked[2:] if "taskType" in a.body["requests"][0]]
        assert all(item.endswith(": a") for item in server.items[2:])
        assert (server.items[2] == server.items[3]) == (document == query)


# -- Cohere ------------------------------------------------------------------------------------


def cohere(server: Server, **options: Any) -> CohereEncoder:
    return CohereEncoder(base_url=server.url, **{"dim": 256, **options})


def test_cohere_is_asked_as_its_reference_says(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CO_API_KEY", "secret")
    found = cohere(server).encode(TEXTS)
    (asked,) = server.asked
    assert asked.path == "/v1/embed"
    assert asked.headers["Authorization"] == "Bearer secret"
    assert asked.body == {
        "model": "embed-v4.0",
        "texts": TEXTS,
        "input_type": "search_document",
        "embedding_types": ["float"],
        "output_dimension": 256,
        "truncate": "END",
    }
    close(found, [server.vector(text, 256) for text in TEXTS])


@pytest.mark.parametrize(
    ("task", "document", "query"),
    [
        ("search", "search_document", "search_query"),
        ("classification", "classification", "classification"),
        ("clustering", "clustering", "clustering"),
    ],
)
def test_input_types(server: Server, task: Any, document: str, query: str) -> None:
    encoder = cohere(server, task=task)
    encoder.encode(["a"])
    encoder.encode_query(["a"])
    assert [asked.body["input_type"] for asked in server.asked] == [document, query]


@pytest.mark.parametrize("kind", ["int8", "uint8"])
def test_whole_numbers(server: Server, kind: Any) -> None:
    found = cohere(server, vectors=kind).encode(TEXTS)
    wanted = quantised(np.array([server.vector(text, 256) for text in TEXTS]), "int8")
    np.testing.assert_array_equal(np.asarray(found), wanted)
    assert found.space.form == "dense"
    assert not found.space.agrees(cohere(server).space)


@pytest.mark.parametrize("kind", ["binary", "ubinary"])
def test_bits(server: Server, kind: Any) -> None:
    found = cohere(server, vectors=kind).encode(TEXTS)
    signs = np.array([server.vector(text, 256) for text in TEXTS]) > 0
    np.testing.assert_array_equal(np.asarray(found), signs)
    assert (found.space.form, found.space.metric, found.space.dim) == ("binary", "hamming", 256)
    differ = [int((signs[0] != other).sum()) for other in signs[1:]]
    nearest = found.nearest(found[:1], k=3)
    assert nearest.distances.tolist() == [0, *sorted(differ)]


def test_one_request_holds_what_the_service_takes(server: Server) -> None:
    texts = [f"text {i}" for i in range(200)]
    cohere(server).encode(texts)
    assert sorted(len(asked.items) for asked in server.asked) == [8, 96, 96]
    assert sorted(server.items) == sorted(texts)


# -- pictures ----------------------------------------------------------------------------------


def test_pictures_beside_texts(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "dot.png"
    path.write_bytes(PNG)
    address = "data:image/png;base64," + base64.b64encode(PNG).decode()
    found = cohere(server).encode(["a cat", path, PNG])
    close(found, [server.vector(item, 256) for item in ("a cat", address, address)])
    kinds = sorted(
        key for asked in server.asked for key in asked.body if key in ("texts", "inputs")
    )
    assert kinds == ["inputs", "inputs", "texts"]


def test_pictures_for_models_before(server: Server) -> None:
    server.dim = 1024
    CohereEncoder("embed-english-v3.0", base_url=server.url).encode([PNG])
    assert server.asked[0].body["input_type"] == "image"
    assert len(server.asked[0].body["images"]) == 1


def test_pictures_for_gemini(server: Server) -> None:
    gemini(server, "gemini-embedding-2", dim=8).encode([PNG])
    (part,) = server.asked[0].body["requests"][0]["content"]["parts"]
    assert part["inline_data"] == {
        "mime_type": "image/png",
        "data": base64.b64encode(PNG).decode(),
    }


def test_pictures_that_cannot_be(server: Server, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no PNG"):
        cohere(server).encode([b"bytes"])
    with pytest.raises(PathNotFound):
        cohere(server).encode([tmp_path / "none.png"])
    with pytest.raises(InvalidInput, match="takes no pictures"):
        at(server, dim=8).encode([tmp_path / "dot.png"])
    with pytest.raises(InvalidInput):
        gemini(server, dim=8).encode([PNG])
    with pytest.raises(InvalidInput, match="5,242,880"):
        cohere(server).encode([PNG + bytes(6 << 20)])
    assert not server.asked


# -- spaces ------------------------------------------------------------------------------------


def test_shorter_vectors_live_where_truncated_ones_do() -> None:
    with serving(dim=1536) as server:
        full = OpenAIEncoder("text-embedding-3-small")
        assert full.space.dim == 1536
        assert OpenAIEncoder("text-embedding-3-small", dim=1536).space == full.space
        shorter = OpenAIEncoder("text-embedding-3-small", dim=256).space
        assert shorter == full.space.derive("truncate 256", dim=256)
        assert not server.asked  # all of this is known beforehand


def test_what_changes_a_vector_changes_the_space() -> None:
    one = {
        OpenAIEncoder("text-embedding-3-small"),
        OpenAIEncoder("text-embedding-3-small", prompt="a: "),
        OpenAIEncoder("text-embedding-3-small", query_prompt="a: "),
        OpenAIEncoder("text-embedding-3-small", long="mean"),
        OpenAIEncoder("text-embedding-ada-002"),
        OpenAIEncoder("m", dim=8, base_url="http://a/v1"),
        OpenAIEncoder("m", dim=8, base_url="http://b/v1"),
        GeminiEncoder(),
        GeminiEncoder(task="clustering"),
        CohereEncoder(),
        CohereEncoder(task="clustering"),
        CohereEncoder(vectors="int8"),
    }
    assert len({encoder.space.fingerprint for encoder in one}) == len(one)


def test_what_does_not_leaves_it() -> None:
    first = OpenAIEncoder("m", dim=8, base_url="http://a/v1", identity="ours").space
    moved = OpenAIEncoder(
        "m", dim=8, base_url="http://b/v1", identity="ours", key_from="X", encoding="float",
        long="error", calls=Calls(concurrency=1),
    ).space  # fmt: skip
    assert first.agrees(moved)


@pytest.mark.parametrize(
    "encoder",
    [
        OpenAIEncoder("text-embedding-3-small", dim=1537),
        OpenAIEncoder("text-embedding-ada-002", dim=256),
        OpenAIEncoder("text-embedding-3-small", dim=0),
        OpenAIEncoder("text-embedding-3-small", long="cut"),  # type: ignore[arg-type]
        OpenAIEncoder("text-embedding-3-small", encoding="hex"),  # type: ignore[arg-type]
        OpenAIEncoder(""),
        GeminiEncoder(task="search"),  # type: ignore[arg-type]
        CohereEncoder(dim=300),
        CohereEncoder(task="retrieval"),  # type: ignore[arg-type]
        CohereEncoder(vectors="bits"),  # type: ignore[arg-type]
        CohereEncoder(vectors="int8", long="mean"),
        OpenAIEncoder("m", base_url="ftp://a/v1"),
        OpenAIEncoder("m", base_url="http://user:password@a/v1"),
    ],
    ids=repr,
)
def test_parameters_out_of_range(encoder: Any) -> None:
    with pytest.raises(InvalidParameter) as raised:
        encoder.encode(["a"])
    assert raised.value.remedy
    assert "password@" not in str(raised.value)


def test_calls_out_of_range() -> None:
    for bad in ({"attempts": 0}, {"timeout": 0}, {"concurrency": 0}, {"items": 0}, {"wait": -1}):
        with pytest.raises(InvalidParameter):
            Calls(**bad)  # type: ignore[arg-type]


# -- names and prices --------------------------------------------------------------------------


def test_names() -> None:
    for name, kind in (
        ("openai:text-embedding-3-small", OpenAIEncoder),
        ("gemini:gemini-embedding-001", GeminiEncoder),
        ("cohere:embed-v4.0", CohereEncoder),
        ("http://localhost:8080/v1#BAAI/bge-m3", OpenAIEncoder),
    ):
        found = open_provider(name)
        assert type(found) is kind
        assert found.name == name
    for other in ("default", "all-MiniLM-L6-v2", "owner/model", "C:\\models\\a", Path("openai:a")):
        assert open_provider(other) is None
    for bad in ("openai:", "http://localhost:8080/v1"):
        with pytest.raises(InvalidParameter, match="names no model"):
            open_provider(bad)
    with pytest.raises(InvalidParameter, match="takes no task"):
        open_provider("openai:text-embedding-3-small", task="search")


def test_what_it_would_cost() -> None:
    class Wrapper:
        encoder = OpenAIEncoder("text-embedding-3-large")

    cost = estimate(Wrapper(), (text for text in ["four" * 1000] * 1000))
    assert cost is not None
    assert (cost.items, cost.tokens) == (1000, 1_000_000)
    assert cost.dollars == pytest.approx(0.13)
    assert cost.seen is not None
    assert cost.source.startswith("https://")
    unknown = estimate(OpenAIEncoder("m", base_url="http://localhost/v1"), ["a text"])
    assert unknown is not None
    assert unknown.dollars is None
    assert estimate(object(), ["a text"]) is None


def test_what_it_has_cost(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret-one")
    monkeypatch.setattr(OpenAIEncoder, "home", server.url)
    encoder = OpenAIEncoder("text-embedding-3-small", dim=8)
    encoder.encode(TEXTS)
    assert (encoder.usage_.requests, encoder.usage_.tokens) == (1, 9)
    assert encoder.charged == pytest.approx(9 * 0.02 / 1e6)


def test_tokens_are_estimated_where_the_service_does_not_tell(server: Server) -> None:
    server.moods = [lambda answer: {"data": answer["data"]}]
    encoder = at(server, dim=8)
    encoder.encode(["four" * 100])
    assert encoder.usage_.tokens == 100
    assert encoder.charged is None  # no price is known


def test_another_address_after_the_first_use(server: Server) -> None:
    encoder = at(server)
    encoder.encode(["a"])
    with serving(dim=4) as other:
        encoder.set_params(base_url=other.url)
        assert encoder.encode(["a"]).space.dim == 4
    with pytest.raises(ProviderError):
        encoder.set_params(base_url=other.url, calls=Calls(attempts=1)).encode(["b"])
