"""Make a learned token table better at telling texts apart, without learning anything new.

A table learned by cosine alone puts most of every text into a few directions, and gives a few
tokens very long rows. Both hide the words that a search is about. Chosen on the training claims
of SciFact, on CACM and on the development part of STS-B: see ``bench/LOG.md``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kinspace.engines.distillation import Bags

Floats = NDArray[np.float32]
_SAMPLE = 1 << 16
"""Texts that the directions are measured on."""
_LENGTH_POWER = 0.7
_RARITY_POWER = 0.4


def temper_lengths(table: Floats, bags: Bags) -> Floats:
    """Bring the rows' lengths nearer to each other, and lengthen rare rows a little.

    Parameters
    ----------
    table : array of float32, shape (rows, dim)
    bags : Bags
        Texts, which tell how frequent a row is.

    Returns
    -------
    array of float32, shape (rows, dim)
        Each row's length ``l`` has become ``l**0.7 * (-log(share))**0.4``.
    """
    counts = np.bincount(bags.ids, minlength=len(table))
    share = np.minimum(counts / max(counts.sum(), 1) + 1e-7, 0.5)
    lengths = np.linalg.norm(table, axis=1)
    factor = np.where(lengths > 0, lengths, 1) ** (_LENGTH_POWER - 1)
    factor *= (-np.log(share)) ** _RARITY_POWER
    return table * factor.astype(np.float32)[:, None]


def flatten_directions(table: Floats, bags: Bags, power: float) -> Floats:
    """Shrink the directions that texts have in common, so that the others count for more.

    Parameters
    ----------
    table : array of float32, shape (rows, dim)
    bags : Bags
        Texts that the directions are measured on.
    power : float
        0 changes nothing; 1 gives all directions equal energy over the texts (whitening).

    Returns
    -------
    array of float32, shape (rows, dim)
        ``table @ M ** (-power / 2)``, where M is the second moment of the texts' unit vectors.

    References
    ----------
    Su et al. 2021, "Whitening Sentence Representations for Better Semantics and Faster Retrieval".
    """
    chosen = np.unique(np.linspace(0, len(bags) - 1, min(len(bags), _SAMPLE)).astype(np.int64))
    moment = np.zeros((table.shape[1], table.shape[1]))
    for start in range(0, len(chosen), 1 << 12):
        counts, rows = bags.matrix(chosen[start : start + (1 << 12)])
        vectors = counts @ table[rows]
        vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
        moment += vectors.T @ vectors
    energy, directions = np.linalg.eigh(moment)
    energy = np.maximum(energy / energy[-1], 1e-6)
    turn = (directions * energy ** (-power / 2)) @ directions.T
    turned: Floats = table @ turn.astype(np.float32)
    return turned
