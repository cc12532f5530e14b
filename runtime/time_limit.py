"""A limit of time for work that a lab can make slow: whatever this process does, a system call or Python's own loops.

The timer is ITIMER_REAL (setitimer(2)), and the handler of its SIGALRM raises. That ends a system call that waits:
Python restarts one that a signal has interrupted, but not when the handler raises (PEP 475). A process has one such
timer, and Python's handlers run in its main thread only. So a limit inside of another one keeps to the time of the
outer one and gives the timer back; the same holds for a timer that other code has set by alarm(2).
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from math import inf
from time import monotonic
from types import FrameType
from typing import TypeVar

T = TypeVar("T")

_TICK = 0.1  # seconds
_AGAIN = 0.5  # seconds; Python drops what is raised in a destructor, so the signal comes again until the work has ended
_AT_ONCE = 1e-6  # a timer of 0 is none


class TooLong(BaseException):
    """Work exceeded its limit. No Exception: no handler in the work itself takes it for an error that it knows."""


def limited(seconds: float, work: Callable[[], T]) -> T:
    """Return what `work` returns. Raises TooLong where it takes longer than `seconds`.

    A function and no context manager: a signal that comes at the beginning of __exit__ would leave the timer behind.
    """
    mine = TooLong()
    over = False

    def ring(_number: int, _frame: FrameType | None) -> None:
        if not over:
            raise mine

    begun = monotonic()
    others = signal.signal(signal.SIGALRM, ring)
    left, interval = signal.getitimer(signal.ITIMER_REAL)
    try:
        signal.setitimer(signal.ITIMER_REAL, max(_AT_ONCE, min(seconds, left or seconds)), _AGAIN)
        return work()
    finally:
        over = True
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, others)
        if left:
            signal.setitimer(signal.ITIMER_REAL, max(_AT_ONCE, left - (monotonic() - begun)), interval)


class Limits:
    """Limits for many short pieces of work under one timer: to set and restore a timer takes as long as some of these.

    A piece may take a tenth of a second longer than its limit.
    """

    def __init__(self) -> None:
        self._end = inf

    def during(self, work: Callable[[], T]) -> T:
        """Return what `work` returns, in which `limited` holds. What it leaves uncaught of TooLong comes through."""
        def ring(_number: int, _frame: FrameType | None) -> None:
            if monotonic() >= self._end:
                raise TooLong()

        begun = monotonic()
        others = signal.signal(signal.SIGALRM, ring)
        left, interval = signal.getitimer(signal.ITIMER_REAL)
        try:
            signal.setitimer(signal.ITIMER_REAL, _TICK, _TICK)
            return work()
        finally:
            self._end = inf
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, others)
            if left:
                signal.setitimer(signal.ITIMER_REAL, max(_AT_ONCE, left - (monotonic() - begun)), interval)

    def limited(self, seconds: float, work: Callable[[], T]) -> T:
        """Return what `work` returns. Raises TooLong where it takes longer than `seconds`."""
        before, self._end = self._end, min(self._end, monotonic() + seconds)
        try:
            return work()
        finally:
            self._end = before
