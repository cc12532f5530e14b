"""An image layout of the sandbox, read from outside: no link leads out of the sandbox (path_resolution(7))."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from runtime import syscalls as sys
from runtime.errors import Refused
from runtime.oci.image.blobs import File, Find


@contextmanager
def opened(root: int, store: str) -> Iterator[Find]:
    """Find the files of a layout by their names, as long as this lasts.

    root: descriptor of the sandbox's root directory.  store: path of the layout.
    """
    with ExitStack() as stack:
        yield lambda name: _open(root, f"{store}/{name}", stack)


def _open(root: int, path: str, stack: ExitStack) -> File | None:
    """A regular file, None when there is none. A fifo would block without O_NONBLOCK."""
    try:
        fd = sys.open_beneath(root, path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    except Refused:
        return None
    stack.callback(os.close, fd)
    found = os.fstat(fd)
    return File(fd, 0, found.st_size) if stat.S_ISREG(found.st_mode) else None
