"""Vectors of tokens and words from inside a transformer, out of any of its layers.

The vector of a word depends on the words around it: *bank* has another one in "river bank" than
in "bank account". What is known about the layers: those in the middle and before the last carry
most of a word's sense, the last one is turned towards what the model was trained for (Tenney et
al. 2019, "BERT Rediscovers the Classical NLP Pipeline"; Ethayarajh 2019, "How Contextual are
Contextualized Word Representations?"); the sum or the concatenation of the last four did best as
input to a tagger (Devlin et al. 2019, "BERT", table 7).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from kinspace.errors import InvalidInput, InvalidParameter, NotApplicable, require_choice
from kinspace.pretrained.neural.running import loop
from kinspace.pretrained.neural.running.backbone import Backbone, States
from kinspace.pretrained.neural.running.batches import Batch
from kinspace.pretrained.neural.running.tokens import Tokenizer
from kinspace.pretrained.spans import Merge, TokenVectors, described
from kinspace.space import Space

Combine = Literal["mean", "sum", "concat"]
Layers = int | str | Sequence[int]

NAMED: Final = {
    "last": (-1,),
    "second-to-last": (-2,),
    "last-four": (-4, -3, -2, -1),
    "embedding": (0,),
}
"""Layers that have a name."""

_PART: Final = 200_000
"""Characters of a text that are looked at first: of a longer one, few are read as a rule."""


def chosen_layers(layers: Layers, count: int, combine: str) -> tuple[int, ...]:
    """The numbers of the wanted layers, from 0 for the embedding layer to ``count``.

    Parameters
    ----------
    layers : int, sequence of int, or a name
        Negative numbers count from the last layer, which is -1.
    count : int
        How many layers the model has, the embedding layer not counted.
    combine : {"mean", "sum", "concat"}
        Only checked.

    Raises
    ------
    InvalidParameter

    Examples
    --------
    >>> chosen_layers("last-four", 12, "mean"), chosen_layers(-2, 12, "mean")
    ((9, 10, 11, 12), (11,))
    """
    require_choice("combine", combine, Combine)
    if isinstance(layers, str) and layers not in NAMED:
        raise InvalidParameter(
            f"Unknown layers {layers!r}.", f"Give numbers, or one of: {', '.join(NAMED)}."
        )
    wanted = NAMED[layers] if isinstance(layers, str) else layers
    listed = [wanted] if isinstance(wanted, int | np.integer) else list(wanted)
    if not listed:
        raise InvalidParameter("No layers were asked for.", "Give at least one, such as -1.")
    for layer in listed:
        if not isinstance(layer, int | np.integer) or not -count - 1 <= layer <= count:
            raise InvalidParameter(
                f"There is no layer {layer!r}: the model has {count} above its embedding layer.",
                f"Give 0 (the embedding layer) to {count}, or -1 (the last) to -{count + 1}."
                if count
                else 'It is a table: give "last", the default.',
            )
    return tuple(int(layer) % (count + 1) for layer in listed)


def token_vectors(
    texts: Sequence[str],
    tokenizer: Tokenizer,
    backbone: Backbone,
    space: Space,
    *,
    prompt: str,
    budget: int,
    layers: Layers = "last",
    combine: Combine = "mean",
    merge: Merge = "mean",
    special: bool = False,
) -> list[TokenVectors]:
    """Encode the tokens and words of texts.

    Parameters
    ----------
    texts : sequence of str
    tokenizer : Tokenizer
    backbone : Backbone
    space : Space
        Of the encoder's whole texts; that of the tokens is derived from it.
    prompt : str
        What stands before each text. Its tokens are left out of what is returned.
    budget : int
        The most tokens of a batch.
    layers : int, sequence of int, or {"last", "second-to-last", "last-four", "embedding"}
        0 is the embedding layer, 1 the first, -1 the last.
    combine : {"mean", "sum", "concat"}
        What becomes of several layers.
    merge : {"mean", "first"}
        What becomes of a word's pieces.
    special : bool
        Whether special tokens, such as ``[CLS]``, are kept among the tokens.

    Returns
    -------
    list of TokenVectors
        One for each text. ``dim`` is the hidden size, or so many times that as there are layers
        where they are concatenated.

    Raises
    ------
    InvalidParameter
        If the model has no such layer, or a way to combine or merge is unknown.
    NotApplicable
        If the tokenizer cannot say where in a text its tokens are.
    """
    require_choice("merge", merge, Merge)
    numbers = chosen_layers(layers, backbone.layers, combine)
    fast = tokenizer.fast
    if fast is None:
        raise NotApplicable(
            f"The tokenizer of {space.model} does not say where in a text its tokens are.",
            "Use a model that has a tokenizer.json.",
        )
    if not texts:
        return []
    change = f"tokens, layers {', '.join(map(str, numbers))}"
    change += f", {combine}" if len(numbers) > 1 else ""
    opening = tokenizer.count(prompt) - tokenizer.count("") if prompt else 0
    reader = _Reader(backbone, numbers, combine)
    found = []
    for text, read in zip(texts, _read(texts, tokenizer, reader, prompt, budget), strict=True):
        encoding = _encoded(fast, prompt + text, sum(len(piece.ids) for piece in read.pieces))
        kept, vectors = _aligned(encoding, read.pieces, opening, special=special)
        offsets = np.array(encoding.offsets, np.int64).reshape(-1, 2)[kept]
        is_special = np.array(encoding.special_tokens_mask, bool)[kept]
        inside = np.flatnonzero((offsets[:, 1] > len(prompt)) | is_special)
        every = encoding.tokens
        found.append(
            described(
                text,
                [every[kept[i]] for i in inside],
                np.maximum(offsets[inside] - len(prompt), 0),
                vectors[inside],
                space.derive(change, dim=vectors.shape[1], form="dense"),
                merge=merge,
                cut=read.cut,
            )
        )
    return found


@dataclass(frozen=True, slots=True)
class _Piece:
    """What went through the model together: a text, or a part of a long one."""

    place: int
    ids: NDArray[np.int64]
    rows: NDArray[np.float32]


@dataclass(slots=True)
class _Read:
    """What the model read of a text, and how many tokens it did not."""

    pieces: list[_Piece]
    cut: int = 0


@dataclass(frozen=True, slots=True)
class _Reader:
    """From a batch to one table of float32: the wanted layers, combined."""

    backbone: Backbone
    layers: tuple[int, ...]
    combine: Combine

    def __call__(self, batch: Batch) -> States:
        import torch

        filled = int(np.count_nonzero(batch.lengths))  # the longest come first
        if not filled:  # texts without any token: only how long a vector would be is asked
            one = np.array([0], np.int64)
            return States(self(Batch(one, one, one + 1)).rows[:0], batch.lengths)
        batch = replace(batch, pieces=batch.pieces[:filled], lengths=batch.lengths[:filled])
        if self.layers == (self.backbone.layers,):
            found = [self.backbone.states(batch)]  # the way that is made fast
        else:
            found = self.backbone.every_layer(batch, self.layers)
        rows = [states.rows.float() for states in found]
        if self.combine == "concat":
            return States(torch.cat(rows, dim=-1), batch.lengths)
        total = torch.stack(rows).sum(dim=0)
        return States(total / len(rows) if self.combine == "mean" else total, batch.lengths)


def _read(
    texts: Sequence[str], tokenizer: Tokenizer, reader: _Reader, prompt: str, budget: int
) -> list[_Read]:
    """Run the model over texts; the pieces of each, in order."""
    found = [_Read([]) for _ in texts]
    many = reader.backbone.side_by_side
    for tokens, batch, states in loop.run(
        texts, tokenizer, reader, prompt=prompt, budget=budget, side_by_side=many
    ):
        rows = states.rows.cpu().numpy()
        stops = np.cumsum(batch.lengths)
        for piece, start, stop in zip(batch.pieces, stops - batch.lengths, stops, strict=True):
            text = int(tokens.owner[piece])
            its = _Piece(int(piece), batch.ids[start:stop], rows[start:stop])
            found[text].pieces.append(its)
            found[text].cut = int(tokens.cut[text])
    for read in found:
        read.pieces.sort(key=lambda piece: piece.place)
    return found


def _encoded(tokenizer: Any, text: str, needed: int) -> Any:
    """What a tokenizer makes of a text, or of as much of it as has more tokens than needed."""
    size = _PART
    while True:
        encoding = tokenizer.encode(text[:size])
        if size >= len(text) or len(encoding) > needed:
            return encoding
        size *= 2


def _aligned(
    encoding: Any, pieces: list[_Piece], opening: int, *, special: bool
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Which tokens of a whole text its pieces hold, and the vectors of these.

    Each piece is the special tokens of the text's start and end around a part of the others; from
    the second on, the ``opening`` tokens of the prompt come again before the part.
    """
    mask = encoding.special_tokens_mask
    count = len(mask)
    head = next((i for i, is_special in enumerate(mask) if not is_special), count)
    tail = next((i for i, one in enumerate(reversed(mask)) if not one), 0) if head < count else 0
    whole = np.array(encoding.ids, np.int64)[: count - tail]
    kept: list[int] = []
    rows: list[NDArray[np.float32]] = []
    if special:
        kept += range(head)
        rows.append(pieces[0].rows[:head])
    at = head
    for number, piece in enumerate(pieces):
        first, last = head + (opening if number else 0), len(piece.ids) - tail
        at = _found(whole, piece.ids[first:last], at)
        kept += range(at, at + last - first)
        rows.append(piece.rows[first:last])
        at += last - first
    if special:
        kept += range(count - tail, count)
        rows.append(pieces[-1].rows[len(pieces[-1].ids) - tail :])
    return np.array(kept, np.int64), np.concatenate(rows)


def _found(whole: NDArray[np.int64], part: NDArray[np.int64], expected: int) -> int:
    """Where in the tokens of a text a part of them stands, at best where it is expected."""
    for place in (expected, *range(len(whole) - len(part), -1, -1)):
        if np.array_equal(whole[place : place + len(part)], part):
            return int(place)
    raise InvalidInput(
        "What the model read is no part of what its tokenizer made of the text.",
        "The model's own code changes texts before it reads them; give them as it wants them.",
    )
