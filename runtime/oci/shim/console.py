"""A console: typing into a terminal, or into a container's streams, and waiting for what is printed, by pexpect."""

from __future__ import annotations

import errno
import os
import re
from abc import abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from io import StringIO
from time import monotonic
from typing import TYPE_CHECKING

from pexpect.exceptions import EOF, TIMEOUT
from pexpect.spawnbase import SpawnBase

from runtime.errors import Refused
from runtime.facts.screens import COLUMNS, ROWS, show
from runtime.oci.shim.attached import Attached
from runtime.oci.shim.line import Line
from runtime.oci.shim.plain import Plain, echo_of
from runtime.oci.shim.waiting import READ, WRITE, ready
from runtime.sandbox.terminal import size_of

_KEPT = 1 << 16  # bytes of what was printed, for the screen in an error
_SEARCHED = 1 << 15  # characters of what was printed in which a pattern is looked for
_READ = 1 << 12  # bytes at a time: of more than _SEARCHED pexpect would look only at the end
_ECHO = 1.0  # seconds for what was typed to come back: a program that turned that off shows nothing
_OLD = 0.05  # seconds for reading what had been printed before something was typed

if TYPE_CHECKING:
    _Spawn = SpawnBase[str]
else:
    _Spawn = SpawnBase


class Console(_Spawn):
    """Whoever prints and can be typed to. terminal: whether it is one, which echoes what is typed.

    size: its rows and columns; 0 and 0 when nobody set them.
    """

    def __init__(self, name: str, terminal: bool, size: tuple[int, int] = (0, 0)) -> None:
        super().__init__(timeout=None, maxread=_READ, searchwindowsize=_SEARCHED, encoding="utf-8")
        self.delayafterread = None
        self._before: StringIO
        self._buffer: StringIO
        self._name, self._terminal, self._size = name, terminal, size
        self._printed, self._plain = bytearray(), Plain()

    def talk(self, lines: Sequence[Line]) -> None:
        """One exchange after another. Raises Refused, with the screen, when what is waited for does not come."""
        for line in lines:
            deadline = monotonic() + line.within
            if line.typed or line.enter:
                self._type(line, deadline)
            if line.expect:
                self._wait(line, deadline)

    def screen(self) -> tuple[str, ...]:
        """What a person would see by now, without empty lines at its end."""
        printed = self._printed if self._terminal else self._printed.replace(b"\n", b"\r\n")
        return show(bytes(printed), self._size[0] or ROWS, self._size[1] or COLUMNS)

    def wait_for_end(self, within: float) -> None:
        """Wait until nobody prints any more. within: seconds. Raises Refused."""
        try:
            self._read_on(monotonic() + within)
        except TIMEOUT:
            raise self._refused(f"wait for the end of {self._name}", f"it has not ended within {within:g} s") from None

    def compare(self, status: int, wanted: int) -> None:
        """Raises Refused, with the screen, when it ended with another exit status than the one that is wanted."""
        if status != wanted:
            raise self._refused(f"converse with {self._name}", f"it ended with {status}, not with {wanted}")

    @abstractmethod
    def close(self) -> None:
        """Leave it."""

    @abstractmethod
    def _write(self, data: bytes) -> int:
        """Type what can be typed now; returns how many bytes. Raises BlockingIOError, and OSError when it has ended."""

    @abstractmethod
    def _read(self) -> bytes:
        """What is there to be read; b'' at the end. Raises BlockingIOError."""

    def _type(self, line: Line, deadline: float) -> None:
        """On a terminal what is typed comes back, and is not what the program prints.

        It comes back before Enter is typed, and the answer after it: that tells them apart, whoever echoes, and when
        nobody does. A line for a pipe is sent as a whole, as others may type too.
        """
        if not self._terminal:
            self._send(f"{line.typed}\n" if line.enter else line.typed, line.within, deadline)
            return
        self._forget_old()
        self._send(line.typed, line.within, deadline)
        if line.enter:
            echoes = self._comes(f"(?s){echo_of(line.typed)}", deadline)
            self._send("\r", line.within, deadline)  # termios(3), ICRNL
            if echoes:  # its line's end, unless something else follows
                self._comes(r"\A *(?:\n|(?=[^ ]))", deadline)

    def _comes(self, echo: str, deadline: float) -> bool:
        wait = min(deadline - monotonic(), _ECHO)
        return self.expect([re.compile(echo), TIMEOUT, EOF], timeout=max(0.0, wait)) == 0

    def _wait(self, line: Line, deadline: float) -> None:
        what = f"wait for '{line.expect}' from {self._name}"
        try:
            self.expect(re.compile(line.expect, re.MULTILINE), timeout=max(0.0, deadline - monotonic()))
        except TIMEOUT:
            raise self._refused(what, f"it did not come within {line.within:g} s") from None
        except EOF:
            raise self._refused(what, "it has ended before that came") from None

    def _send(self, text: str, within: float, deadline: float) -> None:
        """What is printed meanwhile is read: else whoever prints would wait for this, and this for whoever prints."""
        data, what = text.encode(), f"type into {self._name}"
        while data:
            there = ready(self.fileno(), READ | WRITE, deadline)
            if not there or monotonic() > deadline:
                raise self._refused(what, f"it did not read what was typed within {within:g} s")
            with suppress(BlockingIOError):
                if there & READ and (printed := self._take()):
                    self._keep(self._plain.text(printed))
                try:
                    data = data[self._write(data):]
                except (BrokenPipeError, ConnectionResetError):
                    with suppress(EOF, TIMEOUT):  # its last words
                        self._read_on(monotonic() + _OLD)
                    raise self._refused(what, "it has ended") from None

    def _forget_old(self) -> None:
        with suppress(EOF, TIMEOUT):
            limit = monotonic() + _OLD
            while monotonic() < limit:
                self.read_nonblocking(_READ, 0)
        self._before, self._buffer = StringIO(), StringIO()

    def _refused(self, what: str, why: str) -> Refused:
        lines = self.screen()
        shown = "\n".join(f"  | {line}" for line in lines[-12:])
        return Refused(what, why=f"{why}; the last screen:\n{shown}" if lines else f"{why}, and it has printed nothing",
                       mend="see what it printed instead, and type or expect that")

    def read_nonblocking(self, size: int = 1, timeout: float | None = None) -> str:  # noqa: ARG002 all that there is
        """For pexpect: what was printed, as text. timeout: seconds. Raises EOF, TIMEOUT."""
        if self._before.tell() > 2 * _SEARCHED:  # pexpect keeps all that was printed since it last found something
            self._keep("")
        deadline = monotonic() + (timeout or 0.0)
        while ready(self.fileno(), READ, deadline):
            with suppress(BlockingIOError):
                data = self._take()
                if not data:
                    self.flag_eof = True
                    raise EOF("")
                if text := self._plain.text(data):
                    return text
            if monotonic() > deadline:
                break
        raise TIMEOUT("")

    def _read_on(self, deadline: float) -> None:
        """Until nobody prints any more. Raises TIMEOUT."""
        with suppress(EOF):
            while monotonic() < deadline:
                self.read_nonblocking(_READ, max(0.0, deadline - monotonic()))
            raise TIMEOUT("")

    def _take(self) -> bytes:
        """What was printed; b'' at the end. Raises BlockingIOError."""
        data = self._read()
        self._printed += data
        del self._printed[:-_KEPT]
        return data

    def _keep(self, text: str) -> None:
        """Text that pexpect has not seen yet, for it to be searched next; of what it has seen, what it needs."""
        self._before, self._buffer = (_holding((each.getvalue() + text)[-_SEARCHED:])
                                      for each in (self._before, self._buffer))


def _holding(text: str) -> StringIO:
    held = StringIO()
    held.write(text)  # and the position is at its end, where pexpect writes on
    return held


class AttachedConsole(Console):
    """The streams of a container, by its shim. terminal, size: what they are."""

    def __init__(self, name: str, attached: Attached, terminal: bool, size: tuple[int, int] = (0, 0)) -> None:
        super().__init__(name, terminal, size)
        self._attached = attached

    def fileno(self) -> int:
        return self._attached.fileno()

    def close(self) -> None:
        self._attached.close()

    def _write(self, data: bytes) -> int:
        return self._attached.send(data)

    def _read(self) -> bytes:
        piece = self._attached.receive()
        return piece.data if piece else b""


class TerminalConsole(Console):
    """A terminal of the sandbox. master: descriptor of the side that shows it; `close` closes it."""

    def __init__(self, name: str, master: int) -> None:
        super().__init__(name, terminal=True, size=size_of(master))
        self.child_fd = master

    def fileno(self) -> int:
        return int(self.child_fd)

    def close(self) -> None:
        """Whoever is on it gets SIGHUP (tty(4))."""
        os.close(self.child_fd)

    def _write(self, data: bytes) -> int:
        return os.write(self.child_fd, data)

    def _read(self) -> bytes:
        try:
            return os.read(self.child_fd, _READ)
        except OSError as error:
            if error.errno == errno.EIO:  # nobody has the other side open any more (tty(4))
                return b""
            raise
