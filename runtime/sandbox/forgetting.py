"""PID 1 of a lab forgets with what labrun was started.

It is a fork of the launcher, and the lab's root may read its memory: /proc/1/environ, /proc/1/mem, ptrace(2). People
keep passwords and tokens in their environment, and in arguments.
"""

from __future__ import annotations

import ctypes
import os
import posix

_NAME = b"labrun"
_ARG_START, _ARG_END, _ENV_START, _ENV_END = 45, 46, 47, 48  # of /proc/PID/stat (proc(5)), after the name
_SHORTEST = 2  # Python keeps one object for each shorter one, which others use too


def forget_start() -> None:
    """Overwrite the caller's environment and arguments, where the kernel and where Python keeps them."""
    with open("/proc/self/stat", encoding="utf-8", errors="replace") as file:
        fields = file.read().rpartition(")")[2].split()
    for first, last, kept in ((_ARG_START, _ARG_END, _NAME), (_ENV_START, _ENV_END, b"")):
        start, length = int(fields[first]), int(fields[last]) - int(fields[first])
        if start and length > len(kept):
            ctypes.memset(start, 0, length)
            ctypes.memmove(start, kept, len(kept))
    for value in posix.environ.values():
        if len(value) >= _SHORTEST:
            ctypes.memset(id(value) + bytes.__basicsize__ - 1, 0, len(value))
    os.environ.clear()
