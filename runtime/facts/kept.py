"""What programs of the lab keep in files, read from outside: by whoever knows what a file says, and bounded.

Those inside may have put anything there. So no link leads out of the sandbox, nothing blocks, and no name is told that
could steer a terminal.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress

from runtime import syscalls as sys
from runtime.errors import Refused

_MOST = 1 << 20  # bytes


def content(root: int, path: str) -> bytes:
    """All of a file, but at most 1 MiB and a little. Raises Refused and OSError."""
    fd = _open(root, path)
    try:
        data = b""
        while len(data) <= _MOST and (more := os.read(fd, _MOST)):
            data += more
        return data
    finally:
        os.close(fd)


def end_of(root: int, path: str, size: int) -> bytes:
    """The last `size` bytes of a file, or all. Raises Refused and OSError."""
    fd = _open(root, path)
    try:
        whole = os.fstat(fd).st_size
        return os.pread(fd, size, max(0, whole - size))
    finally:
        os.close(fd)


def part_of(root: int, path: str, begin: int, end: int) -> bytes:
    """The bytes of a file from `begin` to before `end`. Raises Refused and OSError."""
    fd = _open(root, path)
    try:
        return os.pread(fd, end - begin, begin)
    finally:
        os.close(fd)


def listed(root: int, folder: str) -> Iterator[str]:
    """The names in a folder, none where there is no such folder."""
    with suppress(Refused, OSError):
        fd = sys.open_beneath(root, folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            names = os.listdir(fd)
        finally:
            os.close(fd)
        yield from filter(str.isprintable, names)  # another could not be told to anybody, and no runtime takes it


def is_there(root: int, path: str) -> bool:
    """Whether there is something at `path`."""
    try:
        os.close(sys.open_beneath(root, path, os.O_PATH))
    except Refused:
        return False
    return True


def _open(root: int, path: str) -> int:
    # Without O_NONBLOCK a fifo or a leased file would block.
    return sys.open_beneath(root, path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
