"""How the model of a collection is loaded again: its name, and the options that change a vector."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any, Final

from kinspace.encoder import Encoder
from kinspace.errors import InvalidParameter
from kinspace.pretrained.registry import kind_of

_LEFT_OUT: Final = frozenset(
    ("name", "model", "recipe", "device", "precision", "batch_tokens", "threads", "download")
)
"""Arguments that are the name itself, or change no vector."""


def recipe_of(encoder: Encoder[Any], name: str | Path | None = None) -> dict[str, Any]:
    """What a collection remembers of its model.

    Parameters
    ----------
    encoder : Encoder
        One that wraps another, such as a cache, is remembered as the other.
    name : str or Path, optional
        What it was loaded by, if that is known.

    Returns
    -------
    dict
        ``name``, and ``options`` for :func:`kinspace.load`, and the ``quantizer`` that its vectors
        go through, if there is one; where a model is made of more than
        plain values (a table, a fitted learner), the name is that of its space.

    Examples
    --------
    >>> from kinspace.loading import load
    >>> recipe_of(load())["name"]
    'default'
    """
    if name is not None:
        return {"name": _lasting(name), "options": {}}
    values = encoder.get_params(deep=False)
    inner, quantizer = values.get("encoder"), values.get("quantizer")
    if isinstance(inner, Encoder):
        if quantizer is None:
            return recipe_of(inner)
        from kinspace.compress.encoder import packed

        return {**recipe_of(inner), "quantizer": packed(quantizer)}
    given = getattr(encoder, "name", None)
    if not isinstance(given, str | Path):
        return {"name": encoder.space.model, "options": {}}
    options = {
        key: values[key]
        for key, parameter in inspect.signature(type(encoder).__init__).parameters.items()
        if key in values and parameter.default is not parameter.empty
        and key not in _LEFT_OUT and _is_plain(values[key]) and values[key] != parameter.default
    }  # fmt: skip
    kind = kind_of(encoder)
    if kind is not None:
        options["kind"] = kind
    if str(given).startswith("http"):
        options.pop("base_url", None)  # the name has it, without what is secret in it
    return {"name": _lasting(given), "options": options}


def made_from(recipe: dict[str, Any]) -> Encoder[Any]:
    """Load a model as it is remembered.

    Raises
    ------
    ModelNotFound
    InvalidParameter
        If it is a model that gives no vectors.
    """
    from kinspace.loading import load

    made = load(recipe["name"], **recipe["options"])
    if not isinstance(made, Encoder):
        raise InvalidParameter(
            f"{recipe['name']} gives no vectors: it is a {type(made).__name__}.",
            "Name a model that encodes; a reranker is given to a search.",
        )
    if "quantizer" in recipe:
        from kinspace.compress.encoder import CompressedEncoder, unpacked

        return CompressedEncoder(made, unpacked(recipe["quantizer"]))
    return made


def _lasting(name: str | Path) -> str:
    """A name as it holds from another folder too."""
    return str(Path(name).expanduser().resolve()) if Path(name).exists() else str(name)


def _is_plain(value: Any) -> bool:
    try:
        json.dumps(value)
    except (TypeError, ValueError):
        return False
    return True
