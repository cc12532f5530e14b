"""A scope of a user's own systemd, for who may make no cgroup: after a log-in by ssh(1), say (systemd.scope(5)).

systemd makes the cgroup, moves the process there, and removes it when the last process in it has ended.
"""

from __future__ import annotations

import os
from shutil import which
from time import monotonic, sleep

from runtime.programs import PATH

_PATIENCE = 1.0  # seconds for systemd to answer, and to do it: it takes some 20 milliseconds
_AGAIN = 0.002  # seconds
_CALL = ("--user", "call", "org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager",
         "StartTransientUnit", "ssa(sv)a(sa(sv))")


def join_scope(pid: int, limit: int) -> str:
    """Have a process, and what it starts from then on, put into a scope of its own. limit: bytes of memory.

    Returns the name of the scope; '' where no systemd of the user's answers.
    """
    busctl = which("busctl", path=PATH)
    if not busctl or not os.path.exists(f"{os.environ.get('XDG_RUNTIME_DIR', '')}/systemd/private"):
        return ""
    import subprocess  # only here, and it takes 3 ms to load

    name = f"labrun-{os.urandom(4).hex()}.scope"
    properties = ["4", "PIDs", "au", "1", str(pid), "MemoryMax", "t", str(limit), "MemorySwapMax", "t", "0",
                  "CollectMode", "s", "inactive-or-failed"]
    try:
        done = subprocess.run([busctl, *_CALL, name, "fail", *properties, "0"], stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=_PATIENCE, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return name if done.returncode == 0 and _is_in(pid, name) else ""


def _is_in(pid: int, scope: str) -> bool:
    """Whether systemd has moved it, which it does after its answer."""
    deadline = monotonic() + _PATIENCE
    while monotonic() < deadline:
        with open(f"/proc/{pid}/cgroup", encoding="utf-8", errors="replace") as file:
            if any(line.rstrip("\n").endswith(f"/{scope}") for line in file):
                return True
        sleep(_AGAIN)
    return False
