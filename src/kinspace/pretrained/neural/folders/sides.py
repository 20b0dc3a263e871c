"""What stands before a text: the prompts of documents and of queries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from kinspace.encoder import Side
from kinspace.errors import InvalidParameter

_NAMES: Final[dict[Side, tuple[str, ...]]] = {
    "query": ("query",),
    "document": ("document", "passage", "corpus"),
}
"""The names under which models keep the prompt of a side."""


@dataclass(frozen=True, slots=True)
class Prompts:
    """What stands before documents, and before queries.

    Attributes
    ----------
    document, query : str
    """

    document: str = ""
    query: str = ""

    def of(self, side: Side) -> str:
        """The prompt of one side."""
        return self.query if side == "query" else self.document


def stated_prompts(prompts: Mapping[str, str], default: str | None = None) -> Prompts:
    """The prompts that a model's files state.

    Parameters
    ----------
    prompts : mapping of str to str
        By name, as in ``config_sentence_transformers.json``.
    default : str, optional
        The name of the prompt for sides that have none of their own, unless it is the other
        side's.

    Examples
    --------
    >>> stated_prompts({"query": "query: ", "passage": "passage: "}).of("document")
    'passage: '
    """
    return Prompts(**{side: _stated(prompts, default, side) for side in _NAMES})


def _stated(prompts: Mapping[str, str], default: str | None, side: Side) -> str:
    own = next((prompts[name] for name in _NAMES[side] if prompts.get(name)), "")
    others = {name for other, names in _NAMES.items() if other != side for name in names}
    if own or default is None or default in others:
        return own
    return prompts.get(default, "")


def chosen_prompts(
    stated: Prompts,
    named: Mapping[str, str],
    *,
    prompt: str | Mapping[str, str] | None = None,
    prompt_name: str | None = None,
) -> Prompts:
    """The prompts that are used: those stated, unless the caller wants others.

    Parameters
    ----------
    stated : Prompts
    named : mapping of str to str
        All prompts of the model by name.
    prompt : str, or mapping of {"document", "query"} to str, optional
        What stands before every text, or before those of a side; a side that is not mentioned
        keeps what is stated.
    prompt_name : str, optional
        The name of one of the model's prompts, for both sides.

    Raises
    ------
    InvalidParameter
        If both are given, the model has no prompt of that name, or there is no such side.
    """
    if prompt is not None and prompt_name is not None:
        raise InvalidParameter("Both prompt and prompt_name were given.", "Give one of them.")
    if prompt_name is not None:
        if prompt_name not in named:
            has = ", ".join(map(repr, named)) or "none"
            raise InvalidParameter(
                f"The model has no prompt named {prompt_name!r}.",
                f'It has: {has}. A prompt of your own is given as prompt="…".',
            )
        return Prompts(named[prompt_name], named[prompt_name])
    if prompt is None:
        return stated
    if isinstance(prompt, str):
        return Prompts(prompt, prompt)
    if not isinstance(prompt, Mapping) or not all(isinstance(p, str) for p in prompt.values()):
        raise InvalidParameter(
            f"{prompt!r:.80} is no prompt.", 'Give a text, or {"query": …, "document": …} of texts.'
        )
    unknown = sorted(set(prompt) - set(_NAMES))
    if unknown:
        raise InvalidParameter(
            f"There is no side {unknown[0]!r}.", 'Give prompts for "document" and "query".'
        )
    return Prompts(prompt.get("document", stated.document), prompt.get("query", stated.query))
