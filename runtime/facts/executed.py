"""Which program of this machine a process executes, whatever it calls itself (proc(5), /proc/PID/exe).

A process chooses its name and its command line (`exec -a runc sleep 9`; prctl(2), PR_SET_NAME), but not what the kernel
says of the file that it executes. That is compared with the machine's own file, which a lab cannot change: by device
and inode, or else by content, because runc executes a copy of itself in memory (libcontainer, cloned_binary.c), and
files in an overlay over /usr have another device.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from functools import cache, lru_cache
from typing import NamedTuple

from runtime.programs import PATH

KEEPERS = ("runc", "crun", "conmon", "containerd-shim-runc-v2", "containerd-shim-runc-v1", "containerd-shim",
           "containerd", "dockerd")
_FOLDERS = (*PATH.split(":"), "/usr/libexec/podman", "/usr/lib/podman", "/usr/local/libexec/podman")
_PIECE = 1 << 20  # bytes


class _Machine(NamedTuple):
    """The runtimes, shims and daemons of this machine.

    inodes: (device, inode) -> name.  sizes: size in bytes -> the paths of those that have it.  names: path -> name.
    """

    inodes: Mapping[tuple[int, int], str]
    sizes: Mapping[int, tuple[str, ...]]
    names: Mapping[str, str]


def program_of(proc: int, pid: str | int) -> str:
    """Return the name of the runtime, shim or daemon of this machine that a process executes, '' for other programs.

    proc: descriptor of the sandbox's /proc.
    """
    machine = _machine()
    try:
        found = os.stat(f"{pid}/exe", dir_fd=proc)
    except OSError:  # the process has ended
        return ""
    name = machine.inodes.get((found.st_dev, found.st_ino), "")
    if name or found.st_size not in machine.sizes:
        return name
    with suppress(OSError):
        digest = _digest_of_process(proc, pid, (found.st_dev, found.st_ino, found.st_size, found.st_ctime_ns))
        return next((machine.names[path] for path in machine.sizes[found.st_size] if _digest(path) == digest), "")
    return ""


@cache
def _machine() -> _Machine:
    inodes: dict[tuple[int, int], str] = {}
    sizes: dict[int, tuple[str, ...]] = {}
    names: dict[str, str] = {}
    for name in KEEPERS:
        for path in (f"{folder}/{name}" for folder in _FOLDERS):
            with suppress(OSError):
                found = os.stat(path)
                if (found.st_dev, found.st_ino) not in inodes:
                    inodes[found.st_dev, found.st_ino] = names[path] = name
                    sizes[found.st_size] = (*sizes.get(found.st_size, ()), path)
    return _Machine(inodes, sizes, names)


@cache
def _digest(path: str) -> str:
    return _digest_of(os.open(path, os.O_RDONLY | os.O_CLOEXEC))


@lru_cache(maxsize=256)
def _digest_of_process(proc: int, pid: str | int, file: tuple[int, ...]) -> str:  # noqa: ARG001 what it is remembered by
    return _digest_of(os.open(f"{pid}/exe", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=proc))


def _digest_of(fd: int) -> str:
    from hashlib import sha256  # loading it takes longer than most labs need

    digest = sha256()
    try:
        while piece := os.read(fd, _PIECE):
            digest.update(piece)
    finally:
        os.close(fd)
    return digest.hexdigest()
