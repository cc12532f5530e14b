"""How full the folders of a lab are: by it one sees that a file was made or written, wherever in them."""

from __future__ import annotations

import os

from runtime import syscalls as sys
from runtime.errors import Refused
from runtime.sandbox.mounts import home


class Room:
    """What is left in them. root: as of Sandbox."""

    def __init__(self, root: int) -> None:
        self._root, self._seen = root, _left(root)

    def changed(self) -> bool:
        """Whether it has, since it was looked at last."""
        before, self._seen = self._seen, _left(self._root)
        return self._seen != before


def _left(root: int) -> tuple[int, ...]:
    """Free blocks and free inodes of each folder that can be written."""
    found = []
    for path in ("/run", "/tmp", home()):
        try:
            fd = sys.open_beneath(root, path, os.O_PATH)
        except Refused:
            continue
        try:
            free = os.fstatvfs(fd)
            found += [free.f_bfree, free.f_ffree]
        finally:
            os.close(fd)
    return tuple(found)
