"""What all encoders behind an API have in common: the requests, the limits, what is kept."""

from __future__ import annotations

import threading
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from kinspace.encoder import Encoder, Side, require_texts
from kinspace.errors import InvalidInput, InvalidParameter, ProviderError
from kinspace.pretrained.providers import long_texts, pictures
from kinspace.pretrained.providers.answers import require_dim, require_rows, understood
from kinspace.pretrained.providers.client import Calls, Client, Refused
from kinspace.pretrained.providers.gathering import Failure, Part, Work, in_requests
from kinspace.pretrained.providers.keys import find_key, require_key
from kinspace.pretrained.providers.prices import about_tokens
from kinspace.pretrained.providers.records import ModelRecord, record_of
from kinspace.pretrained.providers.tally import Tally, Usage
from kinspace.space import Space

_PROBE = "dimension"
"""A text that every service takes; it costs one token."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request may hold.

    Parameters
    ----------
    items : int
    bytes : int
        Of all texts together. A token is a byte or more, so that no more than so many tokens.
    """

    items: int
    bytes: int


class ProviderEncoder(Encoder[Any]):
    """An encoder whose vectors come from a service.

    Subclasses say what a request looks like and read the answer; the rest is here: many requests
    at once within the service's limits, texts that are too long, and handing out each vector
    as it comes. A blank text has a vector of zeros and is not sent: services refuse it.

    Attributes
    ----------
    usage_ : Usage
        Requests that were answered and tokens that were paid for, since this encoder was made.
    truncated_ : dict of str to int
        ``"texts"``: of how many only the beginning was encoded; ``"tokens"``: about how many were
        left out. Only what was cut here is counted: services that cut by themselves do not tell.
    """

    service: ClassVar[str]
    prefix: ClassVar[str]
    """What stands before the model's name in :func:`kinspace.load`."""
    home: ClassVar[str]
    """The service's address."""
    variables: ClassVar[tuple[str, ...]]
    """Environment variables that may hold the key."""
    header: ClassVar[str] = "Authorization: Bearer "
    batch_cost: ClassVar[int] = 1 << 22

    model: str
    dim: int | None
    base_url: str | None
    key_from: str | None
    calls: Calls

    def __init__(self) -> None:
        self._tally = Tally()
        self._is_reached = False

    # -- what a service is -----------------------------------------------------------------------

    @property
    @abstractmethod
    def _fingerprint(self) -> str:
        """A hash of what changes a vector, but for dimension and type."""

    @property
    @abstractmethod
    def _limits(self) -> Limits:
        """What one request may hold."""

    @abstractmethod
    def _request(self, items: Sequence[Any], side: Side) -> tuple[str, Mapping[str, Any]]:
        """The path and the body that ask for the vectors of items."""

    @abstractmethod
    def _read(self, answer: Any) -> tuple[Sequence[Any] | NDArray[Any], int]:
        """The vectors in an answer, in order, and how many tokens were paid for.

        Anything may be raised that comes of an answer of another shape.
        """

    def _check(self) -> None:
        """Raise :class:`InvalidParameter` if parameters do not go together."""
        if not self.model or any(mark in self.model for mark in "?#\n"):
            raise InvalidParameter(
                f"{self.model!r} is no name of a model.", "Give the name that the service uses."
            )
        record = self.record
        if self.dim is None or (record is not None and self.dim == record.dim):
            return
        offered = range(1, 1 << 16) if record is None else record.offered
        if self.dim not in offered:
            raise InvalidParameter(
                f"{self.model} offers no vectors of {self.dim} dimensions.",
                f"Give {offered[0]} to {offered[-1]}."
                if isinstance(offered, range)
                else f"Give one of: {', '.join(map(str, offered))}.",
            )

    @property
    def takes_pictures(self) -> bool:
        """Whether the model takes pictures beside texts."""
        return False

    @property
    def _service_name(self) -> str:
        """What messages call it."""
        return self.service

    @property
    def _key_names(self) -> tuple[str, ...]:
        """Where a key is looked for, unless ``key_from`` says it."""
        return self.variables

    # -- what everybody sees ---------------------------------------------------------------------

    @property
    def name(self) -> str:
        """The name by which :func:`kinspace.load` finds this model."""
        return f"{self.prefix}:{self.model}"

    @property
    def record(self) -> ModelRecord | None:
        """What is known of the model beforehand: its dimension, its longest text, its price."""
        return record_of(self.prefix, self.model)

    @property
    def space(self) -> Space:
        """The space of the vectors; of a model that is not known here, the service is asked."""
        self._check()
        full = None if self.record is None else self.record.dim
        if full is None and self.dim is None:
            full = self._asked_dim
        space = Space(self.name, self._fingerprint, full or self.dim or 1)
        if self.dim is None or self.dim == full:
            return space
        return space.derive(f"truncate {self.dim}", dim=self.dim)

    @property
    def usage_(self) -> Usage:
        """Requests that were answered and tokens that were paid for."""
        return self._tally.usage

    @property
    def truncated_(self) -> dict[str, int]:
        """Texts that were cut here, and about how many tokens were left out."""
        return self._tally.cut

    @property
    def charged(self) -> float | None:
        """US dollars that :attr:`usage_` costs by the price on record; None without one."""
        return None if self.record is None else self.record.cost(self.usage_.tokens)

    def set_params(self, **params: Any) -> Self:
        """Set constructor arguments by name; what was made from the old ones is forgotten."""
        super().set_params(**params)
        self._is_reached = False
        for made in ("_client", "_asked_dim"):
            self.__dict__.pop(made, None)
        return self

    def parts(self, items: Sequence[Any], side: Side = "document") -> Iterator[Part]:
        """Vectors as they arrive, so that what was paid for can be kept at once.

        Parameters
        ----------
        items : sequence
        side : {"document", "query"}

        Yields
        ------
        (ndarray of int64, shape (k,); ndarray of float32, shape (k, dim))
            Positions in ``items``, and their vectors.

        Raises
        ------
        ProviderError
            At the end, after all that came: if items were refused, or the service gave up.
        InvalidInput
            If an item cannot be encoded.
        """
        self._require(items)
        dim = self.space.dim
        sizes = np.array([long_texts.size_of(item) for item in items], np.int64)
        blank = np.array([isinstance(i, str) and not i.strip() for i in items], np.bool_)
        if blank.any():
            yield np.flatnonzero(blank), np.zeros((int(blank.sum()), dim), np.float32)
        asked = np.flatnonzero(~blank)
        alone = np.array([pictures.is_picture(items[int(place)]) for place in asked], np.bool_)
        requests = in_requests(sizes[asked], alone, *self._most)
        work = Work(
            ask=lambda at: self._ask([items[int(place)] for place in at], side, work.stop),
            alone=lambda at, refusal: self._long(items[at], side, refusal, work.stop),
            probe=self._probe,
            concurrency=self.calls.concurrency,
        )
        failures = []
        for came in work.run([asked[places] for places in requests]):
            if isinstance(came, Failure):
                failures.append(came)
            else:
                yield came
        if failures:
            raise self._refusal(failures, items)

    @property
    def _sent_dim(self) -> int | None:
        """The dimension to ask for; None for the model's own, which some refuse to be told."""
        return None if self.record is not None and self.dim == self.record.dim else self.dim

    def _encode_batch(self, items: Sequence[Any], side: Side) -> NDArray[np.float32]:
        rows = np.empty((len(items), self.space.dim), np.float32)
        for places, vectors in self.parts(items, side):
            rows[places] = vectors
        return rows

    def _costs(self, items: list[Any]) -> NDArray[np.int64]:
        return np.array([long_texts.size_of(item) for item in items], np.int64)

    # -- how it is asked -------------------------------------------------------------------------

    @property
    def _most(self) -> tuple[int, int]:
        """Items and bytes of one request."""
        return self.calls.items or self._limits.items, self._limits.bytes

    @cached_property
    def _client(self) -> Client:
        at_home = self.base_url is None
        names = (self.key_from,) if self.key_from else self._key_names
        if at_home:
            key = require_key(names, self.service)
        else:
            key = find_key(names, self._service_name, in_keyring=bool(self.key_from))
        address = (self.base_url or self.home).rstrip("/")
        return Client(self._service_name, address, key, self.header, names[0], self.calls)

    @cached_property
    def _asked_dim(self) -> int:
        return int(self._rows([_PROBE], "document", threading.Event()).shape[1])

    def _probe(self) -> None:
        """Ask for something that is surely taken, unless the service has answered before."""
        if not self._is_reached:
            self._ask([_PROBE], "document", threading.Event())

    def _ask(self, items: Sequence[Any], side: Side, stop: threading.Event) -> NDArray[np.float32]:
        """The vectors of items, by one request."""
        rows = self._rows(items, side, stop)
        require_dim(rows, self.space.dim, self._service_name)
        self._is_reached = True
        return rows

    def _rows(self, items: Sequence[Any], side: Side, stop: threading.Event) -> NDArray[np.float32]:
        """The same, of whatever length."""
        path, body = self._request(items, side)
        answer = self._client.post(path, body, stop)
        rows, tokens = understood(answer, self._read, self._service_name, self._client.key)
        self._tally.add(requests=1, tokens=tokens or sum(map(about_tokens, items)))
        require_rows(rows, len(items), self._service_name)
        return rows

    def _long(
        self, item: Any, side: Side, refusal: Refused, stop: threading.Event
    ) -> NDArray[np.float32]:
        """The vector of a text that was refused: of its beginning, or the mean of its parts."""
        long = getattr(self, "long", "error")
        longest = long_texts.UNKNOWN if self.record is None else self.record.longest
        if long == "error" or not isinstance(item, str) or long_texts.size_of(item) <= longest:
            raise refusal
        for size in long_texts.sizes(long_texts.size_of(item), longest):
            try:
                if long == "truncate":
                    return self._beginning(item, size, side, stop)
                return self._mean(long_texts.pieces(item, size), side, stop)
            except Refused as error:
                if not error.of_items:
                    raise
                refusal = error
        raise refusal

    def _beginning(
        self, text: str, size: int, side: Side, stop: threading.Event
    ) -> NDArray[np.float32]:
        kept = long_texts.beginning(text, size)
        row: NDArray[np.float32] = self._ask([kept], side, stop)[0]
        self._tally.add(cut_texts=1, cut_tokens=about_tokens(text[len(kept) :]))
        return row

    def _mean(self, pieces: list[str], side: Side, stop: threading.Event) -> NDArray[np.float32]:
        sizes = np.array([long_texts.size_of(piece) for piece in pieces], np.int64)
        requests = in_requests(sizes, np.zeros(len(sizes), np.bool_), *self._most)
        rows = [self._ask([pieces[place] for place in at], side, stop) for at in requests]
        return long_texts.mean(np.concatenate(rows), sizes)

    def _require(self, items: Sequence[Any]) -> None:
        """Raise :class:`InvalidInput` unless the service takes all of the items."""
        if self.takes_pictures:
            require_texts([item for item in items if not pictures.is_picture(item)])
            for item in items:
                if pictures.is_picture(item):
                    pictures.require(item)
            return
        for item in items:
            if pictures.is_picture(item) and not isinstance(item, bytes):
                raise InvalidInput(
                    f"{self.model} takes no pictures, as {item!r:.60} is one.",
                    'Take a model that does, such as "cohere:embed-v4.0".',
                )
        require_texts(items)

    def _refusal(self, failures: list[Failure], items: Sequence[Any]) -> ProviderError:
        first = failures[0]
        others = f" and {len(failures) - 1} others" if len(failures) > 1 else ""
        said = first.error.message.rstrip(".")
        return ProviderError(
            f"{self._service_name} gives no vector for {items[first.place]!r:.60}{others}: {said}. "
            f"The {len(items) - len(failures)} other items of the batch were encoded.",
            f"Shorten or leave out what it refuses. {first.error.remedy}".strip(),
        )
