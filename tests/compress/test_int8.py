import numpy as np

from kinspace.compress.int8 import quantise_rows


def test_within_half_a_step_and_zero_rows_stay() -> None:
    table = np.random.default_rng(0).standard_normal((50, 16)).astype(np.float32)
    table[3] = 0
    rounded, scales = quantise_rows(table)
    assert rounded.dtype == np.int8
    assert not rounded[3].any()
    assert scales[3] == 0
    back = rounded * scales[:, None]
    assert np.all(np.abs(back - table) <= scales[:, None] / 2 * 1.0001)
    assert np.abs(rounded).max(axis=1)[[0, 1, 2]].tolist() == [127] * 3
