"""Migrations that are killed: as :mod:`tests.store.crash_writer`, but children change the model.

A child writes to the log what it begins and what has returned. Some write records too while they
encode. Started as `python -m tests.store.crash_migration` from the repository's root.
"""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinspace.encoder import Side
from kinspace.errors import NotFound
from kinspace.store import Collection, migration
from tests.store import crash_writer
from tests.toys import HashEncoder


class Slow(HashEncoder):
    """Takes its time, so that there is time to be killed in."""

    def _encode_batch(self, items: Sequence[str], side: Side) -> NDArray[np.float32]:
        time.sleep(0.001)
        return super()._encode_batch(items, side)


MODELS = [Slow(12, seed=0), Slow(20, seed=1)]


def migrate(folder: str, seed: int, log: str) -> None:
    """Change the model to and fro until somebody ends this process."""
    crash_writer.make_small()
    migration.BATCH = 7
    migration.made_from = lambda recipe: MODELS[int(recipe["name"].partition("-")[2])]
    rng = random.Random(seed)
    handle = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def say(kind: str, what: Any = None) -> None:
        os.write(handle, (json.dumps([kind, what]) + "\n").encode())

    with Collection.open(folder, lock_timeout=5) as opened:
        say("ready")
        while True:
            act = rng.choice(["migrate", "migrate", "fill", "switch", "drop", "compact"])
            say("want", act)
            other = next(m for m in MODELS if not opened.space.agrees(m.space))
            try:
                if act in ("migrate", "fill"):
                    opened.migrate(other, switch=act == "migrate")
                elif act == "switch":
                    opened.switch()
                elif act == "drop":
                    opened.drop_other()
                else:
                    opened.compact()
            except NotFound:
                assert act in ("switch", "drop")
            say("done", opened.space.model)


if __name__ == "__main__":
    crash_writer.main(migrate)
