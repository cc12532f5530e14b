"""What the Docker daemon of a lab writes down about its containers (runtime/oci/docker_daemon.py)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import NamedTuple

from runtime.facts.kept import document, listed
from runtime.facts.look import Look, Unexaminable

HOME = "/run/docker"
RUNTIME_ROOT = f"{HOME}/exec/runtime-runc/moby"
_CONTAINERS = f"{HOME}/data/containers"


class Record(NamedTuple):
    """A container. ended: its program ran once, and has ended.  status: the exit status that is kept of it."""

    name: str
    ended: bool
    status: int


def read(root: int, look: Look | None = None) -> Mapping[str, Record]:
    """Every container of the daemon, by its id. root: descriptor of the sandbox's root directory."""
    look = look or Look()
    found = {}
    for name in listed(root, _CONTAINERS, look, "container"):
        path = f"{_CONTAINERS}/{name}/config.v2.json"
        if record := look.at("container", "", partial(_read, root, path), None):
            found[name] = record
    return found


def _read(root: int, path: str) -> Record | None:
    """None where there is no such file. Raises Unexaminable for what was not written by the daemon."""
    match document(root, path):
        case None:
            return None
        case {"Name": str(name), "State": {"Running": bool(runs), "FinishedAt": str(at), "ExitCode": int(status)}}:
            if name.isprintable() and status in range(256):
                return Record(name.lstrip("/"), not runs and not at.startswith("0001-"), status)
    raise Unexaminable(f"{path} does not say what the Docker daemon writes")


def log_of(container: str) -> str:
    """The path of the file in which the daemon keeps what a container prints. container: its id."""
    return f"{_CONTAINERS}/{container}/{container}-json.log"
