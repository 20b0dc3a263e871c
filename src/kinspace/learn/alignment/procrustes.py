"""Orthogonal Procrustes: the rotation that brings one space onto another."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from kinspace.embeddings import Embeddings
from kinspace.encoder import Parameters, learned
from kinspace.engines import csls
from kinspace.errors import EmptyInput, InvalidInput, InvalidParameter, ReadError
from kinspace.learn import saved as files
from kinspace.learn.stages import Stages, shown
from kinspace.metric import normalise
from kinspace.space import Space


class Procrustes(Parameters):
    """Maps a space onto another by a rotation, learned from pairs that belong together.

    Vectors x, y of pairs are brought to length 1 (and centred, if asked for); the map is the
    orthogonal matrix W that makes the squares of x W - y least: U Vᵀ of the singular value
    decomposition of Xᵀ Y (Schönemann, 1966; Xing et al., 2015, for words). Angles within the first
    space stay as they are. Where the two differ in dimensions, W has orthonormal rows or columns.

    With ``rounds``, learning goes on by itself (Artetxe et al., 2017 and 2018; the refinement of
    Conneau et al., 2017): rows of both sides that are each other's nearest by CSLS become the next
    pairs, until their likeness no longer grows. A few dozen pairs to begin with may do.

    Parameters
    ----------
    rounds : int
        Rounds of self-learning at most; 0 learns from the pairs given alone.
    frequent : int
        Self-learning looks at the first rows of each table only, which are the most frequent words
        where a table is sorted by frequency.
    neighbours : int
        Over so many neighbours CSLS takes the crowd around a vector.
    unit : bool
        Bring vectors to length 1 first: right where vectors are compared by cosine.
    center : bool
        Map the mean of the one space onto the mean of the other as well, so that the map is a
        rotation and a shift.

    Attributes
    ----------
    matrix_ : ndarray of float32, shape (source dim, target dim)
    shift_ : ndarray of float32, shape (target dim,)
        Added after the rotation; zeros without ``center``.
    source_space_, target_space_ : Space
    pairs_ : int
        How many of the pairs given were known on both sides.
    rounds_ : list of dict
        For each round of self-learning: ``pairs`` and their ``cosine`` on the mean.

    Examples
    --------
    >>> from kinspace.space import Space
    >>> english = Embeddings([[1, 0], [0.8, 0.6]], Space("en", "1", dim=2), ["cat", "car"])
    >>> french = Embeddings([[0, 1], [-0.6, 0.8]], Space("fr", "2", dim=2), ["chat", "auto"])
    >>> aligner = Procrustes().fit(english, french, [("cat", "chat"), ("car", "auto")])
    >>> aligner.map(english).nearest(french["chat"], k=1).ids
    ['cat']
    """

    method: ClassVar[str] = "procrustes"

    def __init__(
        self,
        rounds: int = 0,
        *,
        frequent: int = 20_000,
        neighbours: int = 10,
        unit: bool = True,
        center: bool = False,
    ) -> None:
        self.rounds = rounds
        self.frequent = frequent
        self.neighbours = neighbours
        self.unit = unit
        self.center = center

    # -- learning ------------------------------------------------------------------------------

    def fit(
        self,
        source: Embeddings,
        target: Embeddings,
        pairs: Iterable[tuple[Hashable, Hashable]] | None = None,
        *,
        progress: bool | Stages = False,
    ) -> Self:
        """Learn the map from ``source`` to ``target``.

        Parameters
        ----------
        source, target : Embeddings
            Dense; of any dimensions.
        pairs : iterable of (id, id), optional
            Of the source and of the target, such as a dictionary. Those that are not known on both
            sides are passed over. By default, each id that both sides have is paired with itself:
            numbers and names, between languages; all, between two models of one language.
        progress : bool or callable
            As for learners.

        Raises
        ------
        EmptyInput
            If no pair is known on both sides.
        InvalidInput, InvalidParameter
        """
        self._check(source, target)
        rows = _rows(source, target, pairs)
        x, y = self._prepared(source), self._prepared(target)
        mean_x, mean_y = (
            table.mean(axis=0) if self.center else np.zeros(table.shape[1], np.float32)
            for table in (x, y)
        )
        x, y = x - mean_x, y - mean_y
        matrix = _rotation(x[rows[:, 0]], y[rows[:, 1]])
        self.rounds_: list[dict[str, Any]] = []
        with shown(progress) as tell:
            if self.rounds:
                matrix = self._go_on(x[: self.frequent], y[: self.frequent], matrix, tell)
        self.matrix_ = matrix.astype(np.float32)
        self.shift_ = (mean_y - mean_x @ matrix).astype(np.float32)
        self.pairs_ = len(rows)
        self.source_space_, self.target_space_ = source.space, target.space
        return self

    def _check(self, source: Embeddings, target: Embeddings) -> None:
        if self.rounds < 0 or self.frequent < 1 or self.neighbours < 1:
            raise InvalidParameter(
                f"rounds is {self.rounds}, frequent {self.frequent}, neighbours {self.neighbours}.",
                "Give rounds ≥ 0, the others ≥ 1.",
            )
        for side in (source, target):
            if side.space.form != "dense":
                raise InvalidInput(
                    f"{side.space} is not dense.", "Reduce it first, for example by LSA."
                )

    def _prepared(self, table: Embeddings) -> NDArray[np.float32]:
        vectors = np.asarray(table)
        return normalise(vectors) if self.unit else vectors

    def _go_on(
        self,
        x: NDArray[np.float32],
        y: NDArray[np.float32],
        matrix: NDArray[np.float64],
        tell: Stages,
    ) -> NDArray[np.float64]:
        """Self-learning: induce pairs by the map, and the map by pairs, while it grows better."""
        best, likeness = matrix, float("-inf")
        y_unit = normalise(y)
        for done in range(self.rounds):
            mapped = normalise((x @ matrix).astype(np.float32))
            rows, cosine = mutual_nearest(mapped, y_unit, self.neighbours)
            if cosine <= likeness + 1e-6:
                break
            best, likeness = matrix, cosine
            self.rounds_.append({"pairs": len(rows), "cosine": cosine})
            tell("align", done + 1, self.rounds, f"{len(rows):,} pairs, cosine {cosine:.4f}")
            if not len(rows):
                break
            matrix = _rotation(x[rows[:, 0]], y[rows[:, 1]])
        else:
            best = matrix
        return best

    # -- what was learned ----------------------------------------------------------------------

    def map(self, source: Embeddings) -> Embeddings:
        """Bring vectors of the source's space into the target's.

        Parameters
        ----------
        source : Embeddings
            The table that was learned from, or others of its space.

        Returns
        -------
        Embeddings
            In the target's space, with the ids of ``source``: the two can be compared, searched
            and stored together.

        Raises
        ------
        NotFitted, SpaceMismatch
        """
        matrix: NDArray[np.float32] = learned(self, "matrix_", "source, target")
        self.source_space_.require(source.space, "mapped")
        moved = self._prepared(source) @ matrix + self.shift_
        return Embeddings(moved, self.target_space_, source.ids)

    # -- on disk -------------------------------------------------------------------------------

    def save(self, folder: str | Path) -> None:
        """Write the map to a folder; see :mod:`kinspace.learn.saved`.

        Raises
        ------
        NotFitted, InvalidInput
        """
        state = {"matrix": learned(self, "matrix_", "source, target"), "shift": self.shift_}
        facts = {
            "source": self.source_space_.to_dict(),
            "target": self.target_space_.to_dict(),
            "pairs": self.pairs_,
            "rounds": self.rounds_,
        }
        files.write(
            folder, files.Saved(self.method, self.get_params(deep=False), facts, None, state)
        )

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Read what :meth:`save` wrote.

        Raises
        ------
        ModelNotFound, ReadError
        """
        found = files.read(folder, cls.method)
        aligner = cls(**found.params)
        try:
            aligner.matrix_, aligner.shift_ = found.state["matrix"], found.state["shift"]
            aligner.source_space_ = Space.from_dict(found.facts["source"])
            aligner.target_space_ = Space.from_dict(found.facts["target"])
            aligner.pairs_, aligner.rounds_ = found.facts["pairs"], found.facts["rounds"]
        except (KeyError, TypeError) as error:
            raise ReadError(f"{folder} is not a whole map: {error}.", "Learn it again.") from error
        return aligner


def mutual_nearest(
    x: NDArray[np.float32], y: NDArray[np.float32], neighbours: int
) -> tuple[NDArray[np.int64], float]:
    """Rows that are each other's nearest by CSLS, and the mean cosine of all x with theirs.

    Parameters
    ----------
    x, y : ndarray of float32, shapes (n, dim) and (m, dim)
        Of length 1, in one space.
    neighbours : int

    Returns
    -------
    rows : ndarray of int64, shape (pairs, 2)
    cosine : float
    """
    around_x, around_y = csls.density(x, y, neighbours), csls.density(y, x, neighbours)
    there = csls.nearest(x, y, 1, around_sources=around_x, around_targets=around_y)[0][:, 0]
    back = csls.nearest(y, x, 1, around_sources=around_y, around_targets=around_x)[0][:, 0]
    own = np.arange(len(x))
    both = back[there] == own
    cosine = float(np.einsum("ij,ij->i", x, y[there]).mean())
    return np.stack([own[both], there[both]], axis=1), cosine


def _rows(
    source: Embeddings,
    target: Embeddings,
    pairs: Iterable[tuple[Hashable, Hashable]] | None,
) -> NDArray[np.int64]:
    """The rows of the pairs that are known on both sides, shape (n, 2)."""
    left, right = (
        {name: row for row, name in enumerate(table.ids or range(len(table)))}
        for table in (source, target)
    )
    if pairs is None:
        if source.ids is None or target.ids is None:
            raise InvalidInput("Rows without ids have no like on the other side.", "Give pairs.")
        pairs = [(name, name) for name in left if name in right]
    listed = list(pairs)
    try:
        found = [(left[a], right[b]) for a, b in listed if a in left and b in right]
    except (TypeError, ValueError) as error:
        raise InvalidInput(
            f"These are not pairs of ids: {error}.", "Give (id of the source, id of the target)."
        ) from error
    if not found:
        raise EmptyInput(
            f"None of {len(listed)} pairs is known on both sides.",
            "Give pairs as (id of the source, id of the target), spelled as in the two tables.",
        )
    return np.array(found, np.int64)


def _rotation(x: NDArray[np.float32], y: NDArray[np.float32]) -> NDArray[np.float64]:
    """The W with orthonormal rows or columns for which the squares of x W - y are least."""
    u, _, v = np.linalg.svd(x.astype(np.float64).T @ y.astype(np.float64), full_matrices=False)
    rotation: NDArray[np.float64] = u @ v
    return rotation
