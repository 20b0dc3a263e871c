"""Google's Gemini embeddings, with all of their task types."""

from __future__ import annotations

import urllib.parse
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from kinspace.encoder import Side
from kinspace.errors import require_choice
from kinspace.metric import normalise
from kinspace.pretrained.providers import pictures
from kinspace.pretrained.providers.base import Limits, ProviderEncoder
from kinspace.pretrained.providers.client import Calls
from kinspace.space import fingerprint_of

Task = Literal[
    "retrieval",
    "question-answering",
    "fact-verification",
    "code-retrieval",
    "similarity",
    "classification",
    "clustering",
]

_TYPES: dict[str, tuple[str, str]] = {
    "retrieval": ("RETRIEVAL_DOCUMENT", "RETRIEVAL_QUERY"),
    "question-answering": ("RETRIEVAL_DOCUMENT", "QUESTION_ANSWERING"),
    "fact-verification": ("RETRIEVAL_DOCUMENT", "FACT_VERIFICATION"),
    "code-retrieval": ("RETRIEVAL_DOCUMENT", "CODE_RETRIEVAL_QUERY"),
    "similarity": ("SEMANTIC_SIMILARITY", "SEMANTIC_SIMILARITY"),
    "classification": ("CLASSIFICATION", "CLASSIFICATION"),
    "clustering": ("CLUSTERING", "CLUSTERING"),
}
"""For each task the ``taskType`` of documents and of queries, for gemini-embedding-001."""

_DOCUMENT = "title: none | text: "
_PROMPTS: dict[str, tuple[str, str]] = {
    "retrieval": (_DOCUMENT, "task: search result | query: "),
    "question-answering": (_DOCUMENT, "task: question answering | query: "),
    "fact-verification": (_DOCUMENT, "task: fact checking | query: "),
    "code-retrieval": (_DOCUMENT, "task: code retrieval | query: "),
    "similarity": ("task: sentence similarity | query: ",) * 2,
    "classification": ("task: classification | query: ",) * 2,
    "clustering": ("task: clustering | query: ",) * 2,
}
"""The same for gemini-embedding-2, which takes no ``taskType`` but words before the text."""


class GeminiEncoder(ProviderEncoder):
    """A model of Google's Gemini API.

    The key comes from ``$GEMINI_API_KEY``, ``$GOOGLE_API_KEY`` or the system's keyring. Texts
    beyond the model's longest (2,048 tokens for gemini-embedding-001, 8,192 for
    gemini-embedding-2) are cut by the service, which does not tell. Vectors come with length 1,
    also shortened ones, which the service leaves as they are.

    Parameters
    ----------
    model : str
        ``"gemini-embedding-001"`` or ``"gemini-embedding-2"``; the latter takes pictures too
        (paths, bytes, images of Pillow).
    task : {"retrieval", "question-answering", "fact-verification", "code-retrieval", \
"similarity", "classification", "clustering"}
        What the vectors are for. The first four treat documents and queries differently.
    dim : int, optional
        Shorter vectors (Matryoshka); sent as ``outputDimensionality``.
    base_url : str, optional
        Another address of the same service, such as a gateway, up to what stands before
        ``/models``.
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
    https://ai.google.dev/gemini-api/docs/embeddings

    Examples
    --------
    >>> GeminiEncoder("gemini-embedding-001", task="clustering").space.dim
    3072
    """

    service: ClassVar[str] = "Gemini"
    prefix: ClassVar[str] = "gemini"
    home: ClassVar[str] = "https://generativelanguage.googleapis.com/v1beta"
    variables: ClassVar[tuple[str, ...]] = ("GEMINI_API_KEY", "GOOGLE_API_KEY")
    header: ClassVar[str] = "x-goog-api-key: "

    def __init__(
        self,
        model: str = "gemini-embedding-001",
        *,
        task: Task = "retrieval",
        dim: int | None = None,
        base_url: str | None = None,
        key_from: str | None = None,
        calls: Calls = Calls(),  # noqa: B008 - frozen
    ) -> None:
        super().__init__()
        self.model = model
        self.task = task
        self.dim = dim
        self.base_url = base_url
        self.key_from = key_from
        self.calls = calls

    @property
    def _takes_prompts(self) -> bool:
        return self.model.startswith("gemini-embedding-2")

    @property
    def takes_pictures(self) -> bool:
        """Whether the model takes pictures beside texts."""
        return self._takes_prompts

    @property
    def _fingerprint(self) -> str:
        return fingerprint_of("gemini", self.model, self.task)

    @property
    def _limits(self) -> Limits:
        return Limits(100, 200_000)

    def _check(self) -> None:
        super()._check()
        require_choice("task", self.task, Task)

    def _request(self, items: Sequence[Any], side: Side) -> tuple[str, Mapping[str, Any]]:
        model = f"models/{self.model}"
        options: dict[str, Any] = {"model": model}
        prompt = ""
        if self._takes_prompts:
            prompt = _PROMPTS[self.task][side == "query"]
        else:
            options["taskType"] = _TYPES[self.task][side == "query"]
        if self._sent_dim is not None:
            options["outputDimensionality"] = self._sent_dim
        asked = [options | {"content": {"parts": [_part(item, prompt)]}} for item in items]
        return f"/{urllib.parse.quote(model)}:batchEmbedContents", {"requests": asked}

    def _read(self, answer: Any) -> tuple[NDArray[np.float32], int]:
        vectors = np.array([one["values"] for one in answer["embeddings"]], np.float32)
        usage = answer.get("usageMetadata") or {}
        return normalise(vectors), int(usage.get("promptTokenCount") or 0)


def _part(item: Any, prompt: str) -> dict[str, Any]:
    if isinstance(item, str):
        return {"text": prompt + item}
    kind, data = pictures.encoded(item)
    return {"inline_data": {"mime_type": kind, "data": data}}
