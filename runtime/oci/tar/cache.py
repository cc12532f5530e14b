"""Vetted tars that are kept, in the user's cache folder: to export one from a daemon takes half a second.

A tar is written without a name first (O_TMPFILE, open(2)) and linked when it is whole. Its time of change is no time,
but a checksum of its size, head and tail. Whoever writes to a file changes that, so a damaged one is noticed without
reading it. Its time of access is when it was last asked for, and the one that was longest ago has to go first.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from contextlib import suppress
from time import time_ns
from typing import NamedTuple

_FORMAT = 1  # another one as soon as the same image gives another tar
_SAMPLE = 4096  # bytes of head and tail
_MASK = 0x7FFFFFFF  # seconds that every file system has room for
_BILLION = 1_000_000_000
_NAME = 64  # letters


class Bounds(NamedTuple):
    """What is kept at most. size: of all files, in bytes."""

    size: int = 2 << 30
    files: int = 20


BOUNDS = Bounds()

Make = Callable[[int], None]


def obtain(kind: str, identity: str, make: Make, bounds: Bounds = BOUNDS) -> int:
    """A descriptor of what is kept for an image, at its start, to be read only.

    When nothing is, `make` writes it to a descriptor, and it is kept if that can be done. Raises what `make` raises,
    and OSError when there is no room at all. identity: the digest of the image.  kind: where it is from.
    """
    folder, name = place(), _name(kind, identity)
    kept = _recall(os.path.join(folder, name))
    if kept is not None:
        return kept
    fd = unnamed()
    try:
        make(fd)
        with suppress(OSError):
            _keep(fd, folder, name, bounds)
        return os.open(f"/proc/self/fd/{fd}", os.O_RDONLY | os.O_CLOEXEC)
    finally:
        os.close(fd)


def place() -> str:
    """The path of the folder."""
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.path.join(cache, "labrun", "rootfs")


def unnamed() -> int:
    """A new empty file without a name, close-on-exec: in the cache folder, else in that for temporary files."""
    with suppress(OSError):
        os.makedirs(place(), mode=0o700, exist_ok=True)
        return os.open(place(), os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)
    import tempfile

    with tempfile.TemporaryFile(buffering=0) as file:
        return os.open(f"/proc/self/fd/{file.fileno()}", os.O_RDWR | os.O_CLOEXEC)


def _name(kind: str, identity: str) -> str:
    from hashlib import sha256

    return sha256(repr((_FORMAT, kind, identity)).encode()).hexdigest()


def _recall(path: str) -> int | None:
    try:
        # Without O_NONBLOCK a fifo there would block.
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    if _is_whole(fd):
        with suppress(OSError):  # where it can't be written, nothing has to go either
            os.utime(fd, ns=(time_ns(), os.fstat(fd).st_mtime_ns))
        return fd
    os.close(fd)
    return None


def _is_whole(fd: int) -> bool:
    """Whether it is a file that labrun wrote, and nobody since."""
    try:
        found = os.fstat(fd)
        return stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid() and found.st_mtime_ns == _mark(fd)
    except OSError:
        return False


def _mark(fd: int) -> int:
    """The time of change, in ns, that says that a file is whole."""
    from zlib import crc32

    size = os.fstat(fd).st_size
    sample = os.pread(fd, _SAMPLE, 0) + os.pread(fd, _SAMPLE, max(0, size - _SAMPLE))
    return (crc32(size.to_bytes(8, "big") + sample) & _MASK) * _BILLION


def _keep(fd: int, folder: str, name: str, bounds: Bounds) -> None:
    size = os.fstat(fd).st_size
    if size > bounds.size:
        return
    os.utime(fd, ns=(time_ns(), _mark(fd)))
    path = os.path.join(folder, name)
    with suppress(FileNotFoundError):
        os.unlink(path)  # it was damaged; or another run has made it meanwhile, and holds it open
    # With a folder's descriptor, though unused, Python calls linkat(2), which alone follows the link in /proc.
    os.link(f"/proc/self/fd/{fd}", path, src_dir_fd=fd, follow_symlinks=True)
    _make_room(folder, name, bounds)


def _make_room(folder: str, new: str, bounds: Bounds) -> None:
    """Delete those that nobody has asked for the longest. Who has one open can go on reading."""
    with os.scandir(folder) as entries:
        kept = [(entry.stat(follow_symlinks=False), entry) for entry in entries if len(entry.name) == _NAME]
    kept.sort(key=lambda each: (each[1].name == new, each[0].st_atime_ns), reverse=True)
    total = 0
    for count, (found, entry) in enumerate(kept, 1):
        total += found.st_size
        if total > bounds.size or count > bounds.files:
            with suppress(OSError):
                os.unlink(entry.path)
