"""`load`: from the name of a dataset to its content."""

from __future__ import annotations

from kinspace.datasets.content import Content
from kinspace.datasets.files import Progress, fetch, read
from kinspace.datasets.material import Blob, Material
from kinspace.datasets.parsers import PARSERS
from kinspace.datasets.record import describe


def load(
    name: str,
    split: str | None = None,
    *,
    download: bool = True,
    progress: Progress | None = None,
) -> Content:
    """The content of a dataset.

    Its files are looked for under ``$KINSPACE_DATA``, then in the cache; what is in neither is
    downloaded to the cache. A file is used only if its checksum is the record's.

    Parameters
    ----------
    name : str
        One of `names`.
    split : str, optional
        The record's first if not given; for most sets that is the test split.
    download : bool
        Whether files may be fetched.
    progress : callable, optional
        Called while files are fetched, with the bytes that are there, the bytes there will be,
        and what they are of.

    Returns
    -------
    RetrievalSet, PairSet, LabelledSet, …
        The class that the record names.

    Raises
    ------
    DatasetNotFound
        If there is no such dataset, or it is not on this machine and may not be fetched.
    InvalidParameter
        If it has no such split.
    DownloadFailed
        If a file cannot be fetched.
    ChecksumMismatch
        If a file is another one than is meant.
    ReadError
        If a file is damaged.

    Examples
    --------
    >>> from kinspace.errors import DatasetNotFound
    >>> try:
    ...     load("scifacts")
    ... except DatasetNotFound as error:
    ...     print(error)
    There is no dataset 'scifacts'. Did you mean scifact? All names: kinspace datasets.
    """
    record = describe(name)
    chosen = record.chosen(split)
    if download:
        fetch(record, chosen, progress=progress)
    files = {file.role: Blob(file.place, read(record, file)) for file in record.files_of(chosen)}
    title = f"{name}-{chosen}" if len(record.splits) > 1 else name
    return PARSERS[record.parser](Material(title, chosen, record.options, files))
