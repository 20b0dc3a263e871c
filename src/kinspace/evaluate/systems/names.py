"""What a model's name, or a thing that is given, stands for as a system."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np

from kinspace.embeddings import Embeddings
from kinspace.encoder import Encoder, Parameters
from kinspace.errors import DuplicateId, EmptyInput, InvalidInput, InvalidParameter
from kinspace.evaluate.system import Meter, Retriever, System
from kinspace.evaluate.systems.collected import Hybrid, Keyword
from kinspace.evaluate.systems.dense import INDEXES, Dense
from kinspace.evaluate.systems.reranked import Reranked
from kinspace.search.rerank import Reranker
from kinspace.space import fingerprint_of

BM25: Final = "bm25"

Judged = str | Path | Encoder[Any] | Embeddings | Retriever | System
"""All that can be judged."""


def as_systems(models: Judged | Iterable[Judged]) -> list[System]:
    """Systems from names and things; an encoder that several of them use is loaded once.

    Raises
    ------
    EmptyInput
        If there are none.
    DuplicateId
        If two have the same name.
    InvalidInput, InvalidParameter, ModelNotFound
        As :func:`as_system`.
    """
    listed: list[Any]
    if isinstance(models, str | Path | Encoder | Embeddings | Retriever | System):
        listed = [models]
    else:
        listed = list(models)
    if not listed:
        raise EmptyInput("There are no models to judge.", 'Name one, such as "default".')
    loaded: dict[str, Any] = {}
    systems = [as_system(model, loaded=loaded) for model in listed]
    names = [system.name for system in systems]
    for name in names:
        if names.count(name) > 1:
            raise DuplicateId(
                f"Two systems are called {name!r}.", "Give one another name: System(name=…)."
            )
    return systems


def as_system(
    model: Judged, *, name: str | None = None, loaded: dict[str, Any] | None = None
) -> System:
    """What can be judged, from a name or a thing.

    Parameters
    ----------
    model : str, Path, Encoder, Embeddings, Retriever or System
        A name says it in one word: ``"bm25"`` searches by words; ``"default"``,
        ``"all-MiniLM-L6-v2"`` and paths are models, searched exactly; ``"default@ivf"`` searches
        an approximate index (``exact``, ``ivf``, ``product``); ``"default+bm25"`` joins words
        and meaning; ``"bm25>default"`` brings the best of the first into order by the second,
        which may be a cross-encoder.
        A ``.safetensors`` file of :class:`~kinspace.Embeddings`, or such a table itself, is
        judged on words.
    name : str, optional
        What it is called in the report.
    loaded : dict, optional
        Models by name that are loaded already; new ones are put there.

    Raises
    ------
    ModelNotFound
        If there is no such model.
    InvalidParameter
        If the name cannot be understood.
    InvalidInput
        If such a thing cannot be judged.

    Examples
    --------
    >>> as_system("bm25").name, as_system("default+bm25").name
    ('bm25', 'default+bm25')
    """
    loaded = {} if loaded is None else loaded
    if isinstance(model, System):
        return model
    if isinstance(model, str | Path):
        found = _named(str(model), loaded)
    elif isinstance(model, Embeddings):
        found = _table(model, model.space.model)
    elif isinstance(model, Encoder):
        meter = model if isinstance(model, Meter) else Meter(model)
        found = _dense(meter, meter.space.model)
    elif isinstance(model, Retriever):
        found = System(model.name, model.fingerprint, retriever=model)
    else:
        raise InvalidInput(
            f"{type(model).__name__} cannot be judged.",
            "Give a name, an Encoder, Embeddings of words, or a Retriever.",
        )
    return found if name is None else _renamed(found, name)


def _named(name: str, loaded: dict[str, Any]) -> System:
    if not name.strip():
        raise InvalidParameter("A model's name is empty.", 'Name one, such as "default".')
    if ">" in name:
        retriever: Retriever = _reranked(name, loaded)
    elif name == BM25:
        retriever = Keyword()
    elif name.endswith(f"+{BM25}"):
        retriever = Hybrid(_encoder(name.removesuffix(f"+{BM25}"), loaded))
    elif "@" in name and name.rpartition("@")[2] in INDEXES:
        model, _, index = name.rpartition("@")
        retriever = Dense(_encoder(model, loaded), index)
    elif name.endswith(".safetensors") and Path(name).is_file():
        return _table(Embeddings.load(name), Path(name).stem)
    else:
        return _dense(_encoder(name, loaded), name)
    return System(name, _fingerprint(retriever), retriever=retriever)


def _reranked(name: str, loaded: dict[str, Any]) -> Reranked:
    first, _, second = name.rpartition(">")
    if not first or not second or BM25 in second.split("+"):
        raise InvalidParameter(
            f"{name!r} is not a system.", 'Write FIRST>SECOND, such as "bm25>default".'
        )
    finder = _named(first, loaded).retriever
    if finder is None:
        raise InvalidParameter(f"{first!r} finds no documents.", "Give a model or bm25.")
    return Reranked(finder, _model(second, loaded))


def _encoder(name: str, loaded: dict[str, Any]) -> Meter:
    found = _model(name, loaded)
    if isinstance(found, Meter):
        return found
    raise InvalidParameter(
        f"{name} is a reranker, which finds no documents.",
        f"Let it bring what another finds into order: bm25>{name}.",
    )


def _model(name: str, loaded: dict[str, Any]) -> Meter | Reranker:
    if name not in loaded:
        from kinspace.loading import load

        model: Any = load(name)
        loaded[name] = Meter(model) if isinstance(model, Encoder) else model
    found: Meter | Reranker = loaded[name]
    return found


def _dense(meter: Meter, name: str) -> System:
    dense = Dense(meter)
    return System(name, _fingerprint(dense), meter, dense)


def _table(words: Embeddings, name: str) -> System:
    if words.ids is None:
        raise InvalidInput(
            f"The table {name} has no ids.", "Give Embeddings whose ids are the words."
        )
    names = [str(one) for one in words.ids]
    content = hashlib.sha256(np.ascontiguousarray(words.vectors).data).hexdigest()
    digest = fingerprint_of("words", words.space.fingerprint, content, *names)
    return System(name, digest, words=words)


def _fingerprint(retriever: Retriever) -> str:
    """The retriever's fingerprint, and the settings of its models that move the last digits."""
    models = (getattr(one, "inner", one) for one in _models(retriever))
    return fingerprint_of(retriever.fingerprint, *map(repr, models))


def _models(part: Any) -> Iterator[Any]:
    """The encoders and rerankers of a retriever, wherever they stand in it."""
    for name in ("first", "reranker"):
        if hasattr(part, name):
            yield from _models(getattr(part, name))
    if hasattr(part, "encoder"):
        yield part.encoder
    elif isinstance(part, Parameters):
        yield part


def _renamed(system: System, name: str) -> System:
    return System(
        name, system.fingerprint, system.encoder, system.retriever, system.words, system.topics
    )
