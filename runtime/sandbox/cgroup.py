"""A cgroup that limits the memory of a lab, where whoever starts it may make one (cgroups(7)).

A cgroup is a folder, and nothing removes it by itself. So a process that does nothing else waits for the end of the
lab, and then removes it: what kills the launcher leaves nothing behind.
"""

from __future__ import annotations

import os
import select
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

MOST_MEMORY = 2 << 30  # bytes: what all tmpfs of a lab hold, and as much again; with a Docker daemon it takes a tenth
_PATIENCE = 10.0  # seconds
# Where the launcher was killed, the lab ends soon after; a cgroup of version 1 tells nobody when it is empty.
# In one of version 2, a runtime in the lab may have made others.
_REMOVER = """
    cd /; read -r _
    while [ -d "$0" ]; do rmdir "$0" || find "$0" -depth -type d -exec rmdir {} + || sleep 0.01; done
"""


class Place(NamedTuple):
    """A folder in which cgroups with a limit on memory can be made. version: 1 or 2."""

    folder: str
    version: int


def find_place(process: str = "/proc/self") -> Place | None:
    """Where the caller may make one; None where it may not. process: the caller's folder in /proc."""
    own, mounted = _cgroups(process)
    return next((place for each in mounted for place in _places(each, own) if os.access(place.folder, os.W_OK)), None)


def limit_of(process: str) -> int | None:
    """How many bytes a process may use by its cgroup of version 2; None for any. process: its folder in /proc."""
    own, mounted = _cgroups(process)
    for root, point, kind, _ in mounted:
        folders = _upwards(own.get("", ""), root, point) if kind == "cgroup2" else []
        with suppress(OSError, IndexError, ValueError), open(f"{folders[0]}/memory.max", encoding="ascii") as file:
            return int(file.read())  # 'max' is no number
    return None


def most_memory() -> int:
    """The limit of a lab on this machine, in bytes: half of a small machine's memory."""
    return min(MOST_MEMORY, os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2)


class _Mount(NamedTuple):
    """Of proc_pid_mountinfo(5)."""

    root: str
    point: str
    kind: str
    options: list[str]


def _cgroups(process: str) -> tuple[dict[str, str], list[_Mount]]:
    """Controllers -> the cgroup of a process, and what is mounted; nothing on a kernel without cgroups."""
    try:
        with open(f"{process}/cgroup", encoding="utf-8", errors="replace") as file:
            own = dict(line.rstrip("\n").split(":", 2)[1:] for line in file)
        with open(f"{process}/mountinfo", encoding="utf-8", errors="replace") as file:
            lines = [line.split() for line in file]
    except OSError:
        return {}, []
    return own, [_Mount(words[3], words[4], words[-3], words[-1].split(",")) for words in lines]


def _places(mount: _Mount, own: dict[str, str]) -> Iterator[Place]:
    """Those in one mount, nearest first. own: controllers -> the caller's cgroup."""
    root, point, kind, options = mount
    if kind == "cgroup" and "memory" in options:
        path = next((path for names, path in own.items() if "memory" in names.split(",")), "")
        yield from (Place(folder, 1) for folder in _upwards(path, root, point)[:1])
    elif kind == "cgroup2":
        for folder in _upwards(own.get("", ""), root, point):
            with suppress(OSError), open(f"{folder}/cgroup.subtree_control", encoding="ascii") as file:
                if "memory" in file.read().split():
                    yield Place(folder, 2)


def _upwards(path: str, root: str, point: str) -> list[str]:
    """The folder of the cgroup `path`, and those above it, in a mount at `point` of the cgroup `root`."""
    below = os.path.relpath(path or "/..", root)
    if below.startswith(".."):
        return []
    names = [] if below == "." else below.split("/")
    return ["/".join([point, *names[:count]]) for count in range(len(names), -1, -1)]


class MemoryLimit:
    """The limit on a process and on all that it starts from then on; there is one where `find_place` finds a place.

    bytes: how many; None where there is no limit.
    """

    def __init__(self) -> None:
        self.bytes: int | None = None
        self._remover = 0

    def hold(self, pid: int) -> None:
        """Limit a process. Raises OSError when no other can be started, which is to remove the cgroup."""
        place = find_place()
        if place is None:
            from runtime.sandbox.user_scope import join_scope  # where labrun may make a cgroup itself it is not needed

            if join_scope(pid, most_memory()):
                self.bytes = limit_of(f"/proc/{pid}")
            return
        folder = f"{place.folder}/labrun-{os.urandom(4).hex()}"
        self._remover, self._mine = _start_remover(folder)
        self._ended = os.pidfd_open(self._remover)
        with suppress(OSError):  # it was somebody else's, or as many are there as may be
            self.bytes = _make(folder, place.version, pid)

    def remove(self) -> None:
        """Return when nothing is left of it, but not wait for others to leave it; the process has to have ended."""
        if self._remover:
            with suppress(BrokenPipeError):  # somebody has killed it
                os.write(self._mine, b"\n")  # closing alone is not heard where a process was forked, and lives on
            if select.select([self._ended], [], [], _PATIENCE)[0]:
                with suppress(ChildProcessError):  # a keeper is not who started it
                    os.waitpid(self._remover, 0)
            os.close(self._mine)
            os.close(self._ended)


def _start_remover(folder: str) -> tuple[int, int]:
    """Its PID, and the end of a pipe: it waits for a line, or for the death of all who hold it. A shell is smaller than
    another Python."""
    told, mine = os.pipe2(os.O_CLOEXEC)
    others = [int(name) for name in os.listdir("/proc/self/fd") if int(name) > 2]
    actions = [(os.POSIX_SPAWN_DUP2, told, 0), *((os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_RDWR, 0) for fd in (1, 2)),
               *((os.POSIX_SPAWN_CLOSE, fd) for fd in others)]
    pid = os.posix_spawn("/bin/sh", ["labrun-cgroup", "-c", _REMOVER, folder], {"PATH": os.defpath},
                         file_actions=actions, setsid=True)  # away from the terminal: Ctrl-C must not end it
    os.close(told)
    return pid, mine


def _make(folder: str, version: int, pid: int) -> int:
    limit = most_memory()
    os.mkdir(folder)
    for name, value in _limits(version, limit).items():
        if os.path.exists(f"{folder}/{name}"):  # that for swap is not there where swap is not counted
            _write(f"{folder}/{name}", value)
    if version == 2:
        # The limit is one level above what the lab sees as its root: it could change its own, where the tree is mounted
        # without nsdelegate (cgroups(7)).
        folder = f"{folder}/lab"
        os.mkdir(folder)
    _write(f"{folder}/cgroup.procs", pid)
    return limit


def _limits(version: int, limit: int) -> dict[str, int]:
    """File -> value: of memory, and of what is swapped out, which version 1 counts together with memory."""
    if version == 1:
        return {"memory.limit_in_bytes": limit, "memory.memsw.limit_in_bytes": limit}
    return {"memory.max": limit, "memory.swap.max": 0}


def _write(path: str, value: int) -> None:
    with open(path, "w", encoding="ascii") as file:
        file.write(str(value))
