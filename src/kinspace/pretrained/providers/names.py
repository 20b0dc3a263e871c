"""Models behind an API by name: ``openai:…``, ``gemini:…``, ``cohere:…``, ``http://…#…``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kinspace.errors import InvalidParameter
from kinspace.pretrained.providers.base import ProviderEncoder
from kinspace.pretrained.providers.cohere import CohereEncoder
from kinspace.pretrained.providers.gemini import GeminiEncoder
from kinspace.pretrained.providers.openai import OpenAIEncoder

PROVIDERS: dict[str, type[ProviderEncoder]] = {
    kind.prefix: kind for kind in (OpenAIEncoder, GeminiEncoder, CohereEncoder)
}
"""The class for each prefix of a name."""


def open_provider(name: str | Path, **options: Any) -> ProviderEncoder | None:
    """The encoder behind an API that a name stands for; nothing is asked yet.

    Parameters
    ----------
    name : str or Path
        ``"openai:MODEL"``, ``"gemini:MODEL"``, ``"cohere:MODEL"``, or the address of a server that
        speaks OpenAI's protocol and the name of its model: ``"http://localhost:8080/v1#MODEL"``.
    **options
        What the class takes: ``dim``, ``task`` …

    Returns
    -------
    ProviderEncoder or None
        None if the name is none of these.

    Raises
    ------
    InvalidParameter
        If no model is named, or the class does not take an option.

    Examples
    --------
    >>> open_provider("openai:text-embedding-3-small", dim=512)
    OpenAIEncoder(model='text-embedding-3-small', dim=512)
    >>> open_provider("http://localhost:11434/v1#nomic-embed-text")
    OpenAIEncoder(model='nomic-embed-text', base_url='http://localhost:11434/v1')
    >>> open_provider("all-MiniLM-L6-v2")
    """
    if not isinstance(name, str):
        return None
    if name.startswith(("http://", "https://")):
        address, _, model = name.partition("#")
        kind: type[ProviderEncoder] = OpenAIEncoder
        options = {"base_url": address, **options}
    else:
        prefix, _, model = name.partition(":")
        if prefix not in PROVIDERS or ":" not in name:
            return None
        kind = PROVIDERS[prefix]
    if not model:
        raise InvalidParameter(
            f"{name} names no model.",
            'Name it: "openai:text-embedding-3-small", "http://localhost:8080/v1#bge-m3".',
        )
    known = kind._names()
    if odd := [option for option in options if option not in known]:
        raise InvalidParameter(
            f"{kind.__name__} takes no {', '.join(odd)}.", f"It takes: {', '.join(known)}."
        )
    return kind(**{"model": model, **options})
