"""Encoders behind an API: OpenAI, Gemini, Cohere, and every address that speaks OpenAI's protocol.

There is one client for all of them (:mod:`~kinspace.pretrained.providers.client`), over the
standard library, and none of the services' own packages: the protocols are one request each, and
batching, patience and keeping what was paid for must be the same everywhere. So the light install
has all of it.
"""

from __future__ import annotations

from kinspace.pretrained.providers.base import ProviderEncoder
from kinspace.pretrained.providers.client import Calls
from kinspace.pretrained.providers.cohere import CohereEncoder
from kinspace.pretrained.providers.gemini import GeminiEncoder
from kinspace.pretrained.providers.names import open_provider
from kinspace.pretrained.providers.openai import OpenAIEncoder
from kinspace.pretrained.providers.prices import Cost, estimate
from kinspace.pretrained.providers.tally import Usage

__all__ = [
    "Calls",
    "CohereEncoder",
    "Cost",
    "GeminiEncoder",
    "OpenAIEncoder",
    "ProviderEncoder",
    "Usage",
    "estimate",
    "open_provider",
]
