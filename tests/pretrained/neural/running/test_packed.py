"""Transformers without padding: the same states as transformers' own code, in every precision."""

import functools

import numpy as np
import pytest

from kinspace.pretrained.neural.running.batches import batches
from kinspace.pretrained.neural.running.tokens import Tokens

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from kinspace.pretrained.neural.running import loop  # noqa: E402
from kinspace.pretrained.neural.running import tokens as tokens_module  # noqa: E402
from kinspace.pretrained.neural.running.backbone import PaddedBackbone, open_backbone  # noqa: E402
from kinspace.pretrained.neural.running.packed import PackedBackbone  # noqa: E402
from kinspace.pretrained.neural.running.setting import choose  # noqa: E402
from tests.pretrained.neural import tiny  # noqa: E402

SIZES = {"vocab_size": 99, "max_position_embeddings": 80, "num_hidden_layers": 3}
BERT = {**SIZES, "hidden_size": 64, "intermediate_size": 96, "num_attention_heads": 2}
MODELS = {
    "BERT": ("Bert", BERT),
    "BERT, relu": ("Bert", {**BERT, "hidden_act": "relu"}),
    "BERT, tanh": ("Bert", {**BERT, "hidden_act": "gelu_new"}),
    "BERT, heads of 16": ("Bert", {**BERT, "num_attention_heads": 4}),
    "BERT, inner of 100": ("Bert", {**BERT, "intermediate_size": 100}),
    "RoBERTa": ("Roberta", {**BERT, "pad_token_id": 1}),
    "XLM-RoBERTa": ("XLMRoberta", {**BERT, "pad_token_id": 1}),
    "ELECTRA": ("Electra", {**BERT, "embedding_size": 32}),
    "DistilBERT": (
        "DistilBert",
        {"vocab_size": 99, "max_position_embeddings": 80, "n_layers": 3, "dim": 64,
         "hidden_dim": 96, "n_heads": 2},
    ),
}  # fmt: skip
each_model = pytest.mark.parametrize("name", MODELS)


def fresh(name):
    family, options = MODELS[name]
    torch.manual_seed(0)
    made = getattr(transformers, f"{family}Model")(
        getattr(transformers, f"{family}Config")(**options)
    )
    with torch.no_grad():
        for parameter in made.parameters():  # random weights are so small that all states agree
            parameter.add_(torch.randn_like(parameter) * 0.1)
    return made.eval()


def tokens(lengths):
    rng = np.random.default_rng(len(lengths))
    lengths = np.array(lengths)
    ids = rng.integers(2, 99, lengths.sum())
    return Tokens(ids, lengths, np.arange(len(lengths)), np.zeros(len(lengths), np.int64))


@functools.cache
def some_batches(budget=70):
    return list(batches(tokens([5, 64, 1, 17, 17, 17, 33, 40, 2]), budget))


def cosines(a, b):
    return torch.nn.functional.cosine_similarity(a.float(), b.float()).min().item()


@each_model
def test_known_models_are_packed_and_give_the_same_states(name):
    theirs, ours = PaddedBackbone(fresh(name)), open_backbone(fresh(name), choose("cpu", "float32"))
    assert isinstance(ours, PackedBackbone)
    assert ours.layers == theirs.layers == 3
    with torch.inference_mode():
        for batch in some_batches():
            wanted = [0, 2, 3]
            pairs = zip(
                ours.every_layer(batch, wanted), theirs.every_layer(batch, wanted), strict=True
            )
            for mine, other in pairs:
                torch.testing.assert_close(mine.rows, other.rows, atol=2e-5, rtol=2e-5)
            torch.testing.assert_close(ours.states(batch).rows, mine.rows)


@each_model
def test_bfloat16_stays_near(name):
    theirs = PaddedBackbone(fresh(name))
    ours = open_backbone(fresh(name), choose("cpu", "bfloat16"))
    with torch.inference_mode():
        for batch in some_batches():
            assert ours.states(batch).rows.dtype == torch.bfloat16
            assert cosines(ours.states(batch).rows, theirs.states(batch).rows) > 0.999


def test_int8_stays_near():
    theirs, ours = (
        PaddedBackbone(fresh("BERT")),
        open_backbone(fresh("BERT"), choose("cpu", "int8")),
    )
    with torch.inference_mode():
        for batch in some_batches():
            assert cosines(ours.states(batch).rows, theirs.states(batch).rows) > 0.98


def test_parts_of_a_pair_are_told_apart():
    table = tokens([20, 9])
    types = np.random.default_rng(0).integers(0, 2, 29)
    (batch,) = batches(Tokens(table.ids, table.lengths, table.owner, table.cut, types), 100)
    theirs = PaddedBackbone(fresh("BERT"))
    ours = open_backbone(fresh("BERT"), choose("cpu", "float32"))
    with torch.inference_mode():
        found = ours.states(batch).rows
        torch.testing.assert_close(found, theirs.states(batch).rows, atol=2e-5, rtol=2e-5)
        plain = ours.states(type(batch)(batch.pieces, batch.ids, batch.lengths)).rows
        assert (found - plain).abs().max() > 0.01


@pytest.mark.parametrize(
    "options", [{"is_decoder": True}, {"position_embedding_type": "relative_key"}]
)
def test_models_that_differ_are_left_to_transformers(options):
    family, sizes = MODELS["BERT"]
    config = getattr(transformers, f"{family}Config")(**sizes)
    for name, value in options.items():
        setattr(config, name, value)
    model = transformers.BertModel(transformers.BertConfig(**sizes)).eval()
    model.config = config
    assert isinstance(open_backbone(model, choose("cpu", "float32")), PaddedBackbone)


def test_states_are_padded_for_those_who_need_it():
    backbone = open_backbone(fresh("BERT"), choose("cpu", "float32"))
    with torch.inference_mode():
        for batch in some_batches():
            states = backbone.states(batch)
            table, mask = states.padded()
            assert mask.sum(1).tolist() == batch.lengths.tolist()
            torch.testing.assert_close(table[mask.bool()], states.rows)
            assert not table[~mask.bool()].any()


def test_batches_run_side_by_side_as_one_by_one():
    backbone = open_backbone(fresh("BERT"), choose("cpu", "float32"))
    lengths = list(np.random.default_rng(0).integers(1, 64, 200))
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        found = [
            {
                int(piece): states.rows[stop - length : stop]
                for _, batch, states in loop.run(
                    [""] * 200, lambda *_: tokens(lengths), backbone.states, budget=90,
                    side_by_side=together,
                )
                for piece, length, stop in zip(
                    batch.pieces, batch.lengths, np.cumsum(batch.lengths), strict=True
                )
            }
            for together in (False, True)
        ]  # fmt: skip
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
    assert len(found[0]) == len(found[1]) == 200
    for piece, rows in found[0].items():
        torch.testing.assert_close(rows, found[1][piece], atol=1e-5, rtol=1e-5)


def test_an_error_in_one_batch_is_told():
    def fail(batch):
        raise ValueError("no")

    torch.set_num_threads(2)
    with pytest.raises(ValueError, match="no"):
        list(loop.run([""] * 9, lambda *_: tokens([9] * 9), fail, budget=9, side_by_side=True))
    assert torch.get_num_threads() == 2


def test_int8_is_also_that_of_models_run_by_their_own_code():
    def model():
        torch.manual_seed(0)
        sizes = {"vocab_size": 99, "d_model": 64, "d_ff": 96, "num_layers": 2, "num_heads": 2}
        return transformers.T5EncoderModel(transformers.T5Config(**sizes)).eval()

    theirs, ours = PaddedBackbone(model()), open_backbone(model(), choose("cpu", "int8"))
    with torch.inference_mode():
        for batch in some_batches():
            mine, exact = ours.states(batch).rows, theirs.states(batch).rows
            assert cosines(mine, exact) > 0.98
            assert (mine - exact).abs().max() > 1e-4


@pytest.mark.parametrize("long", ["truncate", "mean"])
@pytest.mark.parametrize("side_by_side", [False, True])
def test_texts_that_are_read_ahead_come_out_as_those_read_at_once(
    monkeypatch, tmp_path, long, side_by_side
):
    backbone = open_backbone(fresh("BERT"), choose("cpu", "float32"))
    hf = tiny.wordpiece(tmp_path)
    texts = [text for text in tiny.TEXTS for _ in range(4)]
    read = tokens_module.Tokenizer(hf, 12, long)

    def model(batch):
        kept = type(batch)(batch.pieces, batch.ids % 99, batch.lengths)
        firsts = np.cumsum(batch.lengths) - batch.lengths
        return backbone.states(kept).rows[firsts].numpy()

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        whole = loop.rows_of(texts, read, model, budget=50, side_by_side=side_by_side)
        monkeypatch.setattr(loop, "_AHEAD", 60)
        parts = loop.rows_of(texts, read, model, budget=50, side_by_side=side_by_side)
    finally:
        torch.set_num_threads(before)
    np.testing.assert_allclose(parts[1], whole[1], atol=1e-5)
    for name in ("ids", "lengths", "owner", "cut"):
        np.testing.assert_array_equal(getattr(parts[0], name), getattr(whole[0], name))
