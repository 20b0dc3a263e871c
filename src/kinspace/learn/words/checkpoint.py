"""Tables that are kept after each epoch, so that learning that was stopped goes on from there."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from kinspace import tensors
from kinspace.engines import sgns
from kinspace.engines.rows import Floats
from kinspace.errors import ReadError

_FILE = "epoch.safetensors"


class Checkpoint:
    """The last epoch of one run, in a folder.

    Parameters
    ----------
    folder : Path
        Made if it is not there. What other runs left in it is written over.
    """

    def __init__(self, folder: Path) -> None:
        self.file = folder / _FILE

    def resume(
        self, text: sgns.Text, words: sgns.Words, plan: sgns.Plan, inputs: Floats, outputs: Floats
    ) -> int:
        """Take the tables of the last epoch, if they are of the same run; how many are done.

        The same run is one of the same text, words, plan and first tables.
        """
        self.run = _digest(text, words, plan, inputs, outputs)
        if not self.file.is_file():
            return 0
        try:
            arrays, meta = tensors.read(self.file)
        except ReadError:
            return 0
        if meta.get("run") != self.run:
            return 0
        inputs[:], outputs[:] = arrays["inputs"], arrays["outputs"]
        return int(meta["epochs"])

    def keep(self, epochs: int, inputs: Floats, outputs: Floats) -> None:
        """Write down the tables after so many epochs."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        meta = {"run": self.run, "epochs": str(epochs)}
        tensors.write(self.file, {"inputs": inputs, "outputs": outputs}, meta)

    def clear(self) -> None:
        """Forget the run: it is done."""
        self.file.unlink(missing_ok=True)


def _digest(
    text: sgns.Text, words: sgns.Words, plan: sgns.Plan, inputs: Floats, outputs: Floats
) -> str:
    digest = hashlib.blake2b(repr(tuple(plan)).encode(), digest_size=16)
    for array in (*text, *words, inputs, outputs):
        digest.update(f"{array.dtype}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return digest.hexdigest()
