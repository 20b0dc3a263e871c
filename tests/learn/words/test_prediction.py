"""What learners by prediction have in common: noise, targets, tables, against their formulas."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import stats

from kinspace.engines import sampling
from kinspace.learn.text import as_tokenizer, read_corpus
from kinspace.learn.words.prediction import (
    Options,
    Outputs,
    plan_of,
    random_rows,
    text_of,
    words_of,
)
from kinspace.learn.words.word2vec import Word2Vec

OPTIONS = Options.of(Word2Vec())
COUNTS = np.array([50, 20, 20, 6, 5, 1])


def chances(noise: Any) -> Any:
    """The chance of each word that an alias table gives."""
    own, others = (noise >> np.uint64(32)) / 2**32, (noise & np.uint64(2**32 - 1)).astype(int)
    return (own + np.bincount(others, 1 - own, len(noise))) / len(noise)


@pytest.mark.parametrize("exponent", [0.75, 1.0, 0.0, -0.5])
def test_noise_is_counts_to_a_power(exponent: float) -> None:
    words = words_of(COUNTS, replace(OPTIONS, ns_exponent=exponent))
    wanted = COUNTS**exponent / (COUNTS**exponent).sum()
    np.testing.assert_allclose(chances(words.noise), wanted, atol=1e-8)


def test_frequent_words_are_thinned_by_the_formula() -> None:
    words = words_of(COUNTS, replace(OPTIONS, sample=0.05))
    share = COUNTS / COUNTS.sum()
    wanted = np.minimum(np.sqrt(0.05 / share) + 0.05 / share, 1)
    np.testing.assert_allclose(words.keep / 2**32, wanted, atol=1e-8)


def test_a_word_aims_at_itself_at_its_path_or_at_both() -> None:
    noise = words_of(COUNTS, OPTIONS)
    tree = words_of(COUNTS, replace(OPTIONS, negative=0, hierarchical_softmax=True))
    both = words_of(COUNTS, replace(OPTIONS, hierarchical_softmax=True))
    paths = sampling.huffman(COUNTS)
    for w in range(6):
        path = paths.nodes[paths.starts[w] : paths.starts[w + 1]].tolist()
        sides = paths.labels[paths.starts[w] : paths.starts[w + 1]].tolist()
        found = [
            (
                words.targets[words.target_starts[w] : words.target_starts[w + 1]].tolist(),
                words.labels[words.target_starts[w] : words.target_starts[w + 1]].tolist(),
            )
            for words in (noise, tree, both)
        ]
        shifted = [6 + node for node in path]
        assert found == [([w], [1]), (path, sides), ([w, *shifted], [1, *sides])]
    for options, rows in (
        (OPTIONS, 6),
        (replace(OPTIONS, negative=0, hierarchical_softmax=True), 5),
        (replace(OPTIONS, hierarchical_softmax=True), 11),
    ):
        assert Outputs.of(6, options).table(20).shape == (rows, 32)
        assert int(words_of(COUNTS, options).targets.max()) == rows - 1


def test_tables_begin_small_and_even() -> None:
    table = random_rows(70_000, 20, seed=3)
    assert table.shape == (70_000, 32)
    assert not table[:, 20:].any()
    assert stats.kstest((table[::70, :20].ravel() * 10 + 0.5), "uniform").pvalue > 1e-3
    np.testing.assert_array_equal(table, random_rows(70_000, 20, seed=3))
    assert (table != random_rows(70_000, 20, seed=4)).any()


def test_a_corpus_is_a_text_and_options_a_plan() -> None:
    corpus = read_corpus(["a b a", "b"], as_tokenizer("words"), min_count=1)
    text = text_of(corpus)
    assert (text.ids.tolist(), text.starts.tolist()) == ([0, 1, 0, 1], [0, 3, 4])
    assert (text.tags.tolist(), text.tag_starts.tolist()) == ([], [0, 0, 0])
    tagged = text_of(corpus, np.int32([7, 8]), np.array([0, 1, 2]))
    assert tagged.tags.tolist() == [7, 8]
    plan = plan_of(OPTIONS, together=True, mean=False)
    assert plan[:8] == (5, 5, True, False, 5, 0.025, 1e-4, 0)
