"""`load`: a model by name or path, whether it was learned here or made elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from kinspace.encoder import Encoder, Progress
from kinspace.errors import InvalidParameter, ModelNotFound

if TYPE_CHECKING:
    from kinspace.embeddings import Embeddings


def load(name: str | Path = "default", *, download: bool = False) -> Encoder[Any]:
    """Load a model by name or path.

    Parameters
    ----------
    name : str or Path
        The folder of a model that was learned with Kinspace; ``"default"`` for the shipped static
        model of English; the folder of a static model (model2vec's layout) or of a
        sentence-transformers model; a ``.bin`` or ``.ftz`` file of Facebook's fastText; or the
        name of a model, such as ``"all-MiniLM-L6-v2"``, that an installed package or the hub's
        cache holds.
    download : bool
        Whether the model may be fetched from the hub if it is nowhere on this machine.

    Returns
    -------
    Encoder

    Raises
    ------
    ModelNotFound
        If there is no such model; the message lists those at hand.
    ReadError
        If a model's files are damaged.

    Examples
    --------
    >>> import kinspace as ks
    >>> model = ks.load()
    >>> vectors = model.encode(["a cat", "a kitten", "a car"])
    >>> vectors.nearest(vectors[:1], k=2).ids
    [0, 1]
    """
    from kinspace.learn import saved
    from kinspace.pretrained import load as load_pretrained

    if saved.is_learned(name):
        return saved.load(name)
    if Path(name).is_file():
        from kinspace.pretrained.fasttext_file import is_fasttext_file

        if is_fasttext_file(name):
            return _of_facebook(name)
    return load_pretrained(name, download=download)


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
