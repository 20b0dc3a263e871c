"""Static models: a vector for each token, and a text is pooled from those of its tokens.

With the mean, it is what model2vec calls a static model (Tulkens and van Dongen, 2024), with the
same vectors from the same folder, several times faster: see ``bench/encode.py``.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal, Self

import numpy as np
from numpy.typing import NDArray

from kinspace.encoder import Encoder, Side
from kinspace.engines.extremes import weighted_extremes
from kinspace.engines.pooling import weighted_means
from kinspace.engines.wordpiece import Tokens, WordPiece
from kinspace.errors import InvalidInput, InvalidParameter, ReadError, require_choice
from kinspace.pretrained import folder as files
from kinspace.pretrained.token_table import TokenTable
from kinspace.space import Space, fingerprint_of

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from kinspace.pretrained.neural.inside.token_vectors import Combine, Layers
    from kinspace.pretrained.spans import Merge, TokenVectors

Pooling = Literal["mean", "max", "min-max"]

_MODEL2VEC_MAX_LENGTH: Final = 512
"""What model2vec assumes where a configuration does not say."""


class StaticEncoder(Encoder[str]):
    """Encodes a text as the weighted mean, or the extremes, of the vectors of its tokens.

    Tokens that the tokenizer does not know are left out; a text without any becomes zeros.
    A few texts are encoded in plain Python and numpy, at once; many by compiled code, which
    takes half a second to load. Both give the same vectors to the sixth digit.

    Parameters
    ----------
    table : ndarray of int8, float16 or float32, shape (rows, dim)
        The vectors of the tokens.
    tokenizer : tokenizers.Tokenizer, or the text of a tokenizer.json
        BERT's WordPiece has a fast way of its own; any other works.
    weights : ndarray, shape (vocabulary,), optional
        How much each token counts; 1 by default. An int8 table may hold its scale here.
    normalize : bool
        Whether vectors are brought to length 1.
    name : str
        The model's name in its space; no part of the fingerprint.
    recipe : dict, optional
        How the model was made, kept beside it.
    max_length : int, optional
        The most tokens of a text; by default, all count. As in model2vec, a text is first
        cut to so many times the median token's characters.
    mapping : ndarray of int, shape (vocabulary,), optional
        The row of each token, where tokens share rows; token ``i`` has row ``i`` by default.
        Tokens of row -1 are left out like unknown ones.
    threads : int, optional
        For many texts; by default, one for each core that the process may use.
    pooling : {"mean", "max", "min-max"}
        From weighted rows to one vector: their mean; the greatest of each dimension; or the least
        of each dimension, followed by the greatest, which doubles the dimension.

    References
    ----------
    Shen et al. 2018, "Baseline Needs More Love" (mean and max); De Boom et al. 2016,
    "Representation learning for very short texts using weighted word embedding aggregation"
    (min-max).

    Examples
    --------
    >>> from tokenizers import Tokenizer, models, pre_tokenizers
    >>> words = Tokenizer(models.WordLevel({"?": 0, "cat": 1, "car": 2}, unk_token="?"))
    >>> words.pre_tokenizer = pre_tokenizers.Whitespace()
    >>> table = np.array([[9, 9], [1, 0], [0, 2]], np.int8)
    >>> StaticEncoder(table, words).encode(["cat", "the car"]).vectors
    array([[1., 0.],
           [0., 1.]], dtype=float32)
    """

    batch_cost: ClassVar[int] = 1 << 20
    keyword_share: ClassVar[float] = 0.65
    compile_from: ClassVar[int] = 1 << 20
    """How many characters are encoded without compiled code, in all."""

    def __init__(
        self,
        table: NDArray[Any],
        tokenizer: Tokenizer | str,
        weights: NDArray[Any] | None = None,
        *,
        normalize: bool = True,
        name: str = "static",
        recipe: dict[str, Any] | None = None,
        max_length: int | None = None,
        mapping: NDArray[Any] | None = None,
        threads: int | None = None,
        pooling: Pooling = "mean",
    ) -> None:
        self.table = table
        self.tokenizer = tokenizer
        self.weights = weights
        self.normalize = normalize
        self.name = name
        self.recipe = recipe
        self.max_length = max_length
        self.mapping = mapping
        self.threads = threads
        self.pooling = pooling
        self._written_digest: str | None = None
        self._encoded = 0

    def set_params(self, **params: Any) -> Self:
        self.__dict__.pop("space", None)
        if params.keys() & {"table", "tokenizer", "weights", "mapping"}:
            self.__dict__.pop("_model", None)
            self._written_digest = None
        return super().set_params(**params)

    # -- on disk -------------------------------------------------------------------------------

    @classmethod
    def load(cls, folder: str | Path, *, name: str | None = None) -> StaticEncoder:
        """Read a model from a folder in model2vec's layout.

        Parameters
        ----------
        folder : str or Path
        name : str, optional
            The folder's name by default.

        Raises
        ------
        ModelNotFound
            If the folder is not there, or holds no static model.
        ReadError
            If a file is damaged, or the files do not fit together. Flipped bits are found
            when :attr:`space` is first asked for, if :meth:`save` wrote the folder.
        """
        folder = Path(folder)
        contents = files.read(folder)
        longest = contents.config.get("max_length", _MODEL2VEC_MAX_LENGTH)
        table = contents.table
        encoder = cls(
            table.astype(np.float32) if table.dtype == np.float64 else table,
            contents.tokenizer,
            contents.weights,
            normalize=bool(contents.config.get("normalize", False)),
            name=name or folder.resolve().name,
            recipe=contents.recipe,
            max_length=longest,
            mapping=contents.mapping,
            pooling=contents.config.get("pooling", "mean"),
        )
        encoder._written_digest = contents.digest
        try:
            _ = encoder._model, encoder._pools()
        except InvalidInput as error:
            raise ReadError(
                f"{folder} is not a whole static model: {error.message}", "Get it again."
            ) from error
        return encoder

    def save(self, folder: str | Path) -> None:
        """Write the model to a folder, which model2vec can read too if it could do the same.

        Where the pooling is not the mean, or tokens have no row, model2vec would give other
        vectors; the table gets another name then, so that it refuses instead.

        Raises
        ------
        InvalidInput
            If the path is a file, or a folder with other things in it.
        """
        model = self._model
        config = {
            "normalize": self.normalize,
            "max_length": self.max_length,
            "embedding_dtype": self.table.dtype.name,
        }
        if self.mapping is not None:
            config["vocabulary_quantization"] = len(self.table)
        if self.pooling != "mean":
            config["pooling"] = self.pooling
        files.write(
            Path(folder),
            files.Contents(
                table=self.table,
                weights=self.weights,
                mapping=self.mapping,
                tokenizer=model.text,
                config=config,
                recipe=self.recipe,
                digest=model.digest(),
            ),
        )

    # -- encoding ------------------------------------------------------------------------------

    @cached_property
    def space(self) -> Space:
        """The space; its fingerprint covers table, weights, tokenizer and settings."""
        digest = self._model.digest()
        if self._written_digest not in (None, digest):
            raise ReadError(
                f"The files of the static model {self.name} are damaged, or from two models: "
                f"they hash to {digest}, not to {self._written_digest}.",
                "Get or make the model again.",
            )
        pools = [] if self.pooling == "mean" else [self._pools()]
        fingerprint = fingerprint_of("static", digest, self.normalize, self.max_length, *pools)
        return Space(self.name, fingerprint, dim=self.table.shape[1] * (1 + self._has_least))

    def tokens(self, text: str) -> list[tuple[str, float]]:
        """What a text is cut into, and how much each piece weighs in its vector.

        Returns
        -------
        list of (str, float)
            In the text's order, without unknown tokens. A weight is the length of what the
            token adds, as a share of the sum.
        """
        pieces, rows = self._pieces(text)
        lengths = np.linalg.norm(rows, axis=1)
        shares = lengths / (lengths.sum() or 1.0)
        return list(zip(pieces, shares.tolist(), strict=True))

    def contributions(self, query: str, text: str) -> list[tuple[str, float]]:
        """What each piece of a text adds to its similarity with a query.

        The vector of a text is the sum of what its pieces give, brought to length 1; so the
        similarity is the sum of what the pieces add, and this is exact. A piece gives its
        weighted row; where extremes are pooled, the dimensions in which it is the first extreme.

        Returns
        -------
        list of (str, float)
            In the text's order; the numbers add up to the cosine similarity.
        """
        pieces, rows = self._pieces(text)
        asked = self._pieces(query)[1].sum(axis=0)
        scale = np.linalg.norm(asked) * np.linalg.norm(rows.sum(axis=0)) or 1.0
        return list(zip(pieces, (rows @ asked / scale).tolist(), strict=True))

    def encode_tokens(
        self,
        texts: Iterable[str],
        layers: Layers = "last",
        combine: Combine = "mean",
        *,
        merge: Merge = "mean",
    ) -> list[TokenVectors]:
        """The vectors of the tokens and words of texts: the same wherever a word stands.

        Parameters
        ----------
        texts : iterable of str
        layers, combine
            As for a transformer; a table is one layer, both ``"last"`` and ``"embedding"``.
        merge : {"mean", "first"}
            What becomes of a word's pieces.

        Returns
        -------
        list of TokenVectors
            One for each text, without unknown tokens; the vectors are weighted rows of the table.

        Raises
        ------
        InvalidParameter
            If other layers are asked for than the one there is.

        Examples
        --------
        >>> import kinspace as ks
        >>> river, money = ks.load().encode_tokens(["the river bank", "a bank account"])
        >>> bool((river.words["bank"] == money.words["bank"]).all())
        True
        """
        from kinspace.pretrained.neural.inside.token_vectors import chosen_layers
        from kinspace.pretrained.static_tokens import token_vectors

        chosen_layers(layers, 0, combine)
        listed = [texts] if isinstance(texts, str) else list(texts)
        read = self._clip(listed) if listed else []
        return token_vectors(
            listed, read, self._model, self._rows, self.space, longest=self.max_length, merge=merge
        )

    def _pieces(self, text: str) -> tuple[list[str], NDArray[np.float32]]:
        """A text's pieces without unknown ones, and the weighted row of each, shape (n, dim)."""
        ids, _ = self._known(*self._cut([text]))
        return [self._model.pieces[i] for i in ids], self._given(self._rows(ids))

    def _given(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """What each weighted row of one text gives to its vector, shape (n, space's dim)."""
        if self._pools() == "mean" or not len(rows):
            return np.zeros((0, self.space.dim), np.float32) if not len(rows) else rows
        dims = np.arange(rows.shape[1])
        greatest = np.zeros_like(rows)
        greatest[rows.argmax(axis=0), dims] = rows.max(axis=0)
        if not self._has_least:
            return greatest
        least = np.zeros_like(rows)
        least[rows.argmin(axis=0), dims] = rows.min(axis=0)
        return np.concatenate([least, greatest], axis=1)

    def _rows(self, ids: NDArray[np.int32]) -> NDArray[np.float32]:
        """The weighted row of each token, shape (n, dim)."""
        model = self._model
        rows = self.table[model.places[ids]].astype(np.float32)
        return np.asarray(rows * model.weights[ids, None])

    def _known(
        self, ids: NDArray[np.int32], starts: NDArray[np.int64]
    ) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Tokens of texts without the unknown ones: ids, and where each text's begin."""
        known = self._model.places[ids] >= 0
        return ids[known], np.concatenate([[0], np.cumsum(known)])[starts]

    def _encode_batch(self, items: Sequence[str], side: Side) -> NDArray[np.float32]:
        texts = self._clip(items)
        self._encoded += sum(map(len, texts))
        model = self._model
        ids, starts = self._cut(texts)
        cold = self._is_cold
        table = self.table if cold else model.fast_table
        tokens = ids, starts, model.places, model.weights, table
        threads = 0 if cold else self._threads()
        if self._pools() == "mean":
            return weighted_means(*tokens, unit=self.normalize, threads=threads)
        return weighted_extremes(
            *tokens, least=self._has_least, unit=self.normalize, threads=threads
        )

    def _pools(self) -> Pooling:
        """The pooling, checked."""
        require_choice("pooling", self.pooling, Pooling)
        return self.pooling

    @property
    def _has_least(self) -> bool:
        return self._pools() == "min-max"

    @property
    def _is_cold(self) -> bool:
        """Whether so little was encoded yet that compiled code is not worth loading."""
        return self._encoded < self.compile_from

    def _cut(self, texts: Sequence[str]) -> Tokens:
        """The tokens of texts: ids one after the other, and where each text's begin."""
        model, clipped = self._model, self._clip(texts)
        if self._is_cold and isinstance(model.tokens, WordPiece):
            return _flat([model.tokens.cut(text)[: self.max_length] for text in clipped])
        threads = 0 if self._is_cold else self._threads()
        return model.tokens.encode(clipped, limit=self.max_length, threads=threads)

    def _clip(self, items: Sequence[str]) -> Sequence[str]:
        """Cut long texts to the characters that model2vec would look at."""
        if not all(issubclass(kind, str) for kind in set(map(type, items))):
            other = next(item for item in items if not isinstance(item, str))
            raise InvalidInput(f"{other!r:.80} is not a text.", "Give strings.")
        if self.max_length is None or max(map(len, items)) <= self.max_length:
            return items
        characters = self.max_length * self._model.median_length
        return [item[:characters] for item in items]

    def _threads(self) -> int:
        if self.threads is not None and self.threads < 1:
            raise InvalidParameter(f"{self.threads} threads cannot work.", "Give 1 or more.")
        if self.threads is not None:
            return self.threads
        if hasattr(os, "sched_getaffinity"):  # not on macOS and Windows
            return len(os.sched_getaffinity(0))
        return os.cpu_count() or 1

    @cached_property
    def _model(self) -> TokenTable:
        text = self.tokenizer if isinstance(self.tokenizer, str) else self.tokenizer.to_str()
        return TokenTable.of(self.table, text, self.weights, self.mapping)


def _flat(lines: list[list[int]]) -> Tokens:
    starts = np.zeros(len(lines) + 1, np.int64)
    np.cumsum([len(line) for line in lines], out=starts[1:])
    flat = np.fromiter((i for line in lines for i in line), np.int32, int(starts[-1]))
    return flat, starts
