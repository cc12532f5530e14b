"""Terminals of the sandbox, and never those of the machine: one with a program of the lab on it could be typed into by
that program (tty_ioctl(4), TIOCSTI).

PID 1 makes them, so that they belong to the lab's root, and hands over the side of whoever shows it, the
master (pty(7)).
"""

from __future__ import annotations

import fcntl
import os
import stat
import struct
import termios
from typing import NamedTuple

_TIOCGPTN, _TIOCSPTLCK = 0x80045430, 0x40045431  # <asm-generic/ioctls.h>
_PTMX = os.makedev(5, 2)


class Terminal(NamedTuple):
    """master: descriptor of the side that shows it.  path: of the other side, as those inside know it."""

    master: int
    path: str


def new_terminal() -> Terminal:
    """In PID 1. Raises OSError."""
    master = os.open("/dev/ptmx", os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)  # a fifo would block
    try:
        number = struct.unpack("I", fcntl.ioctl(master, _TIOCGPTN, bytes(4)))[0]
        fcntl.ioctl(master, _TIOCSPTLCK, struct.pack("i", 0))
    except OSError:
        os.close(master)
        raise
    return Terminal(master, f"/dev/pts/{number}")


def is_master(fd: int) -> bool:
    """Whether a descriptor is of the side that shows a terminal (ptmx(4): device number 5, 2)."""
    found = os.fstat(fd)
    return stat.S_ISCHR(found.st_mode) and found.st_rdev == _PTMX


def resize(terminal: int, rows: int, columns: int) -> None:
    """Tell a terminal its size; its programs get SIGWINCH (tty_ioctl(4), TIOCSWINSZ). Raises OSError."""
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def size_of(terminal: int) -> tuple[int, int]:
    """Its rows and columns. Raises OSError when it is no terminal."""
    rows, columns = struct.unpack("HHHH", fcntl.ioctl(terminal, termios.TIOCGWINSZ, bytes(8)))[:2]
    return rows, columns
