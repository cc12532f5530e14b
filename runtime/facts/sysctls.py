"""Kernel settings (sysctl(8), /proc/sys)."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress

_SWAPPED = str.maketrans("./", "/.")


def path_of(name: str) -> str:
    """'net.ipv4.ip_forward' -> 'sys/net/ipv4/ip_forward', below /proc.

    Whichever of '.' and '/' comes first is the separator; the other then stands for a '.' (sysctl(8): 'eth0/100').
    """
    first = next((letter for letter in name if letter in "./"), "/")
    return "sys/" + (name if first == "/" else name.translate(_SWAPPED))


def read_sysctls(proc: int, names: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """(name, value) of those settings that can be read, in the network namespace of the calling thread.

    proc: descriptor of a /proc.
    """
    found = []
    for name in names:
        with suppress(OSError):
            found.append((name, _read(proc, name)))
    return tuple(found)


def _read(proc: int, name: str) -> str:
    fd = os.open(path_of(name), os.O_RDONLY | os.O_CLOEXEC, dir_fd=proc)
    try:
        return os.read(fd, 4096).decode(errors="replace").strip()
    finally:
        os.close(fd)
