"""Rows of mixed columns."""

from __future__ import annotations

import csv
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

import kinspace as ks
from kinspace.errors import EmptyInput, InvalidInput, InvalidParameter, NotFitted
from kinspace.learn.categories import BinaryEncoder, TableEncoder

ROWS = [
    {"age": "39", "town": "Ulm", "says": "the cat sat on the mat today", "glad": True},
    {"age": "?", "town": "Bonn", "says": "a dog ran over the green hill", "glad": False},
    {"age": "25", "town": "Ulm", "says": "interest rates rose once more in March", "glad": True},
    {"age": "61", "town": "Kiel", "says": "the kitten slept on a soft rug", "glad": True},
]


def test_columns_are_told_apart_by_what_is_in_them() -> None:
    table = TableEncoder(max_categories=3).fit(ROWS)
    kinds = {column.name: type(column.encoder).__name__ for column in table.columns_}
    assert kinds == {
        "age": "StandardScaler", "town": "OneHotEncoder", "says": "StaticEncoder",
        "glad": "OneHotEncoder",
    }  # fmt: skip
    assert table.columns_[0].why == "numbers, 3 different ones"
    assert table.names[:2] == ["age: number 0", "age: number 0 is missing"]
    assert len(table.names) == table.space.dim == table.encode(ROWS).vectors.shape[1]


def test_each_column_weighs_the_same() -> None:
    table = TableEncoder(max_categories=3).fit(ROWS)
    vectors = table.encode(ROWS).vectors.astype(np.float64)
    for column in table.columns_:
        assert np.isclose(vectors[:, column.first : column.last].var(0).sum(), 1, atol=1e-4)
    plain = TableEncoder(max_categories=3, balance=False).fit(ROWS)
    assert {column.scale for column in plain.columns_} == {1.0}


def test_unseen_categories_are_told(caplog: pytest.LogCaptureFixture) -> None:
    table = TableEncoder({"says": "skip"}).fit(ROWS)
    new = [{"age": 1, "town": "Paris", "glad": True}, {"age": 2, "town": "Ulm", "glad": None}]
    assert table.unseen(new) == {"town": {"Paris": 1}, "glad": {"(missing)": 1}}
    table.encode(new)
    assert "column 'town': 1 values were not seen" in caplog.text
    assert table.unseen(ROWS) == {}


def test_columns_can_be_chosen() -> None:
    table = TableEncoder({"town": BinaryEncoder(), "age": "robust", "says": "skip"})
    with pytest.raises(InvalidInput, match=r"Column 'age'.*row 1.*is missing"):
        table.fit(ROWS)
    table = TableEncoder({"town": "binary", "age": "skip", "says": ks.load()}).fit(ROWS)
    assert [column.name for column in table.columns_] == ["town", "says", "glad"]
    assert table.columns_[0].why == "as given"


def test_rows_can_be_sequences() -> None:
    named = TableEncoder().fit([{"0": 1, "1": "a"}, {"0": 2, "1": "b"}, {"0": 3, "1": "a"}])
    plain = TableEncoder().fit([(1, "a"), (2, "b"), (3, "a")])
    assert plain.names == named.names
    assert plain.encode([[2, "a"]]).vectors.tolist() == named.encode([[2, "a"]]).vectors.tolist()


def test_data_frames() -> None:
    frame = pytest.importorskip("pandas").DataFrame(ROWS)
    table = TableEncoder({"says": "skip"}).fit(frame)
    assert np.array_equal(table.encode(frame), table.encode(ROWS))


def test_bad_tables() -> None:
    with pytest.raises(NotFitted):
        TableEncoder().encode(ROWS)
    with pytest.raises(EmptyInput, match="no rows"):
        TableEncoder().fit([])
    with pytest.raises(EmptyInput, match="left out"):
        TableEncoder({"a": "skip"}).fit([{"a": 1}])
    with pytest.raises(InvalidInput, match="Row 1 has no column 'a'"):
        TableEncoder().fit([{"a": 1}, {"b": 1}])
    with pytest.raises(InvalidInput, match="Row 0 is 'text'"):
        TableEncoder().fit(["text"])
    with pytest.raises(InvalidParameter, match="no column 'z'"):
        TableEncoder({"z": "skip"}).fit([{"a": 1}])
    with pytest.raises(InvalidParameter, match="Unknown encoder 'nonsense'"):
        TableEncoder({"a": "nonsense"}).fit([{"a": 1}])
    with pytest.raises(InvalidParameter, match="Unknown encoder 'target'"):  # it needs targets
        TableEncoder({"a": "target"}).fit([{"a": 1}])


def test_saved_and_loaded_it_is_the_same(tmp_path: Path) -> None:
    table = TableEncoder(max_categories=3).fit(ROWS)
    table.save(tmp_path / "table")
    again = ks.load(tmp_path / "table")
    assert again.space == table.space
    assert np.array_equal(again.encode(ROWS), table.encode(ROWS))
    other = TableEncoder({"says": "skip"}).fit(ROWS)
    other.save(tmp_path / "table")  # over the old one, of another number of columns
    assert ks.load(tmp_path / "table").space == other.space


def test_the_census(data: Path) -> None:
    """UCI Adult: what logistic regression makes of it is what the literature reports, 85 %."""
    with tarfile.open(data / "tables/adult.tar.gz") as archive:
        file = archive.extractfile("adult/adult.data")
        assert file is not None
        lines = file.read().decode().splitlines()[:12_000]
    rows: list[Any] = [[v.strip() for v in row] for row in csv.reader(lines) if row]
    items, rich = [row[:-1] for row in rows], np.array([row[-1] == ">50K" for row in rows])
    table = TableEncoder().fit(items[:8000])
    train, test = table.encode(items[:8000]), table.encode(items[8000:])
    model = LogisticRegression(max_iter=1000).fit(train, rich[:8000])
    assert model.score(test, rich[8000:]) > 0.84
