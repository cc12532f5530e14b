"""The user's state folder: what has to outlive a run (XDG Base Directory Specification, XDG_STATE_HOME).

What is kept there are lines, each written at once and at the end of its file. Whoever is killed leaves whole lines, and
perhaps the beginning of one, which readers pass over; of what a full disk does not take nothing stays.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from runtime.errors import Refused, describe

_LARGEST = 16 << 20  # bytes that are read of a file


def place(name: str = "") -> str:
    """The path of a file or folder there, or of the folder itself."""
    base = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
    return os.path.join(base, "labrun", name).rstrip("/")


def folder(name: str = "") -> str:
    """The folder, or one in it, made when it is not there. Raises Refused."""
    path = place(name)
    try:
        os.makedirs(path, 0o700, exist_ok=True)
    except OSError as error:
        raise _refused(f"make the folder {path}", error) from error
    return path


def append(path: str, text: str) -> None:
    """Write a line at the end of a file, which only its owner may read; others may do the same. Raises Refused."""
    fd = open_for_lines(path)
    try:
        with _alone(fd):
            append_to(fd, text, path)
    finally:
        os.close(fd)


def open_for_lines(path: str) -> int:
    """A descriptor for append_to. Raises Refused."""
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise _refused(f"write {path}", error) from error


def append_to(fd: int, text: str, path: str) -> None:
    """Write a line at the end of what nobody else writes to. path: of the file, for the error. Raises Refused."""
    try:
        size = os.fstat(fd).st_size
        begun = size > 0 and os.pread(fd, 1, size - 1) != b"\n"  # somebody was killed in the middle of a line
        data = b"\n" * begun + text.encode(errors="replace") + b"\n"
        try:
            written = os.write(fd, data)
        except OSError:
            written = 0
            raise
        finally:
            if written < len(data):
                os.ftruncate(fd, size)
        if written < len(data):
            raise OSError(errno.ENOSPC, "")
    except OSError as error:
        raise _refused(f"write {path}", error) from error


def lines(path: str) -> Iterator[str]:
    """The lines of a file; none where there is no such file, or it cannot be read."""
    with suppress(OSError), open(path, encoding="utf-8", errors="replace") as file:
        yield from file.read(_LARGEST).splitlines()


def _refused(what: str, error: OSError) -> Refused:
    return Refused(what, error.errno or 0, describe(error.errno or 0), "set XDG_STATE_HOME to a folder of yours")


@contextmanager
def _alone(fd: int) -> Iterator[None]:
    """While nobody else writes (flock(2))."""
    fcntl.flock(fd, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.flock(fd, fcntl.LOCK_UN)
