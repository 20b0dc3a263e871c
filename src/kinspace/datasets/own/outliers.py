"""Groups of words with outliers, in the format of 8-8-8 and WikiSem500."""

from __future__ import annotations

from itertools import zip_longest
from pathlib import Path

from kinspace.datasets.content import OutlierSet
from kinspace.errors import ReadError
from kinspace.read import lines

Group = tuple[list[str], list[str]]


def read_outliers(path: Path, name: str) -> OutlierSet:
    """Read groups: members, a blank line, words that do not belong, and so on.

    Parameters
    ----------
    path : Path
        A file with one group or several, or a folder with such files (``.txt``). Underscores
        between the parts of a name become spaces.
    name : str
        Of the set, and of the group of a file that has only one.

    Raises
    ------
    ReadError
        If a folder has no such files, or a group has no two members or no outlier.
    """
    if not path.is_dir():
        return OutlierSet(name, _groups(path, name))
    files = sorted(path.glob("*.txt"))
    if not files:
        raise ReadError(f"{path} has no .txt files.", "Give one file for each group.")
    found: dict[str, Group] = {}
    for file in files:
        found |= _groups(file, file.stem)
    return OutlierSet(name, found)


def _groups(file: Path, name: str) -> dict[str, Group]:
    blocks: list[list[str]] = [[]]
    for line in lines(file):
        if line.strip():
            blocks[-1].append(line.strip().replace("_", " "))
        elif blocks[-1]:
            blocks.append([])
    blocks = [block for block in blocks if block]
    pairs: list[Group] = list(zip_longest(blocks[::2], blocks[1::2], fillvalue=[]))
    for members, outliers in pairs or [([], [])]:
        if len(members) < 2 or not outliers:
            raise ReadError(
                f"{file} has a group of {len(members)} members and {len(outliers)} outliers.",
                "Write two members or more, a blank line, then outliers, one word a line.",
            )
    if len(pairs) == 1:
        return {name: pairs[0]}
    return {f"{name}-{number}": pair for number, pair in enumerate(pairs, start=1)}
