"""A limit of time ends work of any kind, inside of others too."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from time import monotonic

import pytest

from runtime.time_limit import Limits, TooLong, limited


def _wait() -> None:
    reading, _writing = os.pipe()
    os.read(reading, 1)


def _loop() -> None:
    while True:
        pass


def _stubborn() -> None:
    """Work that takes whatever is raised for an error of its own."""
    while True:
        with suppress(Exception):
            _wait()


class _Dropping:
    def __del__(self) -> None:
        os.kill(os.getpid(), signal.SIGALRM)
        _spin(1000)


def _spin(times: int) -> None:
    for _ in range(times):
        pass


def _in_a_destructor() -> None:
    _Dropping()
    _loop()


@pytest.mark.parametrize("work", [_wait, _loop, _stubborn])
def test_work_ends(work: Callable[[], None]) -> None:
    begun = monotonic()
    with pytest.raises(TooLong):
        limited(0.05, work)
    assert monotonic() - begun < 5


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_what_is_dropped_in_a_destructor_comes_again() -> None:
    with pytest.raises(TooLong):
        limited(0.05, _in_a_destructor)


def test_no_timer_is_left() -> None:
    before = signal.getsignal(signal.SIGALRM)
    assert limited(30, lambda: 7) == 7
    with pytest.raises(ValueError, match="seven"):
        limited(30, lambda: int("seven"))
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)
    assert signal.getsignal(signal.SIGALRM) is before


def _inner_first() -> None:
    with suppress(TooLong):
        limited(0.05, _loop)
    assert 0 < signal.getitimer(signal.ITIMER_REAL)[0] <= 0.2
    _wait()


def test_an_inner_limit_leaves_the_outer_one() -> None:
    begun = monotonic()
    with pytest.raises(TooLong):
        limited(0.2, _inner_first)
    assert 0.2 <= monotonic() - begun < 5


def _outer_first() -> None:
    with suppress(TooLong):
        limited(600, _wait)
    _wait()


def test_an_outer_limit_is_the_inner_ones_too() -> None:
    """The inner work ends at the time of the outer limit, and so does what follows."""
    begun = monotonic()
    with pytest.raises(TooLong):
        limited(0.1, _outer_first)
    assert monotonic() - begun < 5


def test_an_alarm_of_others_rings_in_time() -> None:
    rung = []
    before = signal.signal(signal.SIGALRM, lambda *_: rung.append(monotonic()))
    try:
        begun = monotonic()
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        with suppress(TooLong):
            limited(0.05, _loop)
        while not rung:
            signal.sigtimedwait([], 0.01)
        assert rung[0] - begun >= 0.2
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("work", [_wait, _loop, _stubborn])
def test_each_of_many_pieces_of_work_ends(work: Callable[[], None]) -> None:
    limits = Limits()

    def whole() -> list[str]:
        told = []
        for piece in (work, _nothing, work):
            try:
                limits.limited(0.05, piece)
                told.append("done")
            except TooLong:
                told.append("too long")
        return told

    signal.setitimer(signal.ITIMER_REAL, 100)
    handler = signal.getsignal(signal.SIGALRM)
    try:
        assert limits.during(whole) == ["too long", "done", "too long"]
        assert signal.getsignal(signal.SIGALRM) is handler
        assert 90 < signal.getitimer(signal.ITIMER_REAL)[0] < 100
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _nothing() -> None: ...


def test_without_a_limit_the_timer_ends_nothing() -> None:
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        Limits().during(lambda: [signal.sigtimedwait([], 0.1) for _ in range(4)])
        os.write(writing, b"done")
        os._exit(0)
    os.close(writing)
    assert os.read(reading, 4) == b"done"
    os.waitpid(pid, 0)
    os.close(reading)
