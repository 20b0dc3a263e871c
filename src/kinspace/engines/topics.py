"""Latent Dirichlet allocation by online variational Bayes (Hoffman, Blei and Bach, 2010).

Texts are counts of terms. A topic is a Dirichlet distribution over terms with parameters λ, a
text's mixture of topics one with parameters γ. Tables have a row for each term, because a text
gathers the rows of its terms.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinspace.engines.compiled import compiled, in_threads

Floats = NDArray[np.float32]
Expected = tuple[Floats, NDArray[np.float64]]
"""What :func:`expected` gives."""

_LEAST = 1e-15
"""The least factor of a share: products stay clear of the numbers that processors are slow with."""


@dataclass(frozen=True)
class Counts:
    """Counts of terms in texts: text ``i`` has ``counts[starts[i]:starts[i + 1]]`` of ``ids``.

    Attributes
    ----------
    ids : ndarray of int32, shape (entries,)
        No term comes twice in a text.
    counts : ndarray of float32, shape (entries,)
    starts : ndarray of int64, shape (texts + 1,)
    """

    ids: NDArray[np.int32]
    counts: Floats
    starts: NDArray[np.int64]


@dataclass(frozen=True)
class Plan:
    """How learning goes.

    Attributes
    ----------
    alpha, eta : float
        Concentration of a text's topics, and of a topic's terms, beforehand.
    epochs, batch_size : int
    decay, offset : float
        Batch t moves topics by (offset + t) ** -decay: κ and τ₀ of the paper.
    iterations : int
        Steps of a text's mixture, at most.
    tolerance : float
        Such steps end when a mixture's parameters change by less, on average.
    seed : int
    """

    alpha: float
    eta: float
    epochs: int
    batch_size: int
    decay: float
    offset: float
    iterations: int
    tolerance: float
    seed: int


def learn(
    texts: Counts,
    terms: int,
    topics: int,
    plan: Plan,
    *,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Floats:
    """Learn topics from texts.

    Parameters
    ----------
    texts : Counts
    terms, topics : int
    plan : Plan
    workers : int
        Threads, which share the texts of a batch.
    progress : callable, optional
        Called with texts done and texts in all, over all epochs.

    Returns
    -------
    ndarray of float32, shape (terms, topics)
        λ.
    """
    size = len(texts.starts) - 1
    random = np.random.default_rng(plan.seed)
    topic_terms = random.gamma(100, 0.01, (terms, topics)).astype(np.float32)
    mixtures = started(texts, topics, plan.alpha)
    found = [np.zeros((terms, topics), np.float32) for _ in range(workers)]
    batch = 0
    for epoch in range(plan.epochs):
        order = random.permutation(size)
        for first in range(0, size, plan.batch_size):
            chosen = order[first : first + plan.batch_size]
            weights, _ = expected(topic_terms)
            part, gamma = _rows(texts, chosen), mixtures[chosen]
            for each in found:
                each[:] = 0
            _infer(part, weights, gamma, plan, found)
            mixtures[chosen] = gamma  # where the next epoch goes on
            step = (plan.offset + batch) ** -plan.decay
            for other in found[1:]:
                found[0] += other
            topic_terms *= 1 - step
            topic_terms += step * (np.float32(size / len(chosen)) * found[0] + plan.eta)
            batch += 1
            if progress is not None:
                progress(epoch * size + first + len(chosen), plan.epochs * size)
    return topic_terms


def mix(
    texts: Counts, ready: Expected, plan: Plan, *, workers: int = 1
) -> tuple[Floats, NDArray[np.float64]]:
    """The topics of texts.

    Parameters
    ----------
    texts : Counts
    ready : tuple of ndarray
        What :func:`expected` makes of the topics.
    plan : Plan
    workers : int

    Returns
    -------
    mixtures : ndarray of float32, shape (texts, topics)
        γ: what a text's topics have, :attr:`Plan.alpha` included.
    bounds : ndarray of float64, shape (texts,)
        The text's part of the variational bound: at most the log of its probability, which also
        lacks the part of the topics (:func:`topic_bound`).
    """
    weights, greatest = ready
    gamma = started(texts, weights.shape[1], plan.alpha)
    fits = _infer(texts, weights, gamma, plan, [None] * workers)
    return gamma, _text_bounds(texts, gamma, fits, greatest, plan.alpha)


def started(texts: Counts, topics: int, alpha: float) -> Floats:
    """Mixtures without a preference: all topics share a text's words."""
    totals = np.add.reduceat(np.append(texts.counts, 0), texts.starts[:-1]) * (
        np.diff(texts.starts) > 0
    )
    return np.repeat((alpha + totals / topics).astype(np.float32)[:, None], topics, axis=1)


def expected(topic_terms: Floats) -> Expected:
    """The exponential of E[log β], each row divided by its greatest, and the logs of those.

    What divides a row cancels out of a text's steps; without it float32 would underflow.
    The least is 1e-15.
    """
    weights = np.empty_like(topic_terms)
    greatest = np.empty(len(topic_terms))
    totals = topic_terms.sum(axis=0, dtype=np.float64)
    wide = np.empty(topic_terms.shape[1])
    run = compiled(expect, digamma)
    run(topic_terms, np.array([digamma(total) for total in totals]), weights, greatest, wide)
    return weights, greatest


def topic_bound(topic_terms: Floats, eta: float) -> float:
    """What the topics add to the variational bound: E[log p(β | η)] - E[log q(β | λ)]."""
    from scipy.special import gammaln, psi

    rows = topic_terms.astype(np.float64)
    totals = rows.sum(axis=0)
    logs = psi(rows) - psi(totals)
    terms, topics = rows.shape
    prior = topics * (gammaln(terms * eta) - terms * gammaln(eta))
    found = ((eta - rows) * logs).sum() + gammaln(rows).sum() - gammaln(totals).sum()
    return float(prior + found)


def _text_bounds(
    texts: Counts,
    gamma: Floats,
    fits: NDArray[np.float64],
    greatest: NDArray[np.float64],
    alpha: float,
) -> NDArray[np.float64]:
    from scipy.special import gammaln, psi

    wide = gamma.astype(np.float64)
    totals = wide.sum(axis=1)
    logs = psi(wide) - psi(totals)[:, None]
    topics = wide.shape[1]
    text = np.repeat(np.arange(len(wide)), np.diff(texts.starts))
    counts = texts.counts.astype(np.float64)
    words = np.bincount(text, counts, len(wide))
    found = fits - words * psi(totals) + np.bincount(text, counts * greatest[texts.ids], len(wide))
    found += ((alpha - wide) * logs + gammaln(wide)).sum(axis=1) - gammaln(totals)
    bounds: NDArray[np.float64] = found + gammaln(topics * alpha) - topics * gammaln(alpha)
    return bounds


def _infer(
    texts: Counts,
    weights: Floats,
    gamma: Floats,
    plan: Plan,
    found: Sequence[Floats | None],
) -> NDArray[np.float64]:
    """Step all mixtures ``gamma`` in place; a thread for each of ``found``, which it adds to."""
    run = compiled(infer, exp_digamma, step, credit)
    size, topics = gamma.shape
    fits = np.zeros(size)
    longest = int(np.diff(texts.starts).max(initial=1))
    shares = np.linspace(0, len(texts.ids), len(found) + 1)[1:-1]
    cuts = [0, *np.searchsorted(texts.starts, shares).tolist(), size]
    nothing = np.zeros((0, topics), np.float32)
    tables = dict(zip(cuts[:-1][::-1], found[::-1], strict=True))  # of equal cuts, the first works

    def work(first: int, last: int) -> None:
        table = tables[first]
        scratch = np.empty((longest + 2, topics), np.float32)
        run(
            texts.ids, texts.counts, texts.starts, first, last, weights, np.float32(plan.alpha),
            plan.iterations, np.float32(plan.tolerance), gamma,
            nothing if table is None else table, fits, scratch,
        )  # fmt: skip

    in_threads(work, cuts)
    return fits


def _rows(texts: Counts, chosen: NDArray[np.int64]) -> Counts:
    """Some of the texts, in that order."""
    lengths = np.diff(texts.starts)[chosen]
    starts = np.concatenate([[0], np.cumsum(lengths)])
    places = np.arange(starts[-1]) + np.repeat(texts.starts[chosen] - starts[:-1], lengths)
    return Counts(texts.ids[places], texts.counts[places], starts)


# -- plain, to be compiled -------------------------------------------------------------------------


def digamma(x: float) -> float:
    """ψ(x) of a positive number, to 1e-8: the asymptotic series at x + 6, and ψ's recurrence."""
    t = x * (x + 5)
    y = x + 6
    z = 1 / (y * y)
    series = 0.5 / y + z * (1 / 12 - z * (1 / 120 - z * (1 / 252 - z / 240)))
    log = float(np.log(y))
    return log - series - (2 * x + 5) * (3 * t * t + 20 * t + 24) / (t * (t + 4) * (t + 6))


def exp_digamma(x: float) -> float:
    """The exponential of ψ(x), without a logarithm."""
    t = x * (x + 5)
    y = x + 6
    z = 1 / (y * y)
    series = 0.5 / y + z * (1 / 12 - z * (1 / 120 - z * (1 / 252 - z / 240)))
    return y * float(
        np.exp(-series - (2 * x + 5) * (3 * t * t + 20 * t + 24) / (t * (t + 4) * (t + 6)))
    )


def expect(
    topic_terms: Floats,
    of_totals: NDArray[np.float64],
    weights: Floats,
    greatest: NDArray[np.float64],
    wide: NDArray[np.float64],
) -> None:
    """Fill what :func:`expected` gives; ``of_totals`` is ψ of each topic's total."""
    terms, topics = topic_terms.shape
    for term in range(terms):
        most = -np.inf
        for k in range(topics):
            wide[k] = digamma(np.float64(topic_terms[term, k])) - of_totals[k]
            most = max(most, wide[k])
        greatest[term] = most
        for k in range(topics):
            weights[term, k] = max(np.exp(wide[k] - most), _LEAST)


def infer(
    ids: NDArray[np.int32],
    counts: Floats,
    starts: NDArray[np.int64],
    first: int,
    last: int,
    weights: Floats,
    alpha: np.float32,
    iterations: int,
    tolerance: np.float32,
    gamma: Floats,
    found: Floats,
    fits: NDArray[np.float64],
    scratch: Floats,
) -> None:
    """Step the mixtures of texts ``first`` to ``last`` until they stay: the paper's algorithm 1.

    Parameters
    ----------
    ids, counts, starts
        As in :class:`Counts`.
    first, last : int
    weights : ndarray of float32, shape (terms, topics)
        exp E[log β], rows scaled as they may be.
    alpha, iterations, tolerance
        As in :class:`Plan`.
    gamma : ndarray of float32, shape (texts, topics)
        Where the mixtures start, and what they become.
    found : ndarray of float32, shape (terms or 0, topics)
        Is added how often each topic made each term.
    fits : ndarray of float64, shape (texts,)
        Becomes Σ count · log Σ_k exp(ψ(γ_k)) · weight.
    scratch : ndarray of float32, shape (longest text + 3, topics)
    """
    topics = gamma.shape[1]
    theta, sums, rows = scratch[0], scratch[1], scratch[2:]
    for text in range(first, last):
        begin, end = starts[text], starts[text + 1]
        for i in range(begin, end):
            row, line = weights[ids[i]], rows[i - begin]
            for k in range(topics):
                line[k] = row[k]
        for _ in range(iterations):
            if step(counts[begin:end], rows, alpha, gamma[text], theta, sums) < tolerance * topics:
                break
        fits[text] = credit(ids[begin:end], counts[begin:end], rows, gamma[text], theta, found)


def step(
    counts: Floats, rows: Floats, alpha: np.float32, mixture: Floats, theta: Floats, sums: Floats
) -> np.float32:
    """Step one mixture, γ_k = α + Σ count · θ_k w_k / Σ_j θ_j w_j; how much it changed in all."""
    topics = len(mixture)
    for k in range(topics):
        theta[k] = max(exp_digamma(np.float64(mixture[k])), _LEAST)
        sums[k] = 0
    for i in range(len(counts)):
        line = rows[i]
        total = np.float32(0)
        for k in range(topics):
            total += theta[k] * line[k]
        share = counts[i] / total
        for k in range(topics):
            sums[k] += share * line[k]
    change = np.float32(0)
    for k in range(topics):
        new = alpha + theta[k] * sums[k]
        change += abs(new - mixture[k])
        mixture[k] = new
    return change


def credit(
    ids: NDArray[np.int32],
    counts: Floats,
    rows: Floats,
    mixture: Floats,
    theta: Floats,
    found: Floats,
) -> float:
    """Add a text's terms to the topics that made them; Σ count · log Σ_k θ_k w_k."""
    topics = len(mixture)
    for k in range(topics):
        theta[k] = max(exp_digamma(np.float64(mixture[k])), _LEAST)
    fit = 0.0
    for i in range(len(ids)):
        line = rows[i]
        total = np.float32(0)
        for k in range(topics):
            total += theta[k] * line[k]
        fit += counts[i] * np.log(np.float64(total))
        if len(found):
            share, into = counts[i] / total, found[ids[i]]
            for k in range(topics):
                into[k] += share * theta[k] * line[k]
    return fit
