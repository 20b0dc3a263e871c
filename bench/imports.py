"""How long it takes before anything happens: `import kinspace`, and `kinspace --help`.

    python bench/imports.py

Each figure is the median of 10 new processes. Warm: the bytecode is compiled and the files are
in memory. Cold: the first start after an installation, when no bytecode is compiled yet (the
files are in memory all the same). `import kinspace` is told beyond `import numpy`, which it needs.
Writes bench/results/imports.json.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time

from common import Target, machine, show, show_targets, versions, write

RUNS = 10
COMMANDS = {
    "python -c pass": ["-c", "pass"],
    "import numpy": ["-c", "import numpy"],
    "import kinspace": ["-c", "import numpy, kinspace"],
    "kinspace --help": ["-c", "import sys; sys.argv[0] = 'kinspace'; "
                        "from kinspace.cli import main; main()", "--help"],
}  # fmt: skip
BEYOND = "import kinspace beyond numpy"


def seconds(arguments: list[str], *, cold: bool) -> float:
    """The time of a new Python with these arguments."""
    with tempfile.TemporaryDirectory() as empty:
        environment = os.environ | ({"PYTHONPYCACHEPREFIX": empty} if cold else {})
        start = time.perf_counter()
        subprocess.run(
            [sys.executable, *arguments], env=environment, stdout=subprocess.DEVNULL, check=True
        )
        return time.perf_counter() - start


def medians(*, cold: bool) -> dict[str, float]:
    """The median time of each command; they run in turns, so that noise is noise for all."""
    turns = [
        {name: seconds(line, cold=cold) for name, line in COMMANDS.items()} for _ in range(RUNS)
    ]
    for turn in turns:
        turn[BEYOND] = turn["import kinspace"] - turn["import numpy"]
    return {name: round(statistics.median(t[name] for t in turns), 4) for name in turns[0]}


def main() -> None:
    """Measure, print and write the figures."""
    where = machine()
    table = {"warm": medians(cold=False), "cold": medians(cold=True)}
    show(
        ["seconds", *table],
        [[name, table["warm"][name], table["cold"][name]] for name in table["warm"]],
    )
    asked = [
        Target("import kinspace beyond numpy, warm, s", 0.08, table["warm"][BEYOND], False),
        Target("kinspace --help, warm, s", 0.25, table["warm"]["kinspace --help"], False),
    ]
    show_targets(asked)
    result = {
        "machine": where,
        "versions": versions("numpy", "typer", "rich"),
        "runs": RUNS,
        "seconds": table,
        "targets": [target.to_dict() for target in asked],
    }
    write("imports", result)


if __name__ == "__main__":
    main()
