"""What the outer process does while a lab runs: it ends the lab when the launcher ends, or when memory gets short.

It is outside of the lab's PID namespace, so nothing in the lab can see, stop or signal it, and a SIGKILL from there
ends PID 1 in whatever state that is (pid_namespaces(7)). PR_SET_PDEATHSIG would not do: the kernel sends that signal in
the name of the parent that dies, and a launcher that has joined the lab has no right over the outer process any more.
"""

from __future__ import annotations

import select
import signal
from contextlib import suppress

from runtime.sandbox.memory import Memory


def watch(launcher_ended: int, first_ended: int, limited: bool) -> str:
    """Return when the lab has to end, or has ended: why, where that is for what it has used up, otherwise ''.

    launcher_ended, first_ended: pidfds of the launcher and of PID 1.  limited: whether a cgroup limits its memory.
    """
    poll = select.poll()
    for fd in (launcher_ended, first_ended):
        poll.register(fd, select.POLLIN)
    memory = None if limited else Memory()
    why = ""
    while not why and not poll.poll(memory.patience * 1000 if memory else None):
        why = memory.look() if memory else ""
    with suppress(ProcessLookupError):
        signal.pidfd_send_signal(first_ended, signal.SIGKILL)
    return why
