"""The verbs as a person types them: ip, iptables, sysctl, run inside the sandbox."""

from __future__ import annotations

import errno
import os
import re

from runtime.errors import Missing, Refused
from runtime.programs import how_to_install, is_there
from runtime.sandbox.handle import Completed, Sandbox

_NOT_FOUND = 127
_MAKE_ROOM = "a lab's folders are in memory, and small; see which is full: df -h /tmp /run"


def run_command(sandbox: Sandbox, command: str, status: int = 0, timeout: float = 30.0,
                stdin: int | None = None) -> Completed:
    """Run a shell command as lab root on the lab host.

    status: what it has to end with.  timeout: seconds, after which it is killed.  stdin: descriptor of its input.
    Raises Refused with its own words when it ends with something else, Missing without the tool.
    """
    done = sandbox.run(["/bin/sh", "-c", command], timeout=timeout, stdin=stdin)
    if done.status == status:
        return done
    if done.status == _NOT_FOUND:
        tool = done.errors.rpartition(": not found")[0].rpartition(": ")[2] or command.partition(" ")[0]
        # Else it is the lab's own affair, or another's who ends with 127 for what it could not find itself.
        if "/" not in tool and re.search(rf"\b{re.escape(tool)}\b", command) and not is_there(tool):
            raise Missing(f"{tool} is not installed", f"'{command}' needs it", how_to_install(tool))
    why = done.errors.strip() or done.output.strip() or f"it ended with {done.status}"
    raise Refused(command, why=why, mend=_MAKE_ROOM if os.strerror(errno.ENOSPC) in why else "")
