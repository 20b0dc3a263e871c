"""Kinspace's models in MTEB: any encoder or retrieval system goes into ``mteb.evaluate``.

MTEB asks a model for methods, not for a base class: ``encode`` and two similarities of an
encoder, ``index`` and ``search`` of a retrieval system. The classes here have them. Its tasks
from local data are in :mod:`kinspace.evaluate.bridges.mteb_tasks`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kinspace.datasets.content import Document
from kinspace.encoder import Encoder
from kinspace.errors import InvalidInput, InvalidParameter, MissingExtra, NotApplicable
from kinspace.evaluate.system import Meter, Retriever, System
from kinspace.evaluate.systems import Hybrid, Keyword, Reranked, Reranker, as_system
from kinspace.evaluate.systems.names import Judged
from kinspace.metric import Metric, as_matrix, paired_scores, scores
from kinspace.pretrained.neural.dense.encoder import TransformerEncoder
from kinspace.pretrained.static import StaticEncoder

_FRAMEWORKS: Final[list[tuple[type, list[str]]]] = [
    (StaticEncoder, ["NumPy", "safetensors"]),
    (TransformerEncoder, ["Sentence Transformers", "PyTorch"]),
]
_KINDS: Final[list[tuple[type, str]]] = [(Keyword, "sparse"), (Hybrid, "hybrid")]


def as_mteb(model: Judged) -> MtebEncoder | MtebRetriever:
    """A model of Kinspace's as one that ``mteb.evaluate`` takes.

    Parameters
    ----------
    model : str, Path, Encoder, Retriever or System
        An encoder can do all tasks on texts; in retrieval, MTEB compares the vectors itself. A
        retriever does retrieval and reranking, with whatever index, words or reranker it has.
        A name, or a system, that is both does retrieval by its own search.

    Returns
    -------
    MtebEncoder, MtebRetriever or MtebSystem
        Its ``mteb_model_meta`` names the model ``kinspace/NAME`` and has the fingerprint as its
        revision, so that MTEB's results are cached under the model that gave them.

    Raises
    ------
    MissingExtra
        If mteb is not installed.
    InvalidInput
        If the model gives neither vectors of texts nor documents: a table of words, topics.
    ModelNotFound, InvalidParameter
        As :func:`kinspace.evaluate.systems.as_system`.

    Examples
    --------
    >>> model = as_mteb("default")
    >>> model.mteb_model_meta.name, model.mteb_model_meta.embed_dim
    ('kinspace/default', 384)
    >>> import mteb                                            # doctest: +SKIP
    >>> mteb.evaluate(model, mteb.get_tasks(["SciFact"]))      # doctest: +SKIP
    """
    need_mteb("as_mteb")
    if isinstance(model, Encoder):
        return MtebEncoder(model)
    system = as_system(model)
    if system.encoder is not None and system.retriever is not None:
        return MtebSystem(system)
    if system.encoder is not None:
        return MtebEncoder(system.encoder, name=system.name)
    if system.retriever is not None:
        return MtebRetriever(system.retriever, name=system.name, revision=system.fingerprint)
    raise InvalidInput(
        f"{system.name} gives neither vectors of texts nor documents.",
        "Give MTEB an encoder or a retrieval system.",
    )


class MtebEncoder:
    """An encoder with the methods of MTEB's ``EncoderProtocol``.

    What MTEB calls a query is encoded by ``encode_query``; documents, and texts of tasks whose
    sides are alike, by ``encode``: so each side has the prompt that the model's files say.

    Parameters
    ----------
    encoder : Encoder
    name : str, optional
        The model's own by default.
    """

    def __init__(self, encoder: Encoder[Any], *, name: str | None = None) -> None:
        self.encoder = encoder
        self.mteb_model_meta = _describe(encoder, name or encoder.space.model)

    def encode(
        self,
        inputs: Iterable[Mapping[str, Any]],
        *,
        task_metadata: Any,
        hf_split: str,
        hf_subset: str,
        prompt_type: Any = None,
        **options: Any,
    ) -> NDArray[np.float32]:
        """Encode batches of MTEB's, shape (n, dim).

        ``batch_size`` and ``show_progress_bar`` change no vector and are not used: Kinspace
        makes batches by cost, and MTEB has a bar of its own.

        Raises
        ------
        InvalidParameter
            If ``precision`` asks for anything but float32.
        NotApplicable
            If the task has no texts.
        """
        precision = options.get("precision") or "float32"
        if precision != "float32":
            raise InvalidParameter(
                f"Vectors cannot be given in {precision!r}.", "Leave precision out."
            )
        texts = list(_texts(inputs, str(task_metadata.name)))
        asked = getattr(prompt_type, "value", prompt_type) == "query"
        encode = self.encoder.encode_query if asked else self.encoder.encode
        return encode(texts).vectors

    def similarity(self, a: ArrayLike, b: ArrayLike) -> NDArray[np.float32]:
        """Every row of ``a`` against every row of ``b``, by the metric of the space."""
        return scores(as_matrix(a), as_matrix(b), self.encoder.space.metric)

    def similarity_pairwise(self, a: ArrayLike, b: ArrayLike) -> NDArray[np.float64]:
        """Each row of ``a`` against the same row of ``b``, by the metric of the space."""
        return paired_scores(as_matrix(a), as_matrix(b), self.encoder.space.metric)


class MtebRetriever:
    """A retrieval system with the methods of MTEB's ``SearchProtocol``.

    Parameters
    ----------
    retriever : Retriever
    name, revision : str, optional
        The retriever's own name and fingerprint by default.
    """

    def __init__(
        self, retriever: Retriever, *, name: str | None = None, revision: str | None = None
    ) -> None:
        self.retriever = retriever
        self.mteb_model_meta = _meta(
            name or retriever.name,
            revision or retriever.fingerprint,
            model_type=[_kind_of(retriever)],
        )
        self._documents: dict[str, Document] = {}

    def index(self, corpus: Any, **_: Any) -> None:
        """Take in a corpus of MTEB's: a table with ``id``, ``text`` and perhaps ``title``."""
        names, texts = corpus["id"], corpus["text"]
        titles = corpus["title"] if "title" in corpus.column_names else [None] * len(names)
        self._documents = {
            name: Document(name, text, title or "")
            for name, text, title in zip(names, texts, titles, strict=True)
        }
        self.retriever.index(list(self._documents.values()))

    def search(
        self,
        queries: Any,
        *,
        top_k: int,
        top_ranked: Mapping[str, Sequence[str]] | None = None,
        **_: Any,
    ) -> dict[str, dict[str, float]]:
        """Scores of the best ``top_k`` documents of each query, by id; no more is held then.

        With ``top_ranked``, only those candidates are ranked: by the reranker, if the system has
        one; otherwise everything is searched, and what is no candidate is left out.
        """
        names, texts = list(queries["id"]), list(questions(queries))
        reranker = getattr(self.retriever, "reranker", None)
        try:
            if top_ranked is not None and isinstance(reranker, Reranker):
                found = [
                    self._reranked(reranker, text, top_ranked.get(name, ()))
                    for name, text in zip(names, texts, strict=True)
                ]
            else:
                depth = top_k if top_ranked is None else len(self._documents)
                found = [dict(one) for one in self.retriever.search(texts, depth)]
        finally:
            self.retriever.close()
            self._documents = {}
        if top_ranked is None:
            return dict(zip(names, found, strict=True))
        return {
            name: {one: scores[one] for one in top_ranked.get(name, ()) if one in scores}
            for name, scores in zip(names, found, strict=True)
        }

    def _reranked(
        self, reranker: Reranker, query: str, candidates: Sequence[str]
    ) -> dict[str, float]:
        if not candidates:
            return {}
        values = reranker.score(query, [self._documents[name].whole for name in candidates])
        return dict(zip(candidates, values.tolist(), strict=True))


class MtebSystem(MtebEncoder, MtebRetriever):
    """An encoder that does retrieval by a search of its own: both of MTEB's protocols.

    Parameters
    ----------
    system : System
        With an encoder and a retriever.
    """

    def __init__(self, system: System) -> None:
        encoder = system.need_encoder("MTEB")
        retriever = system.need_retriever("MTEB")
        MtebRetriever.__init__(self, retriever, name=system.name)
        MtebEncoder.__init__(self, encoder, name=system.name)


def need_mteb(what: str) -> None:
    """Raise :class:`MissingExtra` unless mteb can be imported."""
    try:
        import mteb  # noqa: F401
    except ImportError as error:
        raise MissingExtra(what, "mteb") from error


def _describe(encoder: Encoder[Any], name: str) -> Any:
    """What MTEB wants to know of an encoder."""
    inner = encoder.inner if isinstance(encoder, Meter) else encoder
    space = encoder.space
    longest = getattr(inner, "max_length", None)
    parameters = int(inner.table.size) if isinstance(inner, StaticEncoder) else None
    return _meta(
        name,
        space.fingerprint,
        embed_dim=space.dim,
        max_tokens=longest if isinstance(longest, int) else None,
        similarity_fn_name=_scoring(space.metric),
        framework=next((names for kind, names in _FRAMEWORKS if isinstance(inner, kind)), []),
        n_parameters=parameters,
        n_embedding_parameters=parameters,
    )


def _meta(name: str, revision: str, **known: Any) -> Any:
    """MTEB's card of a model: the whole of it, most of it unknown."""
    from mteb.models import ModelMeta

    unknown = {name: None for name, field in ModelMeta.model_fields.items() if field.is_required()}
    safe = re.sub(r"[^\w.+@=-]+", "_", name).strip("_") or "model"
    return ModelMeta(
        **{
            **unknown,
            "framework": [],
            "name": f"kinspace/{safe}",
            "revision": revision,
            **known,
        }
    )


def _scoring(metric: Metric) -> Any:
    from mteb.models.model_meta import ScoringFunction

    known = {
        "cosine": ScoringFunction.COSINE,
        "dot": ScoringFunction.DOT_PRODUCT,
        "euclidean": ScoringFunction.EUCLIDEAN,
        "manhattan": ScoringFunction.MANHATTAN,
    }
    return known.get(metric, ScoringFunction.CUSTOM)


def _kind_of(retriever: Retriever) -> str:
    """MTEB's word for a way of searching; the second step of a reranked one decides."""
    if isinstance(retriever, Reranked):
        return "dense" if hasattr(retriever.reranker, "encoder") else "cross-encoder"
    return next((word for kind, word in _KINDS if isinstance(retriever, kind)), "dense")


def _texts(inputs: Iterable[Mapping[str, Any]], task: str) -> Iterator[str]:
    for batch in inputs:
        if "text" not in batch:
            raise NotApplicable(
                f"{task} asks for {', '.join(batch)}, not for texts.", "Choose tasks on texts."
            )
        yield from batch["text"]


def questions(queries: Any) -> Iterator[str]:
    """The texts of queries, with MTEB's instruction behind where a query has one."""
    texts = queries["text"]
    told = queries["instruction"] if "instruction" in queries.column_names else [None] * len(texts)
    for text, instruction in zip(texts, told, strict=True):
        if not isinstance(text, str):
            raise NotApplicable("The queries are conversations.", "Choose a task with questions.")
        yield f"{text} {instruction}" if instruction else text
