"""Writers of sparse vectors, and of several a record, that are killed.

Started once, as :mod:`tests.store.crash_writer` is. What it forks need not compile anything: a
collection of each form is made here first.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from kinspace.store import Collection
from tests.store.crash_writer import SPACES, main, make_small, record, write

if __name__ == "__main__":
    make_small()
    with tempfile.TemporaryDirectory() as folder:
        for form in ("sparse", "multi"):
            with Collection.open(Path(folder) / f"{form}.kin", space=SPACES[form]) as opened:
                opened.add([record(str(i), f"w{i}", form) for i in range(60)])
                opened.search(record("", "w7", form)["vector"], k=1)
    main(write)
