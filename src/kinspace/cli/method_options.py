"""Options of a command from a class: its constructor's signature and its docstring say them all."""

from __future__ import annotations

import inspect
import re
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import typer
from rich.markup import escape

_PLAIN = (int, float, str, bool, Path)


def options_of(learner: type[Any], without: Mapping[str, object]) -> list[inspect.Parameter]:
    """The parameters of a command that makes a learner: options as typer reads them.

    Parameters that take no plain value (objects, functions) are left out, unless something must be
    given for them: then they take a text, such as a path.

    Parameters
    ----------
    learner : type
        Its docstring has a section ``Parameters``, as numpydoc says.
    without : mapping
        Names that the command gives by itself.
    """
    hints = get_type_hints(learner.__init__)
    texts = parameter_texts(learner)
    options = []
    for name, parameter in inspect.signature(learner).parameters.items():
        if name in without or parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        required = parameter.default is parameter.empty
        kind, settings = _kind(hints.get(name, Any))
        if kind is None and not required:
            continue
        text = escape(texts.get(name, "")) or None
        flag = "--" + name.replace("_", "-")
        names = [f"{flag}/--no-{flag[2:]}"] if kind is bool else [flag]
        option = typer.Option(*names, help=text, **settings)
        shown: Any = kind or str
        if not required and parameter.default is None:
            shown = shown | None
        options.append(
            inspect.Parameter(
                name,
                inspect.Parameter.KEYWORD_ONLY,
                default=parameter.empty if required else _plain(parameter.default),
                annotation=Annotated[shown, option],
            )
        )
    return options


def parameter_texts(learner: type[Any]) -> dict[str, str]:
    """What a class's docstring says about each parameter.

    Examples
    --------
    >>> class Model:
    ...     '''A model.
    ...
    ...     Parameters
    ...     ----------
    ...     low, high : float
    ...         The ends, with ``low`` under
    ...         ``high``.
    ...     seed : int
    ...     '''
    >>> parameter_texts(Model)
    {'low': 'The ends, with low under high.', 'high': 'The ends, with low under high.', 'seed': ''}
    """
    doc = inspect.getdoc(learner) or ""
    section = re.search(r"^Parameters\n-+\n(.*?)(?=^\S[^\n]*\n-{3,}\n|\Z)", doc, re.M | re.S)
    texts: dict[str, str] = {}
    names: list[str] = []
    for line in section[1].splitlines() if section else ():
        if line and not line[0].isspace():
            names = [name.strip() for name in line.partition(" : ")[0].split(",")]
            texts |= dict.fromkeys(names, "")
        elif line.strip():
            for name in names:
                texts[name] = f"{texts[name]} {_unmarked(line.strip())}".strip()
    return texts


def _unmarked(line: str) -> str:
    """A line without the signs of reStructuredText."""
    line = re.sub(r":\w+:`~?(?:[^`<]*\.)?([^`<>]+)`", r"\1", line)
    return re.sub(r"`+([^`]*)`+", r"\1", line)


def _kind(hint: Any) -> tuple[Any, dict[str, Any]]:
    """The type of an option for a hint, None if there is none; and what else the option needs."""
    if hint is Any or hint is object:
        return str, {}
    if get_origin(hint) is Literal:
        return hint, {}
    if get_origin(hint) in (Union, types.UnionType):
        members = [each for each in get_args(hint) if each is not type(None)]
        if {int, float} <= set(members):
            return str, {"parser": number, "metavar": "NUMBER"}
        plain = [each for each in members if _kind(each)[0] is not None]
        return _kind(plain[0]) if plain else (None, {})
    return (hint if hint in _PLAIN else None), {}


def number(text: str | float) -> int | float:
    """A whole number, or one with a point: ``5`` texts are not the share ``5.0`` of them.

    Examples
    --------
    >>> number("5"), number("0.5")
    (5, 0.5)
    """
    if not isinstance(text, str):
        return text
    try:
        return int(text)
    except ValueError:
        return float(text)


def _plain(default: Any) -> Any:
    return default if isinstance(default, (*_PLAIN, type(None))) else str(default)
