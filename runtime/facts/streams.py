"""Both ends of the pipes and terminals that processes hold: who is at the other end of a container's streams.

Two descriptors are ends of one pipe when their inode is the same (pipe(7)). A terminal has the side of the program
and the side of whoever shows it, the master; they belong together when they come from the same mount of devpts and the
master's `tty-index` is the minor number of the other (pty(7), proc(5) fdinfo).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import NamedTuple

from runtime.facts.look import Unexaminable, names_in
from runtime.facts.processes import Process

STANDARD = ("stdin", "stdout", "stderr")
TERMINALS = range(136, 144)  # <linux/major.h>, UNIX98_PTY_SLAVE_MAJOR
_PTMX = os.makedev(5, 2)
_MOST = 4096  # descriptors of a process; by default it may have 1024
_READS, _WRITES = stat.S_IRUSR, stat.S_IWUSR


class Stream(NamedTuple):
    """An end of a pipe or a terminal, or what else a standard stream is.

    pid: who holds it.  fd: its number there.  kind: 'pipe', 'terminal', 'master' (of a terminal) or 'other'.
    key: the same for all ends that belong together, '' for 'other'.  reads, writes: which way it goes.
    shown: what /proc/PID/fd/FD leads to.
    """

    pid: int
    fd: int
    kind: str
    key: str
    reads: bool
    writes: bool
    shown: str

    def other_end(self, of: Stream) -> bool:
        """Whether this is the other end of a standard stream."""
        if self.key != of.key or not self.key or of.kind == "other":
            return False
        if of.kind == "terminal":
            return self.kind == "master"
        return self.writes if of.fd == 0 else self.reads


def read_streams(proc: int, processes: Iterable[Process]) -> tuple[Stream, ...]:
    """Those of all processes. proc: descriptor of the sandbox's /proc."""
    return tuple(stream for process in processes if not process.ended for stream in _of_process(proc, process.pid))


def _of_process(proc: int, pid: int) -> Iterator[Stream]:
    folder = f"{pid}/fd"
    with suppress(OSError):  # it has ended meanwhile
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=proc)
        try:
            names, whole = names_in(fd, _MOST)
            if not whole:
                raise Unexaminable(f"the process {pid} has more than {_MOST} descriptors")
            for name in sorted(filter(str.isdecimal, names), key=int):
                with suppress(OSError):
                    stream = _read(proc, pid, name)
                    if stream.kind != "other" or stream.fd < len(STANDARD):
                        yield stream
        finally:
            os.close(fd)


def _read(proc: int, pid: int, name: str) -> Stream:
    path = f"{pid}/fd/{name}"
    ways = os.stat(path, dir_fd=proc, follow_symlinks=False).st_mode  # proc(5): the link's mode is that of the file
    place = os.stat(path, dir_fd=proc)
    kind, key = "other", ""
    if stat.S_ISFIFO(place.st_mode):
        kind, key = "pipe", f"pipe {place.st_dev}:{place.st_ino}"
    elif stat.S_ISCHR(place.st_mode) and os.major(place.st_rdev) in TERMINALS:
        kind, key = "terminal", f"terminal {place.st_dev}:{os.minor(place.st_rdev)}"
    elif stat.S_ISCHR(place.st_mode) and place.st_rdev == _PTMX:
        kind, key = "master", f"terminal {place.st_dev}:{_index(proc, pid, name)}"
    return Stream(pid, int(name), kind, key, bool(ways & _READS), bool(ways & _WRITES), os.readlink(path, dir_fd=proc))


def _index(proc: int, pid: int, name: str) -> str:
    with open(f"{pid}/fdinfo/{name}", encoding="ascii", opener=lambda path, flags: os.open(
            path, flags, dir_fd=proc)) as file:
        return next((line.split()[1] for line in file if line.startswith("tty-index:")), "")
