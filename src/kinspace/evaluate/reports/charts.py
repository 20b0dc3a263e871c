"""The figures of the HTML report, as SVG that takes its colours from the page."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

import numpy as np

from kinspace.evaluate.estimate import Estimate
from kinspace.evaluate.reports.figures import number, signed

_LETTER: Final = 6.9
"""Width of a letter at the size that labels have, in the units of the figure."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar: its name, its figure, and how it stands (``best``, ``equal`` or ``other``)."""

    label: str
    score: Estimate
    standing: str
    mark: str


def bars(title: str, shown: Sequence[Bar]) -> str:
    """Bars from zero with their intervals, a label above each.

    Parameters
    ----------
    title : str
        What the figure shows, for those who hear it.
    shown : sequence of Bar
    """
    width, row, top = 360, 44, 4
    low = min(0.0, *(bar.score.low for bar in shown))
    high = max(0.1, *(bar.score.high for bar in shown))
    ticks = _ticks(low, high, 5)
    low, high = min(low, ticks[0]), max(high, ticks[-1])

    def x(value: float) -> float:
        return 4 + (width - 8) * (value - low) / (high - low)

    height = top + row * len(shown) + 20
    parts = [
        f'<line class="grid" x1="{x(t):.1f}" x2="{x(t):.1f}" y1="{top}" y2="{height - 20}"/>'
        f'<text class="tick" x="{x(t):.1f}" y="{height - 5}" text-anchor="{_anchor(t, ticks)}">'
        f"{_tick(t)}</text>"
        for t in ticks
    ]
    for at, bar in enumerate(shown):
        y = top + row * at
        score, middle = bar.score, y + 28
        left, right = sorted((x(0), x(score.value)))
        parts.append(
            f'<text class="label" x="4" y="{y + 15}">{escape(_cut(bar.label, 34))}'
            f'<tspan class="mark"> {bar.mark}</tspan></text>'
            f'<text class="value" x="{width - 4}" y="{y + 15}" text-anchor="end">'
            f"{number(score.value)}</text>"
            f'<rect class="bar {bar.standing}" x="{left:.1f}" y="{middle - 7}" '
            f'width="{max(right - left, 0.5):.1f}" height="14" rx="2"/>'
            + _whisker(x(score.low), x(score.high), middle)
        )
    said = "; ".join(f"{bar.label} {bar.score:.3f}" for bar in shown)
    return _svg(width, height, title, said, parts)


def _whisker(left: float, right: float, y: float) -> str:
    ends = "".join(
        f'<line class="whisker" x1="{at:.1f}" x2="{at:.1f}" y1="{y - 4}" y2="{y + 4}"/>'
        for at in (left, right)
    )
    return (
        f'<line class="halo" x1="{left:.1f}" x2="{right:.1f}" y1="{y}" y2="{y}"/>'
        f'<line class="whisker" x1="{left:.1f}" x2="{right:.1f}" y1="{y}" y2="{y}"/>{ends}'
    )


@dataclass(frozen=True, slots=True)
class Point:
    """A system in the plane of what it costs and what it gives."""

    label: str
    x: float
    score: Estimate


def scatter(title: str, across: str, up: str, shown: Sequence[Point], *, larger: bool) -> str:
    """Quality against a cost on a logarithmic axis; a line joins those that none beats in both.

    Parameters
    ----------
    title, across, up : str
        What the figure shows, and what its axes do.
    shown : sequence of Point
        With ``x`` above 0.
    larger : bool
        Whether more of ``x`` is better.
    """
    plane = _Plane.around(shown)
    front = _unbeaten(shown, larger=larger)
    parts = [plane.axes(across, up)]
    steps = sorted((plane.x(p.x), plane.y(p.score.value)) for p in front)
    if len(steps) > 1:
        path = " L".join(f"{x:.1f} {y:.1f}" for x, y in steps)
        parts.append(f'<path class="front" d="M{path}"/>')
    taken = [(plane.x(p.x) - 6, plane.y(p.score.value) - 6, 12.0, 12.0) for p in shown]
    for point in shown:
        x, y = plane.x(point.x), plane.y(point.score.value)
        kind = "best" if point in front else "beaten"
        parts.append(
            f'<line class="whisker thin" x1="{x:.1f}" x2="{x:.1f}" '
            f'y1="{plane.y(point.score.low):.1f}" y2="{plane.y(point.score.high):.1f}"/>'
            f'<circle class="point {kind}" cx="{x:.1f}" cy="{y:.1f}" r="5"/>'
        )
    parts += [_label(point, plane, taken) for point in shown]
    said = "; ".join(f"{p.label}: {p.x:,.4g}, {number(p.score.value)}" for p in shown)
    return _svg(plane.width, plane.height, title, said, parts)


@dataclass(frozen=True, slots=True)
class _Plane:
    """From figures to places: a logarithmic axis across, a plain one up."""

    left: float
    right: float
    bottom: float
    top: float
    width: int = 340
    height: int = 280

    @classmethod
    def around(cls, points: Sequence[Point]) -> _Plane:
        logs = [math.log10(point.x) for point in points]
        room = max(0.25, 0.18 * (max(logs) - min(logs)))
        lows, highs = [p.score.low for p in points], [p.score.high for p in points]
        ticks = _ticks(min(lows), max(highs), 5)
        bottom, top = min(ticks[0], *lows), max(ticks[-1], *highs)
        return cls(min(logs) - room, max(logs) + room, bottom, top)

    def x(self, value: float) -> float:
        return 44 + (self.width - 56) * (math.log10(value) - self.left) / (self.right - self.left)

    def y(self, value: float) -> float:
        return 24 + (self.height - 66) * (self.top - value) / (self.top - self.bottom)

    def axes(self, across: str, up: str) -> str:
        floor = self.height - 42
        parts = []
        for tick in _ticks(self.bottom, self.top, 5):
            if self.bottom <= tick <= self.top:
                y = self.y(tick)
                parts.append(
                    f'<line class="grid" x1="44" x2="{self.width - 12}" '
                    f'y1="{y:.1f}" y2="{y:.1f}"/><text class="tick" x="38" y="{y + 4:.1f}" '
                    f'text-anchor="end">{_tick(tick)}</text>'
                )
        for tick in _decades(self.left, self.right):
            x = self.x(tick)
            parts.append(
                f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="24" y2="{floor}"/>'
                f'<text class="tick" x="{x:.1f}" y="{floor + 16}" text-anchor="middle">'
                f"{_short(tick)}</text>"
            )
        parts.append(
            f'<text class="axis" x="{self.width - 12}" y="{self.height - 6}" text-anchor="end">'
            f'{escape(across)}</text><text class="axis" x="4" y="13">{escape(up)}</text>'
        )
        return "".join(parts)


def _label(point: Point, plane: _Plane, taken: list[tuple[float, float, float, float]]) -> str:
    """A point's name, beside it where there is room."""
    text = _cut(point.label, 30)
    wide, high = len(text) * _LETTER, 13.0
    x, y = plane.x(point.x), plane.y(point.score.value)
    places = [(x + 9, y - 7), (x - 9 - wide, y - 7), (x - wide / 2, y - 23), (x - wide / 2, y + 10)]
    places += [(x + 9, y - 7 + dy) for dy in (-14, 14, -28, 28, -42, 42)]
    places += [(x - 9 - wide, y - 7 + dy) for dy in (-14, 14, -28, 28, -42, 42)]

    def free(place: tuple[float, float]) -> bool:
        a, b = place
        inside = (
            a >= 44 and a + wide <= plane.width - 4 and b >= 16 and b + high <= plane.height - 42
        )
        return inside and not any(
            a < left + w and left < a + wide and b < up + h and up < b + high
            for left, up, w, h in taken
        )

    a, b = next((place for place in places if free(place)), places[0])
    a = min(max(a, 2.0), max(2.0, plane.width - wide - 2))
    taken.append((a, b, wide, high))
    return f'<text class="label small" x="{a:.1f}" y="{b + 10.5:.1f}">{escape(text)}</text>'


def _unbeaten(points: Sequence[Point], *, larger: bool) -> list[Point]:
    """Those that no other beats in cost and in quality."""
    way = 1 if larger else -1

    def beats(one: Point, other: Point) -> bool:
        gains = (way * (one.x - other.x), one.score.value - other.score.value)
        return min(gains) >= 0 and max(gains) > 0

    return [point for point in points if not any(beats(other, point) for other in points)]


def forest(difference: float, low: float, high: float, reach: float, *, differs: bool) -> str:
    """A difference and its interval around zero, small enough for a cell of a table.

    Parameters
    ----------
    difference, low, high : float
    reach : float
        What the axis goes to on both sides.
    differs : bool
        Whether it is more than chance.
    """

    def x(value: float) -> float:
        return 70 + 66 * max(-1.0, min(1.0, value / reach))

    kind = "best" if differs else "beaten"
    parts = [
        '<line class="zero" x1="70" x2="70" y1="1" y2="19"/>',
        f'<line class="whisker" x1="{x(low):.1f}" x2="{x(high):.1f}" y1="10" y2="10"/>',
        f'<circle class="point {kind}" cx="{x(difference):.1f}" cy="10" r="4"/>',
    ]
    return (
        '<svg class="forest" viewBox="0 0 140 20" aria-hidden="true" focusable="false">'
        f"{''.join(parts)}</svg>"
    )


def waterfall(title: str, differences: Sequence[float]) -> str:
    """The differences of all items, largest first: above the line the first system is better."""
    width, height, most = 720, 110, 240
    ordered = np.sort(np.asarray(differences, np.float64))[::-1]
    reach = float(np.abs(ordered).max()) or 1.0
    if len(ordered) > most:
        ordered = np.array([part.mean() for part in np.array_split(ordered, most)])
    step, middle = width / len(ordered), height / 2
    parts = []
    for at, value in enumerate(ordered):
        tall = abs(value) / reach * (middle - 4)
        if tall >= 0.3:
            kind, y = ("up", middle - tall) if value > 0 else ("down", middle)
            parts.append(
                f'<rect class="{kind}" x="{at * step:.2f}" y="{y:.1f}" '
                f'width="{max(step - 0.4, step * 0.7):.2f}" height="{tall:.1f}"/>'
            )
    parts.append(f'<line class="zero" x1="0" x2="{width}" y1="{middle}" y2="{middle}"/>')
    said = f"from {signed(float(ordered[0]))} to {signed(float(ordered[-1]))}"
    return _svg(width, height, title, said, parts, kind="waterfall")


def _svg(
    width: int, height: int, title: str, said: str, parts: Sequence[str], kind: str = "chart"
) -> str:
    return (
        f'<svg class="{kind}" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="{escape(f"{title}: {said}")}">{"".join(parts)}</svg>'
    )


def _ticks(low: float, high: float, most: int) -> list[float]:
    """Round numbers that cover an interval, ``most`` spaces at most."""
    span = max(high - low, 1e-6)
    size = 10 ** math.floor(math.log10(span / most))
    step = next(size * m for m in (1, 2, 2.5, 5, 10, 20) if span / (size * m) <= most)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(step * at, 10) for at in range(first, last + 1)]


def _tick(value: float) -> str:
    return f"{value:g}".replace("-", "−")


def _decades(left: float, right: float) -> list[float]:
    """Powers of ten between two logarithms; with fewer than two, also 2 and 5 times them."""
    powers = range(math.floor(left) - 1, math.ceil(right) + 1)
    tens = [10.0**power for power in powers if left <= power <= right]
    if len(tens) >= 2:
        return tens
    several = [m * 10.0**power for power in powers for m in (1, 2, 5)]
    return [value for value in several if left <= math.log10(value) <= right]


def _short(value: float) -> str:
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{unit}"
    return f"{value:g}"


def _anchor(tick: float, ticks: Sequence[float]) -> str:
    return "start" if tick == ticks[0] else "end" if tick == ticks[-1] else "middle"


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
