"""A table on a device of torch, all of whose rows are compared with each query."""

from __future__ import annotations

import threading
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from kinspace.errors import InvalidParameter, MissingExtra
from kinspace.index.held import Held
from kinspace.metric import Metric

_SCORES: Final = 1 << 26
"""Scores, and numbers of rows brought to float32, that are held at once (256 MiB)."""
_MORE: Final = 16
"""Candidates beyond the k that were asked for: another order of sums may swap what is close."""
_PIECE: Final = 1 << 16


class DeviceTable:
    """The rows of an index once more, on a device; they follow the index as it grows.

    Parameters
    ----------
    device : str
        As torch calls it: ``"cuda"``, ``"mps"``, ``"cpu"``.
    metric : str
        Between rows that, for cosine, have length 1.
    """

    def __init__(self, device: str, metric: Metric) -> None:
        self.device = device
        self.metric = metric
        self._room: Any = None
        self._count = 0
        self._changing = threading.Lock()

    def follow(self, held: Held, half: bool) -> None:
        """Take over the rows that came since; ``half`` keeps them as float16.

        Raises
        ------
        MissingExtra
            If torch is not installed.
        InvalidParameter
            If there is no such device.
        """
        with self._changing:
            if self._room is None:
                self._room = _nothing(self.device, held.take(slice(0, 0)).shape[1], half)
            total = len(held)
            while self._count < total:
                last = min(self._count + _PIECE, total)
                self._grow(total)
                rows = self._room.new_tensor(held.take(slice(self._count, last)))
                self._room[self._count : last] = rows
                self._count = last

    def _grow(self, needed: int) -> None:
        if needed > len(self._room):
            size = max(needed, self._count + self._count // 2)
            room = self._room.new_empty((size, self._room.shape[1]))
            room[: self._count] = self._room[: self._count]
            self._room = room

    def candidates(
        self, queries: NDArray[np.float32], k: int, usable: NDArray[np.bool_] | None
    ) -> NDArray[np.int64]:
        """Positions of a few more than the ``k`` nearest, shape (n, any), -1 for none."""
        import torch

        table = self._room[: self._count]
        marks = None if usable is None else torch.from_numpy(usable).to(self.device)
        asked = torch.from_numpy(queries).to(self.device)
        step = max(1, _SCORES // max(queries.shape))
        step = min(step, max(1, _SCORES // max(1, len(asked))))
        best, rows = None, None
        for start in range(0, len(table), step):
            values = self._scores(asked, table[start : start + step].float())
            if marks is not None:
                values.masked_fill_(~marks[start : start + step], -torch.inf)
            top, places = values.topk(min(k + _MORE, values.shape[1]), dim=1)
            places += start
            if best is not None:
                top, places = torch.cat([best, top], 1), torch.cat([rows, places], 1)
                top, kept = top.topk(min(k + _MORE, top.shape[1]), dim=1)
                places = places.gather(1, kept)
            best, rows = top, places
        found: NDArray[np.int64] = torch.where(best == -torch.inf, -1, rows).cpu().numpy()
        return found

    def _scores(self, queries: Any, rows: Any) -> Any:
        import torch

        if self.metric in ("cosine", "dot"):
            return queries @ rows.T
        power = {"euclidean": 2.0, "manhattan": 1.0, "hamming": 0.0}[self.metric]
        # By matrix products near rows would lose their last digits.
        mode = "donot_use_mm_for_euclid_dist"
        return -torch.cdist(queries, rows, p=power, compute_mode=mode)


def _nothing(device: str, dim: int, half: bool) -> Any:
    """A table without rows on a device."""
    try:
        import torch
    except ImportError as error:
        raise MissingExtra(f"Exact search on {device!r}", "neural") from error
    try:
        return torch.empty((0, dim), dtype=torch.float16 if half else torch.float32, device=device)
    except (RuntimeError, AssertionError) as error:
        said = str(error).partition("\n")[0]
        raise InvalidParameter(f"{device!r} cannot be used: {said}.", "Set device=None.") from error
