"""What quantizers learned, and codes, in files with checksums."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from numpy.typing import NDArray

from kinspace.sealed import Seal

QUANTIZER: Final = Seal("kinspace-quantizer-1", "a quantizer", "Fit it again.")
COMPRESSED: Final = Seal(
    "kinspace-compressed-1", "a file of compressed vectors", "Compress them again."
)


@dataclass(frozen=True)
class State:
    """What a quantizer is made from again.

    Attributes
    ----------
    kind : str
        The name of its class.
    params, facts : dict
        The arguments of its constructor, and what was learned, as plain values.
    arrays : dict of ndarray
        All else that was learned.
    """

    kind: str
    params: dict[str, Any]
    facts: dict[str, Any]
    arrays: dict[str, NDArray[Any]]

    @property
    def plain(self) -> dict[str, Any]:
        """All but the arrays, for JSON."""
        return {"kind": self.kind, "params": self.params, "facts": self.facts}

    @classmethod
    def of(cls, plain: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> State:
        """What :attr:`plain` and the arrays tell."""
        return cls(plain["kind"], plain["params"], plain["facts"], dict(arrays))


def under(prefix: str, arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """The arrays whose names begin so, without that beginning."""
    return {name.removeprefix(prefix): a for name, a in arrays.items() if name.startswith(prefix)}
