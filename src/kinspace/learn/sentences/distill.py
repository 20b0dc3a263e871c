"""Distill: a static model that follows any encoder, hundreds of times faster than a transformer."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from kinspace.compress.int8 import quantise_rows
from kinspace.encoder import Encoder, Learner, Side, learned
from kinspace.engines.distillation import Bags, fit_table
from kinspace.engines.flattening import flatten_directions, temper_lengths
from kinspace.errors import EmptyInput, InvalidParameter
from kinspace.learn.sentences.teaching import TextSpool, VectorCache
from kinspace.learn.sentences.vocabulary import Words, choose_tokens, make_tokenizer, wordpieces
from kinspace.learn.stages import Stages, shown
from kinspace.pretrained.static import StaticEncoder
from kinspace.space import Space

Floats = NDArray[np.float32]
_CHUNK = 1 << 14
"""Texts that are read, encoded and written down together."""
_LONGEST = 512
"""Tokens of a text that are learned from."""
_COMMON = 1e-3
"""Relative frequency at which a token starts with half the weight of a rare one."""


class Distill(Learner[str]):
    """Learn a static model from the vectors that a teacher gives to real texts.

    A static model has one vector for each token; a text is their sum, brought to length 1.
    The vocabulary is the teacher's WordPiece, as far as the texts' alphabet goes, and then the
    texts' most frequent other words. Each token starts at the teacher's vector of it alone, less
    the common direction and weighted by rarity, in the teacher's main ``dim`` directions. Then all
    rows are learned: the loss of a text is 1 − cos(its sum, the teacher's vector of it), so
    that a row's length becomes the token's weight. In the end lengths are tempered, the directions
    that all texts share are flattened (which finds more in search), and the table becomes int8.

    Parameters
    ----------
    teacher : str or Encoder
        A name that :func:`kinspace.load` knows, or any encoder of texts.
    dim : int, optional
        Dimensions of the model; the teacher's by default, and at most. For the same size of model
        more dimensions found more than more tokens.
    vocabulary_size : int
        Tokens, at most.
    epochs, batch_size : int
    learning_rate : float
        Adam's, in the first steps.
    max_texts : int, optional
        Stop reading after so many texts.
    seed : int
        The same seed and texts give the same model.
    cache : str or Path, optional
        A folder that keeps the teacher's vectors: a run that was interrupted goes on there.
    flatten : float
        From 0, which leaves the directions as they were learned, to 1, where all have equal energy.

    Attributes
    ----------
    model_ : StaticEncoder
    recipe_ : dict
        Teacher and its fingerprint, arguments, how many texts and their SHA-256, versions.

    References
    ----------
    Tulkens & van Dongen 2024, "Model2Vec"; Arora et al. 2017, "A Simple but Tough-to-Beat
    Baseline for Sentence Embeddings" (weights by rarity, the common direction).
    """

    keyword_share: ClassVar[float] = StaticEncoder.keyword_share

    def __init__(
        self,
        teacher: str | Encoder[str],
        *,
        dim: int | None = None,
        vocabulary_size: int = 32_000,
        epochs: int = 3,
        batch_size: int = 2048,
        learning_rate: float = 3e-3,
        max_texts: int | None = None,
        seed: int = 0,
        cache: str | Path | None = None,
        flatten: float = 0.6,
    ) -> None:
        self.teacher = teacher
        self.dim = dim
        self.vocabulary_size = vocabulary_size
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.max_texts = max_texts
        self.seed = seed
        self.cache = cache
        self.flatten = flatten

    # -- learning ------------------------------------------------------------------------------

    def fit(self, items: Iterable[str], *, progress: bool | Stages = False) -> Self:
        """Learn from texts.

        Parameters
        ----------
        items : iterable of str
            Sentences, passages, titles, spans: what the model is meant for. Read once; may be
            larger than memory. A text that comes twice counts twice; empty ones are left out.
        progress : bool or callable
            True shows a bar on stderr, if that is a terminal; a callable is called with
            (stage, done, total).

        Raises
        ------
        EmptyInput
            If there are no texts.
        InvalidInput
            If an item is not a text.
        InvalidParameter
            If an argument is outside its range.
        """
        self._check()
        teacher = self._load_teacher()
        with ExitStack() as stack:
            tell = stack.enter_context(shown(progress))
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=self._scratch())))
            spool, words = TextSpool(folder / "texts.jsonl"), Words()
            for read, text in enumerate(spool.fill(items, self.max_texts), 1):
                words.update([text])
                tell("read", read, self.max_texts or read)
            if not spool.count:
                raise EmptyInput("There are no texts to learn from.", "Give some texts.")
            pieces = wordpieces(getattr(teacher, "tokenizer", None))
            tokens = choose_tokens(words, self.vocabulary_size, pieces)
            tokenizer = make_tokenizer(tokens)
            cache = VectorCache(Path(self.cache) if self.cache else folder, teacher)
            vectors = self._ask(cache, spool, folder / "vectors.f16", tell)
            bags = _bags(spool, tokenizer)
            basis = main_directions(vectors, self.dim or teacher.space.dim)
            alone = cache.vectors([t.removeprefix("##") for t in tokens]).astype(np.float32)
            table = fit_table(
                start_table(alone @ basis, bags),
                bags,
                _project(vectors, basis, folder / "targets.f16"),
                epochs=self.epochs,
                batch_size=self.batch_size,
                learning_rate=self.learning_rate,
                seed=self.seed,
                progress=lambda done, total: tell("learn", done, total),
            )
            table = flatten_directions(temper_lengths(table, bags), bags, self.flatten)
        self.recipe_ = self._recipe(teacher.space, spool, len(tokens))
        rounded, scales = quantise_rows(table)
        name = f"{teacher.space.model}-distilled"
        self.model_ = StaticEncoder(rounded, tokenizer, scales, name=name, recipe=self.recipe_)
        return self

    def _ask(
        self, cache: VectorCache, spool: TextSpool, path: Path, tell: Stages
    ) -> NDArray[np.float16]:
        """The teacher's vectors of all texts, shape (n, teacher's dim), on disk."""
        vectors = np.memmap(path, np.float16, "w+", shape=(spool.count, cache.dim))
        done = 0
        for texts in spool.chunks(_CHUNK):
            vectors[done : done + len(texts)] = cache.vectors(
                texts, partial(_tell_part, tell, done, spool.count)
            )
            done += len(texts)
        return vectors

    # -- using ---------------------------------------------------------------------------------

    @property
    def space(self) -> Space:
        """The space of the learned model."""
        return self._fitted().space

    def save(self, folder: str | Path) -> None:
        """Write the model, with its recipe, to a folder that model2vec can read too."""
        self._fitted().save(folder)

    def _encode_batch(self, items: Sequence[str], side: Side) -> Floats:
        return self._fitted()._encode_batch(items, side)

    def _fitted(self) -> StaticEncoder:
        model: StaticEncoder = learned(self, "model_")
        return model

    # -- arguments -----------------------------------------------------------------------------

    def _check(self) -> None:
        least = {"dim": 1, "vocabulary_size": 200, "epochs": 0, "batch_size": 1, "max_texts": 1}
        for parameter, smallest in least.items():
            value = getattr(self, parameter)
            if value is not None and value < smallest:
                raise InvalidParameter(
                    f"{parameter}={value!r} is too small.", f"Give {smallest} or more."
                )
        for parameter, example in (("learning_rate", 0.003), ("flatten", 0.6)):
            value = getattr(self, parameter)
            if not 0 <= value <= 1:
                raise InvalidParameter(
                    f"{parameter}={value!r} is outside its range.",
                    f"Give a number from 0 to 1, such as {example}.",
                )

    def _load_teacher(self) -> Encoder[str]:
        from kinspace.pretrained import load

        teacher = load(self.teacher) if isinstance(self.teacher, str) else self.teacher
        if self.dim is not None and self.dim > teacher.space.dim:
            raise InvalidParameter(
                f"dim={self.dim} is more than the teacher's {teacher.space.dim}.",
                f"Give {teacher.space.dim} or less.",
            )
        return teacher

    def _scratch(self) -> Path | None:
        """Where working files lie while learning: beside the cache, if there is one."""
        if self.cache is None:
            return None
        Path(self.cache).mkdir(parents=True, exist_ok=True)
        return Path(self.cache)

    def _recipe(self, teacher: Space, spool: TextSpool, tokens: int) -> dict[str, Any]:
        given = {k: v for k, v in self.get_params(deep=False).items() if k not in _NOT_IN_RECIPE}
        return {
            "method": "kinspace.Distill",
            "teacher": {"model": teacher.model, "fingerprint": teacher.fingerprint},
            "arguments": given,
            "texts": {"count": spool.count, "sha256": spool.sha256},
            "tokens": tokens,
            "versions": {package: _version(package) for package in _PACKAGES},
        }


_NOT_IN_RECIPE = ("teacher", "cache")
_PACKAGES = ("kinspace", "numpy", "scipy", "tokenizers", "torch", "transformers")


def main_directions(vectors: NDArray[np.float16], dim: int) -> Floats:
    """The orthonormal directions that hold most of the vectors' energy, as columns.

    Parameters
    ----------
    vectors : array of float16, shape (n, full)
    dim : int

    Returns
    -------
    array of float32, shape (full, dim)
        The identity if nothing is to be left out.
    """
    full = vectors.shape[1]
    if dim == full:
        return np.eye(full, dtype=np.float32)
    moment = np.zeros((full, full))
    for start in range(0, len(vectors), _CHUNK):
        chunk = vectors[start : start + _CHUNK].astype(np.float32)
        moment += chunk.T @ chunk
    _, directions = np.linalg.eigh(moment)
    return np.ascontiguousarray(directions[:, ::-1][:, :dim], np.float32)


def start_table(alone: Floats, bags: Bags) -> Floats:
    """Where learning starts: each token's vector less the common direction, weighted by rarity.

    Parameters
    ----------
    alone : array of float32, shape (tokens, dim)
        The teacher's vector of each token by itself.
    bags : Bags
        The texts, which tell how frequent a token is.
    """
    counts = np.bincount(bags.ids, minlength=len(alone)).astype(np.float32)
    share = counts / max(counts.sum(), 1)
    table: Floats = (alone - share @ alone) * (_COMMON / (_COMMON + share))[:, None]
    table[0] = 0
    return table.astype(np.float32)


def _tell_part(tell: Stages, before: int, total: int, part: int) -> None:
    tell("teacher", before + part, total)


def _bags(spool: TextSpool, tokenizer: Tokenizer) -> Bags:
    """The texts as rows of the table; unknown tokens are left out."""
    ids, lengths = [], []
    for texts in spool.chunks(_CHUNK):
        for encoding in tokenizer.encode_batch_fast(texts, add_special_tokens=False):
            known = [i for i in encoding.ids[:_LONGEST] if i]
            ids.append(np.asarray(known, np.int32))
            lengths.append(len(known))
    starts = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=starts[1:])
    return Bags(np.concatenate(ids), starts)


def _project(vectors: NDArray[np.float16], basis: Floats, path: Path) -> NDArray[np.float16]:
    """The vectors in the model's directions, shape (n, dim), on disk."""
    targets = np.memmap(path, np.float16, "w+", shape=(len(vectors), basis.shape[1]))
    for start in range(0, len(vectors), _CHUNK):
        rows = slice(start, start + _CHUNK)
        targets[rows] = vectors[rows].astype(np.float32) @ basis
    return targets


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
