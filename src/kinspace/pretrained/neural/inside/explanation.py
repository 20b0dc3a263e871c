"""Why two texts match: which words of one go with which of the other, without gradients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from kinspace.encoder import Encoder
from kinspace.errors import EmptyInput, InvalidParameter, NotApplicable, require_choice
from kinspace.metric import normalise
from kinspace.pretrained import words as splitting
from kinspace.pretrained.neural.inside.erasure import shares
from kinspace.pretrained.spans import TokenVectors

Method = Literal["auto", "erasure", "tokens", "late-interaction"]

ORDERS: Final = 16
"""In how many orders words are put back, by default."""


@runtime_checkable
class EncodesTokens(Protocol):
    """An encoder that gives a vector for each token and word of a text."""

    def encode_tokens(
        self, texts: Any, layers: Any = ..., combine: Any = ..., *, merge: Any = ...
    ) -> list[TokenVectors]:
        """The tokens and words of texts with their vectors."""
        ...


@runtime_checkable
class NamesTokens(Protocol):
    """An encoder of several vectors for each text that says which token each is of."""

    def tokens(self, texts: Sequence[str], *, side: Any = ...) -> list[list[str]]:
        """The tokens that a text's vectors stand for, in the same order."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One of two texts, and how much each of its words counts in the match.

    Attributes
    ----------
    text : str
    words : tuple of str
        Words as they stand in the text; tokens where the model compares these.
    offsets : array of int64, shape (n, 2)
        Where each begins and ends, in characters.
    weights : array of float32, shape (n,)
    """

    text: str
    words: tuple[str, ...]
    offsets: NDArray[np.int64]
    weights: NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Explanation:
    """What makes two texts similar in the eyes of an encoder.

    Attributes
    ----------
    a, b : Part
    matrix : array of float32, shape (words of a, words of b)
        How much each word of one goes with each of the other.
    score : float
        The similarity that is explained.
    method : {"erasure", "tokens", "late-interaction"}
    """

    a: Part
    b: Part
    matrix: NDArray[np.float32]
    score: float
    method: str

    def pairs(self, k: int | None = None) -> list[tuple[str, str, float]]:
        """The words that go together: of each at most once, the strongest pair first.

        The pairing with the greatest sum (Kuhn 1955, "The Hungarian method"; on word vectors
        Jalili Sabet et al. 2020, "SimAlign", their Match). In late interaction, each word of ``a``
        with the one of ``b`` that counts.

        Parameters
        ----------
        k : int, optional
            Only so many; all that are above 0 by default.
        """
        if self.method == "late-interaction":
            rows, columns = np.arange(len(self.matrix)), self.matrix.argmax(axis=1)
        else:
            from scipy.optimize import linear_sum_assignment

            rows, columns = linear_sum_assignment(self.matrix, maximize=True)
        found = [
            (self.a.words[row], self.b.words[column], float(self.matrix[row, column]))
            for row, column in zip(rows.tolist(), columns.tolist(), strict=True)
        ]
        return sorted((one for one in found if one[2] > 0), key=lambda one: -one[2])[:k]

    def marked(self, *, colour: bool = True) -> str:
        """Both texts, a line each, with their words marked.

        Parameters
        ----------
        colour : bool
            By the codes of terminals: on blue what speaks for the match, on orange what speaks
            against it, as strong as it does. Without, those that speak for it most are in brackets.
        """
        from kinspace.pretrained.neural.inside.marked import ansi, plain

        return ansi(self) if colour else plain(self)

    def html(self) -> str:
        """Both texts with marked words, and the matrix below them, as HTML that stands alone."""
        from kinspace.pretrained.neural.inside.marked import html

        return html(self)

    def _repr_html_(self) -> str:
        return self.html()

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain values, for JSON."""
        sides = {
            name: {
                "text": part.text,
                "words": [
                    {"word": word, "start": start, "stop": stop, "weight": weight}
                    for word, (start, stop), weight in zip(
                        part.words, part.offsets.tolist(), part.weights.tolist(), strict=True
                    )
                ],
            }
            for name, part in (("a", self.a), ("b", self.b))
        }
        pairs = [{"a": a, "b": b, "weight": weight} for a, b, weight in self.pairs()]
        return {
            "score": self.score, "method": self.method, **sides,
            "matrix": self.matrix.tolist(), "pairs": pairs,
        }  # fmt: skip

    def __repr__(self) -> str:
        best = ", ".join(f"{a}–{b} {weight:.3f}" for a, b, weight in self.pairs(3))
        return f"Explanation({self.score:.4f} by {self.method}: {best})"


def explain(
    encoder: Encoder[str],
    a: str,
    b: str,
    *,
    method: Method = "auto",
    layers: int | str | Sequence[int] = "last",
    side: Literal["query", "document"] = "query",
    orders: int = ORDERS,
) -> Explanation:
    """Explain the similarity of two texts: which words of one match which of the other.

    Parameters
    ----------
    encoder : Encoder
        Of texts.
    a, b : str
        ``b`` is encoded as a document.
    method : {"auto", "erasure", "tokens", "late-interaction"}
        ``erasure`` takes words away and looks at what becomes of the vectors. The entries of the
        matrix add up to the similarity, whatever the encoder does inside: see
        :mod:`kinspace.pretrained.neural.inside.erasure`. It needs a metric of dot products.

        ``tokens`` compares the vectors of words within their texts: the cosine of each with each
        (Zhang et al. 2020, "BERTScore"). A word's weight is that of its best match. It says what
        the words mean to the model, not what the similarity is made of.

        ``late-interaction`` shows what the score of a model of several vectors is made of: the
        weights of ``a``'s tokens add up to it.

        ``auto`` is the last for such models, else the first.
    layers : int, sequence of int, or str
        For ``tokens``: whose vectors, as in ``encode_tokens``.
    side : {"query", "document"}
        What ``a`` is encoded as.
    orders : int
        For ``erasure``: in how many orders the words are put back. More take longer: about so
        many texts are encoded for each word.

    Raises
    ------
    EmptyInput
        If a text has no words.
    NotApplicable
        If the encoder cannot be explained like this.
    InvalidInput
        If a text is too long for ``erasure``.
    InvalidParameter

    Examples
    --------
    >>> import kinspace as ks
    >>> found = explain(ks.load(), "a small cat", "the kitten sleeps")
    >>> found.pairs(1)[0][:2]
    ('cat', 'kitten')
    >>> bool(abs(found.matrix.sum() - found.score) < 1e-5)
    True
    """
    require_choice("method", method, Method)
    if side not in ("query", "document"):
        raise InvalidParameter(f"Unknown side {side!r}.", 'Give "query" or "document".')
    if not isinstance(encoder, Encoder):
        raise NotApplicable(
            f"{type(encoder).__name__} gives no vectors that could be explained.",
            "Give an encoder of texts.",
        )
    if method == "auto":
        method = "late-interaction" if encoder.space.form == "multi" else "erasure"
    if method != "tokens" and layers != "last":
        raise InvalidParameter(f"{method} has no choice of layers.", 'Give method="tokens".')
    if method != "erasure" and orders != ORDERS:
        raise InvalidParameter(f"{method} has no orders.", 'Give method="erasure".')
    if method == "erasure":
        return _by_erasure(encoder, a, b, side, orders)
    if method == "tokens":
        return _by_tokens(encoder, a, b, side, layers)
    return _by_late_interaction(encoder, a, b, side)


def _by_erasure(encoder: Encoder[str], a: str, b: str, side: Any, orders: int) -> Explanation:
    space = encoder.space
    if space.form == "multi" or space.metric not in ("cosine", "dot"):
        raise NotApplicable(
            f"The similarity in {space} is no dot product, so that it has no shares.",
            'Give method="auto", or another encoder.',
        )
    if orders < 1:
        raise InvalidParameter(f"Words cannot be put back in {orders} orders.", "Give 1 or more.")
    found = [_worded(text) for text in (a, b)]
    left = shares(encoder, a, found[0], side, orders)
    right = shares(encoder, b, found[1], "document", orders)
    product = left @ right.T
    if hasattr(product, "toarray"):  # a sparse encoder
        product = product.toarray()
    matrix = np.asarray(product)
    return Explanation(
        _part(a, found[0], matrix.sum(axis=1)),
        _part(b, found[1], matrix.sum(axis=0)),
        matrix.astype(np.float32),
        float(matrix.sum()),
        "erasure",
    )


def _by_tokens(encoder: Encoder[str], a: str, b: str, side: Any, layers: Any) -> Explanation:
    if not isinstance(encoder, EncodesTokens):
        raise NotApplicable(
            f"{type(encoder).__name__} gives no vectors of tokens.", 'Give method="erasure".'
        )
    left, right = (encoder.encode_tokens([text], layers=layers)[0] for text in (a, b))
    for text, found in ((a, left), (b, right)):
        _require_words(text, len(found.words))
    matrix = normalise(left.words.vectors) @ normalise(right.words.vectors).T
    asked = encoder.encode_query([a]) if side == "query" else encoder.encode([a])
    return Explanation(
        Part(a, left.words.names, left.words.offsets, matrix.max(axis=1)),
        Part(b, right.words.names, right.words.offsets, matrix.max(axis=0)),
        matrix,
        float(np.asarray(asked.similarity(encoder.encode([b])))[0, 0]),
        "tokens",
    )


def _by_late_interaction(encoder: Encoder[str], a: str, b: str, side: Any) -> Explanation:
    if not isinstance(encoder, NamesTokens) or encoder.space.form != "multi":
        raise NotApplicable(
            f"{type(encoder).__name__} does not give a vector for each token of a text.",
            'Give method="auto".',
        )
    asked: Any = (encoder.encode_query([a]) if side == "query" else encoder.encode([a])).vectors
    stored: Any = encoder.encode([b]).vectors
    matrix = np.asarray(asked[0] @ stored[0].T)
    names, others = encoder.tokens([a], side=side)[0], encoder.tokens([b], side="document")[0]
    best = matrix.max(axis=1)
    counted = np.zeros(len(others), np.float32)
    np.add.at(counted, matrix.argmax(axis=1), best)
    return Explanation(
        Part(a, tuple(names), splitting.located(a, names), best),
        Part(b, tuple(others), splitting.located(b, others), counted),
        matrix,
        float(best.sum()),
        "late-interaction",
    )


def _worded(text: str) -> NDArray[np.int64]:
    found = splitting.words(text)
    _require_words(text, len(found))
    return found


def _require_words(text: str, count: int) -> None:
    if not count:
        raise EmptyInput(f"{text!r:.80} has no words that could match.", "Give a text with words.")


def _part(text: str, offsets: NDArray[np.int64], weights: NDArray[Any]) -> Part:
    names = tuple(text[start:stop] for start, stop in offsets.tolist())
    return Part(text, names, offsets, weights.astype(np.float32))
