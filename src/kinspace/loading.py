"""`load`: a model by name or path, whether it was learned here or made elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kinspace.encoder import Encoder


def load(name: str | Path = "default", *, download: bool = False) -> Encoder[Any]:
    """Load a model by name or path.

    Parameters
    ----------
    name : str or Path
        The folder of a model that was learned with Kinspace; ``"default"`` for the shipped static
        model of English; the folder of a static model (model2vec's layout) or of a
        sentence-transformers model; or the name of a model, such as ``"all-MiniLM-L6-v2"``, that
        an installed package or the hub's cache holds.
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
    return load_pretrained(name, download=download)
