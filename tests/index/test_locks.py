"""Many readers or one writer, and no writer waits for ever."""

from __future__ import annotations

import threading
import time

import pytest

from kinspace.index.locks import ReadWriteLock

SOON, NEVER = 10.0, 0.05


def started(work: object) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)  # type: ignore[arg-type]
    thread.start()
    return thread


def test_readers_are_together() -> None:
    lock, meeting = ReadWriteLock(), threading.Barrier(4, timeout=SOON)

    def read() -> None:
        with lock.reading():
            meeting.wait()  # broken unless all four are in

    threads = [started(read) for _ in range(4)]
    for thread in threads:
        thread.join(SOON)
    assert not meeting.broken


def test_a_writer_is_alone() -> None:
    lock, inside, most = ReadWriteLock(), [0, 0], [0, 0]

    def enter(kind: int, hold: object) -> None:
        for _ in range(200):
            with hold():  # type: ignore[operator]
                inside[kind] += 1
                most[kind] = max(most[kind], inside[1])
                assert inside[1] == kind or not inside[1]
                if kind:
                    assert inside == [0, 1]
                inside[kind] -= 1

    errors: list[BaseException] = []

    def watched(*arguments: object) -> None:
        try:
            enter(*arguments)  # type: ignore[arg-type]
        except AssertionError as error:
            errors.append(error)

    threads = [started(lambda: watched(1, lock.writing)) for _ in range(3)]
    for thread in threads:
        thread.join(SOON)
    assert not errors
    assert most[1] == 1


def test_a_reader_keeps_writers_out_and_a_writer_readers() -> None:
    lock, entered = ReadWriteLock(), threading.Event()

    def enter(hold: object) -> None:
        with hold():  # type: ignore[operator]
            entered.set()

    for outer, inner in ((lock.reading, lock.writing), (lock.writing, lock.reading)):
        entered.clear()
        with outer():
            thread = started(lambda inner=inner: enter(inner))
            assert not entered.wait(NEVER)
        assert entered.wait(SOON)
        thread.join(SOON)


def test_a_writer_that_waits_comes_before_new_readers() -> None:
    lock, order = ReadWriteLock(), []

    def write() -> None:
        with lock.writing():
            order.append("write")

    def read() -> None:
        with lock.reading():
            order.append("read")

    with lock.reading():
        writer = started(write)
        until = time.monotonic() + SOON
        while not lock._writers_waiting and time.monotonic() < until:
            time.sleep(0.001)
        reader = started(read)
        time.sleep(NEVER)
        assert order == []
    writer.join(SOON)
    reader.join(SOON)
    assert order == ["write", "read"]


def test_an_error_inside_lets_go() -> None:
    lock = ReadWriteLock()
    for hold in (lock.reading, lock.writing):
        with pytest.raises(ZeroDivisionError), hold():
            raise ZeroDivisionError
    with lock.writing():
        pass
    with lock.reading():
        pass
