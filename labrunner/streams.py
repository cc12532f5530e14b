"""Standard output and standard error as they may be: closed, on a full disk, in any encoding, with nobody reading."""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

from runtime.errors import Refused, describe


def prepare() -> None:
    """Make both fit to be written to. Raises Refused when standard output is closed."""
    if sys.stdin is None:  # else the next thing that is opened would be taken for standard input
        os.open(os.devnull, os.O_RDONLY)
    if sys.stderr is None:  # Python's sign for a closed descriptor; print() would take standard output instead
        sys.stderr = _nowhere()
    if sys.stdout is None:
        sys.stdout = _nowhere()
        raise unwritable(OSError(errno.EBADF, ""))
    if isinstance(sys.stdout, io.TextIOWrapper):  # else what its encoding has not would end the run half-way
        sys.stdout.reconfigure(errors="replace")


def write(out: TextIO, text: str) -> None:
    """Write a long text at once. Raises Refused when it is not taken, BrokenPipeError when nobody reads."""
    try:
        out.write(text)
        out.flush()
    except BrokenPipeError:
        raise
    except OSError as error:  # what was too long for its buffer is lost: stuck() would find nothing
        raise unwritable(error) from error


def printable(text: str, kept: str = "") -> str:
    """A text without what would steer a terminal; even the name of a folder may hold that. kept: what stays."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() or each in kept else "\N{REPLACEMENT CHARACTER}" for each in text)


def say(text: str) -> None:
    """A short text to standard error, without its buffer: a signal may have come while that was in use."""
    with suppress(OSError):
        os.write(2, text.encode())


@contextmanager
def counted(what: str) -> Iterator[Callable[[int], None]]:
    """Gives a function that tells on standard error, where that is a terminal, how many bytes have come by now."""
    shown = sys.stderr.isatty()
    yield lambda size: say(f"\r{what}: {size >> 20} MiB") if shown else None
    if shown:
        say(f"\r{' ' * (len(what) + 16)}\r")


def stuck() -> OSError | None:
    """Write out what is still held back. What keeps standard output from taking it, or None."""
    try:
        sys.stdout.flush()
    except OSError as error:
        return error
    return None


def let_go() -> None:
    """Drop what standard output does not take, or Python would try once more at its end, and complain."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def unwritable(error: OSError) -> Refused:
    """What to tell of it."""
    return Refused("write to standard output", why=describe(error.errno or 0),
                   mend="see where it goes: a full disk, or `>&-` in the call?")


def _nowhere() -> io.TextIOWrapper:
    return open(os.devnull, "w", encoding="utf-8")
