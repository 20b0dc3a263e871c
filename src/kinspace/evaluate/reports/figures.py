"""What all reports show: the same figures, rounded and marked in the same way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from kinspace.evaluate.costs import Costs
from kinspace.evaluate.estimate import Estimate
from kinspace.evaluate.report import Report

BEST: Final = "●"
EQUAL: Final = "○"
NOTHING: Final = "–"
LEGEND: Final = (
    f"{BEST} best, {EQUAL} not significantly worse than the best (paired randomisation test, "
    "Holm, 0.05); ± is half of the 95 % interval."
)

_NAMES: Final = {
    "map": "MAP",
    "mrr": "MRR",
    "r_precision": "R-precision",
    "v_measure": "V-measure",
    "ari": "ARI",
    "nmi": "NMI",
    "npmi": "NPMI",
    "f1": "F1",
    "f1_macro": "macro F1",
    "best_f1": "best F1",
    "spearman": "Spearman",
    "pearson": "Pearson",
}


def measure_name(name: str) -> str:
    """A measure as the literature writes it.

    Examples
    --------
    >>> measure_name("ndcg_at_10"), measure_name("average_precision"), measure_name("map")
    ('nDCG@10', 'average precision', 'MAP')
    """
    what, _, depth = name.partition("_at_")
    if depth:
        return f"{'nDCG' if what == 'ndcg' else measure_name(what)}@{depth}"
    return _NAMES.get(name, name.replace("_", " "))


def number(value: float, digits: int = 3) -> str:
    """A figure with a fixed number of digits and a true minus.

    Examples
    --------
    >>> number(-0.0712), number(-0.00001)
    ('−0.071', '0.000')
    """
    text = f"{value:.{digits}f}"
    if float(text) == 0:
        return text.lstrip("-")
    return text.replace("-", "−")


def signed(value: float) -> str:
    """A difference, with its sign.

    Examples
    --------
    >>> signed(0.05), signed(-0.05), signed(0)
    ('+0.050', '−0.050', '0.000')
    """
    text = number(value)
    return f"+{text}" if value > 0 and float(text.replace("−", "-")) else text


def half_width(estimate: Estimate) -> str:
    """Half of the interval, as ±."""
    return f"±{number((estimate.high - estimate.low) / 2)}"


def probability(p: float) -> str:
    """A p value: three digits, or that it is smaller than they show.

    Examples
    --------
    >>> probability(0.0312), probability(0.0001)
    ('0.031', '<0.001')
    """
    return "<0.001" if p < 0.001 else number(p)


def in_bytes(count: float) -> str:
    """Bytes with a unit.

    Examples
    --------
    >>> in_bytes(1024), in_bytes(52_428_800)
    ('1.0 kB', '52 MB')
    """
    if count < 1000:
        return f"{count:.0f} B"
    for unit in ("kB", "MB", "GB"):
        count /= 1000
        if count < 1000:
            return f"{count:.1f} {unit}" if count < 10 else f"{count:.0f} {unit}"
    return f"{count / 1000:.1f} TB"


def rate(count: float) -> str:
    """How many a second, to three digits.

    Examples
    --------
    >>> rate(12345.6), rate(3.21)
    ('12,300', '3.2')
    """
    if count < 10:
        return f"{count:.1f}"
    if count < 1000:
        return f"{count:.0f}"
    return f"{round(count, 3 - len(str(int(count)))):,.0f}"


def milliseconds(value: float) -> str:
    """Milliseconds, to two digits that mean something.

    Examples
    --------
    >>> milliseconds(0.1234), milliseconds(12.3), milliseconds(1234)
    ('0.12', '12', '1,234')
    """
    return f"{value:.2f}" if value < 1 else f"{value:.1f}" if value < 10 else f"{value:,.0f}"


def seconds(value: float) -> str:
    """A time span.

    Examples
    --------
    >>> seconds(0.123), seconds(75)
    ('0.12 s', '1 min 15 s')
    """
    if value < 60:
        return f"{value:.1f} s" if value >= 1 else f"{value:.2f} s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes} min {rest} s"


def dollars(value: float) -> str:
    """Money that a provider charged."""
    return f"${value:.4f}" if value < 1 else f"${value:,.2f}"


@dataclass(frozen=True, slots=True)
class Column:
    """One kind of cost, for every system.

    Parameters
    ----------
    title, explanation : str
    values : dict of str to float
        By system; those of which it cannot be said are left out.
    show : callable
    larger : bool
        Whether more is better.
    """

    title: str
    explanation: str
    values: dict[str, float]
    show: Callable[[float], str]
    larger: bool = False

    def cell(self, system: str) -> str:
        """The figure of a system, as text."""
        return self.show(self.values[system]) if system in self.values else NOTHING

    def best(self) -> set[str]:
        """The systems with the best figure, where there are several figures."""
        if len(set(self.values.values())) < 2:
            return set()
        wanted = (max if self.larger else min)(self.values.values())
        return {system for system, value in self.values.items() if value == wanted}


def cost_tasks(report: Report, system: str) -> list[str]:
    """The tasks over which a system's costs are taken: those that all did, or else its own."""
    done = [task for task in report.tasks if (task, system) in report]
    return [task for task in done if task in report.shared] or done


def cost_columns(report: Report) -> list[Column]:
    """What each system cost; a column that says nothing of any system is left out."""
    costs = {
        system: [report[task, system].costs for task in cost_tasks(report, system)]
        for system in report.systems
    }
    columns = [
        _column("texts/s", "Texts taken in a second: documents indexed where there is an index, "
                "else texts encoded.", costs, _throughput, rate, larger=True),
        _column("query ms", "Milliseconds of a single query, encoding included: the median.",
                costs, lambda c: _over(c, lambda one: one.query_ms, median), milliseconds),
        _column("memory", "The most that a task added to the process: vectors, index, batches; "
                "models were loaded before.", costs,
                lambda c: _over(c, lambda one: one.added_bytes, max), in_bytes),
        _column("vector", "Bytes of one vector as float32; sparse ones on average.", costs,
                lambda c: _over(c, lambda one: one.vector_bytes, max), in_bytes),
        _column("index", "Bytes that the index holds for each document.", costs, _per_document,
                in_bytes),
        _column("time", "All tasks together.", costs,
                lambda c: _over(c, lambda one: one.seconds, sum), seconds),
        _column("price", "US dollars that a provider charged.", costs,
                lambda c: _over(c, lambda one: one.price, sum), dollars),
    ]  # fmt: skip
    return [column for column in columns if column.values]


def _column(
    title: str,
    explanation: str,
    costs: dict[str, list[Costs]],
    figure: Callable[[list[Costs]], float | None],
    show: Callable[[float], str],
    *,
    larger: bool = False,
) -> Column:
    found = {system: figure(several) for system, several in costs.items()}
    values = {system: value for system, value in found.items() if value is not None}
    return Column(title, explanation, values, show, larger)


def _over(
    costs: list[Costs],
    read: Callable[[Costs], float | None],
    join: Callable[[list[float]], float],
) -> float | None:
    values = [value for one in costs if (value := read(one)) is not None]
    return join(values) if values else None


def _throughput(costs: list[Costs]) -> float | None:
    spent = sum(one.text_seconds for one in costs)
    return sum(one.texts for one in costs) / spent if spent else None


def _per_document(costs: list[Costs]) -> float | None:
    documents = sum(one.documents or 0 for one in costs)
    return sum(one.index_bytes or 0 for one in costs) / documents if documents else None


def mark(report: Report, task: str, system: str) -> str:
    """Whether a system is the best of a task, or not significantly worse; empty if neither."""
    best = report.best(task)
    if len(report.of(task)) < 2 or system not in best:
        return ""
    return BEST if system == best[0] else EQUAL


def findings(report: Report) -> list[str]:
    """What the report says, a sentence a task."""
    found = []
    for task in report.tasks:
        ranked = report.ranking(task)
        if len(ranked) < 2:
            continue
        first = report[task, ranked[0]]
        near = report.best(task)[1:]
        start = f"On {task}, {ranked[0]} is best ({measure_name(first.main)} {first.score:.3f})"
        if not near:
            others = ranked[1] if len(ranked) == 2 else "every other system"
            found.append(f"{start}, significantly better than {others}.")
        else:
            verb = "is" if len(near) == 1 else "are"
            found.append(f"{start}; {listed(near)} {verb} not significantly worse.")
    return found


def notes(report: Report) -> list[str]:
    """What tasks say about their figures; what holds for all of a task's systems said once."""
    told: dict[tuple[str, str], list[str]] = {}
    for one in report:
        for note in one.outcome.notes:
            told.setdefault((one.task, note), []).append(one.system)
    return [
        f"{task}: {note}"
        if len(systems) == len(report.of(task))
        else f"{task}, {listed(systems)}: {note}"
        for (task, note), systems in told.items()
    ]


def skips(report: Report) -> list[str]:
    """What was not judged, and why; a reason that holds on several tasks said once."""
    told: dict[tuple[str, str], list[str]] = {}
    reasons = []
    for one in report.skipped:
        alike = told.setdefault((one.system, one.reason.replace(one.task, "…")), [])
        alike.append(one.task)
        if len(alike) == 1:
            named = one.system in one.reason and one.task in one.reason
            reason = one.reason if named else f"{one.system} on {one.task}: {one.reason}"
            reasons.append((reason, alike))
    return [
        f"{reason.rstrip('.')}; the same on {listed(tasks[1:])}." if len(tasks) > 1 else reason
        for reason, tasks in reasons
    ]


def failures(report: Report) -> list[tuple[str, str]]:
    """What went wrong and what to do about it; the same of several systems said once."""
    told: dict[tuple[str, str, str], list[str]] = {}
    for one in report.failed:
        told.setdefault((one.task, f"{one.error}: {one.message}", one.remedy), []).append(
            one.system
        )
    return [
        (f"{listed(systems)} on {task}: {message}", remedy)
        for (task, message, remedy), systems in told.items()
    ]


def listed(names: Sequence[str]) -> str:
    """Names as a sentence lists them.

    Examples
    --------
    >>> listed(["a", "b", "c"])
    'a, b and c'
    """
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def method(report: Report) -> list[str]:
    """How it was measured, a sentence each."""
    shared = report.shared
    sentences = [
        "Every figure stands with its 95 % interval, from a bootstrap over queries, pairs or "
        "texts: what would change if others like them had been asked.",
        "Two systems are compared on the same items by a paired randomisation test; p values are "
        "adjusted for the number of pairs within a task (Holm).",
        "The smallest detectable difference is the one that such a test on this set would find "
        "in 80 of 100 cases: sets that are too small cannot tell better systems apart.",
        "Memory is what a task added to the process at its highest, over what it held when the "
        "task began: Python, libraries, loaded models and the set are not in it.",
        "Vectors that two systems of one encoder need are computed once, and charged to both with "
        "the time they took. The first text of every encoder is not timed.",
    ]
    if len(shared) > 1:
        sentences.append(f"The mean is taken over what all systems did: {listed(shared)}.")
    if shared and len(shared) < len(report.tasks):
        sentences.append(f"Costs are taken over what all systems did: {listed(shared)}.")
    others = {
        one.origin["machine"]["processor"]
        for one in report
        if "machine" in one.origin and one.origin["machine"] != report.machine
    }
    if others:
        sentences.append(
            f"Some results were kept from an earlier run, on another machine or with other "
            f"versions ({', '.join(sorted(others))}); their costs are of that run."
        )
    return sentences
