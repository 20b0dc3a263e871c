"""Completing an analogy: as a is to b, c is to what is looked for.

Levy and Goldberg, "Linguistic Regularities in Sparse and Explicit Word Representations" (CoNLL
2014), compare the three ways. 3CosAdd is the nearest neighbour of b - a + c, so that
:meth:`Embeddings.nearest` does it; the two others are here. Both need nothing but the cosines of
every row with a, b and c.
"""

from __future__ import annotations

from typing import Any, Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from kinspace.embeddings.rows import Rows
from kinspace.errors import InvalidParameter
from kinspace.metric import Metric, scores

Method = Literal["3cosadd", "3cosmul", "pairdirection"]

EPSILON: Final = 0.001
"""Keeps 3CosMul from dividing by zero (the paper's equation 4)."""


def check(method: str) -> None:
    """Raise :class:`InvalidParameter` unless ``method`` is one of the three."""
    if method not in get_args(Method):
        raise InvalidParameter(
            f"Unknown method {method!r}.", f"Choose one of: {', '.join(get_args(Method))}."
        )


def complete(rows: Rows, terms: Any, method: Method) -> tuple[NDArray[np.float32], Metric]:
    """Score every row as the answer, by 3CosMul or PairDirection; higher is better.

    Parameters
    ----------
    rows : Rows
    terms : ndarray or csr_array of float32, shape (3, dim)
        a, b and c.
    method : {"3cosmul", "pairdirection"}

    Returns
    -------
    ndarray of float32, shape (n,)
    metric
        What kind of scores these are: 3CosMul's have no distance.
    """
    a, b, c = rows.scores(terms, "cosine")
    if method == "3cosmul":
        return _product(a, b, c), "dot"
    return _direction(a, b, c, scores(terms, terms, "cosine")), "cosine"


def _product(
    a: NDArray[np.float32], b: NDArray[np.float32], c: NDArray[np.float32]
) -> NDArray[np.float32]:
    """3CosMul: cos(x, b) · cos(x, c) / (cos(x, a) + ε), each cosine moved to 0 … 1 first."""
    a, b, c = (np.maximum((1 + cosine) / 2, 0) for cosine in (a, b, c))
    found: NDArray[np.float32] = b * c / (a + np.float32(EPSILON))
    return found


def _direction(
    a: NDArray[np.float32],
    b: NDArray[np.float32],
    c: NDArray[np.float32],
    among: NDArray[np.float32],
) -> NDArray[np.float32]:
    """PairDirection: cos(x - c, b - a) where all have length 1; 0 where x is c, or a is b."""
    ab, ca, cb = among[0, 1], among[2, 0], among[2, 1]
    along = b.astype(np.float64) - a - (cb - ca)
    squared = np.maximum(2 - 2 * c.astype(np.float64), 0) * max(2 - 2 * float(ab), 0)
    found = np.zeros(len(a))
    np.divide(along, np.sqrt(squared), out=found, where=squared > 1e-10)
    return found.astype(np.float32)
