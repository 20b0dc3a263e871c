"""Collections of models made elsewhere: sparse, several vectors a text, and options remembered."""

from __future__ import annotations

from pathlib import Path

import pytest

import kinspace as ks
from kinspace.store import Collection
from tests.pretrained.neural import late_models, sparse_models, tiny

pytest.importorskip("sentence_transformers")

TEXTS = ["a cat sat on the mat", "the kitten sleeps", "a red car stops", "rates of interest rose"]
RECORDS = [{"id": str(i), "text": text} for i, text in enumerate(TEXTS)]


def folders() -> dict[str, Path]:
    return {
        "dense": tiny.made(tiny.sentence_model),
        "sparse": tiny.made(sparse_models.splade),
        "multi": tiny.made(late_models.colbert),
    }


@pytest.mark.parametrize("form", ["dense", "sparse", "multi"])
def test_made_by_name_and_opened_again(form: str, tmp_path: Path) -> None:
    path = tmp_path / "c.kin"
    with Collection.open(path, folders()[form]) as made:
        assert made.space.form == form
        made.add(RECORDS)
    with Collection.open(path) as held:
        wanted = ks.load(folders()[form]).encode_query(["the kitten"])
        vectors = held.vectors([r["id"] for r in RECORDS])
        best = vectors.nearest(wanted, k=1).ids
        assert [hit.id for hit in held.search("the kitten", k=1, mode="dense")] == best
        assert held.check() == []


def test_from_one_form_to_the_next_and_back(tmp_path: Path) -> None:
    models = folders()
    with Collection.open(tmp_path / "c.kin", models["dense"]) as held:
        held.add(RECORDS)
        for form in ("sparse", "multi"):
            assert held.migrate(models[form]) == len(RECORDS)
            assert held.space.form == form
            assert len(held.search("the kitten", k=4)) == 4
            held.drop_other()
        held.migrate(models["dense"])
    with Collection.open(tmp_path / "c.kin") as held:
        assert held.switch() == 0
        assert held.space.form == "multi"
        assert len(held.search("the kitten", k=4, mode="dense")) == 4


def test_options_come_back(tmp_path: Path) -> None:
    encoder = ks.load(folders()["dense"], dim=8, device="cpu")
    with Collection.open(tmp_path / "c.kin", encoder) as made:
        made.add(RECORDS)
        space = made.space
    with Collection.open(tmp_path / "c.kin") as held:
        assert held.encoder.space == space
        assert held.space.dim == 8
        assert held.search("the kitten", k=1, mode="dense")
