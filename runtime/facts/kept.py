"""What programs of the lab keep in files, read from outside: by whoever knows what a file says, and bounded.

Those inside may have put anything there. So no link leads out of the sandbox, nothing blocks, and no name is told that
could steer a terminal.
"""

from __future__ import annotations

import errno
import json
import os
import stat
from contextlib import suppress
from typing import Any

from runtime import syscalls as sys
from runtime.errors import Refused
from runtime.facts.look import Look, Unexaminable, names_in

_MOST = 1 << 20  # bytes
_MOST_NAMES = 256  # in a folder; a lab has a handful of containers
_NOTHING = (errno.ENOENT, errno.ENOTDIR)


def content(root: int, path: str) -> bytes:
    """Return all of a file. Raises Refused and OSError where there is none, Unexaminable for what cannot be read."""
    fd = _open(root, path)
    try:
        data = b""
        while len(data) <= _MOST and (more := os.read(fd, _MOST)):
            data += more
    finally:
        os.close(fd)
    if len(data) > _MOST:
        raise Unexaminable(f"{path} has more than {_MOST} bytes")
    return data


def document(root: int, path: str) -> Any:
    """Return what a file in JSON says, None where there is no such file. Raises Unexaminable."""
    try:
        return json.loads(content(root, path))
    except (Refused, OSError) as error:
        if error.errno in _NOTHING:
            return None
        raise Unexaminable(f"{path} cannot be read: {os.strerror(error.errno or errno.EIO)}") from error
    except (ValueError, RecursionError) as error:
        raise Unexaminable(f"{path} is no JSON that can be read") from error


def end_of(root: int, path: str, size: int) -> bytes:
    """Return the last `size` bytes of a file, or all. Raises as `content` does."""
    fd = _open(root, path)
    try:
        whole = os.fstat(fd).st_size
        return os.pread(fd, size, max(0, whole - size))
    finally:
        os.close(fd)


def part_of(root: int, path: str, begin: int, end: int) -> bytes:
    """Return the bytes of a file from `begin` to before `end`. Raises as `content` does."""
    fd = _open(root, path)
    try:
        return os.pread(fd, end - begin, begin)
    finally:
        os.close(fd)


def listed(root: int, folder: str, look: Look | None = None, kind: str = "") -> list[str]:
    """Return the names in a folder, at most 256, none where there is no such folder.

    look, kind: where it is noted that there are more, or that they cannot be read.
    """
    names: list[str] = []
    with suppress(Refused, OSError):
        fd = sys.open_beneath(root, folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            names, whole = names_in(fd, _MOST_NAMES)
        finally:
            os.close(fd)
        if look and not whole:
            look.miss(kind, "", f"{folder} has more than {_MOST_NAMES} entries")
    return [*filter(str.isprintable, names)]  # another could not be told to anybody, and no runtime takes it


def is_there(root: int, path: str) -> bool:
    """Whether there is something at `path`."""
    try:
        os.close(sys.open_beneath(root, path, os.O_PATH))
    except Refused:
        return False
    return True


def _open(root: int, path: str) -> int:
    """A descriptor of a regular file. To open a fifo could block, and to open a device could do something."""
    place = sys.open_beneath(root, path, os.O_PATH | os.O_NOFOLLOW)
    try:
        if not stat.S_ISREG(os.fstat(place).st_mode):
            raise Unexaminable(f"{path} is no regular file")
        # Without O_NONBLOCK one with a lease on it would block (fcntl(2), F_SETLEASE).
        return os.open(f"/proc/self/fd/{place}", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except BlockingIOError as error:
        raise Unexaminable(f"a process of the lab holds a lease on {path} (fcntl(2), F_SETLEASE)") from error
    finally:
        os.close(place)
