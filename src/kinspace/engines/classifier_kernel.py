"""The kernel of :mod:`.classifier`: plain functions over arrays, for :mod:`.compiled`.

Arguments are the tuples that are described there; ``work`` is one worker's scratch space.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from kinspace.engines.rows import GROUP, errors, exchange, fetch, give, products, take
from kinspace.engines.sgns_kernel import begin, below, draw

SOFTMAX, TREE, EACH = 0, 1, 2
"""Losses: softmax, hierarchical softmax, one against all for each label."""
_FACTOR = 116049371
"""What Facebook's code multiplies a hash by before the next word's is added."""
_LOOK = 8
"""Where a loss is a sum of logarithms, it is looked at once in so many texts."""


def collect(lines: Any, makeup: Any, i: Any, room: Any, place: Any) -> Any:
    """List the input rows of text ``i`` in ``room`` from ``place``, as far as that goes.

    Those of its words, then those of its word n-grams. Returns where they end.
    """
    first, last = lines.starts[i], lines.starts[i + 1]
    for t in range(first, last):
        word = np.int64(lines.ids[t])
        for r in range(makeup.row_starts[word], makeup.row_starts[word + 1]):
            if place < room.size:
                room[place] = makeup.rows[r]
            place += 1
    if makeup.buckets.size == 0:
        return place
    buckets, factor = np.uint64(makeup.buckets.size), np.uint64(_FACTOR)
    for t in range(first, last):
        value = makeup.hashes[np.int64(lines.ids[t])]
        for u in range(t + 1, min(last, t + makeup.word_ngrams)):
            value = value * factor + makeup.hashes[np.int64(lines.ids[u])]
            row = makeup.buckets[np.int64(value % buckets)]
            if row >= 0:
                if place < room.size:
                    room[place] = row
                place += 1
    return place


def gather(lines: Any, makeup: Any, ends: Any, room: Any) -> None:
    """Where the rows of each text end in ``ends``, and the rows themselves if there is room."""
    place = 0
    for i in range(ends.size - 1):
        place = collect(lines, makeup, i, room, place)
        ends[i + 1] = place


def blend(inputs: Any, rows: Any, starts: Any, first: Any, last: Any, out: Any) -> None:
    """Write the mean of the input rows of texts ``first`` to ``last``; zeros if there are none."""
    for i in range(first, last):
        size = max(starts[i + 1] - starts[i], 1)
        share = np.float32(1) / np.float32(size)
        take(inputs, rows, starts[i], starts[i + 1], share, out, out, i)


def soften(k: Any, target: Any, rate: Any, work: Any) -> None:
    """Replace scores by ``rate · (label − softmax)``."""
    top = work.scores[0]
    for j in range(1, k):
        top = max(top, work.scores[j])
    total = np.float64(0)
    for j in range(k):
        power = math.exp(np.float64(work.scores[j]) - np.float64(top))
        work.scores[j] = power
        total += power
    work.loss[0] -= math.log(max(np.float64(work.scores[target]) / total, 1e-9))
    work.loss[1] += 1
    share = np.float32(np.float64(rate) / total)
    for j in range(k):
        work.scores[j] = -work.scores[j] * share
    work.scores[target] += rate


def look(k: Any, rate: Any, work: Any) -> None:
    """Add the loss of a text, −log(1 − error) for each output row, to what is reported."""
    for j in range(k):
        error = np.float64(work.scores[j]) / np.float64(rate)
        work.loss[0] -= math.log(max(1 - abs(error), 1e-9))
    work.loss[1] += 1


def aim(lines: Any, plan: Any, paths: Any, i: Any, target: Any, rate: Any, work: Any) -> Any:
    """List the output rows of a text, and what is wanted of each; how many there are."""
    if plan.loss == TREE:
        first, last = paths.starts[target], paths.starts[target + 1]
        for r in range(first, last):
            work.onto[r - first] = paths.nodes[r]
            work.labels[r - first] = paths.labels[r]
        k = last - first
    else:
        k = plan.labels
        if plan.loss == EACH:
            for j in range(k):
                work.labels[j] = 0
            for r in range(lines.label_starts[i], lines.label_starts[i + 1]):
                work.labels[lines.labels[r]] = 1
    for j in range(k):
        work.weights[j] = rate
    return k


def step(lines: Any, plan: Any, paths: Any, inputs: Any, outputs: Any, i: Any, n: Any,
         target: Any, rate: Any, work: Any) -> None:  # fmt: skip
    """Text ``i``, of the ``n`` rows in ``work.rows``, predicts its label."""
    share = np.float32(1) / np.float32(n)
    take(inputs, work.rows, 0, n, share, work.now, work.before, 0)
    take(inputs, work.rows, 0, 0, share, work.change, work.before, 0)  # zeros
    k = aim(lines, plan, paths, i, target, rate, work)
    for start in range(0, k, GROUP):
        size = min(GROUP, k - start)
        scores = work.scores[start:]
        products(work.now, work.near, 1, outputs, work.onto, start, size, scores)
        if plan.loss != SOFTMAX:
            errors(scores, 1, work.labels, work.weights, start)
    if plan.loss == SOFTMAX:
        soften(k, target, rate, work)
    elif i % _LOOK == 0:
        look(k, rate, work)
    for start in range(0, k, GROUP):
        size = min(GROUP, k - start)
        exchange(work.now, work.near, 1, work.change, outputs, work.onto, start, size,
                 work.scores[start:])  # fmt: skip
    give(inputs, work.rows, 0, n, share, work.change, work.before, 0)


def train(lines: Any, makeup: Any, plan: Any, paths: Any, inputs: Any, outputs: Any, work: Any,
          first: Any, last: Any, epoch: Any) -> None:  # fmt: skip
    """Learn from texts ``first`` to ``last`` of an epoch."""
    texts = np.float64(lines.starts.size - 1)
    for i in range(first, last):
        labels = lines.label_starts[i + 1] - lines.label_starts[i]
        n = collect(lines, makeup, i, work.rows, 0)
        if n == 0 or labels == 0:
            continue
        for r in range(n):
            fetch(inputs, work.rows[r])
        done = (texts * epoch + i) / (texts * plan.epochs)
        rate = np.float32(plan.rate * (1 - done))
        place = np.int64(0)
        if labels > 1:  # one of them, drawn anew in each epoch
            begin(work.state, plan.seed, epoch, i)
            place = below(work.state, labels)
        target = lines.labels[lines.label_starts[i] + place]
        step(lines, plan, paths, inputs, outputs, i, n, target, rate, work)


INNER = (collect, soften, look, aim, step, draw, below, begin)
"""What :func:`train` calls, for :func:`.compiled.compiled`."""
