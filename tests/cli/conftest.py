"""What the tests of the command line share."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kinspace.cli import run

Kin = Callable[..., tuple[int, str, str]]


@pytest.fixture
def kin(capsys: pytest.CaptureFixture[str]) -> Kin:
    """Run a command in this process: its exit code, what it printed, and what it said beside."""

    def call(*arguments: object) -> tuple[int, str, str]:
        code = run([str(one) for one in arguments])
        return code, *capsys.readouterr()

    return call
