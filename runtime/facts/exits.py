"""Exit statuses of containers that have ended, as long as somebody keeps them.

The kernel gives the exit status of a process to its parent, once (wait(2)). So it is known afterwards only if the
parent, the shim, wrote it down: conmon into the file `exit` of its folder (conmon(8), --persist-dir).
"""

from __future__ import annotations

from contextlib import suppress
from typing import NamedTuple

from runtime.errors import Refused
from runtime.facts import docker
from runtime.facts.kept import content, listed

CONMON_HOME = "/run/conmon"
_LARGEST, _DIGITS = 255, 3  # wait(2), WEXITSTATUS


class Exit(NamedTuple):
    """name: of the container, or of a session of exec.  status: 0 to 255; 128 and the signal's number for a signal."""

    name: str
    status: int


def read_exits(root: int) -> tuple[Exit, ...]:
    """Every exit status that is kept. root: descriptor of the sandbox's root directory."""
    found = [Exit(record.name, record.status) for record in docker.read(root).values() if record.ended]
    for name in listed(root, CONMON_HOME):
        with suppress(Refused, OSError):
            said = content(root, f"{CONMON_HOME}/{name}/exit").strip()
            if said.isdigit() and len(said) <= _DIGITS and int(said) <= _LARGEST:
                found.append(Exit(name, int(said)))
    return tuple(sorted(found))
