"""MinHash: sets as a few numbers of which two agree as often as the sets overlap."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar, Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from kinspace.compress.hashing import hashed, mixed
from kinspace.encoder import Parameters
from kinspace.errors import InvalidInput, InvalidParameter, InvalidVectors, require_count
from kinspace.space import Space, fingerprint_of

Bits = Literal[8, 16, 32]
_PAIRS: Final = 1 << 20


class MinHash(Parameters):
    """Signatures of sets: for each of some hash functions, the least hash of a set's members.

    Two sets have the same least hash with a probability of their Jaccard similarity, the share of
    common members among all. Sets cannot be brought back; nothing has to be learned.

    Parameters
    ----------
    n_hashes : int
        The standard error of a score is at most ``1 / (2 sqrt(n_hashes))``.
    bits : {8, 16, 32}
        How much of a least hash is kept. With few bits some agree by chance, which scores allow
        for (Li and König 2010, "b-Bit minwise hashing").
    seed : int

    References
    ----------
    Broder 1997, "On the resemblance and containment of documents".

    Examples
    --------
    >>> sketch = MinHash(1024)
    >>> codes = sketch.encode([{"a", "b", "c"}, {"a", "b", "d"}])
    >>> sketch.bytes_per_vector, sketch.scores([{"a", "b", "c"}], codes).round(1)[0].tolist()
    (2048, [1.0, 0.5])
    """

    name: ClassVar[str] = "minhash"

    def __init__(self, n_hashes: int = 128, *, bits: Bits = 16, seed: int = 0) -> None:
        self.n_hashes = n_hashes
        self.bits = bits
        self.seed = seed

    @property
    def code_dtype(self) -> np.dtype[Any]:
        """Of which type the numbers of a signature are."""
        if self.bits not in get_args(Bits):
            raise InvalidParameter(f"bits is {self.bits!r:.80}.", "Give 8, 16 or 32.")
        return np.dtype(f"uint{self.bits}")

    @property
    def bytes_per_vector(self) -> int:
        """Bytes of one signature."""
        return self.n_hashes * self.code_dtype.itemsize

    def space(self) -> Space:
        """The space of signatures, compared by how many of their numbers differ."""
        what = ("minhash", self.n_hashes, self.bits, self.seed)
        return Space("sets (minhash)", fingerprint_of(*what), self.n_hashes, "hamming")

    def encode(self, sets: Iterable[Iterable[object]]) -> NDArray[Any]:
        """The signatures of sets.

        Parameters
        ----------
        sets : iterable of iterables
            Of texts, whole numbers or bytes; a member that comes twice counts once.

        Returns
        -------
        ndarray of uint8, uint16 or uint32, shape (n, n_hashes)
            An empty set agrees with no other but empty ones, chance aside.

        Raises
        ------
        InvalidInput
        """
        require_count("n_hashes", self.n_hashes)
        keys = [hashed(_members(one)) for one in sets]
        codes = np.empty((len(keys), self.n_hashes), self.code_dtype)
        seeds = np.arange(1, self.n_hashes + 1, dtype=np.uint64) + np.uint64(self.seed << 32)
        lowest = np.uint64((1 << self.bits) - 1)
        step = max(1, _PAIRS // self.n_hashes)
        for row, members in enumerate(keys):
            least = np.full(self.n_hashes, np.iinfo(np.uint64).max, np.uint64)
            for start in range(0, len(members), step):
                many = mixed(members[start : start + step, None], seeds)
                least = np.minimum(least, many.min(axis=0))
            codes[row] = mixed(least, 0) & lowest
        return codes

    def vectors(self, codes: NDArray[Any]) -> NDArray[np.float32]:
        """Signatures as vectors of their space, for an index by ``hamming``.

        Raises
        ------
        InvalidInput
            With 32 bits, of which float32 cannot hold all.
        """
        if self.bits == 32:
            raise InvalidInput("A float32 cannot hold hashes of 32 bits.", "Use 16 or 8 bits.")
        return self._checked(codes).astype(np.float32)

    def scores(
        self, queries: Iterable[Iterable[object]], codes: NDArray[Any]
    ) -> NDArray[np.float32]:
        """About how like queries are to sets with these signatures, by Jaccard.

        Parameters
        ----------
        queries : iterable of iterables
        codes : ndarray, shape (n, n_hashes)

        Returns
        -------
        ndarray of float32, shape (q, n)
            From 0 to 1, and a little below 0 where fewer agree than by chance.
        """
        held = self._checked(codes)
        chance = 2.0**-self.bits
        asked = self.encode(queries)
        found = np.empty((len(asked), len(held)), np.float32)
        for row, query in enumerate(asked):
            found[row] = ((held == query).mean(axis=1) - chance) / (1 - chance)
        return found

    def _checked(self, codes: NDArray[Any]) -> NDArray[Any]:
        held = np.asarray(codes)
        if held.ndim != 2 or held.shape[1] != self.n_hashes or held.dtype != self.code_dtype:
            raise InvalidVectors(
                f"These are no signatures of this MinHash: {held.dtype} of shape {held.shape}; "
                f"{self.code_dtype} of shape (n, {self.n_hashes}) is needed.",
                "Give what encode() gave.",
            )
        return held


def _members(one: object) -> Iterable[object]:
    if isinstance(one, str | bytes) or not isinstance(one, Iterable):
        raise InvalidInput(
            f"{one!r:.80} is not a set.", "Give its members: words, or sequences of characters."
        )
    return set(one)
