"""What models of a folder share: where their files are, where they run, what they have cut."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from kinspace.encoder import Parameters
from kinspace.pretrained.neural.folders.layout import Layout, read_layout
from kinspace.pretrained.neural.running.setting import Precision, Setting, choose
from kinspace.pretrained.resolve import resolve


class FolderModel(Parameters):
    """A model in a folder; everything about it is found out at the first use, and kept.

    Subclasses store the arguments that are named here, and keep what they make of them in cached
    properties.
    """

    name: str | Path
    device: str
    precision: Precision
    download: bool

    def set_params(self, **params: Any) -> Self:
        """Set constructor arguments by name; what was made from the old ones is forgotten."""
        for name in list(self.__dict__):
            is_made = isinstance(getattr(type(self), name, None), functools.cached_property)
            if is_made and not name.endswith("_"):
                del self.__dict__[name]
        return super().set_params(**params)

    @functools.cached_property
    def folder(self) -> Path:
        """The folder of the model's files."""
        return resolve(self.name, download=self.download)

    @functools.cached_property
    def layout(self) -> Layout:
        """What the model's files say."""
        return read_layout(self.folder)

    @functools.cached_property
    def setting(self) -> Setting:
        """Where the model runs, in which precision, and why."""
        return choose(self.device, self.precision)


class TextModel(FolderModel):
    """A model in a folder that reads texts, and counts those that it had to cut."""

    @functools.cached_property
    def truncated_(self) -> dict[str, int]:
        """How many ``texts`` were cut so far, and how many ``tokens`` they lost."""
        return {"texts": 0, "tokens": 0}

    def _count(self, cut: NDArray[np.int64]) -> None:
        """Count what was cut, from how many tokens each text lost."""
        self.truncated_["texts"] += int(np.count_nonzero(cut))
        self.truncated_["tokens"] += int(cut.sum())
