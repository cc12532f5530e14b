"""The end of a lab in which nobody does anything any more, and the warning before it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from time import monotonic, time

from labrunner.errors import UsageError
from runtime import syscalls as sys
from runtime.errors import Refused
from runtime.facts.kept import listed

_WARNING = 600.0  # seconds before the end, of a long wait
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_TERMINALS = "/dev/pts"


class IdleEnd(Exception):
    """Nothing was done for so long."""


class Idle:
    """seconds: after which a lab ends in which nothing is done; None for never.  root: as of Sandbox."""

    def __init__(self, seconds: float | None, root: int) -> None:
        self._seconds, self._root = seconds, root
        self._warned = False
        self._last = monotonic()

    def stirred(self) -> None:
        """Something was done."""
        self._last, self._warned = monotonic(), False

    def patience(self) -> float | None:
        """Seconds until `late` has something to do."""
        if self._seconds is None:
            return None
        warning = 0.0 if self._warned else self._warning(self._seconds)
        return max(0.0, self._last + self._seconds - warning - monotonic())

    def late(self) -> None:
        """Warn, or raise IdleEnd."""
        if self._seconds is None or self.patience():
            return
        at_terminals = max(self._stirred_terminals(), default=0.0) - time() + monotonic()
        if at_terminals > self._last:
            self._last, self._warned = at_terminals, False
        elif self._warned:
            raise IdleEnd
        else:
            self._warned = True
            left = shown(self._warning(self._seconds))
            self._tell(f"\r\nlabrun: nothing was done for a while: the lab ends in {left}. Any command keeps it.\r\n")

    @staticmethod
    def _warning(seconds: float) -> float:
        return min(_WARNING, seconds / 2)

    def _stirred_terminals(self) -> Iterator[float]:
        """When something was typed at each terminal of the lab, as w(1) finds it out."""
        for path in self._terminals():
            with suppress(OSError, Refused):
                fd = sys.open_beneath(self._root, path, os.O_PATH)
                try:
                    yield os.fstat(fd).st_atime
                finally:
                    os.close(fd)

    def _tell(self, text: str) -> None:
        """At each terminal of the lab, as wall(1) does."""
        for path in self._terminals():
            with suppress(OSError, Refused):
                fd = sys.open_beneath(self._root, path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY)
                try:
                    os.write(fd, text.encode())
                finally:
                    os.close(fd)

    def _terminals(self) -> Iterator[str]:
        return (f"{_TERMINALS}/{name}" for name in listed(self._root, _TERMINALS) if name.isdecimal())


def seconds_of(text: str) -> float | None:
    """'8h', '30m', '90s' or '2d' in seconds; None for 'never'. Raises UsageError."""
    if text == "never":
        return None
    found = re.fullmatch(r"(\d{1,6}(?:\.\d+)?)([smhd])", text)
    if not found or not float(found[1]):
        raise UsageError(f"'{text}' is no length of time", mend="write a number and a unit: 90s, 30m, 8h, 2d; or never")
    return float(found[1]) * _UNITS[found[2]]


def shown(seconds: float) -> str:
    """In words: '10 minutes'."""
    for unit, size in (("hour", 3600), ("minute", 60)):
        if seconds >= size:
            count = round(seconds / size)
            return f"{count} {unit}{'s' * (count != 1)}"
    return f"{seconds:.2g} s"
