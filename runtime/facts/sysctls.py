"""Kernel settings (sysctl(8), /proc/sys)."""

from __future__ import annotations

import os
from collections.abc import Iterable


def path_of(name: str) -> str:
    """'net.ipv4.ip_forward' -> 'sys/net/ipv4/ip_forward', below /proc. A '/' stands for itself, a '.' for a '/'."""
    return "sys/" + (name if "/" in name else name.replace(".", "/"))


def read_sysctls(proc: int, names: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """(name, value) of those settings that exist, in the network namespace of the calling thread.

    proc: descriptor of a /proc.
    """
    found = []
    for name in names:
        try:
            fd = os.open(path_of(name), os.O_RDONLY | os.O_CLOEXEC, dir_fd=proc)
        except OSError:
            continue
        found.append((name, os.read(fd, 4096).decode(errors="replace").strip()))
        os.close(fd)
    return tuple(found)
