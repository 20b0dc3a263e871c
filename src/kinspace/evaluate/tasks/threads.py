"""How many threads linear algebra may use for a while."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def one_thread() -> Iterator[None]:
    """Linear algebra on one core for a while.

    The matrices of a logistic regression or of mini-batch k-means are so small that waking other
    threads takes longer than the work, and waiting for them much longer where the machine does
    other things too: 10 fits of 77 classes took 1.1 s on one core and 9.4 s on two. What is
    computed stays the same.
    """
    # Loaded first: the limit holds for libraries that are there, and scipy brings one of its own.
    import sklearn.linear_model  # noqa: F401
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        yield
