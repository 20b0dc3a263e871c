"""A run that is slow enough to be killed: python -m tests.bulk.killed INPUT TARGET SECONDS."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kinspace.bulk import Entries, encode_to_file, job
from kinspace.encoder import Side
from tests.toys import HashEncoder


class Slow(HashEncoder):
    """Takes its time, and depends a little on what else is in a batch."""

    pause = 0.0

    def _encode_batch(self, items: Sequence[str], side: Side) -> NDArray[np.float32]:
        time.sleep(self.pause)
        return super()._encode_batch(items, side) + np.float32(1e-6 * len(items))


if __name__ == "__main__":
    job.WINDOW_ITEMS, job.COMMIT_EVERY = 50, 0.0
    Slow.pause = float(sys.argv[3])
    encode_to_file(Slow(), Entries(sys.argv[1]), sys.argv[2])
