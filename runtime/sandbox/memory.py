"""The memory that a lab takes, where no cgroup limits it: looked at from outside of it, again and again.

Two limits. A lab may take as much as a cgroup would give it; that is what its processes hold, and what is in the file
systems in memory that can be seen in it. What cannot be seen (a file system without a place, files without a name, what
the kernel keeps for it) is bounded by the second one: the lab ends before the machine's memory has run out.

As in a cgroup, the process that takes most is killed, and the lab goes on, where that helps.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

from runtime.sandbox.cgroup import most_memory

_PAGE = os.sysconf("SC_PAGE_SIZE")
_RESERVE = 512 << 20  # bytes that are left to the machine, or a sixteenth of its memory where that is less
_FASTEST = 16 << 30  # bytes a second: faster than a machine fills its memory
_SLOWEST_LOOK, _FASTEST_LOOK = 1.0, 0.01  # seconds
_WORTH_A_LOOK = 128 << 20  # bytes: a lab has not taken more than what the machine has lost
_SHARE = 8  # a process that holds less than this part of it is not what takes too much
_FIRST = "1"  # PID 1, with which the lab would end
_EVERY = 10  # looks: others may have given back meanwhile what the lab took


class Excess(NamedTuple):
    """What is to be done about a lab that takes too much. why: in words.  process: the one to kill, by its folder in
    /proc; '' where the lab has to end."""

    why: str
    process: str = ""


class Memory:
    """patience: seconds until it has to be looked at again.

    To be made in the outer process: its /proc is the lab's, which shows the machine's memory as any other does.
    """

    def __init__(self) -> None:
        self._limit = most_memory()
        self._reserve = _reserve_of_machine()
        self._looks, self._lowest = 0, available()
        self.patience = _SLOWEST_LOOK

    def look(self) -> Excess | None:
        """What it takes too much, now."""
        left = available()
        self.patience = min(max((left - self._reserve) / _FASTEST, _FASTEST_LOOK), _SLOWEST_LOOK)
        if left < self._reserve:
            return Excess(f"the machine has only {left >> 20} MiB of memory left, and no cgroup limits the lab's")
        self._looks += 1
        if left > self._lowest - _WORTH_A_LOOK and self._looks % _EVERY:
            return None
        self._lowest = left
        return self._excess()

    def _excess(self) -> Excess | None:
        files = _of_files()
        if files + sum(_of_processes("statm").values()) <= self._limit:
            return None
        held = _of_processes("smaps_rollup")
        if files + sum(held.values()) <= self._limit:
            return None
        self.patience = _FASTEST_LOOK
        self._lowest += _WORTH_A_LOOK  # so that the next look is a whole one
        largest = max(held, key=lambda pid: held[pid] * (pid != _FIRST), default=_FIRST)
        helps = held.get(largest, 0) >= (files + sum(held.values())) // _SHARE
        why = f"it takes more than {self._limit >> 20} MiB of memory"
        return Excess(why, f"/proc/{largest}" if helps and largest != _FIRST else "")


def _reserve_of_machine() -> int:
    return min(_RESERVE, os.sysconf("SC_PHYS_PAGES") * _PAGE // 16)


def available() -> int:
    """Bytes that programs could still get (proc_meminfo(5))."""
    with open("/proc/meminfo", encoding="ascii") as file:
        found = next((line for line in file if line.startswith("MemAvailable:")), "MemAvailable: 0")
    return int(found.split()[1]) << 10


def _of_processes(how: str) -> dict[str, int]:
    """Bytes that each of the lab's processes holds besides files, by its PID inside.

    how: 'statm', which counts what several share for each of them, or 'smaps_rollup', which does not but takes longer.
    """
    found = {}
    for pid in _pids():
        with suppress(OSError, ValueError, IndexError):  # it has ended, or is one that nobody may look at
            text = _text(f"/proc/{pid}/{how}")
            found[pid] = _in_statm(text) if how == "statm" else _in_rollup(text)
    return found


def _text(path: str) -> str:
    with open(path, encoding="ascii", errors="replace") as file:
        return file.read()


def _in_statm(text: str) -> int:
    fields = text.split()
    return (int(fields[1]) - int(fields[2])) * _PAGE


def _in_rollup(text: str) -> int:
    return sum(int(line.split()[1]) << 10 for line in text.splitlines() if line.startswith("Pss_Anon:"))


def _of_files() -> int:
    """Bytes in the file systems in memory that any process of the lab sees."""
    found: dict[str, int] = {}
    seen = set()
    for pid in _pids():
        with suppress(OSError):
            namespace = os.readlink(f"/proc/{pid}/ns/mnt")
            if namespace not in seen:
                seen.add(namespace)
                found.update(_mounted(pid))
    return sum(found.values())


def _mounted(pid: str) -> Iterator[tuple[str, int]]:
    """(device, bytes) of each tmpfs that is mounted for a process (proc_pid_mountinfo(5))."""
    with open(f"/proc/{pid}/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
        for line in file:
            words = line.split(" ")
            if " - tmpfs " in line:
                with suppress(OSError):
                    status = os.statvfs(f"/proc/{pid}/root{words[4]}")
                    yield words[2], (status.f_blocks - status.f_bfree) * status.f_frsize


def _pids() -> list[str]:
    return [name for name in os.listdir("/proc") if name.isdecimal()]
