"""What judging a system on a task cost: time, memory, bytes, money."""

from __future__ import annotations

import ctypes
import gc
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from kinspace.datasets.content import Document
from kinspace.encoder import Encoder, Progress
from kinspace.evaluate.system import Meter, Retriever, System
from kinspace.results import Neighbours

_STATUS = Path("/proc/self/status")
_CLEAR_REFS = Path("/proc/self/clear_refs")


@dataclass(frozen=True, slots=True)
class Costs:
    """What a run cost; None where that cannot be said.

    Parameters
    ----------
    seconds : float
        The whole task, from the first text to the last answer. Vectors that another system of
        the same encoder had left behind are charged with the time they took then.
    texts : int
        Texts taken in: encoded, or put into an index.
    text_seconds : float
        How long taking them in took.
    query_ms, query_ms_95 : float, optional
        Milliseconds of a single query, encoding included: the median and the 95th percentile.
    peak_bytes : int, optional
        The most memory that the whole process held at once: Python, libraries, loaded models, the
        set, vectors, index.
    start_bytes : int, optional
        What it held when the task began, models loaded.
    vector_bytes : int, optional
        Bytes of one vector as float32, of a sparse one on average; None for a system without
        vectors.
    index_bytes : int, optional
        What the system searched in.
    documents : int, optional
        How many documents that index held.
    price : float, optional
        US dollars that a provider charged; None where nobody charges.
    """

    seconds: float
    texts: int = 0
    text_seconds: float = 0.0
    query_ms: float | None = None
    query_ms_95: float | None = None
    peak_bytes: int | None = None
    start_bytes: int | None = None
    vector_bytes: int | None = None
    index_bytes: int | None = None
    documents: int | None = None
    price: float | None = None

    @property
    def texts_per_second(self) -> float | None:
        """Texts taken in a second."""
        return self.texts / self.text_seconds if self.texts and self.text_seconds else None

    @property
    def added_bytes(self) -> int | None:
        """What the task added to the process at its highest; models were loaded before."""
        if self.peak_bytes is None or self.start_bytes is None:
            return None
        return max(0, self.peak_bytes - self.start_bytes)

    @property
    def bytes_per_document(self) -> float | None:
        """Bytes of the index for each document."""
        if self.index_bytes is None or not self.documents:
            return None
        return self.index_bytes / self.documents

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON; those that are computed from others too."""
        return asdict(self) | {
            "texts_per_second": self.texts_per_second,
            "added_bytes": self.added_bytes,
            "bytes_per_document": self.bytes_per_document,
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Costs:
        """What :meth:`to_dict` wrote."""
        return cls(**{name: values[name] for name in cls.__slots__})


@dataclass
class Watch:
    """Looks on while a task runs.

    Attributes
    ----------
    seconds : float
    peak_bytes, start_bytes : int, optional
    """

    seconds: float = 0.0
    peak_bytes: int | None = None
    start_bytes: int | None = None


@contextmanager
def watched() -> Iterator[Watch]:
    """Measure time and peak memory of what is inside."""
    _give_memory_back()
    watch = Watch()
    earlier = _reset_peak()
    watch.start_bytes = _resident("VmRSS")
    start = time.perf_counter()
    try:
        yield watch
    finally:
        watch.seconds = time.perf_counter() - start
        watch.peak_bytes = _resident("VmHWM") if earlier is None else _grown(earlier)


def _give_memory_back() -> None:
    """Free what is garbage, so that it counts neither before nor after."""
    gc.collect()
    if sys.platform.startswith("linux"):
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc has it, musl does not
        if trim is not None:
            trim(0)


def _reset_peak() -> int | None:
    """Make the kernel forget the peak so far; where it cannot, the peak until now."""
    try:
        _CLEAR_REFS.write_text("5")  # proc(5): resets the peak resident set size
    except OSError:
        return _lifetime_peak()
    return None


def _resident(key: str) -> int | None:
    if not _STATUS.exists():
        return None
    for line in _STATUS.read_text("utf-8").splitlines():
        if line.startswith(f"{key}:"):
            return int(line.split()[1]) * 1024
    return None


def _lifetime_peak() -> int:
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak) if sys.platform == "darwin" else int(peak) * 1024


def _grown(earlier: int) -> int | None:
    """The peak, if it is a new one; one below an earlier peak is not known."""
    peak = _lifetime_peak()
    return peak if peak > earlier else None


@dataclass
class Observed:
    """A retriever that notes how long it takes to index, and how much it then holds.

    Parameters
    ----------
    inner : Retriever
    meters : sequence of Meter
        Those of its encoders: time that they were spared is added to its own.
    """

    inner: Retriever
    meters: Sequence[Meter] = ()
    documents: int = field(default=0, init=False)
    seconds: float = field(default=0.0, init=False)
    held: int = field(default=0, init=False)

    @property
    def name(self) -> str:
        """The retriever's own."""
        return self.inner.name

    @property
    def fingerprint(self) -> str:
        """The retriever's own."""
        return self.inner.fingerprint

    def index(self, documents: Sequence[Document], *, progress: Progress | None = None) -> None:
        """Hand documents on, by the clock."""
        spared, start = saved(self.meters), time.perf_counter()
        self.inner.index(documents, progress=progress)
        self.seconds += time.perf_counter() - start + saved(self.meters) - spared
        self.documents += len(documents)
        self.held = self.inner.index_bytes

    def search(self, queries: Sequence[str], k: int) -> list[Neighbours[str]]:
        """Hand queries on."""
        return self.inner.search(queries, k)

    @property
    def index_bytes(self) -> int:
        """The retriever's own."""
        return self.inner.index_bytes

    def close(self) -> None:
        """Close the retriever."""
        self.inner.close()


def saved(meters: Sequence[Meter]) -> float:
    """Seconds that remembered vectors have spared these encoders."""
    return sum(meter.saved for meter in meters)


def meters_of(system: System) -> list[Meter]:
    """The encoders of a system that count, wherever they stand in it; each once."""
    waiting: list[Any] = [system.encoder, system.retriever]
    parts: dict[int, Any] = {}
    while waiting:
        one = waiting.pop()
        if one is not None and id(one) not in parts:
            parts[id(one)] = one
            if not isinstance(one, Encoder):
                waiting.extend(
                    getattr(one, name, None) for name in ("encoder", "first", "reranker")
                )
    return [one for one in parts.values() if isinstance(one, Meter)]
