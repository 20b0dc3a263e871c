"""The quantizers by the names that people write: ``"int8"``, ``"truncate:128+int8"``."""

from __future__ import annotations

import inspect
from typing import Final

from kinspace.compress.binary import Binary
from kinspace.compress.chain import Chain
from kinspace.compress.count_sketch import CountSketch
from kinspace.compress.files import State
from kinspace.compress.float16 import Float16
from kinspace.compress.int4 import Int4
from kinspace.compress.int8 import Int8, RowInt8
from kinspace.compress.pca import PCA
from kinspace.compress.product_quantizer import ProductQuantizer
from kinspace.compress.quantizer import Quantizer
from kinspace.compress.random_projection import RandomProjection
from kinspace.compress.simhash import SimHash
from kinspace.compress.truncation import Truncation
from kinspace.errors import InvalidParameter

KINDS: Final[dict[str, type[Quantizer]]] = {
    kind.name: kind
    for kind in (
        Float16, Int8, RowInt8, Int4, Binary, ProductQuantizer, PCA, Truncation, RandomProjection,
        CountSketch, SimHash,
    )
}  # fmt: skip
"""By name. One that needs a number takes it after a colon: dimensions, components, bits."""

_CLASSES: Final = {kind.__name__: kind for kind in KINDS.values()} | {"Chain": Chain}


def parse_quantizer(text: str) -> Quantizer:
    """A quantizer, not fitted yet, by what people write.

    Parameters
    ----------
    text : str
        A name of :data:`KINDS`; a number after a colon where there is one to give; several, each
        of what the one before left, with a plus between them.

    Raises
    ------
    InvalidParameter

    Examples
    --------
    >>> parse_quantizer("int8"), parse_quantizer("product:48")
    (Int8(), ProductQuantizer(subquantizers=48))
    >>> parse_quantizer("truncate:128+int8").steps
    [Truncation(dim=128), Int8()]
    """
    steps = [_one(part.strip()) for part in text.split("+")]
    return steps[0] if len(steps) == 1 else Chain(steps)


def _one(text: str) -> Quantizer:
    name, colon, number = text.partition(":")
    if name not in KINDS:
        raise InvalidParameter(
            f"Nothing is compressed to {name!r:.80}.", f"Choose one of: {', '.join(KINDS)}."
        )
    kind = KINDS[name]
    first = next(iter(inspect.signature(kind).parameters.values()), None)
    takes = first is not None and "int" in str(first.annotation)
    must = takes and first is not None and first.default is inspect.Parameter.empty
    if not colon and not must:
        return kind()
    if not takes or not number.isdecimal():
        what = f"{name} takes no number" if not takes else f"{name} needs a whole number"
        raise InvalidParameter(f"{what}: {text!r:.80}.", f"Write {name}{':128' if takes else ''}.")
    return kind(int(number))  # type: ignore[call-arg]


def of_state(state: State) -> Quantizer:
    """The quantizer that :meth:`Quantizer.state` told of, whatever its kind."""
    return _CLASSES[state.kind].of_state(state)
