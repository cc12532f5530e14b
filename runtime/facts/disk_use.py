"""How much room folders of the sandbox take, as du(1) counts."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice

from runtime import syscalls as sys
from runtime.errors import Refused
from runtime.facts.look import Unexaminable, at_most
from runtime.facts.storage import DiskUse

_BLOCK = 512  # bytes of st_blocks (stat(2))
_MOST = 200_000  # entries: what a root file system may have (runtime/oci/tar/streams.py)
_DEEPEST = 64  # folders, each of which is open meanwhile


def read_disk_use(root: int, folder: str) -> DiskUse | None:
    """Of a folder and all below it, None when there is none. root: descriptor of the sandbox's root directory.

    Raises Unexaminable for more than 200,000 entries, or folders in more than 64 others.
    """
    try:
        top = sys.open_beneath(root, folder, os.O_RDONLY | os.O_DIRECTORY)
    except Refused:
        return None
    found = {(each.st_dev, each.st_ino): each for each in at_most(_walk(top, 1), _MOST, folder)}
    files = sum(stat.S_ISREG(each.st_mode) for each in found.values())
    return DiskUse(folder, sum(each.st_blocks for each in found.values()) * _BLOCK, files)


def _walk(folder: int, depth: int) -> Iterator[os.stat_result]:
    try:
        yield os.fstat(folder)
        with os.scandir(folder) as entries:
            names = [entry.name for entry in islice(entries, _MOST + 1)]
        for name in names:
            with suppress(OSError):
                status = os.stat(name, dir_fd=folder, follow_symlinks=False)
                if not stat.S_ISDIR(status.st_mode):
                    yield status
                else:
                    if depth == _DEEPEST:
                        raise Unexaminable(f"it has folders in more than {_DEEPEST} others")
                    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
                    yield from _walk(os.open(name, flags, dir_fd=folder), depth + 1)
    finally:
        os.close(folder)
