"""`load`: a model by name or path, whether it was learned here or made elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from kinspace.encoder import Encoder, Progress
from kinspace.errors import InvalidInput, InvalidParameter, ModelNotFound, ReadError

if TYPE_CHECKING:
    from kinspace.embeddings import Embeddings
    from kinspace.pretrained import ModelInfo


def load(name: str | Path = "default", *, download: bool = False, **options: Any) -> Encoder[Any]:
    """Load a model by name or path.

    Parameters
    ----------
    name : str or Path
        - ``"default"``: the shipped static model of English;
        - a folder: a model that was learned with Kinspace, a static model (model2vec's layout), or
          a model in the layout of sentence-transformers or transformers: dense (BERT, GPT-2, T5 …),
          sparse (SPLADE), multi-vector (ColBERT, XTR), CLIP, images (ViT, ResNet …) or a
          cross-encoder;
        - a file of word vectors (word2vec, GloVe, fastText), whose means become texts' vectors; or
          fastText's own ``.bin`` or ``.ftz``, with its subwords or classes;
        - the name of a model, such as ``"all-MiniLM-L6-v2"`` or ``"owner/model"``, that an
          installed package or the hub's cache holds;
        - a model behind an API: ``"openai:text-embedding-3-small"``, ``"gemini:…"``,
          ``"cohere:…"``, ``"http://localhost:8080/v1#model"``.
    download : bool
        Whether the model may be fetched from the hub if it is nowhere on this machine.
    **options
        ``kind="sparse"`` and the like take a neural model otherwise than its files say. All others
        are what the class of such a model takes, for example ``dim=256``, ``pooling="cls"``,
        ``prompt="query: "``, ``long="mean"``, ``device="cpu"`` or ``precision="float32"`` for a
        :class:`~kinspace.TransformerEncoder`.

    Returns
    -------
    Encoder
        A cross-encoder gives a :class:`~kinspace.Reranker`, which scores pairs and is no encoder.
        Vectors from an API are kept on the disk, and never paid for twice.

    Raises
    ------
    ModelNotFound
        If there is no such model; the message lists those at hand.
    ReadError
        If a model's files are incomplete or damaged.
    InvalidParameter
        If such a model has no such option.

    Examples
    --------
    >>> import kinspace as ks
    >>> model = ks.load()
    >>> vectors = model.encode(["a cat", "a kitten", "a car"])
    >>> vectors.nearest(vectors[:1], k=2).ids
    [0, 1]
    """
    from kinspace.pretrained import load as load_pretrained

    held = _held(name)
    if held == "learned":
        from kinspace.learn import saved

        _refuse("A learned model", options)
        return saved.load(name)
    if held == "words":
        _refuse("A file of vectors", options)
        return _of_file(Path(name))
    return load_pretrained(name, download=download, **options)


def load_encoder(
    name: str | Path = "default", *, download: bool = False, **options: Any
) -> Encoder[Any]:
    """Load a model that gives vectors; as :func:`load`, for callers that need those.

    Raises
    ------
    InvalidInput
        If it is a cross-encoder.
    """
    found = load(name, download=download, **options)
    if not isinstance(found, Encoder):
        raise InvalidInput(
            f"{name} is a cross-encoder: it scores pairs of texts, and gives no vectors.",
            "Use it as a reranker, and another model for vectors.",
        )
    return found


def describe(name: str | Path = "default") -> ModelInfo:
    """What a name or path stands for, without loading the model.

    Raises
    ------
    ModelNotFound
        If there is no such model on this machine; the message lists those at hand.
    ReadError
        If its files are incomplete or damaged.

    Examples
    --------
    >>> describe().kind
    'static'
    """
    from kinspace.learn import saved
    from kinspace.pretrained import ModelInfo
    from kinspace.pretrained import describe as describe_pretrained
    from kinspace.pretrained.providers import open_provider

    here, held = Path(name), _held(name)
    if held == "learned":
        size = sum(path.stat().st_size for path in here.rglob("*") if path.is_file())
        note = f"learned here, by {saved.read(name).method}"
        return ModelInfo(str(name), "learned", str(here), None, size, at_hand=True, note=note)
    if held == "words":
        size = here.stat().st_size
        return ModelInfo(str(name), "words", str(here), None, size, at_hand=True, note="a file")
    provider = open_provider(name)
    if provider is not None:
        record = provider.record
        dim = provider.dim or (None if record is None else record.dim)
        longest = None if record is None else record.longest
        at = provider.base_url
        note = f"behind the API of {provider.service}" if at is None else f"a server at {at}"
        return ModelInfo(str(name), "provider", dim=dim, longest=longest, at_hand=True, note=note)
    return describe_pretrained(name)


def _held(name: str | Path) -> Literal["learned", "words"] | None:
    """What a path leads to, of what is not looked for by name."""
    from kinspace.learn import saved

    try:
        if saved.is_learned(name):
            return "learned"
        return "words" if Path(name).is_file() else None
    except (OSError, ValueError):  # longer than a path may be, or with a zero byte
        return None


def _refuse(what: str, options: dict[str, Any]) -> None:
    if options:
        raise InvalidParameter(
            f"{what} is used as it is: it has no option {next(iter(options))!r}.", "Leave it out."
        )


def _of_file(path: Path) -> Encoder[Any]:
    """What a file holds: fastText's own model, or a table of words, averaged for texts."""
    from kinspace.pretrained.fasttext_file import is_fasttext_file

    if is_fasttext_file(path):
        return _of_facebook(path)
    try:
        table = read_vectors(path)
    except ReadError as error:
        raise ModelNotFound(
            f"{path} is no model, and no file of word vectors: {error.message}",
            "Give the folder of a model, or a file of word2vec, GloVe or fastText.",
        ) from error
    from kinspace.learn.sentences.from_words import SentenceVectors

    learner = SentenceVectors(table, weighting="none")
    some = [str(word) for word in (table.ids or ())[:1000]]
    return learner.fit(some).model_.set_params(name=path.name)


def _of_facebook(path: str | Path) -> Encoder[Any]:
    """Word vectors or a classifier, whichever the file holds."""
    from kinspace.pretrained.fasttext_file import kind_of

    if kind_of(path) == "sup":
        from kinspace.learn.words.fasttext_classifier import FastTextClassifier

        return FastTextClassifier.load_facebook(path)
    from kinspace.learn.words.fasttext import FastText

    return FastText.load_facebook(path)


def read_vectors(
    path: str | Path,
    format: str | None = None,  # noqa: A002 - what it is called everywhere
    *,
    limit: int | None = None,
    encoding: str = "utf-8",
    errors: str = "strict",
    repeated: Literal["refuse", "first"] = "refuse",
    progress: Progress | None = None,
) -> Embeddings:
    r"""Read a table of word vectors, in whatever format it is kept.

    Parameters
    ----------
    path : path
        A file of word2vec (text or binary), GloVe, fastText (``.vec``, ``.bin``), gensim
        (``KeyedVectors.save``; never unpickled) or ours; packed (``.gz``, ``.bz2``, ``.xz``,
        ``.zst``) or not. Or the folder of a model that was learned here.
    format : {"word2vec", "word2vec-binary", "glove", "fasttext", "gensim", "safetensors"}, optional
        By default the first bytes tell.
    limit : int, optional
        Read so many words at most; files are sorted by frequency as a rule.
    encoding : str
        Of the words, where they are bytes.
    errors : str
        What becomes of bytes that are invalid in it: ``"strict"`` refuses, ``"replace"`` and
        ``"ignore"`` are those of :meth:`bytes.decode`.
    repeated : {"refuse", "first"}
        What becomes of words that come twice; ``"first"`` leaves out all but the first.
    progress : callable, optional
        Called with words done and words in all.

    Returns
    -------
    Embeddings
        Ids are the words. Except in files of ours, which name it, the space is that of the very
        words and vectors, so that one table has one space in whatever format it was kept.

    Raises
    ------
    PathNotFound
        If there is nothing at that path.
    ReadError
        If the file is truncated or damaged, of another kind, or its words of another encoding.
    DimensionMismatch, InvalidVectors, DuplicateId
        If a row has more or fewer numbers, NaN or infinity, or a word that was there already.
    InvalidParameter

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "glove.txt")
    ...     _ = path.write_text("cat 1 0.1\nkitten 0.9 0.1\ncar 0 1\n")
    ...     vectors = read_vectors(path)
    >>> vectors.nearest("cat", k=1).ids
    ['kitten']
    """
    whole = _whole(path, format)
    if whole is None:
        from kinspace.pretrained.vector_files import VectorFile

        file = VectorFile(
            path, format, limit=limit, encoding=encoding, errors=errors, repeated=repeated
        )
        return file.read(progress)
    if (encoding, errors, repeated) != ("utf-8", "strict", "refuse"):
        raise InvalidParameter(
            f"{path} is a model, whose words are whole and different.",
            "Leave encoding, errors and repeated out.",
        )
    found: Embeddings = whole if limit is None else whole[: max(limit, 0)]
    return found


def _whole(path: str | Path, format_: str | None) -> Embeddings | None:
    """The table of a model; None for a file that is a table itself."""
    from kinspace.learn import saved

    if saved.is_learned(path):
        table = saved.read(path).vectors
        if table is None or table.ids is None:
            raise ModelNotFound(f"The model in {path} has no table of words.", "Load it: ks.load.")
        return table
    from kinspace.pretrained.vector_files import guess

    if Path(path).is_file() and (format_ or guess(path)) == "fasttext":
        from kinspace.learn.words.fasttext import FastText

        return FastText.load_facebook(path).vectors
    return None
