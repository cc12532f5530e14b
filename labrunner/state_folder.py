"""The user's state folder: what has to outlive a run (XDG Base Directory Specification, XDG_STATE_HOME).

What is kept there are lines, each written at once and at the end of its file. Whoever is killed leaves whole lines, and
perhaps the beginning of one, which readers pass over; of what a full disk does not take nothing stays.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from time import monotonic, sleep

from runtime.errors import Refused, describe

_LARGEST = 16 << 20  # bytes that are read of a file
_LOCKED, _AGAIN = 1.0, 0.02  # seconds to wait for a lock, which is held for a millisecond, and between two tries


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
        lock(fd, path)  # closing the descriptor gives it back
        append_to(fd, text, path)
    finally:
        os.close(fd)


def open_for_lines(path: str) -> int:
    """A descriptor for append_to. Raises Refused."""
    try:
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY
        fd = os.open(path, flags, 0o600)
    except OSError as error:
        raise _refused(f"write {path}", error) from error
    if problem := _irregular(f"write {path}", fd, path):
        os.close(fd)
        raise problem
    return fd


def lock(fd: int, path: str) -> None:
    """Keep other processes from writing to a file until `fd` is closed (flock(2)). path: of it, for the error.

    Raises Refused where another process holds the lock for longer than a second.
    """
    deadline = monotonic() + _LOCKED
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if monotonic() > deadline:
                raise Refused(f"write {path}", errno.EWOULDBLOCK, f"another process has held the lock of this file for "
                              f"more than {_LOCKED:g} s{_holder(fd)} (flock(2))",
                              "see which process it is: lslocks; end it, or wait for its end") from None
            sleep(_AGAIN)
        except OSError as error:  # a file system without locks
            raise _refused(f"lock {path}", error) from error


def open_regular(path: str) -> int:
    """A descriptor of a regular file, to be read. Raises OSError for another: to open a fifo would block."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise OSError(errno.EINVAL, "no regular file")
    return fd


def problem_of(path: str) -> Refused | None:
    """Why the lines of a file cannot be read; None where they can, and where there is no such file."""
    try:
        os.close(open_regular(path))
    except FileNotFoundError:
        return None
    except OSError as error:
        why = "it is no regular file" if error.errno == errno.EINVAL else ""
        return Refused(f"read {path}", error.errno or 0, why, f"see what it is: ls -ld {path}; move it away")
    return None


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
    with suppress(OSError), open(open_regular(path), encoding="utf-8", errors="replace") as file:
        yield from file.read(_LARGEST).splitlines()


def _refused(what: str, error: OSError) -> Refused:
    return Refused(what, error.errno or 0, describe(error.errno or 0), "set XDG_STATE_HOME to a folder of yours")


def _irregular(what: str, fd: int, path: str) -> Refused | None:
    if stat.S_ISREG(os.fstat(fd).st_mode):
        return None
    return Refused(what, why="it is no regular file", mend=f"see what it is: ls -ld {path}; move it away")


def _holder(fd: int) -> str:
    """', PID 17', where the kernel shows which process holds the lock (proc_locks(5))."""
    found = os.fstat(fd)
    place = f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}:{found.st_ino}"
    with suppress(OSError, ValueError), open("/proc/locks", encoding="ascii") as file:
        for line in file:
            fields = line.split()
            if place in fields and "FLOCK" in fields and "->" not in fields:
                return f", PID {int(fields[fields.index(place) - 1])}"
    return ""
