"""The terminal of somebody who watches a lab: one frame after the other, each in the place of the one before."""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from typing import Any

from labrunner.kept.place import connected, meant
from labrunner.kept.relay import as_it_was, on_terminals, own_size, resizes
from labrunner.lesson.asking import terminal
from labrunner.streams import write
from runtime.errors import Refused
from runtime.sandbox.channel import Channel, Closed

_BEGIN, _END = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"  # another screen, without a cursor (xterm's ctlseqs)
_HOME, _LINE, _REST = "\x1b[H", "\x1b[K\r\n", "\x1b[J"
_ENOUGH = (b"q", b"Q", b"\x03", b"\x04", b"")


def watch(lab: str) -> None:
    """Until 'q' or Ctrl-C is typed, or the lab has ended. lab: see labrunner.kept.place.meant. Raises Problem."""
    found = meant(lab)
    shown = on_terminals()
    with _own_screen() if shown else nullcontext(), resizes() as resized:
        while (channel := connected(found)) is not None:
            try:
                _Screen(channel, resized).show() if shown else _print_each(channel)
                return
            except Closed:  # it has ended; or somebody went back, and it is made anew
                continue
            finally:
                channel.close()
    raise Refused(f"watch the lab {found.lab} any longer", why="it has ended", mend="labrun status")


def _print_each(channel: Channel) -> None:
    seen, before = 0, ""
    while True:
        text, seen = _frame(channel, {**terminal(), "seen": seen, "height": 0})
        if text != before:
            write(sys.stdout, text + "\n")
        before = text


def _frame(channel: Channel, request: dict[str, Any]) -> tuple[str, int]:
    """Raises Closed."""
    channel.send({"ask": "watch", **request})
    return _received(channel)


def _received(channel: Channel) -> tuple[str, int]:
    message, (fd,) = channel.receive()
    with os.fdopen(fd, encoding="utf-8") as file:
        return file.read(), int(message["told"])


class _Screen:
    def __init__(self, channel: Channel, resized: int) -> None:
        self._channel, self._resized = channel, resized
        self._seen, self._text = 0, ""

    def show(self) -> None:
        """Raises Closed."""
        self._ask()
        while True:
            ready, _, _ = select.select([self._channel.fileno(), self._resized, 0], [], [])
            if self._channel.fileno() in ready:
                self._text, self._seen = _received(self._channel)
                self._draw()
                self._ask()
            if self._resized in ready:
                os.read(self._resized, 4096)
                self._seen = 0
                self._ask()
            if 0 in ready and os.read(0, 1) in _ENOUGH:
                return

    def _ask(self) -> None:
        rows, columns = own_size()
        self._channel.send({"ask": "watch", **terminal(), "width": columns, "height": rows - 1, "seen": self._seen})

    def _draw(self) -> None:
        rows, _ = own_size()
        lines = self._text.rstrip("\n").split("\n")[: rows - 1]
        write(sys.stdout, _HOME + "".join(f"{line}{_LINE}" for line in lines) + _REST)


@contextmanager
def _own_screen() -> Iterator[None]:
    """Another screen meanwhile, and the terminal as it was before afterwards."""
    with as_it_was(True, _leave):
        try:
            write(sys.stdout, _BEGIN)
            yield
        finally:
            with suppress(BrokenPipeError, Refused):  # the terminal is gone
                write(sys.stdout, _END)


def _leave(number: int, _frame: object) -> None:
    raise SystemExit(128 + number)
