"""What is known beforehand of the models of services: ``models.toml``, read once."""

from __future__ import annotations

import datetime
import functools
import tomllib
from dataclasses import dataclass
from pathlib import Path

_FILE = Path(__file__).with_name("models.toml")


@dataclass(frozen=True, slots=True)
class ModelRecord:
    """A model of a service.

    Parameters
    ----------
    service : str
        ``"openai"``, ``"gemini"`` or ``"cohere"``.
    name : str
    dim : int
        The length of its vectors where nothing else is asked for.
    longest : int
        Most tokens of one text.
    dollars : float
        US dollars for a million tokens of text.
    seen : date
        When that price was seen.
    source : str
        Where it was seen.
    shortens : bool
        Whether it offers shorter vectors.
    dims : tuple of int
        Those that it offers; any up to ``dim`` if empty.
    pictures : bool
        Whether it takes pictures.
    """

    service: str
    name: str
    dim: int
    longest: int
    dollars: float
    seen: datetime.date
    source: str
    shortens: bool = False
    dims: tuple[int, ...] = ()
    pictures: bool = False

    @property
    def offered(self) -> range | tuple[int, ...]:
        """The dimensions that may be asked for."""
        return self.dims or range(1 if self.shortens else self.dim, self.dim + 1)

    def cost(self, tokens: int) -> float:
        """US dollars for so many tokens of text."""
        return tokens * self.dollars / 1e6


@functools.cache
def records() -> tuple[ModelRecord, ...]:
    """All models that are known."""
    found = tomllib.loads(_FILE.read_text("utf-8"))["model"]
    return tuple(ModelRecord(**{**one, "dims": tuple(one.get("dims", ()))}) for one in found)


def record_of(service: str, name: str) -> ModelRecord | None:
    """What is known of a model of a service; None if nothing is."""
    return next((one for one in records() if (one.service, one.name) == (service, name)), None)
