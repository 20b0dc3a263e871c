"""Ids against a plain dictionary: what is in use, where it is, and what may be found."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinspace.errors import DuplicateId, IdNotFound, InvalidInput
from kinspace.index.ids import Ids, check_one_each

NAMES = st.lists(st.integers(0, 30), max_size=8)


@given(st.lists(st.tuples(st.sampled_from(["add", "count", "forget"]), NAMES), max_size=12))
def test_agrees_with_a_dictionary(steps: list[tuple[str, list[int]]]) -> None:
    ids, place, rows, largest = Ids(), {}, [], -1
    for verb, names in steps:
        if verb == "forget":
            known = sorted({place[name] for name in names if name in place})
            assert ids.positions(names).tolist() == known
            ids.forget(np.array(known, np.int64))
            place = {name: row for name, row in place.items() if row not in known}
            continue
        if verb == "count":
            new = list(range(largest + 1, largest + 1 + len(names)))
            assert ids.extend(len(names), None).tolist() == new
        elif len(set(names)) < len(names) or set(names) & place.keys():
            with pytest.raises(DuplicateId):
                ids.extend(len(names), names)
            continue
        else:
            new = names
            ids.extend(len(names), names)
        place |= {name: len(rows) + i for i, name in enumerate(new)}
        rows += new
        largest = max([largest, *new])
    assert len(ids) == len(rows)
    assert ids.rows.tolist() == rows
    assert np.flatnonzero(ids.alive).tolist() == sorted(place.values())
    assert ids.removed == len(rows) - len(place)
    assert ids.places(list(place)).tolist() == list(place.values())
    for allowed in ([], list(range(0, 31, 2)), [5, 5, 10**12, -1]):
        wanted = sorted({place[name] for name in allowed if name in place})
        usable = ids.usable(allowed)
        assert usable is not None
        assert np.flatnonzero(usable).tolist() == wanted
    again = Ids.of(ids.rows, ids.alive)
    assert again.rows.tolist() == rows
    assert again.alive.tolist() == ids.alive.tolist()
    assert again.places(list(place)).tolist() == list(place.values())


def test_a_mask_is_by_id() -> None:
    ids = Ids()
    ids.extend(4, [0, 10, 2, 11])
    mask = np.zeros(11, np.bool_)
    mask[[2, 10, 5]] = True
    assert ids.usable(mask).tolist() == [False, True, True, False]
    assert ids.usable(None) is None
    ids.forget(np.array([1]))
    assert ids.usable(mask).tolist() == [False, False, True, False]
    assert ids.usable(None).tolist() == [True, False, True, True]
    plain = Ids()
    plain.extend(5, None)
    for length in (3, 5, 9):
        assert plain.usable(np.ones(length, np.bool_)).tolist() == [i < length for i in range(5)]
    with pytest.raises(InvalidInput, match="one axis"):
        plain.usable(np.ones((5, 1), np.bool_))


def test_positions_cost_nothing_to_look_up(monkeypatch: pytest.MonkeyPatch) -> None:
    ids = Ids()
    ids.extend(100_000, None)
    ids.extend(50, np.arange(100_000, 100_050))
    assert ids._place is None
    assert ids.nbytes == 100_050 * 9
    assert ids.positions([7, 3, 3, 10**9]).tolist() == [3, 7]
    assert ids.places([7, 3]).tolist() == [7, 3]
    ids.extend(1, [7 * 10**9])
    assert ids.places([7 * 10**9, 100_049]).tolist() == [100_050, 100_049]
    assert ids.extend(1, None).tolist() == [7 * 10**9 + 1]


@pytest.mark.parametrize(
    ("names", "error"),
    [
        ([1, 2], DuplicateId),
        ([8, 8], DuplicateId),
        ([8], InvalidInput),
        ([8, -1], InvalidInput),
        ([8, 9.0], InvalidInput),
        ([8, 2**63], InvalidInput),
        (["8", "9"], InvalidInput),
        ([True, False], InvalidInput),
        ([[8, 9]], InvalidInput),
        (np.array([8, 2**63], np.uint64), InvalidInput),
    ],
)
def test_all_or_none(names: Any, error: type[Exception]) -> None:
    for first in (None, [0, 5, 1]):
        ids = Ids()
        ids.extend(3, first)
        before = ids.rows.tolist()
        with pytest.raises(error) as raised:
            ids.extend(2, names)
        assert raised.value.remedy  # type: ignore[attr-defined]
        assert ids.rows.tolist() == before
        ids.extend(2, [6, 8])


def test_one_id_a_vector() -> None:
    assert check_one_each([9, 2], 2).tolist() == [9, 2]
    with pytest.raises(DuplicateId):
        check_one_each([8, 8], 2)
    with pytest.raises(InvalidInput):
        check_one_each([8], 2)


def test_what_is_unknown() -> None:
    for first in (None, [4, 0, 9]):
        ids = Ids()
        ids.extend(3, first)
        ids.forget(ids.positions([0]))
        for wanted, missing in (([0], 0), ([9, 77], 77), ([-1], -1), ([10**12], 10**12)):
            if first is None and 9 in wanted:
                continue
            with pytest.raises(IdNotFound, match=f"id {missing}"):
                ids.places(wanted)
        with pytest.raises(InvalidInput):
            ids.places(["a"])
        with pytest.raises(InvalidInput):
            ids.positions([0.5])


def test_ids_that_were_saved_are_looked_at() -> None:
    for rows, alive, error in (
        ([1, 1], [True, True], DuplicateId),
        ([1, 1], [True, False], None),
        ([-1, 3], [True, True], InvalidInput),
        ([-1, 3], [False, True], DuplicateId),
        ([1, 2], [False], InvalidInput),
    ):
        given_ = np.array(rows, np.int64), np.array(alive)
        if error is None:
            assert Ids.of(*given_).positions([1]).tolist() == [0]
        else:
            with pytest.raises(error):
                Ids.of(*given_)
