"""Containers of the lab, as their runtime has them in its own files, and as the kernel has their first process.

What is read of a runtime is what `runc state` reads: the state file below its root folder, whether the fifo on which a
created container waits is still there, and whether the process with that PID and that start time lives
(libcontainer/container_linux.go, currentStatus; libcrun/container.c, libcrun_get_container_state_string). No program of
the lab is run for it: a learner can replace those.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any, NamedTuple

from runtime import syscalls as sys
from runtime.errors import Refused
from runtime.facts.processes import Process

_MOST = 1 << 20  # bytes of a state file
_FIFO = "exec.fifo"


class Container(NamedTuple):
    """A container.

    runtime: whose it is: 'runc' or 'crun'.  bundle: path of its bundle.
    status: 'created', 'running' or 'stopped' (OCI runtime spec, State).
    pid, started: of its first process, as it is numbered inside the sandbox, and its start time in clock ticks since
    boot; 0 when it has ended.  command: the command line that the kernel has for it now, '' when it has ended.
    """

    name: str
    runtime: str
    status: str
    bundle: str
    pid: int
    started: int
    command: str


class _Layout(NamedTuple):
    """Where a runtime keeps what it knows. root: its folder.  file: of one container, below root/NAME."""

    root: str
    file: str
    pid: str
    started: str


_LAYOUTS: Mapping[str, _Layout] = {
    "runc": _Layout("/run/runc", "state.json", "init_process_pid", "init_process_start"),
    "crun": _Layout("/run/crun", "status", "pid", "process-start-time"),
}


def read_containers(root: int, processes: Iterable[Process]) -> tuple[Container, ...]:
    """Every container of every runtime, by name. root: descriptor of the sandbox's root directory."""
    alive = {process.pid: process for process in processes}
    return tuple(sorted(container for runtime in _LAYOUTS for container in _of_runtime(root, runtime, alive)))


def has_stub(containers: Iterable[Container], processes: Iterable[Process]) -> bool:
    """Whether a process of a running container is still the stub of its runtime, which runs the program in a moment.

    In the middle of execve(2) a process has no command line (fs/exec.c), and so is in brackets.
    """
    alive = [process for process in processes if not process.ended]
    pid_namespaces = {first.namespace("pid"): each.runtime for each in containers if each.status == "running"
                      for first in alive if first.pid == each.pid}
    return any(program.startswith("[") or program.endswith(pid_namespaces[process.namespace("pid")])
               for process in alive if process.namespace("pid") in pid_namespaces
               for program in process.command.split(maxsplit=1)[:1])


def _of_runtime(root: int, runtime: str, alive: Mapping[int, Process]) -> Iterator[Container]:
    layout = _LAYOUTS[runtime]
    with suppress(Refused, OSError):
        folder = sys.open_beneath(root, layout.root, os.O_RDONLY | os.O_DIRECTORY)
        try:
            names = os.listdir(folder)
        finally:
            os.close(folder)
        for name in filter(str.isprintable, names):  # another could not be told to anybody, and no runtime takes it
            # Those inside may have put anything there, and one that is being made or deleted has half of it.
            with suppress(Refused, OSError, ValueError, KeyError, TypeError, RecursionError):
                yield _read(root, runtime, name, alive)


def _read(root: int, runtime: str, name: str, alive: Mapping[int, Process]) -> Container:
    layout = _LAYOUTS[runtime]
    folder = f"{layout.root}/{name}"
    state = json.loads(_text(root, f"{folder}/{layout.file}"))
    process = alive.get(state[layout.pid])
    if process is None or process.started != state[layout.started] or process.ended:
        return Container(name, runtime, "stopped", _bundle(state), 0, 0, "")
    status = "created" if _is_there(root, f"{folder}/{_FIFO}") else "running"
    return Container(name, runtime, status, _bundle(state), process.pid, process.started, process.command)


def _bundle(state: Mapping[str, Any]) -> str:
    """runc keeps it among its labels (libcontainer/utils, Annotations)."""
    if "bundle" in state:
        return str(state["bundle"])
    labels = [str(label).partition("=") for label in state["config"]["labels"]]
    return next((value for key, _, value in labels if key == "bundle"), "")


def _is_there(root: int, path: str) -> bool:
    try:
        os.close(sys.open_beneath(root, path, os.O_PATH))
    except Refused:
        return False
    return True


def _text(root: int, path: str) -> bytes:
    # Without O_NONBLOCK a fifo or a leased file would block.
    fd = sys.open_beneath(root, path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    try:
        data = b""
        while len(data) <= _MOST and (more := os.read(fd, _MOST)):
            data += more
        return data
    finally:
        os.close(fd)
