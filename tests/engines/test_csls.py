"""CSLS: equation 2 of its paper, and what it is for: hubs step back."""

from __future__ import annotations

import numpy as np

from kinspace.engines import csls
from kinspace.metric import normalise


def test_it_is_the_equation_of_the_paper() -> None:
    rng = np.random.default_rng(0)
    x = normalise(rng.standard_normal((7, 5)).astype(np.float32))
    y = normalise(rng.standard_normal((9, 5)).astype(np.float32))
    cosines = x @ y.T
    r_x = np.sort(cosines, axis=1)[:, -3:].mean(axis=1)
    r_y = np.sort(cosines, axis=0)[-3:].mean(axis=0)
    np.testing.assert_allclose(csls.density(x, y, 3), r_x, rtol=1e-5)
    np.testing.assert_allclose(csls.density(y, x, 3), r_y, rtol=1e-5)
    np.testing.assert_allclose(csls.density(x, y, 99), cosines.mean(axis=1), atol=1e-6)
    wanted = 2 * cosines - r_x[:, None] - r_y
    rows, scores = csls.nearest(
        x, y, 4, around_sources=csls.density(x, y, 3), around_targets=csls.density(y, x, 3)
    )
    order = np.argsort(-wanted, axis=1)[:, :4]
    np.testing.assert_array_equal(rows, order)
    np.testing.assert_allclose(scores, np.take_along_axis(wanted, order, 1), atol=1e-6)
    np.testing.assert_array_equal(csls.nearest(x, y, 99)[0], np.argsort(-cosines, axis=1))
    np.testing.assert_array_equal(csls.nearest(x, y, 1)[0][:, 0], cosines.argmax(axis=1))


def test_blocks_change_nothing(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    x = normalise(np.random.default_rng(0).standard_normal((30, 4)).astype(np.float32))
    whole = csls.nearest(x, x, 3), csls.density(x, x, 2)
    monkeypatch.setattr(csls, "_BLOCK", 70)
    np.testing.assert_array_equal(csls.nearest(x, x, 3)[0], whole[0][0])
    np.testing.assert_array_equal(csls.density(x, x, 2), whole[1])
