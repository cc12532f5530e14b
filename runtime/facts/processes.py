"""Processes of the sandbox and the namespaces that each is in (proc(5), namespaces(7))."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import NamedTuple

from runtime.facts.executed import program_of

NAMESPACES = ("cgroup", "ipc", "mnt", "net", "pid", "user", "uts")
_ENDED = ("Z", "X")  # zombie, dead


class Process(NamedTuple):
    """A process.

    pid, parent: as they are numbered inside.  started: clock ticks since boot; with the PID it is an identity.
    command: its command line, or its name in brackets for one without.  namespaces: (kind, inode).
    ended: it has, and its parent has not taken note of it yet (a zombie).
    program: the name of the machine's runtime, shim or daemon that it executes; '' for other programs.
    """

    pid: int
    parent: int
    started: int
    command: str
    namespaces: tuple[tuple[str, int], ...]
    ended: bool = False
    program: str = ""

    def namespace(self, kind: str) -> int:
        """The inode of its namespace of `kind`; 0 when it could not be read."""
        return dict(self.namespaces).get(kind, 0)


def read_processes(proc: int) -> tuple[Process, ...]:
    """Every process below the /proc that `proc` is a descriptor of. One that ends meanwhile is left out."""
    found = []
    for name in os.listdir(proc):
        if name.isdigit():
            with suppress(OSError, IndexError):  # one that is just ending has an empty stat
                found.append(_read(proc, name))
    return tuple(sorted(found))


def _read(proc: int, pid: str) -> Process:
    folder = os.open(pid, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=proc)
    try:
        # The name stands in parentheses and may itself hold spaces and parentheses: proc(5), /proc/[pid]/stat.
        name, _, rest = _text(folder, "stat").partition("(")[2].rpartition(")")
        fields = rest.split()
        command = _text(folder, "cmdline").replace("\0", " ").strip() or f"[{name}]"
        return Process(int(pid), int(fields[1]), int(fields[19]), command, _namespaces(folder), fields[0] in _ENDED,
                       program_of(proc, pid))
    finally:
        os.close(folder)


def _namespaces(folder: int) -> tuple[tuple[str, int], ...]:
    found = []
    for kind in NAMESPACES:
        with suppress(OSError):
            target = os.readlink(f"ns/{kind}", dir_fd=folder)  # 'net:[4026531840]'
            found.append((kind, int(target.partition("[")[2].rstrip("]"))))
    return tuple(found)


def _text(folder: int, name: str) -> str:
    fd = os.open(name, os.O_RDONLY | os.O_CLOEXEC, dir_fd=folder)
    try:
        return os.read(fd, 65536).decode(errors="replace")
    finally:
        os.close(fd)
