"""One way after another: fewer dimensions first, then fewer bits for each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from kinspace.compress.files import State, under
from kinspace.compress.quantizer import Quantizer, Vectors
from kinspace.errors import InvalidParameter
from kinspace.metric import Metric
from kinspace.space import Space


class Chain(Quantizer):
    """Quantizers one after the other, each of what the one before left.

    Parameters
    ----------
    steps : sequence of Quantizer
        All but the last leave vectors of numbers: ``Truncation``, ``PCA``, ``RandomProjection``,
        ``CountSketch``.

    Examples
    --------
    >>> from kinspace.compress import Int8, Truncation
    >>> rows = np.random.default_rng(0).standard_normal((100, 32)).astype(np.float32)
    >>> small = Chain([Truncation(16), Int8()]).fit(rows)
    >>> small.bytes_per_vector, small.decode(small.encode(rows)).shape
    (16, (100, 32))
    """

    name: ClassVar[str] = "chain"

    def __init__(self, steps: Sequence[Quantizer]) -> None:
        self.steps = steps

    @property
    def METRICS(self) -> tuple[Metric, ...]:  # type: ignore[override]  # noqa: N802
        """What all steps know."""
        return tuple(m for m in Quantizer.METRICS if all(m in s.METRICS for s in self.steps))

    @property
    def takes_sparse(self) -> bool:  # type: ignore[override]
        """Whether vectors may be a ``csr_array``: the first step says so."""
        return self.steps[0].takes_sparse

    def _learn(self, rows: Vectors) -> None:
        if len(self.steps) < 2 or not all(isinstance(step, Quantizer) for step in self.steps):
            raise InvalidParameter("A chain has at least two quantizers.", "Give a list of them.")
        for step in self.steps[:-1]:
            rows = step.fit(rows).encode(rows)
            if not step.moves_queries or rows.dtype != np.float32:
                raise InvalidParameter(
                    f"{type(step).__name__} leaves codes that are no vectors of numbers.",
                    "Put it last.",
                )
        self.steps[-1].fit(rows)

    @property
    def width(self) -> int:
        """How many numbers a code has."""
        return self.steps[-1].width

    @property
    def code_dtype(self) -> np.dtype[Any]:
        """Of which type they are."""
        return self.steps[-1].code_dtype

    def _encode(self, rows: Vectors) -> NDArray[Any]:
        for step in self.steps:
            rows = step._encode(rows)
        return np.asarray(rows)

    def _decode(self, codes: NDArray[Any]) -> NDArray[np.float32]:
        for step in reversed(self.steps):
            codes = step._decode(codes)
        return codes

    def _vectors(self, codes: NDArray[Any]) -> NDArray[np.float32]:
        return self.steps[-1]._vectors(codes)

    def _move(self, queries: Vectors) -> NDArray[np.float32]:
        for step in self.steps:
            queries = step._move(queries)
        return np.asarray(queries, np.float32)

    def _scored(
        self, moved: NDArray[np.float32], codes: NDArray[Any], metric: Metric
    ) -> NDArray[np.float32]:
        return self.steps[-1]._scored(moved, codes, metric)

    def space(self, of: Space) -> Space:
        """The space of the last step, made from that of the one before, and so on."""
        for step in self.steps:
            of = step.space(of)
        return of

    def state(self) -> State:
        """What all steps are made from again."""
        states = [step.state() for step in self.steps]
        arrays = {
            f"{place}.{name}": array
            for place, state in enumerate(states)
            for name, array in state.arrays.items()
        }
        facts = {"dim_": getattr(self, "dim_", None)}
        return State("Chain", {"steps": [state.plain for state in states]}, facts, arrays)

    @classmethod
    def of_state(cls, state: State) -> Self:
        """Make again what :meth:`state` told."""
        from kinspace.compress.kinds import of_state

        steps = [
            of_state(State.of(plain, under(f"{place}.", state.arrays)))
            for place, plain in enumerate(state.params["steps"])
        ]
        made = cls(steps)
        made.dim_ = state.facts["dim_"]
        return made
