"""What becomes of texts that are longer than a model reads."""

from __future__ import annotations

from typing import Literal

Long = Literal["truncate", "mean", "error"]
"""They are cut; encoded in pieces whose vectors are averaged; or refused."""
