"""What the outer process does while a lab runs: it ends the lab when the launcher ends, or when memory gets short.

It is outside of the lab's PID namespace, so nothing in the lab can see, stop or signal it, and a SIGKILL from there
ends PID 1 in whatever state that is (pid_namespaces(7)). PR_SET_PDEATHSIG would not do: the kernel sends that signal in
the name of the parent that dies, and a launcher that has joined the lab has no right over the outer process any more.
"""

from __future__ import annotations

import os
import select
import signal
from contextlib import suppress

from runtime.sandbox.memory import Memory


def watch(launcher_ended: int, first_ended: int, limited: bool) -> str:
    """Return when the lab has to end, or has ended: why, where that is for the memory that it takes, otherwise ''.

    launcher_ended, first_ended: pidfds of the launcher and of PID 1.  limited: whether a cgroup limits its memory.
    """
    poll = select.poll()
    for fd in (launcher_ended, first_ended):
        poll.register(fd, select.POLLIN)
    memory = None if limited else Memory()
    while not poll.poll(memory.patience * 1000 if memory else None):
        excess = memory.look() if memory else None
        if excess and not excess.process:
            return excess.why
        if excess:
            _kill(excess.process)
    return ""


def _kill(process: str) -> None:
    """Its number is that inside, but a folder of /proc stands for it as a pidfd does (pidfd_send_signal(2))."""
    with suppress(OSError):
        folder = os.open(process, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            signal.pidfd_send_signal(folder, signal.SIGKILL)
        finally:
            os.close(folder)
