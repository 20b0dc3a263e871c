"""The space that vectors live in: which model made them, and how they are compared."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, get_args

from kinspace.errors import InvalidParameter, SpaceMismatch
from kinspace.metric import Metric, check_metric

Form = Literal["dense", "sparse", "multi", "binary"]


@dataclass(frozen=True, slots=True)
class Space:
    """Where vectors live. Two vectors may be compared if their spaces agree.

    Parameters
    ----------
    model : str
        The name that people use; not part of the identity.
    fingerprint : str
        A hash of all that changes a vector: weights, tokenizer, pooling, normalisation,
        prompts. Precision and speed settings are not part of it.
    dim : int
        The length of a vector.
    metric : {"cosine", "dot", "euclidean", "manhattan", "hamming"}
    form : {"dense", "sparse", "multi", "binary"}

    Raises
    ------
    InvalidParameter
        If the dimension is not positive, or the metric or form is unknown.

    Examples
    --------
    >>> Space("tiny", fingerprint_of("tiny", 1), dim=8)
    Space(model='tiny', fingerprint='7bac673c955f09ff', dim=8, metric='cosine', form='dense')
    """

    model: str
    fingerprint: str
    dim: int
    metric: Metric = "cosine"
    form: Form = "dense"

    def __post_init__(self) -> None:
        if self.dim < 1:
            raise InvalidParameter(f"A space cannot have {self.dim} dimensions.", "Give 1 or more.")
        check_metric(self.metric)
        if self.form not in get_args(Form):
            raise InvalidParameter(
                f"Unknown form {self.form!r}.", f"Choose one of: {', '.join(get_args(Form))}."
            )

    def agrees(self, other: Space) -> bool:
        """Whether vectors of the two spaces may be compared (the model's name does not count)."""
        return self._identity() == other._identity()

    def require(self, other: Space, doing: str) -> None:
        """Raise :class:`SpaceMismatch` unless ``other`` agrees with this space.

        Parameters
        ----------
        other : Space
        doing : str
            What was attempted, as the end of "... cannot be", for example ``"compared"``.
        """
        if not self.agrees(other):
            raise SpaceMismatch(
                f"Vectors of {self} and of {other} cannot be {doing}.",
                f"Encode both with {self.model}, or keep them apart.",
            )

    def derive(self, change: str, *, dim: int | None = None, form: Form | None = None) -> Space:
        """A new space made from this one, for example by truncating or quantising.

        Parameters
        ----------
        change : str
            What was done, for example ``"truncate 64"``; it goes into name and fingerprint.
        dim, form : optional
            What the new space has instead.
        """
        return replace(
            self,
            model=f"{self.model} ({change})",
            fingerprint=fingerprint_of(self.fingerprint, change),
            dim=self.dim if dim is None else dim,
            form=self.form if form is None else form,
        )

    def to_dict(self) -> dict[str, Any]:
        """The space as plain values, for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Space:
        """The space that :meth:`to_dict` wrote."""
        return cls(**values)

    def __str__(self) -> str:
        return f"{self.model} [{self.fingerprint[:8]}, {self.dim} {self.form}, {self.metric}]"

    def _identity(self) -> tuple[str, int, str, str]:
        return (self.fingerprint, self.dim, self.metric, self.form)


def fingerprint_of(*parts: Any) -> str:
    """Hash values that change a vector into 16 hexadecimal digits.

    Parameters
    ----------
    *parts
        ``bytes`` are hashed as they are; anything else as JSON with sorted keys.
    """
    from hashlib import sha256  # a third of the time that importing this module would take

    digest = sha256()
    for part in parts:
        raw = part if isinstance(part, bytes) else json.dumps(part, sort_keys=True).encode()
        digest.update(len(raw).to_bytes(8, "little"))
        digest.update(raw)
    return digest.hexdigest()[:16]
