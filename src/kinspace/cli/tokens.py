"""``kinspace tokens`` and ``match``: what a model makes of a text, and why two texts match."""

from __future__ import annotations

from enum import StrEnum
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from kinspace.cli import output

if TYPE_CHECKING:
    from kinspace.pretrained.neural.inside.explanation import Explanation
    from kinspace.pretrained.spans import TokenVectors

Model = Annotated[str, typer.Option(help="The model, by name or path.")]
Layers = Annotated[
    str,
    typer.Option(
        help="last, second-to-last, last-four, embedding; or numbers with commas between: 0 is "
        "the embedding layer, -1 the last (write --layers=-1)."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]

_AROUND: Final = 24
"""Characters shown on each side of a word."""


class Combine(StrEnum):
    """What becomes of several layers."""

    mean = "mean"
    sum = "sum"
    concat = "concat"


class Merge(StrEnum):
    """What becomes of a word's pieces."""

    mean = "mean"
    first = "first"


class Method(StrEnum):
    """Ways to explain a match."""

    auto = "auto"
    erasure = "erasure"
    tokens = "tokens"
    late = "late-interaction"


def tokens(
    texts: Annotated[list[str], typer.Argument(help="One or more texts.", show_default=False)],
    model: Model = "default",
    word: Annotated[
        str | None,
        typer.Option(help="Compare this word's vectors, wherever it stands in the texts."),
    ] = None,
    layers: Layers = "last",
    combine: Annotated[Combine, typer.Option(help="What becomes of several layers.")] = (
        Combine.mean
    ),
    merge: Annotated[Merge, typer.Option(help="What becomes of a word's pieces.")] = Merge.mean,
    vectors: Annotated[
        bool, typer.Option("--vectors", help="With --json: the vectors of tokens and words.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show the tokens and words that a model makes of texts, or compare a word across them."""
    from kinspace.errors import InvalidParameter, NotApplicable
    from kinspace.loading import load
    from kinspace.pretrained.neural.inside.explanation import EncodesTokens

    if vectors and (not as_json or word is not None):
        raise InvalidParameter("Vectors are printed as JSON, of all words.", "Give --json only.")
    encoder = load(model)
    if not isinstance(encoder, EncodesTokens):
        raise NotApplicable(
            f"{type(encoder).__name__} gives no vectors of tokens.",
            "Give a static model or a transformer.",
        )
    found: list[TokenVectors] = encoder.encode_tokens(
        texts, layers=_layers(layers), combine=combine.value, merge=merge.value
    )
    cut = sum(one.cut for one in found)
    if cut:
        output.warn(f"{cut:,} tokens are beyond what the model reads, and were left out.")
    if word is not None:
        _print_compared(found, word, as_json=as_json)
    elif as_json:
        output.print_json([_as_dict(one, vectors=vectors) for one in found])
    else:
        for one in found:
            _print_tokens(one)


def match(
    a: Annotated[str, typer.Argument(help="A text, taken as a query.", show_default=False)],
    b: Annotated[str, typer.Argument(help="A text, taken as a document.", show_default=False)],
    model: Model = "default",
    method: Annotated[
        Method,
        typer.Option(
            help="erasure: what each pair of words adds to the similarity. tokens: how near the "
            "vectors of words are. late-interaction: what the score of such a model is made of."
        ),
    ] = Method.auto,
    layers: Annotated[str, typer.Option(help="For tokens: as in kinspace tokens.")] = "last",
    orders: Annotated[
        int, typer.Option(help="For erasure: more are slower, and repeat more exactly.")
    ] = 16,
    k: Annotated[int, typer.Option("-k", help="How many pairs of words.")] = 10,
    matrix: Annotated[
        bool, typer.Option("--matrix", help="Show every word with every other.")
    ] = False,
    target: Annotated[
        Path | None, typer.Option("--html", help="Write marked texts and matrix to this file.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Explain why two texts match: which words of one go with which of the other."""
    from kinspace.errors import InvalidParameter
    from kinspace.loading import load
    from kinspace.pretrained.neural.inside.explanation import explain

    if k < 1:
        raise InvalidParameter(f"{k} pairs cannot be shown.", "Give -k 1 or more.")
    found = explain(load(model), a, b, method=method.value, layers=_layers(layers), orders=orders)
    if target is not None:
        from kinspace.durable import replace_file

        replace_file(target, _page(found).encode())
        output.note(f"Written to {target}.")
    if as_json:
        output.print_json(found.to_dict())
        return
    from rich.text import Text

    console = output.out()
    coloured = console.color_system is not None and not console.no_color
    marked = found.marked(colour=coloured)
    console.print(Text.from_ansi(marked) if coloured else Text(marked))
    console.print(Text(f"\n{found.score:.4f} by {found.method}\n", style="bold"))
    pairs = [(_plain(one), _plain(other), weight) for one, other, weight in found.pairs(k)]
    wide = max((len(one) for one, _, _ in pairs), default=0)
    for one, other, weight in pairs:
        console.print(Text.assemble((f"{weight:.4f}  ", "cyan"), f"{one:<{wide}}  {other}"))
    if matrix:
        console.print()
        _print_matrix(found)


def _print_matrix(found: Explanation) -> None:
    """A row for each word of the first text, a column for each of the second."""
    left = max(map(len, found.a.words))
    heads = [f"{_plain(word):>6}" for word in found.b.words]
    output.print_line(" " * left + "  " + "  ".join(heads))
    for word, row in zip(found.a.words, found.matrix.tolist(), strict=True):
        cells = [f"{value:{len(head)}.3f}" for head, value in zip(heads, row, strict=True)]
        output.print_line(f"{_plain(word):<{left}}  " + "  ".join(cells))


def _layers(given: str) -> str | list[int]:
    """Numbers where there are numbers, else the name."""
    try:
        return [int(one) for one in given.split(",")]
    except ValueError:
        return given


def _as_dict(found: TokenVectors, *, vectors: bool) -> dict[str, Any]:
    made: dict[str, Any] = {"text": found.text, "space": found.space.to_dict(), "cut": found.cut}
    for what, spans in (("tokens", found.tokens), ("words", found.words)):
        made[what] = [
            {what[:-1]: name, "start": start, "stop": stop}
            | ({"vector": vector.tolist()} if vectors else {})
            for name, (start, stop), vector in zip(
                spans.names, spans.offsets.tolist(), spans.vectors, strict=True
            )
        ]
    for one, owner in zip(made["tokens"], found.word_of.tolist(), strict=True):
        one["word_of"] = owner
    return made


def _print_tokens(found: TokenVectors) -> None:
    """A text's tokens, a line each: where, the token, and the word it is a piece of."""
    from rich.table import Table

    table = Table("characters", "token", "word", box=None, header_style="cyan")
    before = -1
    for name, (start, stop), owner in zip(
        found.tokens.names, found.tokens.offsets.tolist(), found.word_of.tolist(), strict=True
    ):
        word = found.words.names[owner] if owner not in (-1, before) else ""
        table.add_row(f"{start}–{stop}", _plain(name), _plain(word))
        before = owner
    output.out().print(table)


def _print_compared(found: list[TokenVectors], word: str, *, as_json: bool) -> None:
    """The similarity of each two of a word's places."""
    from kinspace.errors import IdNotFound

    places = [
        (one, place)
        for one in found
        for place, name in enumerate(one.words.names)
        if name.casefold() == word.casefold()
    ]
    if len(places) < 2:
        raise IdNotFound(
            f"{word!r} is in the texts {'once' if places else 'nowhere'}.",
            "Give texts that have it twice, as a word of its own.",
        )
    rows = []
    for (one, i), (other, j) in combinations(places, 2):
        near = one.words.embeddings[i : i + 1].similarity(other.words.embeddings[j : j + 1])
        rows.append((float(near[0, 0]), _around(one, i), _around(other, j)))
    if as_json:
        output.print_json([{"a": a, "b": b, "score": score} for score, a, b in rows])
        return
    output.print_scored([(f"{a}  |  {b}", score) for score, a, b in rows])


def _around(found: TokenVectors, place: int) -> str:
    """A word in brackets, with some of the text around it."""
    start, stop = found.words.offsets[place].tolist()
    before, after = found.text[:start], found.text[stop:]
    left = before if len(before) <= _AROUND else f"…{before[-_AROUND:]}"
    right = after if len(after) <= _AROUND else f"{after[:_AROUND]}…"
    return _plain(f"{left}[{found.text[start:stop]}]{right}")


def _plain(text: str) -> str:
    """Without line breaks and control characters."""
    return "".join(sign if sign.isprintable() else " " for sign in text)


def _page(found: Explanation) -> str:
    return (
        '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>Why two texts match'
        f"</title>\n<body>\n{found.html()}</body>\n</html>\n"
    )
