"""The processes of a kept lab, as the machine has them: what there is to wait for when the lab ends.

    the process that keeps it -> its judge -> the outer process of the sandbox -> PID 1 of the sandbox
"""

from __future__ import annotations

import os
import select
from collections.abc import Iterator
from contextlib import suppress
from time import monotonic
from types import TracebackType

_DEEPEST, _MOST = 3, 100  # PID 1 is not deeper; with it all others in the sandbox end (pid_namespaces(7))
_SHOWN = 40  # characters of a command line


class Family:
    """A process and those below it, at the time when this is made. A pidfd means no other process that gets its PID."""

    def __init__(self, pid: int) -> None:
        self._pidfds: dict[int, int] = {}
        for each in [*_below(pid, _DEEPEST)][:_MOST]:
            with suppress(OSError):
                self._pidfds[each] = os.pidfd_open(each)

    def __enter__(self) -> Family:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 traceback: TracebackType | None) -> None:
        for pidfd in self._pidfds.values():
            os.close(pidfd)

    def left_after(self, seconds: float) -> list[str]:
        """Wait at most that long for the end of all, and return those that are left, in words."""
        left, deadline = dict(self._pidfds), monotonic() + seconds
        while left:
            ended, _, _ = select.select([*left.values()], [], [], max(0.0, deadline - monotonic()))
            if not ended:
                break
            left = {pid: pidfd for pid, pidfd in left.items() if pidfd not in ended}
        return [f"{pid} ({_command(pid)})" for pid in left]


def _below(pid: int, depth: int) -> Iterator[int]:
    """The process and those below it (proc_tid_children(5))."""
    yield pid
    children = []
    with suppress(OSError), open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        children = file.read().split()
    for child in children if depth else ():
        yield from _below(int(child), depth - 1)


def _command(pid: int) -> str:
    command = ""
    with suppress(OSError), open(f"/proc/{pid}/cmdline", encoding="utf-8", errors="replace") as file:
        command = file.read(4096).replace("\0", " ").strip()
    return "".join(each if each.isprintable() else "?" for each in command[:_SHOWN]) or "no command line"
