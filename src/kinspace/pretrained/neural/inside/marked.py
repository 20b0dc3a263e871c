"""An explanation as marked text: for a terminal, and as HTML."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from kinspace.pretrained.neural.inside.explanation import Explanation, Part

FOR: Final = (38, 122, 204)
"""Blue: a word that speaks for the match."""
AGAINST: Final = (214, 106, 12)
"""Orange: one that speaks against it. The two are told apart by the colour-blind too."""

_MOST_CELLS: Final = 10_000
"""A larger matrix is left out of the page."""

_HEAVY: Final = 0.3
"""From this share of the greatest weight on, a word is marked where there is no colour."""

_STYLE: Final = """\
.kinspace-match {font: 15px/1.7 system-ui, sans-serif; overflow-x: auto}
.kinspace-match mark {color: inherit; border-radius: 3px; padding: 1px 2px}
.kinspace-match table {border-collapse: collapse; font-size: 12px; margin-top: 8px}
.kinspace-match td, .kinspace-match th {padding: 2px 6px; font-weight: normal; text-align: right}
"""


def ansi(found: Explanation) -> str:
    """Both texts, a line each, with words on a coloured ground."""
    scale = _scale(found)
    return "\n".join("".join(_coloured(part, scale)) for part in (found.a, found.b))


def plain(found: Explanation) -> str:
    """Both texts, a line each, with the heaviest words in brackets."""
    scale = _scale(found)
    return "\n".join(
        "".join(
            f"[{_printable(text)}]"
            if weight is not None and weight / scale >= _HEAVY
            else _printable(text)
            for text, weight in _segments(part)
        )
        for part in (found.a, found.b)
    )


def html(found: Explanation) -> str:
    """Both texts with marked words and, unless it is very large, the matrix."""
    scale = _scale(found)
    texts = "\n".join(f"<p>{''.join(_marks(part, scale))}</p>" for part in (found.a, found.b))
    table = _table(found) if found.matrix.size <= _MOST_CELLS else ""
    head = f"<p><b>{found.score:.4f}</b> by {escape(found.method)}</p>"
    return (
        f'<div class="kinspace-match">\n<style>\n{_STYLE}</style>\n{head}\n{texts}\n{table}</div>\n'
    )


def _scale(found: Explanation) -> float:
    """The weight that has the full colour."""
    return float(max(np.abs(found.a.weights).max(), np.abs(found.b.weights).max())) or 1.0


def _segments(part: Part) -> Iterator[tuple[str, float | None]]:
    """The whole text in order: words with their weights, what is between them with None."""
    at = 0
    for (start, stop), weight in zip(part.offsets.tolist(), part.weights.tolist(), strict=True):
        if start < at or start == stop:  # a token without characters of its own
            continue
        yield part.text[at:start], None
        yield part.text[start:stop], weight
        at = stop
    yield part.text[at:], None


def _coloured(part: Part, scale: float) -> Iterator[str]:
    for text, weight in _segments(part):
        shown = _printable(text)
        strength = 0.0 if weight is None else abs(weight) / scale
        if strength < 0.05:
            yield shown
            continue
        colour = FOR if (weight or 0) > 0 else AGAINST
        red, green, blue = (round(255 + (one - 255) * strength) for one in colour)
        ink = 30 if strength < 0.6 else 97
        yield f"\x1b[{ink};48;2;{red};{green};{blue}m{shown}\x1b[0m"


def _printable(text: str) -> str:
    """Without line breaks, and without what would steer the terminal."""
    return "".join(sign if sign.isprintable() else " " for sign in text)


def _marks(part: Part, scale: float) -> Iterator[str]:
    for text, weight in _segments(part):
        if weight is None:
            yield escape(text)
        else:
            style = f'style="{_ground(weight, scale)}" title="{weight:.4f}"'
            yield f"<mark {style}>{escape(text)}</mark>"


def _ground(weight: float, scale: float) -> str:
    red, green, blue = FOR if weight > 0 else AGAINST
    return f"background: rgba({red}, {green}, {blue}, {min(abs(weight) / scale, 1):.2f})"


def _table(found: Explanation) -> str:
    """The matrix with its words; each cell on a ground as strong as it counts."""
    scale = float(np.abs(found.matrix).max()) or 1.0
    top = "".join(f"<th>{escape(word)}</th>" for word in found.b.words)
    lines = [f"<tr><th></th>{top}</tr>"]
    for word, row in zip(found.a.words, found.matrix, strict=True):
        lines.append(f"<tr><th>{escape(word)}</th>{_cells(row, scale)}</tr>")
    return "<table>\n" + "\n".join(lines) + "\n</table>\n"


def _cells(row: NDArray[np.float32], scale: float) -> str:
    return "".join(f'<td style="{_ground(x, scale)}">{x:.3f}</td>' for x in row.tolist())
