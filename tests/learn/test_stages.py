"""Progress: what is shown to whom."""

from __future__ import annotations

import contextlib
import signal

import pytest

from kinspace.learn.stages import shown


def test_a_person_sees_rate_loss_and_unknown_totals(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich takes it for a terminal
    monkeypatch.setenv("COLUMNS", "150")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    with shown(True) as tell:
        tell("read", 1000, 0, "12,000 words/s")
        for done in (100, 200, 400):
            tell("learn", done, 400, f"loss 0.{done}, learning rate 0.021")
    out, err = capsys.readouterr()
    assert out == ""
    for part in ("read", "1,000", "12,000 words/s", "400/400", "loss 0.400, learning rate 0.021"):
        assert part in err


def test_nobody_looks(capsys: pytest.CaptureFixture[str]) -> None:
    for progress in (True, False):
        with shown(progress) as tell:
            tell("learn", 1, 2)
    assert capsys.readouterr() == ("", "")


def test_a_function_is_told() -> None:
    told: list[tuple[object, ...]] = []
    with shown(lambda *what: told.append(what)) as tell:
        tell("learn", 1, 2, "loss 1")
    assert told == [("learn", 1, 2, "loss 1")]


@pytest.mark.usefixtures("ctrl_c")
def test_an_interrupt_that_was_lost_comes_with_the_next_report() -> None:
    before = signal.getsignal(signal.SIGINT)
    with shown(True) as tell:
        tell("learn", 1, 2)
        with contextlib.suppress(KeyboardInterrupt):  # as in a place that lets no exception out
            signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            tell("learn", 2, 2)
    assert signal.getsignal(signal.SIGINT) is before
