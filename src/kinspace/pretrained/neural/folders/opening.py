"""Opening what sentence-transformers has saved, by its own classes, quietly."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kinspace.errors import MissingExtra, ReadError


def open_model(kind: str, folder: Path, **options: Any) -> Any:
    """A model of sentence-transformers in float32, on the processor, in evaluation mode.

    Parameters
    ----------
    kind : str
        The name of the class: ``"SentenceTransformer"``, ``"SparseEncoder"``, ``"CrossEncoder"``.
    folder : Path
    **options
        Further arguments of the class.

    Raises
    ------
    MissingExtra
        If sentence-transformers is not installed.
    ReadError
        If it cannot load the folder.
    """
    try:
        import sentence_transformers
        import torch
    except ImportError as error:
        raise MissingExtra("A transformer", "neural") from error
    made = getattr(sentence_transformers, kind)
    options = {"model_kwargs": {"dtype": torch.float32}, **options}
    with quiet():
        try:
            return made(str(folder), device="cpu", local_files_only=True, **options).eval()
        except Exception as error:  # the libraries' errors have no common root
            raise ReadError(
                f"{folder} cannot be loaded as a {kind} of sentence-transformers: {error}.",
                "Check that the folder is complete.",
            ) from error


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Without transformers' own bar while weights are loaded."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()
