"""The far side of a connection with a lab: a terminal, three pipes, or the streams of a container."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TypeAlias

from runtime.oci.shim.attached import Attached, Piece
from runtime.sandbox.terminal import resize

_READ = 1 << 16  # bytes
Resized: TypeAlias = Callable[[int, int], None]


class Far(ABC):
    """terminal: whether it is one, which echoes and knows Ctrl-C."""

    terminal = False

    @abstractmethod
    def readable(self) -> Sequence[int]:
        """Descriptors from which something may still come; none when it has ended."""

    @abstractmethod
    def writable(self) -> int | None:
        """The descriptor for what is typed; None when nothing can be typed any more."""

    @abstractmethod
    def receive(self, fd: int) -> Piece | None:
        """What came; None when there was nothing, or will be nothing any more. Raises BlockingIOError."""

    @abstractmethod
    def send(self, data: bytes) -> int:
        """Type what can be typed now; returns how many bytes. Raises BlockingIOError, BrokenPipeError."""

    @abstractmethod
    def close_input(self) -> None:
        """Type nothing any more."""

    def resize(self, rows: int, columns: int) -> None:  # noqa: B027 most have no size
        """It is shown in a window of this size now."""

    @abstractmethod
    def close(self) -> None:
        """Leave it."""


class FarTerminal(Far):
    """A terminal of the sandbox. master: descriptor of the side that shows it."""

    terminal = True

    def __init__(self, master: int) -> None:
        self._master, self._open = master, True
        os.set_blocking(master, False)

    def readable(self) -> Sequence[int]:
        return [self._master] if self._open else []

    def writable(self) -> int | None:
        return self._master if self._open else None

    def receive(self, fd: int) -> Piece | None:
        try:
            data = os.read(fd, _READ)
        except BlockingIOError:
            raise
        except OSError:  # EIO (tty(4)): no process has the other side open any more
            data = b""
        self._open = bool(data)
        return Piece(data, False) if data else None

    def send(self, data: bytes) -> int:
        return os.write(self._master, data)

    def close_input(self) -> None:
        """By Ctrl-D, as a person does (termios(3), VEOF)."""
        if self._open:
            with suppress(OSError):  # a program that reads nothing leaves no space in the terminal
                os.write(self._master, b"\x04")

    def resize(self, rows: int, columns: int) -> None:
        if self._open:
            resize(self._master, rows, columns)

    def close(self) -> None:
        os.close(self._master)


class FarPipes(Far):
    """Three pipes to a program without a terminal."""

    def __init__(self, stdin: int, stdout: int, stderr: int) -> None:
        self._stdin: int | None = stdin
        self._open, self._stderr = [stdout, stderr], stderr
        for fd in (stdin, stdout, stderr):
            os.set_blocking(fd, False)

    def readable(self) -> Sequence[int]:
        return self._open

    def writable(self) -> int | None:
        return self._stdin

    def receive(self, fd: int) -> Piece | None:
        data = os.read(fd, _READ)
        if data:
            return Piece(data, fd == self._stderr)
        self._open.remove(fd)
        os.close(fd)
        return None

    def send(self, data: bytes) -> int:
        return os.write(self._stdin or 0, data)

    def close_input(self) -> None:
        if self._stdin is not None:
            os.close(self._stdin)
            self._stdin = None

    def close(self) -> None:
        self.close_input()
        for fd in self._open:
            os.close(fd)


class FarContainer(Far):
    """The streams of a container, by its shim. terminal: whether it has one.  resized: called with its new size."""

    def __init__(self, attached: Attached, terminal: bool, resized: Resized) -> None:
        self._attached, self.terminal, self._resized = attached, terminal, resized
        self._open, self._input = True, True

    def readable(self) -> Sequence[int]:
        return [self._attached.fileno()] if self._open else []

    def writable(self) -> int | None:
        return self._attached.fileno() if self._open and self._input else None

    def receive(self, fd: int) -> Piece | None:  # noqa: ARG002 there is only one
        piece = self._attached.receive()
        self._open = piece is not None
        return piece

    def send(self, data: bytes) -> int:
        return self._attached.send(data)

    def close_input(self) -> None:
        if self._input:
            self._input = False
            self._attached.close_input()

    def resize(self, rows: int, columns: int) -> None:
        if self._open and self.terminal:
            self._resized(rows, columns)

    def close(self) -> None:
        self._attached.close()
