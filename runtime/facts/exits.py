"""Exit statuses of containers that have ended, as long as somebody keeps them.

The kernel gives the exit status of a process to its parent, once (wait(2)). So it is known afterwards only if the
parent, the shim, wrote it down: conmon into the file `exit` of its folder (conmon(8), --persist-dir).
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import NamedTuple

from runtime.errors import Refused
from runtime.facts import docker
from runtime.facts.kept import content, listed
from runtime.facts.look import Look, Unexaminable

CONMON_HOME = "/run/conmon"
_LARGEST, _DIGITS = 255, 3  # wait(2), WEXITSTATUS


class Exit(NamedTuple):
    """name: of the container, or of a session of exec.  status: 0 to 255; 128 and the signal's number for a signal."""

    name: str
    status: int


def read_exits(root: int, look: Look | None = None) -> tuple[Exit, ...]:
    """Every exit status that is kept. root: descriptor of the sandbox's root directory."""
    look = look or Look()
    found = [Exit(record.name, record.status) for record in docker.read(root, look).values() if record.ended]
    kept = [look.at("exit", name, partial(_read, root, name), None)
            for name in listed(root, CONMON_HOME, look, "exit")]
    return tuple(sorted((*found, *filter(None, kept))))


def _read(root: int, name: str) -> Exit | None:
    """None where nothing was written down yet. Raises Unexaminable."""
    path = f"{CONMON_HOME}/{name}/exit"
    with suppress(Refused, FileNotFoundError):
        said = content(root, path).strip()
        if said.isdigit() and len(said) <= _DIGITS and int(said) <= _LARGEST:
            return Exit(name, int(said))
        if said:
            raise Unexaminable(f"{path} holds no exit status")
    return None
