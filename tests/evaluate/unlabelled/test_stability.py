"""Whether texts keep their neighbours."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from kinspace.datasets.content import Document
from kinspace.encoder import Encoder, Side
from kinspace.errors import InvalidInput, InvalidParameter
from kinspace.evaluate.system import System
from kinspace.evaluate.systems import as_system
from kinspace.evaluate.unlabelled import StabilityTask
from kinspace.evaluate.unlabelled.changes import HARMLESS
from kinspace.space import Space, fingerprint_of
from tests.toys import HashEncoder


class Blind(Encoder[str]):
    """Sees nothing of a text but its title's last word, which no change here touches."""

    @property
    def space(self) -> Space:
        return Space("blind", fingerprint_of("blind"), 8)

    def _encode_batch(self, items: Sequence[str], side: Side) -> NDArray[np.float32]:
        seeds = [sum(sorted(map(ord, item.split()[1].lower()))) for item in items]
        return np.stack([np.random.default_rng(s).standard_normal(8, np.float32) for s in seeds])


class Touchy(HashEncoder):
    """Another vector for every string."""

    def _encode_batch(self, items: Sequence[str], side: Side) -> NDArray[np.float32]:
        return super()._encode_batch([item.replace(" ", "·") for item in items], side)


def test_the_blind_are_stable_and_the_touchy_are_not(documents: list[Document]) -> None:
    task = StabilityTask(documents, n=20, changes=("typos",))
    calm = task.run(as_system(Blind())).samples["overlap_at_10"].value()
    touchy = task.run(as_system(Touchy())).samples["overlap_at_10"].value()
    assert calm > 0.9
    assert touchy < 0.3


def test_each_change_is_told(documents: list[Document]) -> None:
    outcome = StabilityTask(documents, n=20).run(as_system(HashEncoder(64)))
    parts = [outcome.samples[f"overlap_{change}"].columns["values"] for change in HARMLESS]
    assert np.allclose(np.mean(parts, axis=0), outcome.samples["overlap_at_10"].columns["values"])
    assert outcome.samples["overlap_case"].value() == 1.0  # the encoder makes letters small
    assert len(outcome.items) == 20


def test_keyword_search_can_be_judged(documents: list[Document]) -> None:
    outcome = StabilityTask(documents, n=10).run(as_system("bm25"))
    assert outcome.samples["overlap_case"].value() == 1.0
    assert 0.5 < outcome.samples["overlap_at_10"].value() < 1.0


def test_fingerprints_tell_settings_apart(documents: list[Document]) -> None:
    made = [
        StabilityTask(documents, n=20),
        StabilityTask(documents, n=21),
        StabilityTask(documents, n=20, k=5),
        StabilityTask(documents, n=20, seed=1),
        StabilityTask(documents, n=20, changes=("case",)),
        StabilityTask(documents[:-1], n=20),
    ]
    assert len({task.fingerprint for task in made}) == len(made)
    assert StabilityTask(documents, n=20).fingerprint == made[0].fingerprint


def test_too_few_texts_are_an_error(documents: list[Document]) -> None:
    with pytest.raises(InvalidInput, match="too few"):
        StabilityTask(documents[:20])
    with pytest.raises(InvalidParameter):
        StabilityTask(documents, n=0)


def test_what_finds_nothing_cannot_be_judged(documents: list[Document]) -> None:
    with pytest.raises(InvalidInput):
        StabilityTask(documents).run(System("words", "0"))
