"""Containers of the lab, as their runtime has them in its own files, and as the kernel has their first process.

What is read of a runtime is what `runc state` reads: the state file below its root folder, whether the fifo on which a
created container waits is still there, and whether the process with that PID and that start time lives
(libcontainer/container_linux.go, currentStatus; libcrun/container.c, libcrun_get_container_state_string). No program of
the lab is run for it: a learner can replace those.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple

from runtime.facts import containerd, docker
from runtime.facts.kept import document, is_there, listed
from runtime.facts.look import Look, Unexaminable
from runtime.facts.processes import Process

_FIFO = "exec.fifo"


class Container(NamedTuple):
    """A container.

    runtime: whose it is: 'runc' or 'crun'.  bundle: path of its bundle.
    status: 'created', 'running' or 'stopped' (OCI runtime spec, State).
    pid, started: of its first process, as it is numbered inside the sandbox, and its start time in clock ticks since
    boot; 0 when it has ended.  command: the command line that the kernel has for it now, '' when it has ended.
    root: the runtime's root folder, where it is not its usual one: containerd and Docker keep their containers apart.
    id: what runtime and shim call it, where that is not its name: Docker's are 64 digits.
    refuted: what the kernel says against what the files of the runtime say of it, '' where it confirms that.
    """

    name: str
    runtime: str
    status: str
    bundle: str
    pid: int
    started: int
    command: str
    root: str = ""
    id: str = ""
    refuted: str = ""

    @property
    def call(self) -> str:
        """How the runtime is called for it, as the first words of a command."""
        return f"{self.runtime} --root {self.root}" if self.root else self.runtime


class _Layout(NamedTuple):
    """What a runtime writes down about a container: the name of the file, and its keys."""

    file: str
    pid: str
    started: str


_LAYOUTS: Mapping[str, _Layout] = {
    "runc": _Layout("state.json", "init_process_pid", "init_process_start"),
    "crun": _Layout("status", "pid", "process-start-time"),
}
# root folder -> whether it is the usual one of the runtime that has its name
ROOTS: Mapping[str, bool] = {"/run/runc": True, "/run/crun": True, containerd.RUNTIME_ROOT: False,
                              docker.RUNTIME_ROOT: False}


def read_containers(root: int, processes: Iterable[Process], look: Look | None = None) -> tuple[Container, ...]:
    """Every container of every runtime, by name. root: descriptor of the sandbox's root directory."""
    look = look or Look()
    alive = {process.pid: process for process in processes}
    found = [container for folder, usual in ROOTS.items() for container in _in_folder(root, folder, usual, alive, look)]
    # A lab's own come before those that a daemon made: of two with one name the first is meant.
    return tuple(sorted(_with_names(found, docker.read(root, look)), key=lambda each: (each.name, each.root, each)))


def _with_names(found: Iterable[Container], records: Mapping[str, docker.Record]) -> Iterator[Container]:
    """The containers by the names that Docker gave them, and those of its that have ended, which no runtime knows."""
    known = set()
    for container in found:
        record = records.get(container.name) if container.root == docker.RUNTIME_ROOT else None
        known.add(container.name)
        yield container._replace(name=record.name, id=container.name) if record else container
    for name, record in records.items():
        if name not in known and record.ended:
            yield Container(record.name, "runc", "stopped", "", 0, 0, "", docker.RUNTIME_ROOT, name)


def state_folder(container: Container) -> str:
    """Return the folder in which its runtime keeps what it knows about a container."""
    return f"{container.root or f'/run/{container.runtime}'}/{container.id or container.name}"


def state_file(container: Container) -> str:
    """Return the path of the file in which its runtime says which process a container has."""
    return f"{state_folder(container)}/{_LAYOUTS[container.runtime].file}"


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


def _in_folder(root: int, folder: str, usual: bool, alive: Mapping[int, Process], look: Look) -> Iterator[Container]:
    for name in listed(root, folder, look, "container"):
        for runtime in _LAYOUTS:
            read = partial(_read, root, f"{folder}/{name}", runtime, alive)
            if found := look.at("container", name, read, None):
                yield found._replace(root="" if usual else folder)
                break


def _read(root: int, folder: str, runtime: str, alive: Mapping[int, Process]) -> Container | None:
    """None where the runtime has no such container, or makes or deletes it just now. Raises Unexaminable."""
    layout, name = _LAYOUTS[runtime], folder.rpartition("/")[2]
    path = f"{folder}/{layout.file}"
    state = document(root, path)
    if state is None:
        return None
    match state:
        case {layout.pid: int(pid), layout.started: int(started)}:
            bundle = _bundle(state)
        case _:
            bundle = None
    if bundle is None:
        raise Unexaminable(f"{path} does not say what {runtime} writes")
    process = alive.get(pid)
    if process is None or process.started != started or process.ended:
        return Container(name, runtime, "stopped", bundle, 0, 0, "")
    status = "created" if is_there(root, f"{folder}/{_FIFO}") else "running"
    return Container(name, runtime, status, bundle, process.pid, process.started, process.command)


def _bundle(state: Mapping[str, Any]) -> str | None:
    """runc keeps it among its labels (libcontainer/utils, Annotations). None for what no runtime writes."""
    match state:
        case {"bundle": str(bundle)}:
            return bundle
        case {"config": {"labels": [*labels]}}:
            said = [str(label).partition("=") for label in labels]
            return next((value for key, _, value in said if key == "bundle"), "")
    return None
