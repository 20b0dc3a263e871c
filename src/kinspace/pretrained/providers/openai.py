"""OpenAI's embeddings, and those of every address that speaks its protocol."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from kinspace.encoder import Side
from kinspace.errors import require_choice
from kinspace.pretrained.overlong import Long
from kinspace.pretrained.providers.base import Limits, ProviderEncoder
from kinspace.pretrained.providers.client import Calls
from kinspace.pretrained.providers.records import ModelRecord
from kinspace.space import fingerprint_of

Encoding = Literal["base64", "float"]


class OpenAIEncoder(ProviderEncoder):
    """A model of OpenAI, or one at an address that speaks its protocol (vLLM, TEI, Ollama …).

    The key comes from ``$OPENAI_API_KEY`` or the system's keyring. To another address no key is
    sent but that of ``key_from``, or of ``$KINSPACE_API_KEY``.

    Parameters
    ----------
    model : str
        As the service calls it: ``"text-embedding-3-small"``.
    dim : int, optional
        Shorter vectors (Matryoshka), where the model offers them; sent as ``dimensions``. The
        space is that of :meth:`kinspace.Embeddings.truncate`.
    base_url : str, optional
        Another address, up to what stands before ``/embeddings``: ``"http://localhost:8080/v1"``.
    key_from : str, optional
        The environment variable, or user name in the keyring, that holds the key.
    prompt, query_prompt : str
        What stands before each document, and before each query: ``"search_query: "`` and its like,
        which models at an address of your own may want.
    long : {"truncate", "mean", "error"}
        What becomes of a text that the service refuses as too long: its beginning is encoded, or
        the mean of its parts (weighted by size), or it is an error. Refusals cost nothing.
    encoding : {"base64", "float"}
        How numbers travel; base64 is a third as long. Give "float" for a server that refuses it.
    identity : str, optional
        What stands for the address in the fingerprint; give the same for a server that moves. By
        default another address is another space, since another model may answer there.
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
    https://platform.openai.com/docs/api-reference/embeddings

    Examples
    --------
    >>> model = OpenAIEncoder("text-embedding-3-small", dim=256)
    >>> model.space.model, model.space.dim
    ('openai:text-embedding-3-small (truncate 256)', 256)
    """

    service: ClassVar[str] = "OpenAI"
    prefix: ClassVar[str] = "openai"
    home: ClassVar[str] = "https://api.openai.com/v1"
    variables: ClassVar[tuple[str, ...]] = ("OPENAI_API_KEY",)

    def __init__(
        self,
        model: str,
        *,
        dim: int | None = None,
        base_url: str | None = None,
        key_from: str | None = None,
        prompt: str = "",
        query_prompt: str = "",
        long: Long = "truncate",
        encoding: Encoding = "base64",
        identity: str | None = None,
        calls: Calls = Calls(),  # noqa: B008 - frozen
    ) -> None:
        super().__init__()
        self.model = model
        self.dim = dim
        self.base_url = base_url
        self.key_from = key_from
        self.prompt = prompt
        self.query_prompt = query_prompt
        self.long = long
        self.encoding = encoding
        self.identity = identity
        self.calls = calls

    @property
    def name(self) -> str:
        """The name by which :func:`kinspace.load` finds this model."""
        return (
            f"{self.prefix}:{self.model}" if self.base_url is None else f"{self._at}#{self.model}"
        )

    @property
    def record(self) -> ModelRecord | None:
        """What is known of the model beforehand; nothing of one at an address of your own."""
        return super().record if self.base_url is None else None

    @property
    def _at(self) -> str:
        return (self.base_url or self.home).rstrip("/")

    @property
    def _service_name(self) -> str:
        return self.service if self.base_url is None else "The service"

    @property
    def _key_names(self) -> tuple[str, ...]:
        return self.variables if self.base_url is None else ("KINSPACE_API_KEY",)

    @property
    def _fingerprint(self) -> str:
        at = self.identity if self.identity is not None else self.base_url and self._at
        prompts = [self.prompt, self.query_prompt]
        return fingerprint_of("openai", at, self.model, prompts, self.long == "mean")

    @property
    def _limits(self) -> Limits:
        # OpenAI: 2,048 items and 300,000 tokens. TEI takes 32 items unless told otherwise.
        return Limits(2048, 300_000) if self.base_url is None else Limits(32, 300_000)

    def _check(self) -> None:
        super()._check()
        require_choice("long", self.long, Long)
        require_choice("encoding", self.encoding, Encoding)

    def _request(self, items: Sequence[Any], side: Side) -> tuple[str, Mapping[str, Any]]:
        prompt = self.query_prompt if side == "query" else self.prompt
        body: dict[str, Any] = {
            "model": self.model,
            "input": [prompt + item for item in items],
            "encoding_format": self.encoding,
        }
        if self._sent_dim is not None:
            body["dimensions"] = self._sent_dim
        return "/embeddings", body

    def _read(self, answer: Any) -> tuple[Sequence[Any], int]:
        found = answer["data"]
        places = [one.get("index", place) for place, one in enumerate(found)]
        if sorted(places) != list(range(len(found))):
            raise ValueError(f"its vectors are numbered {places[:5]}…")
        vectors: list[Any] = [None] * len(found)
        for place, one in zip(places, found, strict=True):
            vectors[place] = _numbers(one["embedding"])
        usage = answer.get("usage") or {}
        return vectors, int(usage.get("total_tokens") or usage.get("prompt_tokens") or 0)


def _numbers(embedding: Any) -> NDArray[np.float32] | list[float]:
    """A vector, whether it came as base64 or, from servers that do not know that, as a list."""
    if isinstance(embedding, str):
        return np.frombuffer(base64.b64decode(embedding, validate=True), "<f4")
    numbers: list[float] = embedding
    return numbers
