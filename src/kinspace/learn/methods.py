"""The methods of learning, each a record in ``records/``: what it is for and who described it."""

from __future__ import annotations

import importlib
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from kinspace.errors import ModelNotFound


@dataclass(frozen=True)
class Method:
    """One method of learning.

    Attributes
    ----------
    name : str
        Under which it is saved and, on the command line, called: ``word2vec``.
    home : str
        Its class: ``kinspace.learn.words.word2vec:Word2Vec``.
    thing : str
        What it learns about: words, documents, categories, sentences …
    principle : str
        How: prediction, counting, factorisation, transport …
    says : str
        What it does, in a sentence.
    papers : tuple of str
        Who described it.
    """

    name: str
    home: str
    thing: str
    principle: str
    says: str
    papers: tuple[str, ...] = ()

    def learner(self) -> type[Any]:
        """The class."""
        module, _, name = self.home.partition(":")
        found: type[Any] = getattr(importlib.import_module(module), name)
        return found


@cache
def methods() -> dict[str, Method]:
    """All methods by name.

    Examples
    --------
    >>> methods()["word2vec"].thing
    'words'
    """
    folder = resources.files("kinspace.learn") / "records"
    found = {}
    for file in sorted(folder.iterdir(), key=lambda file: file.name):
        if file.name.endswith(".toml"):
            record = tomllib.loads(file.read_text("utf-8"))
            papers = tuple(record.pop("papers", ()))
            name = file.name.removesuffix(".toml")
            found[name] = Method(name=name, papers=papers, **record)
    return found


def method(name: str) -> Method:
    """A method by name.

    Raises
    ------
    ModelNotFound
        If there is none of that name.
    """
    if name not in methods():
        raise ModelNotFound(
            f"There is no method {name!r}.", f"Choose one of: {', '.join(methods())}."
        )
    return methods()[name]
