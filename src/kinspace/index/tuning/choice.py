"""What the tuner says: which index, why, what it was proven to find, and what others cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self


@dataclass(frozen=True)
class Proof:
    """What an index finds, by queries that had no part in choosing it.

    Parameters
    ----------
    k : int
    recall : float
        The share of the true ``k`` nearest that were found.
    low : float
        The lower end of its interval: with 95 % confidence the share is higher.
    queries : int
        0 where all vectors are compared.
    """

    k: int
    recall: float
    low: float
    queries: int

    def __str__(self) -> str:
        if not self.queries:
            return f"recall@{self.k} {self.recall:.4f}: all are compared"
        return f"recall@{self.k} {self.recall:.4f} (≥ {self.low:.4f}) on {self.queries:,} queries"


@dataclass(frozen=True)
class Alternative:
    """An index that was tried.

    Parameters
    ----------
    index : str
        Its class and what its constructor was given.
    settings : dict
        The options of a search that reach the recall.
    recall : float, optional
        For the ``k`` that was asked for; None where the recall was not reached.
    queries_per_second : float
        In batches; 0 where it was not measured, as this is too:
    milliseconds : float
        For one query alone.
    build_seconds : float
    nbytes : int
        With the vectors, unless they stay on the disk.
    sample : int, optional
        How many vectors it was tried on, where not on all: time and bytes are then expected ones.
    note : str
        What speaks against it.
    """

    index: str
    settings: dict[str, Any]
    recall: float | None
    queries_per_second: float
    milliseconds: float
    build_seconds: float
    nbytes: int
    sample: int | None = None
    note: str = ""


@dataclass(frozen=True)
class Choice:
    """What was chosen, why, and what else there was; it prints as a table.

    Parameters
    ----------
    index : str
        The class and what its constructor was given.
    why : str
        In one sentence.
    recall : float
        What was asked for.
    k : int
    count : int
        How many vectors there were.
    threads : int
        How many the times are for.
    proofs : tuple of Proof
        One for each ``k``.
    alternatives : tuple of Alternative
        The chosen one first.
    misses : tuple of str
        What was asked for and could not be had; empty if all could.
    notes : tuple of str
        What there is to know about it.
    """

    index: str
    why: str
    recall: float
    k: int
    count: int
    threads: int
    proofs: tuple[Proof, ...]
    alternatives: tuple[Alternative, ...]
    misses: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=())

    @property
    def met(self) -> bool:
        """Whether all that was asked for could be had."""
        return not self.misses

    def to_dict(self) -> dict[str, Any]:
        """As plain values, for JSON."""
        return asdict(self) | {"met": self.met}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The choice that :meth:`to_dict` gave."""
        plain = {name: value for name, value in values.items() if name != "met"}
        return cls(
            **plain
            | {
                "proofs": tuple(Proof(**one) for one in values["proofs"]),
                "alternatives": tuple(Alternative(**one) for one in values["alternatives"]),
                "misses": tuple(values["misses"]),
                "notes": tuple(values["notes"]),
            }
        )

    def __str__(self) -> str:
        lines = [f"{self.index} for {self.count:,} vectors: {self.why}"]
        lines += [f"  {proof}" for proof in self.proofs]
        lines += [f"  could not: {miss}" for miss in self.misses]
        lines += [f"  {note}" for note in self.notes]
        return "\n".join([*lines, "", *_table(self)])


_HEAD = ("index", "options of a search", "recall", "queries/s", "ms alone", "built in", "bytes", "")


def _table(choice: Choice) -> list[str]:
    rows = [_HEAD, *(_cells(one) for one in choice.alternatives)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(_HEAD))]
    return [
        "  ".join(
            cell.ljust(width) if i in (0, 1, len(_HEAD) - 1) else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def _cells(one: Alternative) -> tuple[str, ...]:
    about = "" if one.sample is None else "~"
    said = [] if one.sample is None else [f"from {one.sample:,}"]
    said += [one.note] if one.note else []
    return (
        one.index,
        ", ".join(f"{name} {value}" for name, value in one.settings.items()) or "-",
        "-" if one.recall is None else f"{one.recall:.4f}",
        f"{about}{one.queries_per_second:,.0f}" if one.queries_per_second else "-",
        f"{about}{one.milliseconds:.3f}" if one.queries_per_second else "-",
        f"{about}{one.build_seconds:.1f} s",
        f"{about}{one.nbytes:,}",
        "; ".join(said),
    )
