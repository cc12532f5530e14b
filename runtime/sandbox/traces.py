"""What a lab could leave on the machine, were its sandbox not private: to prove that it leaves nothing."""

from __future__ import annotations

import os
import socket
from contextlib import suppress

from runtime.sandbox.mounts import NETNS_DIR


def traces() -> frozenset[str]:
    """The machine's interfaces, mounts and named network namespaces, as the caller sees them, in words."""
    found = {f"the interface {name}" for _index, name in socket.if_nameindex()}
    with open("/proc/self/mounts", encoding="utf-8", errors="backslashreplace") as file:
        found |= {f"the mount {line.split()[1]}" for line in file}
    with suppress(OSError):
        found |= {f"the netns {name}" for name in os.listdir(NETNS_DIR)}
    return frozenset(found)


def children() -> list[int]:
    """The PIDs of the caller's children; with adopt_orphans() those of its descendants that lost their parent too."""
    with open("/proc/thread-self/children", encoding="ascii") as file:
        return [int(pid) for pid in file.read().split()]
