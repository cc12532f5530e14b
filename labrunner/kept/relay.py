"""Between a person's own terminal and the far side: what is typed goes there, what is printed comes here.

The machine's terminal itself is never given to the lab: a program with it could type into it (tty_ioctl(4), TIOCSTI).
Memory is bounded: nothing is read on one side while what was read before has not been taken by the other.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import termios
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Literal

from labrunner.kept.detaching import Watch
from labrunner.kept.far import Far
from labrunner.streams import unwritable
from runtime.sandbox.terminal import size_of

_READ = 1 << 16  # bytes
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
LINGER = 1.0  # seconds without output after the end of what is typed, when that is no terminal


def relay(far: Far, watch: Watch, linger: float | None) -> Literal["ended", "detached"]:
    """Until the far side has ended, or the keys of `watch` were typed. Raises KeyboardInterrupt when interrupted.

    Raises BrokenPipeError when nobody reads what is printed, Refused when it cannot be written.
    linger: seconds; when nothing more can be typed here, how long one stays while nothing is printed; None for ever.
    """
    with as_it_was(far.terminal), resizes() as resized:
        _tell_size(far)
        return _Relay(far, watch, linger, resized).run()


class _Relay:
    def __init__(self, far: Far, watch: Watch, linger: float | None, resized: int) -> None:
        self._far, self._watch, self._linger, self._resized = far, watch, linger, resized
        self._typed, self._reading = b"", True

    def run(self) -> Literal["ended", "detached"]:
        while self._far.readable():
            wanted = [self._resized, *self._far.readable()]
            wanted += [0] if self._reading and not self._typed else []
            there = self._far.writable()
            waiting = [there] if self._typed and there is not None else []
            patience = None if self._reading or self._typed else self._linger
            ready, writable, _ = select.select(wanted, waiting, [], patience)
            if not ready and not writable:
                return "detached"
            if self._resized in ready:
                os.read(self._resized, _READ)
                _tell_size(self._far)
            self._print(ready)
            if 0 in ready and self._read():
                return "detached"
            if writable or (self._typed and there is None):
                self._type()
        return "ended"

    def _print(self, ready: list[int]) -> None:
        for fd in [each for each in self._far.readable() if each in ready]:
            with suppress(BlockingIOError):
                piece = self._far.receive(fd)
                if piece:
                    _write_all(2 if piece.error else 1, piece.data)

    def _read(self) -> bool:
        """Take what was typed here. Whether it was the keys that detach."""
        data = _read_typed()
        self._reading = bool(data)
        if not data:
            self._far.close_input()
            return False
        self._typed, detached = self._watch.passed(data)
        return detached

    def _type(self) -> None:
        try:
            self._typed = self._typed[self._far.send(self._typed):]
        except BlockingIOError:
            return
        except OSError:  # it has ended, or reads nothing any more: what it prints still comes
            self._typed = b""


def _read_typed() -> bytes:
    try:
        return os.read(0, _READ)
    except OSError:  # the terminal is gone
        return b""


def _write_all(fd: int, data: bytes) -> None:
    """Raises BrokenPipeError when nobody reads, Refused when it cannot be written."""
    while data:
        try:
            data = data[os.write(fd, data):]
        except BlockingIOError:  # whoever shares this descriptor with us made it so
            select.select([], [fd], [])
        except BrokenPipeError:
            raise
        except OSError as error:
            raise unwritable(error) from error


def on_terminals() -> bool:
    """Whether a person sits there: what is typed and what is printed are both on a terminal."""
    return os.isatty(0) and os.isatty(1)


def own_size() -> tuple[int, int]:
    """Rows and columns of the person's terminal, 24 and 80 without one."""
    for fd in (1, 0, 2):
        with suppress(OSError):
            rows, columns = size_of(fd)
            if rows and columns:
                return rows, columns
    return 24, 80


def _tell_size(far: Far) -> None:
    if os.isatty(1):
        with suppress(OSError):
            far.resize(*own_size())


@contextmanager
def as_it_was(raw: bool, ending: Callable[[int, FrameType | None], None] | None = None) -> Iterator[None]:
    """The terminal in raw mode, if there are two, and afterwards as it was, however this ends but by SIGKILL.

    ending: what a signal does that would end this process at once; without it KeyboardInterrupt is raised.
    """
    if not raw or not os.isatty(0):
        with _signals(ending):
            yield
        return
    before = termios.tcgetattr(0)
    with _signals(ending):
        try:
            tty.setraw(0)
            yield
        finally:
            with suppress(termios.error):  # the terminal is gone
                termios.tcsetattr(0, termios.TCSADRAIN, before)


@contextmanager
def _signals(ending: Callable[[int, FrameType | None], None] | None) -> Iterator[None]:
    """What would end this process at once raises KeyboardInterrupt, so that the terminal is restored."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {each: signal.signal(each, ending or interrupt) for each in _ENDING}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


@contextmanager
def resizes() -> Iterator[int]:
    """Gives a descriptor that is readable when the window has another size (SIGWINCH, signal(7))."""
    resized, wake = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    before = signal.signal(signal.SIGWINCH, lambda *_: None)
    old = signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    try:
        yield resized
    finally:
        signal.set_wakeup_fd(old)
        signal.signal(signal.SIGWINCH, before)
        os.close(resized)
        os.close(wake)


def say(text: str) -> None:
    """Tell something about the connection, in a line of its own."""
    print(f"\r\n{text}" if os.isatty(2) else text, file=sys.stderr, flush=True)
