"""In which network namespace a shell of the lab is."""

from __future__ import annotations

import os
import re
from contextlib import suppress

from runtime import syscalls as sys
from runtime.errors import Refused
from runtime.facts.look import names_in
from runtime.sandbox.handle import Sandbox
from runtime.sandbox.mounts import NETNS_DIR

_MOST = 1000  # names that are looked at
_PLAIN = re.compile(r"[\w.@+-]+")  # a prompt is no place for others


def netns_of(sandbox: Sandbox, pid: int) -> str:
    """The name of a process's network namespace (ip-netns(8)); '' for the lab host's, and for one without a name.

    pid: as inside.
    """
    with suppress(OSError, Refused):
        own, first = (os.stat(f"{each}/ns/net", dir_fd=sandbox.proc) for each in (pid, 1))
        if not os.path.samestat(own, first):
            return _name(sandbox, own)
    return ""


def _name(sandbox: Sandbox, netns: os.stat_result) -> str:
    folder = sys.open_beneath(sandbox.root, NETNS_DIR, os.O_RDONLY | os.O_DIRECTORY)
    try:
        names, _whole = names_in(folder, _MOST)
        return next((name for name in names if _PLAIN.fullmatch(name)
                     and os.path.samestat(os.stat(name, dir_fd=folder, follow_symlinks=False), netns)), "")
    finally:
        os.close(folder)
