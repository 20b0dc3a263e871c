"""Static models: vectors, the two paths, the folder, and model2vec beside them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from kinspace.errors import InvalidInput, InvalidParameter, InvalidVectors, ModelNotFound, ReadError
from kinspace.pretrained.static import StaticEncoder

DIM = 12
TEXTS = [
    "A cat sat on the mat.",
    "undoable re-embeddings, $5.00!",
    "",
    " \t\n",
    "zzz",  # unknown
    "Ünïcödé naïve café",
    "[CLS] a cat [SEP]",
    "a cat " * 700,
    "A cat sat on the mat.",
]


def wordpiece() -> Tokenizer:
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "cat", "sat", "on", "the", "mat", "##s"]
    pieces += [*".,!$-", "un", "##do", "##able", "re", "em", "##bed", "##ding", "5", "00"]
    pieces += ["unicode", "naive", "cafe"]
    vocab = {piece: i for i, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.WordPiece(vocab, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]"])
    return tokenizer


def words() -> Tokenizer:
    vocab = {"?": 0, "a": 1, "cat": 2, "sat": 3, "mat": 4}
    tokenizer = Tokenizer(models.WordLevel(vocab, unk_token="?"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return tokenizer


def unigram() -> Tokenizer:
    pieces = [("<unk>", 0.0), ("▁a", -1.0), ("▁cat", -2.0), ("▁", -3.0), ("a", -4.0), ("t", -4.0)]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=0, byte_fallback=False))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    return tokenizer


def bpe() -> Tokenizer:
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocab = {c: i for i, c in enumerate([*alphabet, "at", "cat"])}
    tokenizer = Tokenizer(models.BPE(vocab, [("a", "t"), ("c", "at")]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel()
    return tokenizer


TOKENIZERS = {"wordpiece": wordpiece, "words": words, "unigram": unigram, "bpe": bpe}


def make(
    dtype: Any = np.int8, tokenizer: Tokenizer | None = None, weighted: bool = True, **more: Any
) -> StaticEncoder:
    rng = np.random.default_rng(5)
    tokenizer = tokenizer or wordpiece()
    size = tokenizer.get_vocab_size()
    table = (rng.standard_normal((size, DIM)) * 40).astype(dtype)
    weights = rng.random(size, np.float32) if weighted else None
    return StaticEncoder(table, tokenizer, weights, **more)


def by_formula(encoder: StaticEncoder, texts: list[str]) -> NDArray[np.float64]:
    """Plainly: the mean of the weighted rows of the known tokens, to length 1."""
    tokenizer = encoder.tokenizer
    assert isinstance(tokenizer, Tokenizer)
    weights = np.ones(len(encoder.table)) if encoder.weights is None else encoder.weights
    rows = []
    for text in texts:
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        unknown = tokenizer.token_to_id("[UNK]")
        parts = [weights[i] * encoder.table[i].astype(float) for i in ids if i != unknown]
        row = np.mean(parts, axis=0) if parts else np.zeros(DIM)
        rows.append(row / (np.linalg.norm(row) or 1) if encoder.normalize else row)
    return np.array(rows)


@pytest.fixture(params=["cold", "compiled"])
def path(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Runs a test on each of the two ways to encode."""
    monkeypatch.setattr(
        StaticEncoder, "compile_from", {"cold": 1 << 60, "compiled": 0}[request.param]
    )
    return str(request.param)


# -- vectors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("dtype", [np.int8, np.float16, np.float32])
def test_the_formula(path: str, dtype: Any, normalize: bool, weighted: bool) -> None:
    encoder = make(dtype, weighted=weighted, normalize=normalize)
    found = encoder.encode(TEXTS).vectors
    assert found.dtype == np.float32
    wanted = by_formula(encoder, TEXTS)
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)
    assert not found[2:5].any()  # nothing known: zeros


def test_the_two_paths_agree(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (data / "text" / "wikitext-2" / "test.txt").read_text("utf-8")
    texts = [line for line in text.splitlines() if line.strip()][:500]
    tokenizer = wordpiece()
    cold = make(tokenizer=tokenizer).encode(texts).vectors
    monkeypatch.setattr(StaticEncoder, "compile_from", 0)
    for threads in (1, 2):
        found = make(tokenizer=tokenizer, threads=threads).encode(texts).vectors
        np.testing.assert_allclose(found, cold, atol=1e-6)


def test_compiled_code_is_left_alone_for_a_few_texts(tmp_path: Path) -> None:
    make().save(tmp_path / "m")
    script = (
        "import sys; from kinspace.pretrained.static import StaticEncoder\n"
        f"StaticEncoder.load({str(tmp_path / 'm')!r}).encode(['a cat', 'naïve'])\n"
        "print([m for m in ('numba', 'tokenizers', 'safetensors', 'torch') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


@pytest.mark.parametrize("text", ["\ud800", "a cat \udfff", "\x00", "a\x00cat"])
def test_odd_characters(path: str, text: str) -> None:
    vectors = make().encode([text, "a cat"]).vectors
    assert np.isfinite(vectors).all()
    np.testing.assert_array_equal(
        vectors[0].any(), "a" in text and "acat" not in text.replace("\x00", "")
    )


def test_fifty_megabytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(StaticEncoder, "compile_from", 0)
    encoder = make()
    long, short = encoder.encode(["cat sat " * 6_250_000, "cat sat"]).vectors
    np.testing.assert_allclose(long, short, atol=1e-6)


@pytest.mark.parametrize("items", [[1], ["a", None], [b"bytes"], [["nested"]]])
def test_what_is_no_text(path: str, items: list[Any]) -> None:
    with pytest.raises(InvalidInput, match="not a text"):
        make().encode(items)


def test_nothing_to_encode(path: str) -> None:
    assert make().encode([]).vectors.shape == (0, DIM)


def test_no_threads() -> None:
    encoder = make(threads=0)
    encoder.compile_from = 0  # type: ignore[misc]
    with pytest.raises(InvalidParameter):
        encoder.encode(["a"])


def test_a_table_with_nan(path: str) -> None:
    encoder = make(np.float32)
    encoder.table[5] = np.nan
    with pytest.raises(InvalidVectors, match="'cat'"):
        encoder.encode(["a", "cat"])


def test_which_tokens_weigh_most() -> None:
    encoder = make()
    found = encoder.tokens("The undoable cat? zzz cats")
    assert [piece for piece, _ in found] == ["the", "un", "##do", "##able", "cat", "cat", "##s"]
    assert sum(weight for _, weight in found) == pytest.approx(1)
    assert encoder.weights is not None
    lengths = np.linalg.norm(encoder.table.astype(float), axis=1) * encoder.weights
    assert found[4][1] / found[0][1] == pytest.approx(lengths[5] / lengths[8], rel=1e-5)
    assert encoder.tokens("") == []


def test_parameters_are_stored_and_read_again() -> None:
    encoder = make(name="one")
    params = encoder.get_params()
    assert params["name"] == "one"
    assert params["table"] is encoder.table
    before = encoder.space
    assert encoder.clone().space == before
    encoder.set_params(normalize=False)
    assert encoder.space != before


@pytest.mark.parametrize(
    "change",
    [
        {"table": np.zeros(4, np.int8)},
        {"table": np.zeros((100, 4), np.int32)},
        {"table": np.zeros((3, 4), np.int8)},
        {"weights": np.ones(3)},
        {"mapping": np.full(100, 100)},
        {"mapping": np.full(100, -1)},
        {"tokenizer": "{}"},
        {"tokenizer": '{"model": {"vocab": {}}}'},
        {"tokenizer": '{"model": {"vocab": {"a": 0}}}'},
    ],
)
def test_parts_that_do_not_fit(change: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput) as raised:
        make().set_params(**change).encode(["a"])
    assert raised.value.remedy


# -- fingerprint -----------------------------------------------------------------------------------


def test_the_fingerprint_follows_what_changes_vectors(tmp_path: Path) -> None:
    encoder = make()
    weights = encoder.weights
    assert weights is not None
    other_words = json.loads(wordpiece().to_str())
    other_words["model"]["vocab"] = {
        {"cat": "mat", "mat": "cat"}.get(piece, piece): i
        for piece, i in other_words["model"]["vocab"].items()
    }
    cased = json.loads(wordpiece().to_str())
    cased["normalizer"]["lowercase"] = False
    table = encoder.table.copy()
    table[3, 3] += 1
    changed = [
        make(),
        make(normalize=False),
        make(max_length=5),
        make(weighted=False),
        make().set_params(weights=weights * 2),
        make().set_params(table=table),
        make().set_params(tokenizer=json.dumps(other_words)),
        make().set_params(tokenizer=json.dumps(cased)),
        make().set_params(mapping=np.arange(len(table))[::-1]),
    ]
    assert len({each.space.fingerprint for each in changed}) == len(changed)


def test_the_fingerprint_leaves_out_what_does_not(tmp_path: Path) -> None:
    encoder = make()
    truncating = wordpiece()
    truncating.enable_truncation(3)
    truncating.enable_padding(length=9)
    encoder.save(tmp_path / "m")
    same = [
        make(name="other", recipe={"seed": 1}, threads=3),
        make(tokenizer=truncating),
        make().set_params(tokenizer=json.dumps(json.loads(wordpiece().to_str()), indent=3)),
        StaticEncoder.load(tmp_path / "m"),
    ]
    for each in same:
        assert each.space.fingerprint == encoder.space.fingerprint
        np.testing.assert_array_equal(each.encode(TEXTS).vectors, encoder.encode(TEXTS).vectors)


# -- the folder ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", TOKENIZERS)
def test_save_and_load(kind: str, path: str, tmp_path: Path) -> None:
    encoder = make(tokenizer=TOKENIZERS[kind](), recipe={"seed": 7}, max_length=40, name="x")
    encoder.save(tmp_path / "new" / "m")
    found = StaticEncoder.load(tmp_path / "new" / "m")
    np.testing.assert_array_equal(found.encode(TEXTS).vectors, encoder.encode(TEXTS).vectors)
    assert found.space.fingerprint == encoder.space.fingerprint
    assert (found.recipe, found.max_length, found.name) == ({"seed": 7}, 40, "m")
    assert StaticEncoder.load(tmp_path / "new" / "m", name="y").space.model == "y"


def test_saving_again_replaces(tmp_path: Path) -> None:
    make(recipe={"seed": 7}).save(tmp_path)
    second = make(np.float32, weighted=False)
    second.save(tmp_path)
    found = StaticEncoder.load(tmp_path)
    assert found.space.fingerprint == second.space.fingerprint
    assert found.recipe is None
    assert not list(tmp_path.glob("*.partial"))


def test_saving_a_model_onto_itself(tmp_path: Path) -> None:
    make().save(tmp_path)
    found = StaticEncoder.load(tmp_path)
    found.save(tmp_path)
    assert StaticEncoder.load(tmp_path).space.fingerprint == found.space.fingerprint


def test_other_folders_are_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    for place in (tmp_path, tmp_path / "thesis.txt"):
        with pytest.raises(InvalidInput):
            make().save(place)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_no_model_there(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for place in (tmp_path, tmp_path / "nowhere", tmp_path / "file"):
        with pytest.raises(ModelNotFound):
            StaticEncoder.load(place)


@pytest.mark.parametrize("file", ["model.safetensors", "tokenizer.json", "config.json"])
@pytest.mark.parametrize("share", [0.0, 0.003, 0.05, 0.5, 0.9])
def test_a_file_cut_off(file: str, share: float, tmp_path: Path) -> None:
    make().save(tmp_path)
    target = tmp_path / file
    os.truncate(target, int(target.stat().st_size * share))
    with pytest.raises(ReadError) as raised:
        StaticEncoder.load(tmp_path)
    assert raised.value.remedy


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("model.safetensors", b"\xff" * 200),
        ("model.safetensors", b"\x02\0\0\0\0\0\0\0[]"),
        ("model.safetensors", b'\x10\0\0\0\0\0\0\0{"embeddings":1}'),
        ("tokenizer.json", b"\xff\xfe"),
        ("tokenizer.json", b"[1]"),
        ("config.json", b"[]"),
        ("recipe.json", b"{"),
    ],
)
def test_a_file_with_something_else(file: str, content: bytes, tmp_path: Path) -> None:
    make().save(tmp_path)
    (tmp_path / file).write_bytes(content)
    with pytest.raises((ReadError, ModelNotFound)):
        StaticEncoder.load(tmp_path)


def test_flipped_bits_and_mixed_models_are_found(tmp_path: Path) -> None:
    make().save(tmp_path / "a")
    make(weighted=False).save(tmp_path / "b")
    file = tmp_path / "a" / "model.safetensors"
    raw = bytearray(file.read_bytes())
    raw[-5] ^= 16
    file.write_bytes(raw)
    with pytest.raises(ReadError, match="damaged"):
        StaticEncoder.load(tmp_path / "a").encode(["a"])
    other = json.loads((tmp_path / "b" / "tokenizer.json").read_text())
    other["normalizer"]["lowercase"] = False
    (tmp_path / "b" / "tokenizer.json").write_text(json.dumps(other))
    with pytest.raises(ReadError, match="two models"):
        _ = StaticEncoder.load(tmp_path / "b").space


def test_an_interrupted_save_leaves_the_old_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make().save(tmp_path)
    before = StaticEncoder.load(tmp_path).space.fingerprint

    def full(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space"):
        make(np.float32).save(tmp_path)
    assert StaticEncoder.load(tmp_path).space.fingerprint == before


# -- model2vec -------------------------------------------------------------------------------------


def cosines(a: Any, b: Any) -> NDArray[np.float64]:
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    both_zero = ~a.any(axis=1) & ~b.any(axis=1)
    return np.where(both_zero, 1.0, (a * b).sum(1) / np.where(lengths == 0, 1, lengths))


@pytest.mark.parametrize("kind", TOKENIZERS)
@pytest.mark.parametrize("max_length", [None, 6, 512])
@pytest.mark.parametrize("dtype", [np.int8, np.float16, np.float32])
def test_model2vec_reads_ours(
    kind: str, max_length: int | None, dtype: Any, path: str, tmp_path: Path
) -> None:
    model2vec = pytest.importorskip("model2vec")
    for normalize, weighted in ((True, True), (False, False)):
        encoder = make(
            dtype, TOKENIZERS[kind](), weighted, normalize=normalize, max_length=max_length
        )
        encoder.save(tmp_path)
        theirs = model2vec.StaticModel.from_pretrained(tmp_path).encode(TEXTS)
        ours = encoder.encode(TEXTS).vectors
        assert cosines(ours, theirs).min() > 0.9999
        np.testing.assert_allclose(ours, theirs, rtol=4e-3, atol=1e-3)


@pytest.mark.parametrize("kind", TOKENIZERS)
@pytest.mark.parametrize("shared", [True, False])
def test_we_read_model2vecs(kind: str, shared: bool, path: str, tmp_path: Path) -> None:
    model2vec = pytest.importorskip("model2vec")
    rng = np.random.default_rng(8)
    tokenizer = TOKENIZERS[kind]()
    size = tokenizer.get_vocab_size()
    table = rng.standard_normal((4 if shared else size, DIM)).astype(np.float32)
    theirs = model2vec.StaticModel(
        table,
        tokenizer,
        normalize=True,
        weights=rng.random(size) if shared else None,
        token_mapping=rng.integers(0, 4, size) if shared else None,
        max_length=9,
    )
    theirs.save_pretrained(tmp_path)
    ours = StaticEncoder.load(tmp_path)
    assert (ours.max_length, ours.normalize) == (9, True)
    np.testing.assert_allclose(ours.encode(TEXTS).vectors, theirs.encode(TEXTS), atol=1e-6)
    ours.save(tmp_path / "again")
    again = model2vec.StaticModel.from_pretrained(tmp_path / "again")
    np.testing.assert_allclose(again.encode(TEXTS), theirs.encode(TEXTS), atol=1e-6)


@pytest.mark.parametrize("nested", [True, False])
def test_the_layouts_of_sentence_transformers(nested: bool, tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    inner = tmp_path / "0_StaticEmbedding" if nested else tmp_path
    inner.mkdir(exist_ok=True)
    encoder = make(np.float32, weighted=False, normalize=False, max_length=512)
    save_file({"embedding.weight": encoder.table}, inner / "model.safetensors")
    wordpiece().save(str(inner / "tokenizer.json"))
    (tmp_path / "config_sentence_transformers.json").write_text("{}")
    found = StaticEncoder.load(tmp_path)
    np.testing.assert_array_equal(found.encode(TEXTS).vectors, encoder.encode(TEXTS).vectors)
    model2vec = pytest.importorskip("model2vec")
    theirs = model2vec.StaticModel.from_pretrained(tmp_path).encode(TEXTS)
    np.testing.assert_allclose(found.encode(TEXTS).vectors, theirs, rtol=1e-5, atol=1e-5)


def test_a_double_table_is_read_as_floats(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    encoder = make(np.float32)
    encoder.save(tmp_path)
    assert encoder.weights is not None
    save_file(
        {"embeddings": encoder.table.astype(np.float64), "weights": encoder.weights},
        tmp_path / "model.safetensors",
    )
    found = StaticEncoder.load(tmp_path)
    np.testing.assert_array_equal(found.encode(TEXTS).vectors, encoder.encode(TEXTS).vectors)


def test_a_copied_folder_is_the_same_model(tmp_path: Path) -> None:
    make().save(tmp_path / "a")
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    a, b = (StaticEncoder.load(tmp_path / name) for name in "ab")
    a.space.require(b.space, "compared")


# -- pooling ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("pooling", ["max", "min-max"])
def test_extremes(path: str, tmp_path: Path, pooling: Any, normalize: bool) -> None:
    encoder = make(np.float32, pooling=pooling, normalize=normalize)
    assert encoder.weights is not None
    unknown = wordpiece().token_to_id("[UNK]")
    ids = [wordpiece().encode(text, add_special_tokens=False).ids for text in TEXTS]
    wanted = np.zeros((len(TEXTS), encoder.space.dim))
    for line, tokens in zip(wanted, ids, strict=True):
        rows = [encoder.weights[i] * encoder.table[i] for i in tokens if i != unknown]
        if rows:
            ends = [np.max(rows, axis=0)]
            ends = [np.min(rows, axis=0), *ends] if pooling == "min-max" else ends
            line[:] = np.concatenate(ends)
            line /= np.linalg.norm(line) if normalize else 1
    np.testing.assert_allclose(encoder.encode(TEXTS), wanted, rtol=1e-5, atol=1e-6)
    encoder.save(tmp_path / "m")
    assert not (tmp_path / "m" / "modules.json").exists()  # others could only take the mean
    found = StaticEncoder.load(tmp_path / "m", name=encoder.name)
    assert found.space == encoder.space
    np.testing.assert_array_equal(found.encode(TEXTS), encoder.encode(TEXTS))
    make(np.float32).save(tmp_path / "m")  # and back
    assert (tmp_path / "m" / "modules.json").exists()
    assert StaticEncoder.load(tmp_path / "m").pooling == "mean"


def test_poolings_are_spaces_of_their_own() -> None:
    assert len({make(pooling=each).space for each in ("mean", "max", "min-max")}) == 3
    assert make(pooling="mean").space == make().space
    changed = make()
    assert changed.space.dim == DIM
    assert changed.set_params(pooling="min-max").space.dim == 2 * DIM


def test_an_unknown_pooling(tmp_path: Path) -> None:
    with pytest.raises(InvalidParameter, match="min-max"):
        make(pooling="median").encode(["a cat"])
    make().save(tmp_path / "m")
    config = tmp_path / "m" / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"pooling": "median"}))
    with pytest.raises(ReadError, match="median"):
        StaticEncoder.load(tmp_path / "m")


def test_tokens_without_a_row_are_left_out(path: str, tmp_path: Path) -> None:
    size = wordpiece().get_vocab_size()
    places = np.arange(size)
    places[wordpiece().token_to_id("cat")] = -1
    encoder = make(np.float32, mapping=places, normalize=False)
    assert [piece for piece, _ in encoder.tokens("a cat sat")] == ["a", "sat"]
    np.testing.assert_allclose(encoder.encode(["a cat sat"]), encoder.encode(["a sat"]), rtol=1e-6)
    encoder.save(tmp_path / "m")
    found = StaticEncoder.load(tmp_path / "m")
    np.testing.assert_array_equal(found.encode(TEXTS), encoder.encode(TEXTS))
