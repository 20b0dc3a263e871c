"""Cohere's embeddings (version 2 of its API): input types, and whole numbers and bits as well."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from kinspace.encoder import Side
from kinspace.errors import InvalidParameter, require_choice
from kinspace.pretrained.overlong import Long
from kinspace.pretrained.providers import pictures
from kinspace.pretrained.providers.base import Limits, ProviderEncoder
from kinspace.pretrained.providers.client import Calls
from kinspace.space import Space, fingerprint_of

Task = Literal["search", "classification", "clustering"]
VectorType = Literal["float", "int8", "uint8", "binary", "ubinary"]

_INPUTS: dict[str, tuple[str, str]] = {
    "search": ("search_document", "search_query"),
    "classification": ("classification", "classification"),
    "clustering": ("clustering", "clustering"),
}
"""For each task the ``input_type`` of documents and of queries."""

_BITS = ("binary", "ubinary")


class CohereEncoder(ProviderEncoder):
    """A model of Cohere.

    The key comes from ``$CO_API_KEY``, ``$COHERE_API_KEY`` or the system's keyring. Pictures
    (paths, bytes, images of Pillow) live in the same space as texts.

    Parameters
    ----------
    model : str
        ``"embed-v4.0"``, ``"embed-english-v3.0"``, ``"embed-multilingual-v3.0"`` …
    task : {"search", "classification", "clustering"}
        What the vectors are for; for search, documents and queries are treated differently.
    vectors : {"float", "int8", "uint8", "binary", "ubinary"}
        What is sent. ``"int8"`` gives whole numbers from -128 to 127, and ``"uint8"`` the same:
        128 is taken off, since cosine wants numbers around zero. ``"binary"`` and ``"ubinary"``
        give bits, 0 and 1, in a space of form ``"binary"`` that is compared by how many differ.
    dim : int, optional
        Shorter vectors (Matryoshka): 256, 512, 1024 or 1536 for embed-v4.0.
    long : {"truncate", "mean", "error"}
        Texts beyond the model's longest are cut by the service, which does not tell; or the mean
        of their parts is taken (of floats only); or they are an error.
    base_url : str, optional
        Another address of the same service, such as a gateway, up to what stands before
        ``/embed``.
    key_from : str, optional
        The environment variable, or user name in the keyring, that holds the key.
    calls : Calls
        Concurrency, timeout and patience.

    Raises
    ------
    InvalidParameter
        At the first use, if a parameter is outside its range.
    ProviderError
        If there is no key, or the service refuses, fails or answers nonsense.

    References
    ----------
    https://docs.cohere.com/reference/embed

    Examples
    --------
    >>> CohereEncoder("embed-v4.0", vectors="ubinary", dim=512).space.metric
    'hamming'
    """

    service: ClassVar[str] = "Cohere"
    prefix: ClassVar[str] = "cohere"
    home: ClassVar[str] = "https://api.cohere.com/v2"
    variables: ClassVar[tuple[str, ...]] = ("CO_API_KEY", "COHERE_API_KEY")

    def __init__(
        self,
        model: str = "embed-v4.0",
        *,
        task: Task = "search",
        vectors: VectorType = "float",
        dim: int | None = None,
        long: Long = "truncate",
        base_url: str | None = None,
        key_from: str | None = None,
        calls: Calls = Calls(),  # noqa: B008 - frozen
    ) -> None:
        super().__init__()
        self.model = model
        self.task = task
        self.vectors = vectors
        self.dim = dim
        self.long = long
        self.base_url = base_url
        self.key_from = key_from
        self.calls = calls

    @property
    def space(self) -> Space:
        """The space of the vectors; one of its own for each type but float."""
        floats = super().space
        if self.vectors == "float":
            return floats
        if self.vectors in _BITS:
            return replace(floats.derive(self.vectors, form="binary"), metric="hamming")
        return floats.derive(self.vectors)

    @property
    def takes_pictures(self) -> bool:
        """Whether the model takes pictures beside texts: all of them do since version 3."""
        return True

    @property
    def _is_fourth(self) -> bool:
        return self.model.startswith("embed-v4")

    @property
    def _fingerprint(self) -> str:
        return fingerprint_of("cohere", self.model, self.task, self.long == "mean")

    @property
    def _limits(self) -> Limits:
        return Limits(96, 128_000)

    def _check(self) -> None:
        super()._check()
        require_choice("long", self.long, Long)
        require_choice("task", self.task, Task)
        require_choice("vectors", self.vectors, VectorType)
        if self.long == "mean" and self.vectors != "float":
            raise InvalidParameter(
                f"There is no mean of {self.vectors} vectors.", 'Give vectors="float".'
            )

    def _request(self, items: Sequence[Any], side: Side) -> tuple[str, Mapping[str, Any]]:
        body: dict[str, Any] = {
            "model": self.model,
            "input_type": _INPUTS[self.task][side == "query"],
            "embedding_types": [self.vectors],
            "truncate": "END" if self.long == "truncate" else "NONE",
        }
        if self._sent_dim is not None:
            body["output_dimension"] = self._sent_dim
        if isinstance(items[0], str):
            return "/embed", body | {"texts": list(items)}
        addresses = ["data:{};base64,{}".format(*pictures.encoded(item)) for item in items]
        if not self._is_fourth:
            return "/embed", body | {"input_type": "image", "images": addresses}
        shown = [{"type": "image_url", "image_url": {"url": address}} for address in addresses]
        return "/embed", body | {"inputs": [{"content": [one]} for one in shown]}

    def _read(self, answer: Any) -> tuple[NDArray[Any], int]:
        numbers = np.array(answer["embeddings"][self.vectors])
        billed = (answer.get("meta") or {}).get("billed_units") or {}
        tokens = int(billed.get("input_tokens") or 0) + int(billed.get("image_tokens") or 0)
        if self.vectors == "uint8":
            numbers = numbers - 128
        if self.vectors in _BITS:  # eight to a number, the first in its highest bit
            packed = numbers + (128 if self.vectors == "binary" else 0)
            if packed.min(initial=0) < 0 or packed.max(initial=0) > 255:
                raise ValueError("its bits are no bytes")
            return np.unpackbits(packed.astype(np.uint8), axis=1), tokens
        return numbers, tokens
