"""What the Docker daemon of a lab writes down about its containers (runtime/oci/docker_daemon.py)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import NamedTuple

from runtime.errors import Refused
from runtime.facts.kept import content, listed

HOME = "/run/docker"
RUNTIME_ROOT = f"{HOME}/exec/runtime-runc/moby"
_CONTAINERS = f"{HOME}/data/containers"


class Record(NamedTuple):
    """A container. ended: its program ran once, and has ended.  status: the exit status that is kept of it."""

    name: str
    ended: bool
    status: int


def read(root: int) -> Mapping[str, Record]:
    """Every container of the daemon, by its id. root: descriptor of the sandbox's root directory."""
    found = {}
    for name in listed(root, _CONTAINERS):
        with suppress(Refused, OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
            said = json.loads(content(root, f"{_CONTAINERS}/{name}/config.v2.json"))
            state = said["State"]
            ended = not state["Running"] and not state["FinishedAt"].startswith("0001-")
            called, status = said["Name"].lstrip("/"), int(state["ExitCode"])
            if called.isprintable() and status in range(256):  # another was not written by the daemon
                found[name] = Record(called, ended, status)
    return found


def log_of(container: str) -> str:
    """The path of the file in which the daemon keeps what a container prints. container: its id."""
    return f"{_CONTAINERS}/{container}/{container}-json.log"
