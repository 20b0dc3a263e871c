"""Late interaction: a vector for every token of a text, compared by MaxSim (ColBERT, XTR)."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Literal

from kinspace.encoder import Encoder, Side, require_texts
from kinspace.engines.token_pooling import pooled
from kinspace.errors import InvalidParameter, ReadError, require_choice
from kinspace.multi import MultiVectors
from kinspace.pretrained.neural.folders.layout import fingerprint
from kinspace.pretrained.neural.folders.model import TextModel
from kinspace.pretrained.neural.late.model import LateModel, open_late
from kinspace.pretrained.neural.running.batches import check_budget
from kinspace.pretrained.neural.running.setting import Precision
from kinspace.space import Space

LongTexts = Literal["truncate", "pieces", "error"]


class MultiVectorEncoder(TextModel, Encoder[str]):
    """A late-interaction model: ColBERT, in the layouts of all who save it, or XTR.

    Queries and documents are read as the model's files say: with markers before them (``[Q]``,
    ``[D]``), queries filled up with ``[MASK]`` (query expansion), punctuation left out of
    documents, each side with a length of its own. Loading waits for the first use.

    Parameters
    ----------
    name : str or Path
        What :func:`kinspace.pretrained.resolve.resolve` understands: a path or a name. Read are
        the layouts of sentence-transformers, PyLate and Stanford's ColBERT, and those of dense
        models, whose pooling is then left out: XTR is published so, with a projection at the end;
        one without gives its last layer's vectors, which were not trained for this.
    pool_factor : float
        Leave about one vector in so many of a document, by joining those that are alike
        (:func:`kinspace.engines.token_pooling.pooled`): 2 halves an index. Another number is
        another space.
    lowercase : bool
        Whether texts are brought to lower case first, as XTR's published models want it.
    long : {"truncate", "pieces", "error"}
        What becomes of texts longer than the model reads: cut; encoded in pieces whose vectors
        are all kept; or refused. Queries that are filled up to a fixed length are cut or refused.
    batch_tokens : int
        The most tokens of one batch.
    device : str
        ``"auto"`` takes a GPU where torch sees one.
    precision : {"auto", "float32", "bfloat16", "float16", "int8"}
        Of the transformer. "auto" takes the fastest that the device has instructions for. Not
        part of the space.
    download : bool
        Whether the model may be fetched from the hub if it is nowhere on this machine.

    Attributes
    ----------
    truncated_ : dict of str to int
        How many ``texts`` were cut since the encoder was made, and how many ``tokens`` they lost.

    Raises
    ------
    InvalidParameter
        At the first use, if a parameter is outside its range.
    ModelNotFound
        At the first use, if there is no such model on this machine.
    MissingExtra
        At the first use, if the extra ``neural`` is not installed.
    ReadError
        At the first use, if the folder holds something that cannot be loaded, or a model that
        gives one vector a text.

    References
    ----------
    Khattab & Zaharia 2020, "ColBERT: Efficient and Effective Passage Search via Contextualized
    Late Interaction over BERT"; Lee et al. 2023, "Rethinking the Role of Token Retrieval in
    Multi-Vector Retrieval" (XTR).
    """

    batch_cost: ClassVar[int] = 1 << 18
    sorts_by_cost: ClassVar[bool] = True
    keyword_share: ClassVar[float] = 0.35

    def __init__(
        self,
        name: str | Path,
        *,
        pool_factor: float = 1,
        lowercase: bool = False,
        long: LongTexts = "truncate",
        batch_tokens: int = 4096,
        device: str = "auto",
        precision: Precision = "auto",
        download: bool = False,
    ) -> None:
        self.name = name
        self.pool_factor = pool_factor
        self.lowercase = lowercase
        self.long = long
        self.batch_tokens = batch_tokens
        self.device = device
        self.precision = precision
        self.download = download

    @functools.cached_property
    def space(self) -> Space:
        """The space of the vectors, of the form ``"multi"``."""
        model = self._model
        settings = (
            ("pool_factor", float(self.pool_factor), 1.0),
            ("lowercase", self.lowercase, False),
            ("long", self.long == "pieces", False),
        )
        changed = [[name, value] for name, value, usual in settings if value != usual]
        digest = fingerprint(self.layout, *changed)
        return Space(Path(self.name).name, digest, model.dim, model.metric, "multi")

    def tokens(self, texts: Sequence[str], *, side: Side = "document") -> list[list[str]]:
        """The tokens that a text's vectors stand for, in the same order.

        Parameters
        ----------
        texts : sequence of str
        side : {"document", "query"}

        Raises
        ------
        InvalidParameter
            If documents are pooled: a vector then stands for several tokens.
        """
        if side == "document" and self.pool_factor > 1:
            raise InvalidParameter(
                "Pooled vectors stand for several tokens each.", "Give pool_factor=1."
            )
        texts = [texts] if isinstance(texts, str) else list(texts)
        require_texts(texts)
        return self._model.tokens(texts, side)

    def _encode_batch(self, items: Sequence[str], side: Side) -> MultiVectors:
        require_texts(items)
        found, cut = self._model(items, side)
        self._count(cut)
        return pooled(found, self.pool_factor) if self._pools(side) else found

    def _pools(self, side: Side) -> bool:
        return side == "document" and self.pool_factor > 1

    @functools.cached_property
    def _model(self) -> LateModel:
        check_budget(self.batch_tokens)
        if not self.pool_factor >= 1:
            raise InvalidParameter(f"pool_factor is {self.pool_factor}.", "Give 1 or more.")
        require_choice("long", self.long, LongTexts)
        if self.layout.kind not in ("multi", "dense"):
            raise ReadError(
                f"{self.folder} gives no vectors of tokens: it is {self.layout.kind}.",
                "Load it with ks.load, or give a ColBERT model.",
            )
        return open_late(
            self.layout,
            self.setting,
            long="mean" if self.long == "pieces" else self.long,
            lowercase=self.lowercase,
            budget=self.batch_tokens,
        )
