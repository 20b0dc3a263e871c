"""What learners of categories and numbers share: what they know is plain values, kept as JSON."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar, Self, cast

from kinspace.encoder import Learner, learned
from kinspace.errors import EmptyInput, InvalidInput
from kinspace.learn import saved as files
from kinspace.metric import Metric
from kinspace.space import Space, fingerprint_of


class ValueLearner(Learner[Any]):
    """A learner whose knowledge is plain values.

    Subclasses name their ``method`` and ``metric``, keep what they learn through
    :meth:`_learned`, and name their dimensions.

    Attributes
    ----------
    facts_ : dict
        What was learned.
    """

    method: ClassVar[str]
    """A name of :mod:`kinspace.learn.methods`."""
    metric: ClassVar[Metric] = "cosine"

    @property
    @abstractmethod
    def names(self) -> list[str]:
        """What each dimension of a vector stands for.

        Raises
        ------
        NotFitted
            Before :meth:`fit`.
        """

    @property
    def space(self) -> Space:
        """The space of the vectors."""
        known = {"facts": self.facts, "params": self.get_params(deep=False)}
        fingerprint = fingerprint_of(self.method, known)
        return Space(self.method, fingerprint, dim=len(self.names), metric=self.metric)

    @property
    def facts(self) -> dict[str, Any]:
        """What was learned, as plain values.

        Raises
        ------
        NotFitted
            Before :meth:`fit`.
        """
        facts: dict[str, Any] = learned(self, "facts_", "values")
        return facts

    def _learned(self, **facts: Any) -> Self:
        self.facts_ = facts
        return self

    def save(self, folder: str | Path) -> None:
        """Write what was learned to a folder; see :mod:`kinspace.learn.saved`.

        Raises
        ------
        NotFitted, InvalidInput
        """
        files.write(folder, files.Saved(self.method, self.get_params(deep=False), self.facts))

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Read what :meth:`save` wrote.

        Raises
        ------
        ModelNotFound, ReadError
        """
        found = files.read(folder, cls.method)
        return cls(**found.params)._learned(**found.facts)


def tidy(values: Iterable[Any]) -> list[Any]:
    """Values as categories: strings, numbers, truth values, and None for what is missing.

    Numbers of numpy become Python's, so that they can be written down; NaN is missing.

    Raises
    ------
    InvalidInput
        If a value is something else.
    """
    return [value if type(value) is str else _tidy(value) for value in values]


def _tidy(value: Any) -> Any:
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:
        value = value.item()
    if isinstance(value, float) and math.isnan(value):
        return None
    if value is None or isinstance(value, str | int | float):
        return value
    raise InvalidInput(
        f"{value!r:.80} cannot be a category.", "Give strings, numbers or truth values."
    )


def listed(items: Iterable[Any]) -> list[Any]:
    """The values, of which there must be some."""
    values = [items] if isinstance(items, str) else list(items)
    if not values:
        raise EmptyInput("There are no values to learn from.", "Give at least one.")
    return cast("list[Any]", values)
