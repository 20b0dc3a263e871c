"""HNSW: a graph of near rows, walked towards the query.

Malkov and Yashunin, "Efficient and robust approximate nearest neighbor search using Hierarchical
Navigable Small World graphs" (2018), with 8-bit codes in the walk and exact scores afterwards.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar, Final, Literal

import numpy as np
from numpy.typing import NDArray

from kinspace.engines import graph_build, graph_codes
from kinspace.engines.graph import (
    FIRST,
    IS_TWIN,
    OFFSET,
    SCALE,
    TWIN,
    Graph,
    Work,
    searcher,
    work_for,
)
from kinspace.errors import InvalidParameter, require_choice, require_count
from kinspace.index.batches import in_batches
from kinspace.index.held import DenseHeld
from kinspace.index.vector_index import VectorIndex
from kinspace.metric import Metric

Codes = Literal["int8", "float32"]
_BATCH: Final = 1024
"""Rows that choose their links at the same time."""
_PARTS: Final = 16
"""Into how many parts the rows are divided that link back."""
_NEAR: Final = 512
"""Rows that are scored at once, at the least."""
_HIGHEST: Final = 16
_SAMPLE: Final = 20_000
_ALIKE: Final = 1.1
"""The longest row over the shortest, where a dot product is much like a cosine."""
_NOBODY: Final = np.zeros(1, np.bool_)


class Hnsw(VectorIndex):
    """A navigable small-world graph: the fewest rows looked at for one query, at any recall.

    Made by kernels of our own, in as many threads as there are processors, always with the same
    result. The walk reads 8-bit codes; what it finds is scored exactly. Rows that were removed,
    or that a filter leaves out, are walked through but never found, and the walk goes on until
    ``ef_search`` others are. Rows that are the same share one place in the graph.

    Parameters
    ----------
    dim : int
        The length of the vectors.
    metric : {"cosine", "dot", "euclidean"}
    M : int
        Links that a row chooses on each level; it holds twice as many on the lowest. More find
        more, and take more time to build and 8 bytes a vector each.
    ef_construction : int
        Among how many of the nearest rows links are chosen; more take longer and find more.
    ef_search : int
        How many of the best rows a walk keeps: the walk ends when no link leads to a better one.
    codes : {"int8", "float32"}
        What the walk reads: codes of a byte a number, kept beside the vectors, or the vectors
        themselves, which takes no more memory and more time.
    seed : int
        For the levels of rows.
    dtype, exact_below
        As in :class:`~kinspace.index.vector_index.VectorIndex`; codes of float32 need vectors of
        float32.

    Raises
    ------
    InvalidParameter

    Examples
    --------
    >>> import numpy as np
    >>> vectors = np.random.default_rng(0).standard_normal((2000, 16))
    >>> index = Hnsw(dim=16)
    >>> index.add(vectors)
    >>> index.search(vectors[42], k=1)[0].ids
    [42]
    """

    SEARCH: ClassVar[tuple[str, ...]] = ("ef_search",)
    BLOCK: ClassVar[int] = 2048

    def __init__(
        self,
        dim: int,
        metric: Metric = "cosine",
        *,
        M: int = 16,  # noqa: N803
        ef_construction: int = 100,
        ef_search: int = 64,
        codes: Codes = "int8",
        seed: int = 0,
        dtype: str = "float32",
        exact_below: int = 1000,
    ) -> None:
        for name, value in (("ef_construction", ef_construction), ("ef_search", ef_search)):
            require_count(name, value)
        require_count("M", M)
        require_choice("codes", codes, Codes)
        if M < 2:
            raise InvalidParameter("M is 1; a graph of one link each is a line.", "Give 2 or more.")
        if codes == "float32" != dtype:
            raise InvalidParameter(
                f"The walk cannot read vectors of {dtype}.", 'Choose codes="int8".'
            )
        super().__init__(dim, metric, dtype=dtype, exact_below=exact_below)
        self.M = M
        self.ef_construction = ef_construction
        self.ef_search = ef_search
        self.codes = codes
        self.seed = seed
        self._mean = np.zeros(dim, np.float32)
        self._graph = self._room(0, 0)
        self._uppers = 0
        self._lengths = np.array([np.inf, 0], np.float32)  # the shortest row and the longest
        self._works: list[Work] = []

    # -- learning and adding ---------------------------------------------------------------------

    def _learn(self, rows: NDArray[np.float32]) -> None:
        sample = rows[:: max(1, len(rows) // _SAMPLE)]
        if self.codes == "int8":
            self._mean = sample.mean(0, dtype=np.float64).astype(np.float32)

    def _extend(self, rows: NDArray[np.float32], first: int) -> None:
        levels = self._levels(first, len(rows))
        self._enlarge(first + len(rows), self._uppers + int(levels.sum()))
        graph, end = self._graph, first + len(rows)
        graph.levels[first:end] = levels
        graph.above[first:end] = self._uppers + np.cumsum(levels) - levels
        self._uppers += int(levels.sum())
        in_batches(
            len(rows),
            self.threads,
            lambda a, b: self._encode(rows[a:b], graph.codes[first + a : first + b],
                                      graph.sides[first + a : first + b]),
        )  # fmt: skip
        if self.metric == "dot":
            lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows))
            np.minimum(self._lengths[0], lengths.min(), out=self._lengths[:1])
            np.maximum(self._lengths[1], lengths.max(), out=self._lengths[1:])
        for begin in range(first, end, _BATCH):
            self._link(begin, min(begin + _BATCH, end))

    def _encode(
        self, rows: NDArray[np.float32], codes: NDArray[Any], sides: NDArray[np.float32]
    ) -> None:
        if self.codes == "int8":
            by_distance = int(self.metric != "dot")  # the same order, of rows of length 1
            graph_codes.encoder()(rows, self._mean, by_distance, codes, sides)
        else:
            sides[:, SCALE] = 1

    def _levels(self, first: int, count: int) -> NDArray[np.int8]:
        """The level of each new row: each has ``1/M`` of the rows of the one below."""
        drawn = np.random.default_rng((self.seed, first)).random(count)
        return np.minimum(-np.log1p(-drawn) / math.log(self.M), _HIGHEST).astype(np.int8)

    def _link(self, begin: int, end: int) -> None:
        """Give a batch of rows its links, and links back to it."""
        graph = self._graph
        choose, settle, link_owners, link_back = graph_build.builder()
        first = int(graph.above[begin])
        last = int(graph.above[end - 1] + graph.levels[end - 1])

        def some(a: int, b: int) -> None:
            with self._work(self.ef_construction) as work:
                ef = self.ef_construction
                choose(graph, work, begin, begin + a, begin + b, ef, self.M, _NOBODY)

        in_batches(end - begin, self.threads, some)
        if settle(graph, begin, end):
            link_owners(graph, begin, end)
        chosen = graph.links[begin:end].copy(), graph.upper[first:last].copy()

        def parts(a: int, b: int) -> None:
            with self._work(2 * self.M + 1) as work:
                for part in range(a, b):
                    link_back(graph, work, *chosen, begin, end, first, part, _PARTS)

        in_batches(_PARTS, self.threads, parts)
        highest = begin + int(np.argmax(graph.levels[begin:end]))
        if graph.entry[0] < 0 or graph.levels[highest] > graph.entry[1]:
            graph.entry[:2] = highest, graph.levels[highest]

    # -- room ------------------------------------------------------------------------------------

    def _room(self, rows: int, uppers: int) -> Graph:
        """The arrays of a graph, empty, but for the codes where they are the vectors."""
        return Graph(
            codes=graph_codes.empty_codes(
                rows if self.codes == "int8" else 0, graph_codes.code_width(self.dim)
            ),
            sides=np.zeros((rows, OFFSET + 1), np.float32),
            links=np.zeros((rows, FIRST + 2 * self.M), np.int32),
            levels=np.zeros(rows, np.int8),
            above=np.zeros(rows, np.int32),
            upper=np.zeros((uppers, FIRST + self.M), np.int32),
            entry=np.array([-1, 0, self.codes == "float32" and self.metric == "euclidean"]),
        )

    def _enlarge(self, rows: int, uppers: int) -> None:
        """Have room for so many rows, and some more."""
        old = self._graph
        kept, high = len(old.links), len(old.upper)
        if rows > kept or uppers > high:
            enough = rows if rows <= kept else max(rows, kept + kept // 2)
            uppers = uppers if uppers <= high else max(uppers, high + high // 2)
            new = self._room(max(enough, kept), max(uppers, high))
            pairs: Any = zip(Graph._fields, new, old, strict=True)
            for name, mine, theirs in pairs:
                if name != "codes" or self.codes == "int8":
                    mine[: len(theirs)] = theirs
            self._graph = new
        self._graph = self._with_vectors(self._graph)

    def _with_vectors(self, graph: Graph) -> Graph:
        """A graph whose codes are the vectors, where they are."""
        held = self._held
        if self.codes == "float32" and isinstance(held, DenseHeld):
            return graph._replace(codes=held.table)
        return graph

    @contextmanager
    def _work(self, ef: int) -> Iterator[Work]:
        """Room for one thread's walks: some that was used before, where it is large enough."""
        rows = len(self._graph.links)
        try:
            work = self._works.pop()
        except IndexError:
            work = None
        if work is None or len(work.seen) < rows or len(work.best) <= ef:
            work = work_for(rows, ef, max(_NEAR, FIRST + 2 * self.M))
        yield work
        self._works.append(work)

    # -- searching -------------------------------------------------------------------------------

    def _candidates(
        self,
        queries: NDArray[np.float32],
        k: int,
        usable: NDArray[np.bool_] | None,
        options: Mapping[str, Any],
    ) -> NDArray[np.int64]:
        require_count("ef_search", options["ef_search"])
        ef = max(k, int(options["ef_search"]))
        asked: Any = np.ascontiguousarray(queries)
        codes = asked
        sides = np.empty((len(asked), OFFSET + 1), np.float32)
        if self.codes == "int8":
            codes = graph_codes.empty_codes(len(asked), graph_codes.code_width(self.dim))
        self._encode(asked, codes, sides)
        rows = np.empty((len(queries), ef if self.codes == "int8" else k), np.int64)
        graph, search = self._with_vectors(self._graph), searcher()
        is_limited = usable is not None
        allowed = _NOBODY if usable is None else usable

        def some(first: int, last: int) -> None:
            with self._work(ef) as work:
                search(graph, work, codes, sides, first, last, ef, allowed, is_limited, rows)

        in_batches(len(queries), self.threads, some)
        return rows

    def _exact_pays(self, usable: int) -> bool:
        # Where lengths differ, a dot product hardly ever leads to short rows: if the long ones are
        # left out, the walk misses those that are next.
        shortest, longest = self._lengths.tolist()
        if longest > _ALIKE * shortest and usable < self._covered / 2:
            return True
        # A walk looks at some ef_search · M rows, and at as many more as the filter leaves fewer,
        # each in a quarter of the time.
        walk: float = self._search_options(1)["ef_search"] * self.M * self._covered / max(1, usable)
        return bool(usable <= max(self.exact_below, walk / 4))

    # -- files -----------------------------------------------------------------------------------

    def _structure(self) -> dict[str, NDArray[Any]]:
        if not self._covered:
            return {}
        arrays = {name: array[: self._covered] for name, array in self._graph._asdict().items()}
        arrays |= {"upper": self._graph.upper[: self._uppers], "entry": self._graph.entry}
        if self.codes == "float32":
            del arrays["codes"]
        return arrays | {"mean": self._mean, "lengths": self._lengths}

    def _restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        empty = self._graph._asdict()
        kept = {name: arrays.get(name, array) for name, array in empty.items()}
        self._graph = self._with_vectors(Graph(**kept))
        self._uppers = len(self._graph.upper)
        self._mean, self._lengths = arrays["mean"], arrays["lengths"]
        _check(self._graph, self.M)


def _check(graph: Graph, most: int) -> None:
    """Raise ValueError unless a graph that was read stays within itself."""
    rows, uppers = len(graph.links), len(graph.upper)
    twins = graph.links[:, TWIN]
    owners = graph.links[graph.levels == IS_TWIN, FIRST]
    ends = graph.above + np.maximum(graph.levels, 0)
    whole = (
        graph.links.shape == (rows, FIRST + 2 * most)
        and graph.upper.shape == (uppers, FIRST + most)
        and _within(graph.links[:, 0], 0, 2 * most + 1)
        and _within(graph.upper[:, 0], 0, most + 1)
        and _within(graph.links[:, FIRST:], 0, rows)
        and _within(graph.upper[:, FIRST:], 0, rows)
        and _within(twins, -1, rows)
        and _within(owners, 0, rows)
        and _within(graph.above, 0, uppers + 1)
        and _within(ends, 0, uppers + 1)
        and -1 <= graph.entry[0] < rows
        and len(graph.codes) == len(graph.sides) == len(graph.levels) == rows
    )
    if not whole:
        raise ValueError("a link of the graph leads nowhere")


def _within(numbers: NDArray[Any], least: int, end: int) -> bool:
    return not numbers.size or (int(numbers.min()) >= least and int(numbers.max()) < end)
