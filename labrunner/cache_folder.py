"""The user's cache folder: what was found out once and need not be found out again.

A file there is written without a name first (O_TMPFILE, open(2)) and linked when it is whole: a run that is killed
leaves nothing, and nobody reads half a file. What is kept is written as Python writes what it compiles (marshal), since
to import json takes longer than all the rest; marshal takes any bytes for good, so a checksum stands before them.
"""

from __future__ import annotations

import marshal
import os
from contextlib import suppress
from time import time_ns
from typing import Any
from zlib import crc32

_CHECKSUM = 4  # bytes
_LARGEST = 64 << 20  # bytes
_SETTLED = 100_000_000  # ns

Stamp = tuple[int, int, int]


def stamp(path: str) -> Stamp:
    """What is another as soon as a file, or what a folder holds, is another: for keys. All 0 when it is not there."""
    try:
        found = os.stat(path)
    except OSError:
        return 0, 0, 0
    return found.st_ctime_ns, found.st_size, found.st_ino


def settled(found: Stamp) -> bool:
    """Whether a change from now on gives another stamp. File systems stamp by a clock that ticks each 1 to 10 ms."""
    return abs(time_ns() - found[0]) > _SETTLED


def recall(name: str, key: tuple[Any, ...]) -> Any:
    """What was kept as `name` with that very `key`, or None."""
    try:
        with open(place(name), "rb", opener=_opened) as file:
            data = file.read(_LARGEST)
        if data[:_CHECKSUM] != _checksum(data[_CHECKSUM:]):
            return None
        kept_key, value = marshal.loads(data[_CHECKSUM:])
    except (OSError, ValueError, TypeError, EOFError):
        return None  # not there, or not what labrun writes: as if it were not there
    return value if kept_key == key else None


def _opened(path: str, flags: int) -> int:
    """A fifo would block without O_NONBLOCK."""
    return os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)


def keep(name: str, key: tuple[Any, ...], value: Any) -> None:
    """Keep `value`, of tuples, lists, dicts, texts and numbers."""
    data = marshal.dumps((key, value))
    write(place(name), _checksum(data) + data)


def place(name: str) -> str:
    """The path of the file `name` in the cache folder."""
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.path.join(cache, "labrun", name)


def write(path: str, data: bytes) -> None:
    """Write a file there. Where the folder cannot be written nothing is kept, and nothing is said."""
    with suppress(OSError):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        fd = os.open(os.path.dirname(path), os.O_TMPFILE | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        try:
            if os.write(fd, data) == len(data):  # else the disk is full
                _give_name(fd, path)
        finally:
            os.close(fd)


def _give_name(fd: int, path: str) -> None:
    with suppress(FileNotFoundError):
        os.unlink(path)
    # With a folder's descriptor, though unused, Python calls linkat(2), which alone follows the link in /proc.
    os.link(f"/proc/self/fd/{fd}", path, src_dir_fd=fd, follow_symlinks=True)


def _checksum(data: bytes) -> bytes:
    return crc32(data).to_bytes(_CHECKSUM, "big")
