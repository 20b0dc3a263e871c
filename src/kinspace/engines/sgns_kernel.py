"""The kernel of :mod:`.sgns`: plain functions over arrays, for :mod:`.compiled`.

Arguments are the tuples that are described there; ``work`` is one worker's scratch space.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kinspace.engines.rows import GROUP, errors, exchange, fetch, give, products, take

_AHEAD = 4
"""How many words ahead rows are fetched."""
POOL = 256
"""Noise words that are drawn for each stretch of text."""
_OF_POOLS = 1 << 50
"""What sets the random states of stretches apart from those of sentences."""
_LOOK = 128
"""The loss is looked at once in so many steps; a logarithm is dear."""
_ALWAYS = 0xFFFFFFFF


def ring(window: int) -> int:
    """The places of the ring: a power of two that holds a window."""
    size = 1
    while size < 2 * window + 1:
        size *= 2
    return size


def draw(state: Any) -> Any:
    """The next 64 random bits (Marsaglia 2003, "Xorshift RNGs")."""
    x = state[0]
    x ^= x << np.uint64(13)
    x ^= x >> np.uint64(7)
    x ^= x << np.uint64(17)
    state[0] = x
    return x


def begin(state: Any, seed: Any, epoch: Any, sentence: Any) -> None:
    """Set the state of a sentence; multiply with carry mixes it, and never overflows."""
    x = (
        np.uint64(seed)
        ^ (np.uint64(epoch + 1) << np.uint64(48))
        ^ (np.uint64(sentence + 1) << np.uint64(8))
    )
    for _ in range(6):
        x = (x & np.uint64(0xFFFFFFFF)) * np.uint64(4294883355) + (x >> np.uint64(32))
    state[0] = x | np.uint64(1)


def below(state: Any, n: Any) -> Any:
    """A random number of 0, …, n − 1."""
    return np.int64(((draw(state) >> np.uint64(32)) * np.uint64(n)) >> np.uint64(32))


def thin(text: Any, words: Any, sentence: Any, work: Any) -> Any:
    """Leave out frequent words, each with its probability; how many are kept."""
    n = 0
    for i in range(text.starts[sentence], text.starts[sentence + 1]):
        word = np.int64(text.ids[i])
        keep = np.uint64(words.keep[word])
        if keep == np.uint64(_ALWAYS) or (draw(work.state) >> np.uint64(32)) < keep:
            work.kept[n] = word
            n += 1
    return n


def refill(words: Any, plan: Any, epoch: Any, stretch: Any, work: Any) -> None:
    """Draw the pool of noise words of a stretch of text.

    32 bits choose a place of the alias table, 32 decide between its two words; without a branch,
    which would be guessed wrong half the time, and wait for the table.
    """
    begin(work.pool_state, plan.seed, epoch, stretch + _OF_POOLS)
    size = np.uint64(words.noise.size)
    low = np.uint64(0xFFFFFFFF)
    for k in range(POOL):
        bits = draw(work.pool_state)
        place = ((bits >> np.uint64(32)) * size) >> np.uint64(32)
        entry = words.noise[place]
        own, other = np.int64(place), np.int64(entry & low)
        work.pool[k] = other + (own - other) * np.int64((bits & low) < (entry >> np.uint64(32)))
    work.stretch[0] = stretch


def sample(text: Any, words: Any, plan: Any, epoch: Any, sentence: Any, n: Any, work: Any) -> None:
    """Take noise words for ``n`` words of a sentence from the pool.

    If the pool holds enough for its stretch, it is taken in order, and each noise word once;
    otherwise 8 random bits choose one.
    """
    k, enough = 0, plan.stretch * plan.negative <= POOL
    for i in range(n if plan.negative > 0 else 0):
        position = text.starts[sentence] + i
        if position // plan.stretch != work.stretch[0]:
            refill(words, plan, epoch, position // plan.stretch, work)
        bits = draw(work.state)
        for j in range(plan.negative):
            if j & 7 == 7:
                bits = draw(work.state)
            chosen = np.int64(bits & np.uint64(POOL - 1))
            place = position * plan.negative + j if enough else chosen
            work.noise[k] = work.pool[place & (POOL - 1)]
            bits >>= np.uint64(8)
            k += 1


def enter(inputs: Any, words: Any, together: Any, work: Any, i: Any, place: Any) -> None:
    """Read the input rows of word ``i`` of the sentence into a place: their mean, or sum."""
    word = work.kept[i]
    first, last = words.row_starts[word], words.row_starts[word + 1]
    size = last - first
    scale = np.float32(1) if together else np.float32(1) / np.float32(max(size, 1))
    take(inputs, words.rows, first, last, scale, work.now, work.before, place)
    work.sizes[place] = size


def leave(inputs: Any, words: Any, together: Any, work: Any, i: Any, place: Any) -> None:
    """Write what a place has learned back to the input rows of word ``i``."""
    word = work.kept[i]
    first, last = words.row_starts[word], words.row_starts[word + 1]
    scale = np.float32(1) / np.float32(max(last - first, 1)) if together else np.float32(1)
    give(inputs, words.rows, first, last, scale, work.now, work.before, place)


def look_ahead(inputs: Any, outputs: Any, words: Any, plan: Any, work: Any, i: Any,
               n: Any) -> None:  # fmt: skip
    """Fetch the output rows that a word after ``i`` aims at, and the input rows that enter."""
    i += _AHEAD
    if _AHEAD <= i < n:
        word = work.kept[i]
        for r in range(words.target_starts[word], words.target_starts[word + 1]):
            if words.targets[r] < work.busy[0]:
                fetch(outputs, words.targets[r])
        for r in range(i * plan.negative, (i + 1) * plan.negative):
            fetch(outputs, work.noise[r])
    i += plan.window
    if plan.window > 0 and i < n:
        word = work.kept[i]
        for r in range(words.row_starts[word], words.row_starts[word + 1]):
            fetch(inputs, words.rows[r])


def aim(words: Any, word: Any, first: Any, last: Any, rate: Any, work: Any) -> Any:
    """List the output rows of a step: those of the word, then its noise; how many there are.

    Noise that is the word itself is left out, and noise that comes twice counts twice.
    """
    k = 0
    for r in range(words.target_starts[word], words.target_starts[word + 1]):
        row = np.int64(words.targets[r])
        work.onto[k] = row + work.busy[1] * np.int64(row >= work.busy[0])
        work.labels[k] = words.labels[r]
        work.weights[k] = rate
        k += 1
    for n in range(first, last):
        row = work.noise[n]
        known = row == word
        for p in range(k):
            if work.onto[p] == row and not known:
                work.weights[p] += rate
                known = True
        if not known:
            work.onto[k] = row
            work.labels[k] = np.float32(0)
            work.weights[k] = rate
            k += 1
    return k


def look(m: Any, start: Any, size: Any, work: Any) -> None:
    """Add the loss of a group of targets, −log(1 − error) a pair, to what is reported."""
    for i in range(m):
        for j in range(size):
            error = np.float64(work.scores[i * GROUP + j]) / np.float64(work.weights[start + j])
            work.loss[0] -= np.log(max(1 - abs(error), 1e-9))
    work.loss[1] += m * size


def each_alone(outputs: Any, m: Any, k: Any, looked: Any, work: Any) -> None:
    """A step in which each near input predicts for itself, some at a time, 8 targets at a time."""
    for first in range(0, m, work.at_once[0]):
        near, many = work.near[first:], min(work.at_once[0], m - first)
        for start in range(0, k, GROUP):
            size = min(GROUP, k - start)
            products(work.now, near, many, outputs, work.onto, start, size, work.scores)
            errors(work.scores, many, work.labels, work.weights, start)
            if looked:
                look(many, start, size, work)
            exchange(work.now, near, many, work.now, outputs, work.onto, start, size, work.scores)


def all_together(outputs: Any, m: Any, k: Any, mean: Any, looked: Any, work: Any) -> None:
    """A step in which the near inputs predict through their mean or sum.

    As in word2vec's own code, the mean's gradient goes to each input whole, the sum's divided.
    """
    place = work.now.shape[0] - 1
    count = 0
    for j in range(m):
        count += work.sizes[work.near[j]]
    share = np.float32(1) / np.float32(max(count, 1))
    take(work.now, work.near, 0, m, share if mean else np.float32(1), work.now, work.now, place)
    take(work.now, work.near, 0, 0, share, work.change, work.change, place)
    work.near[m] = place
    alone = work.near[m:]
    for start in range(0, k, GROUP):
        size = min(GROUP, k - start)
        products(work.now, alone, 1, outputs, work.onto, start, size, work.scores)
        errors(work.scores, 1, work.labels, work.weights, start)
        if looked:
            look(1, start, size, work)
        exchange(work.now, alone, 1, work.change, outputs, work.onto, start, size, work.scores)
    back = np.float32(1) if mean else share
    if count == m:
        give(work.now, work.near, 0, m, back, work.change, work.before, place)
    else:
        for j in range(m):
            factor = back * np.float32(work.sizes[work.near[j]])
            give(work.now, work.near, j, j + 1, factor, work.change, work.before, place)


def step(outputs: Any, words: Any, plan: Any, work: Any, i: Any, n: Any, tags: Any,
         rate: Any, looked: Any) -> None:  # fmt: skip
    """Word ``i`` of ``n`` is predicted by the inputs that are near it."""
    places = ring(plan.window)
    reach = min(plan.window, 1 + below(work.state, plan.window))
    m = 0
    for j in range(max(0, i - reach), min(n, i + reach + 1)):
        if j != i:
            work.near[m] = j & (places - 1)
            m += 1
    for t in range(tags):
        work.near[m] = places + t
        m += 1
    if m == 0:
        return
    first = i * plan.negative
    k = aim(words, work.kept[i], first, first + plan.negative, rate, work)
    if plan.together:
        all_together(outputs, m, k, plan.mean, looked, work)
    else:
        each_alone(outputs, m, k, looked, work)


def train(text: Any, words: Any, plan: Any, inputs: Any, outputs: Any, work: Any,
          first: Any, last: Any, epoch: Any) -> None:  # fmt: skip
    """Learn from sentences ``first`` to ``last`` of an epoch."""
    tokens, window, together = np.float64(text.ids.size), plan.window, plan.together
    places, one, steps = ring(window), np.float32(1), 0
    work.stretch[0] = -1
    for s in range(first, last):
        done = (tokens * epoch + text.starts[s]) / (tokens * plan.epochs)
        rate = np.float32(plan.rate + (plan.last_rate - plan.rate) * done)
        begin(work.state, plan.seed, epoch, s)
        n = thin(text, words, s, work)
        sample(text, words, plan, epoch, s, n, work)
        tag, tags = text.tag_starts[s], text.tag_starts[s + 1] - text.tag_starts[s]
        for t in range(tags):
            place = places + t
            take(inputs, text.tags, tag + t, tag + t + 1, one, work.now, work.before, place)
            work.sizes[places + t] = 1
        for i in range(-window, n + window):
            look_ahead(inputs, outputs, words, plan, work, i, n)
            if window > 0 and i + window < n:
                enter(inputs, words, together, work, i + window, (i + window) & (places - 1))
            if 0 <= i < n:
                step(outputs, words, plan, work, i, n, tags, rate, steps % _LOOK == 0)
                steps += 1
            if window > 0 and 0 <= i - window < n:
                leave(inputs, words, together, work, i - window, (i - window) & (places - 1))
        for t in range(tags):
            place = places + t
            give(inputs, text.tags, tag + t, tag + t + 1, one, work.now, work.before, place)


INNER = (
    ring, draw, below, begin, thin, refill, sample, enter, leave, look_ahead, aim, look, each_alone,
    all_together, step,
)  # fmt: skip
"""What :func:`train` calls, for :func:`.compiled.compiled`."""
