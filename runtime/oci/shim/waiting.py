"""Waiting for a descriptor, with a limit that holds even when there always is something."""

from __future__ import annotations

import select
from time import monotonic

READ, WRITE = select.POLLIN, select.POLLOUT


def ready(fd: int, events: int, deadline: float) -> int:
    """Wait until a descriptor can be read, or written. events: READ, WRITE, or both.  deadline: by time.monotonic.

    Returns which of poll(2)'s events there are, 0 when the time is over. By poll(2): select(2) knows no descriptor
    above 1023, and who has a thousand network namespaces open has such.
    """
    poll = select.poll()
    poll.register(fd, events)
    found = poll.poll(max(0.0, deadline - monotonic()) * 1000)
    return found[0][1] if found else 0
