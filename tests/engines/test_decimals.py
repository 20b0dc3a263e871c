"""Decimal numbers: exact both ways, and the compiled functions do what the plain ones do."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from kinspace.engines import decimals

Found = tuple[int, int, int, bool]


def read(
    text: bytes, dim: int, rows: int = 100, places: int = 1000
) -> tuple[Found, NDArray[np.float32], list[bytes], list[bytes]]:
    vectors, names = np.zeros((rows, dim), np.float32), np.zeros((rows, 2), np.int64)
    odd = np.zeros((places, 4), np.int64)
    found = decimals.read_rows(np.frombuffer(text, np.uint8), 0, vectors, names, odd)
    words = [text[a:b] for a, b in names[: found[0]].tolist()]
    oddities = [text[a:b] for _, _, a, b in odd[: found[2]].tolist()]
    return found, vectors[: found[0]], words, oddities


@pytest.fixture(params=[True, False], ids=["plain", "compiled"])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decimals, "_SMALL", 1 << 40 if request.param else 0)


@pytest.mark.usefixtures("engine")
def test_numbers_are_read_as_python_reads_them() -> None:
    rng = np.random.default_rng(0)
    floats = rng.standard_normal(300) * 10.0 ** rng.integers(-12, 12, 300)
    forms = ("{:.6f}", "{:e}", "{:.3g}", "{!r}", "{:+.4E}", "{:.0f}.")
    tokens = [forms[i % len(forms)].format(value) for i, value in enumerate(floats.tolist())]
    tokens += ["0", "-0", "00012.50", ".5", "5.", "+1", "1e5", "1E-5", "9007199254740993"]
    found, vectors, words, odd = read(f"w {' '.join(tokens)}\n".encode(), len(tokens))
    assert found[0] == 1
    assert words == [b"w"]
    wanted = np.array([float(token) for token in tokens]).astype(np.float32)
    looked_at = [tokens.index(token.decode()) for token in odd]
    assert "9007199254740993" in [tokens[place] for place in looked_at]
    assert len(odd) < 120  # the long forms of repr; all others are read here
    kept = np.setdiff1d(np.arange(len(tokens)), looked_at)
    np.testing.assert_array_equal(vectors[0, kept], wanted[kept])


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize(
    "token", ["nan", "inf", "-inf", "x", "1x", "1..2", "--1", "1e", "1e+", "e5", "-", ".", "1_0",
              "1e400", "1e-30", "123456789012345678901234567890", "0x10"],
)  # fmt: skip
def test_what_is_odd_is_left_to_the_caller(token: str) -> None:
    found, vectors, _, odd = read(f"cat 1 {token} 2\n".encode(), 3)
    assert found[:3] == (1, len(token) + 9, 1)
    assert odd == [token.encode()]
    assert vectors[0, [0, 2]].tolist() == [1, 2]


@pytest.mark.usefixtures("engine")
def test_lines_are_taken_apart_from_their_ends() -> None:
    text = b"at name@domain.com 1 2\n . . . 3 4\r\n\ncaf\xc3\xa9\t5\t6 \n"
    found, vectors, words, _ = read(text, 2)
    assert found == (3, len(text), 0, False)
    assert words == [b"at name@domain.com", b" . . .", b"caf\xc3\xa9"]
    assert vectors.tolist() == [[1, 2], [3, 4], [5, 6]]


@pytest.mark.usefixtures("engine")
def test_it_stops_where_something_runs_out() -> None:
    text = b"a 1 2\nb 3\nc 5 6\n"
    assert read(text, 2)[0] == (1, 6, 0, True)  # too few numbers in the second line
    assert read(b"1 2\n", 2)[0] == (0, 0, 0, True)  # no name
    assert read(b"a 1\nb 2\nc 3\n", 1, rows=2)[0] == (2, 8, 0, False)
    assert read(b"a nan nan\nb nan 1\n", 2, places=3)[0] == (1, 10, 2, False)


@pytest.mark.usefixtures("engine")
def test_what_is_written_reads_back_bit_for_bit() -> None:
    rng = np.random.default_rng(1)
    bits = rng.integers(0, 2**32, 3000, dtype=np.uint32).view(np.float32)
    some = [0, 1, -1, 0.1, 1 / 3, 16777216, 3.4028235e38, 1.1754944e-38, 1e-45, 9.999999e8, 1e9]
    row = np.concatenate([bits[np.isfinite(bits)], np.array(some, np.float32)])[None]
    (line,) = decimals.write_rows(row)
    tokens = line.decode().split()
    back = np.array([float(token) for token in tokens]).astype(np.float32)
    np.testing.assert_array_equal(back, row[0])
    shortest = [np.format_float_scientific(value, trim="-") for value in row[0]]
    digits = [len(t.lower().split("e")[0].strip("-").replace(".", "").strip("0")) for t in tokens]
    best = [len(t.split("e")[0].strip("-").replace(".", "").strip("0")) for t in shortest]
    assert sum(a > b for a, b in zip(digits, best, strict=True)) < 0.02 * len(digits)


def test_numbers_look_as_people_write_them() -> None:
    row = np.array([[0.5, -2, 0.00012, 1e-7, 123456, 1e12, 0.1, 0]], np.float32)
    assert decimals.write_rows(row) == [b" 0.5 -2 0.00012 1e-07 123456 1e+12 0.1 0"]


def test_compiled_and_plain_write_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(2)
    rows = (rng.standard_normal((20, 30)) * 10.0 ** rng.integers(-9, 9, (20, 30))).astype("f4")
    plain = decimals.write_rows(rows)
    monkeypatch.setattr(decimals, "_SMALL", 0)
    assert decimals.write_rows(rows) == plain
