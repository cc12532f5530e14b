"""Digests of files, remembered: what has not changed since (stat(2), st_ctim) is not read again."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple, TypeVar

from runtime import syscalls as sys
from runtime.errors import Refused
from runtime.oci.image.blobs import File, digest_of
from runtime.oci.tar.packing import unpacked
from runtime.oci.tar.streams import LIMITS, Unfit, counted

_T = TypeVar("_T")
_Key = tuple[object, ...]


class Digests(NamedTuple):
    """Of a file, and of what is in it when it is packed: '' where that is damaged, too large, or packed otherwise.

    problem: why one of them is not known, or ''.
    """

    size: int
    digest: str
    unpacked: str
    problem: str = ""


class Remembered:
    """What was found out of files, each by its inode, size and times."""

    def __init__(self, root: int) -> None:
        """root: descriptor of the sandbox's root directory."""
        self._root = root
        self._known: dict[_Key, object] = {}

    def of(self, path: str, what: str, find: Callable[[File], _T]) -> _T | None:
        """What `find` finds of a regular file; None where there is none that the lab's root could read.

        what: the word for it, by which it is remembered.
        """
        with suppress(Refused, OSError):
            # A fifo would block without O_NONBLOCK.
            fd = sys.open_beneath(self._root, path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
            try:
                return self._found(fd, what, find)
            finally:
                os.close(fd)
        return None

    def _found(self, fd: int, what: str, find: Callable[[File], _T]) -> _T | None:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            return None
        key = (what, status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        if key not in self._known:
            self._known[key] = find(File(fd, 0, status.st_size))
        return self._known[key]  # type: ignore[return-value]  # under the key of `what` is what its `find` found


def digests_of(file: File) -> Digests:
    """For Remembered.of."""
    if file.size > LIMITS.unpacked:  # a sparse file of terabytes takes no room, and days to read
        return Digests(file.size, "", "", f"it has {file.size} bytes, and labrun reads at most {LIMITS.unpacked}")
    digest = digest_of(file.chunks)
    if not file.size:
        return Digests(0, digest, digest)
    try:
        return Digests(file.size, digest, digest_of(counted(unpacked(file.chunks), LIMITS.unpacked, lambda _: None)))
    except Unfit as unfit:
        return Digests(file.size, digest, "", str(unfit))
