"""What all tests share: no network, no trace in the user's cache, the real data where it is."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

if "PYTEST_XDIST_WORKER" in os.environ:
    # One worker a processor: threads of OpenMP would only wait for each other. Read once, by numpy.
    os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pytest
from hypothesis import settings

ROOT = Path(__file__).parent.parent

# Set before transformers or tokenizers are imported, which read them once.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

# No deadline, since a busy machine is no failure; the same examples on every machine.
settings.register_profile("kinspace", deadline=None, derandomize=True, database=None)
settings.load_profile("kinspace")


def data_root() -> Path | None:
    """The folder of real data: $KINSPACE_DATA, or ../shared/data beside the checkout."""
    for place in (os.environ.get("KINSPACE_DATA"), ROOT.parent / "shared" / "data"):
        if place and Path(place).is_dir():
            return Path(place)
    return None


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real data; without it the test is skipped."""
    found = data_root()
    if found is None:
        pytest.skip("the real data is not here: set KINSPACE_DATA to its folder")
    return found


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A cache directory of the tests' own, for this process and those that it starts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("MTEB_CACHE", str(tmp_path_factory.mktemp("mteb")))
        found = data_root()
        if found is not None:
            patch.setenv("KINSPACE_DATA", str(found.resolve()))
        yield


@pytest.fixture
def rng() -> np.random.Generator:
    """Random numbers that are the same on every run."""
    return np.random.default_rng(20261120)


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """Let Ctrl-C strike, here and in children: what runs in the background ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
