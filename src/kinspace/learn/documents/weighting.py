"""How much a term counts in a text: from counts to weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from kinspace.errors import InvalidParameter
from kinspace.learn.documents.terms import documents_with

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Weighting = Literal["tfidf", "bm25", "log-entropy", "counts"]
Norm = Literal["l2", "l1", "none"]
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Weights:
    """From counts to weights; what a term weighs in all texts was learned beforehand.

    Attributes
    ----------
    weighting : {"tfidf", "bm25", "log-entropy", "counts"}
    terms : ndarray of float32, shape (terms,)
        What each term weighs: :func:`term_weights`.
    mean_length : float
        Terms of a text, on average, for BM25.
    sublinear : bool
    norm : {"l2", "l1", "none"}
    k1, b : float
        BM25's constants.
    """

    weighting: Weighting
    terms: Floats
    mean_length: float
    sublinear: bool
    norm: Norm
    k1: float
    b: float

    def of_documents(self, counts: csr_array) -> csr_array:
        """Weights of texts; float32, shape (texts, terms)."""
        data: NDArray[np.floating] = counts.data
        if self.weighting == "log-entropy":
            data = np.log1p(data)
        elif self.weighting == "bm25":
            lengths = np.asarray(counts.sum(axis=1)) / self.mean_length
            shares = np.repeat(1 - self.b + self.b * lengths, np.diff(counts.indptr))
            data = data * (self.k1 + 1) / (data + self.k1 * shares)
        elif self.sublinear:
            data = 1 + np.log(data)
        weighted = _like(counts, data * self.terms[counts.indices])
        return normalised(weighted, self.norm)

    def of_queries(self, counts: csr_array) -> csr_array:
        """Weights of queries: those of texts, but BM25 takes the counts as they are."""
        return counts if self.weighting == "bm25" else self.of_documents(counts)


def term_weights(counts: csr_array, weighting: Weighting, smooth: bool) -> Floats:
    """What each term weighs, from its counts in the texts that are learned from.

    With n texts of which n_t hold term t, and p the share of t's occurrences that a text has:

    - ``tfidf``: ln(n / n_t) + 1, or, smooth, ln((1 + n) / (1 + n_t)) + 1, as scikit-learn;
    - ``bm25``: ln(1 + (n - n_t + ½) / (n_t + ½)), as Lucene;
    - ``log-entropy``: 1 + Σ p ln p / ln n, over texts: 0 for what is spread evenly;
    - ``counts``: 1.

    Parameters
    ----------
    counts : csr_array of float32, shape (texts, terms)
    weighting : {"tfidf", "bm25", "log-entropy", "counts"}
    smooth : bool

    Returns
    -------
    ndarray of float32, shape (terms,)
    """
    texts, terms = counts.shape
    held = documents_with(counts)
    if weighting == "counts":
        weights = np.ones(terms)
    elif weighting == "tfidf":
        weights = np.log((texts + smooth) / (held + smooth)) + 1
    elif weighting == "bm25":
        weights = np.log1p((texts - held + 0.5) / (held + 0.5))
    else:
        p = counts.data / np.asarray(counts.sum(axis=0), np.float64)[counts.indices]
        entropy = np.bincount(counts.indices, p * np.log(p), terms)
        weights = 1 + entropy / np.log(max(texts, 2))
    return np.asarray(weights, np.float32)


def normalised(rows: csr_array, norm: Norm) -> csr_array:
    """Rows whose squares (``l2``) or sizes (``l1``) add up to 1; rows of zeros stay."""
    if norm == "none":
        return rows
    sizes = np.abs(rows.data) if norm == "l1" else rows.data.astype(np.float64) ** 2
    row = np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr))
    total = np.bincount(row, sizes, rows.shape[0])
    total = np.sqrt(total) if norm == "l2" else total
    return _like(rows, rows.data / total[row])


def check(weighting: str, norm: str | None, sublinear: bool, k1: float, b: float) -> Norm:
    """Check arguments of these names; the norm that is meant.

    Raises
    ------
    InvalidParameter
    """
    if weighting not in get_args(Weighting):
        raise InvalidParameter(
            f"Unknown weighting {weighting!r}.", f"Choose one of: {', '.join(get_args(Weighting))}."
        )
    if sublinear and weighting not in ("tfidf", "counts"):
        raise InvalidParameter(
            f"{weighting} grows slower than the counts by itself.", "Leave sublinear out."
        )
    if k1 < 0 or not 0 <= b <= 1:
        raise InvalidParameter(
            f"BM25 has no constants k1={k1!r} and b={b!r}.", "Give k1 ≥ 0, and b from 0 to 1."
        )
    if norm is None:
        return "none" if weighting in ("bm25", "counts") else "l2"
    for known in get_args(Norm):
        if norm == known:
            found: Norm = known
            return found
    raise InvalidParameter(
        f"Unknown norm {norm!r}.", f"Choose one of: {', '.join(get_args(Norm))}."
    )


def _like(rows: csr_array, data: NDArray[np.floating]) -> csr_array:
    """The same places with other numbers."""
    from scipy.sparse import csr_array

    return csr_array((data.astype(np.float32), rows.indices, rows.indptr), shape=rows.shape)
