"""Compare what the files of a runtime say of a container with what the kernel says of its first process.

The lab's root can write those files, so they only name things: a container, its bundle, a process. The kernel knows
what that process is: the program that it executes, its namespaces, its root directory, and what it is allowed to do.
config.json of the bundle says what the container must be like.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any, NamedTuple

from runtime import syscalls as sys
from runtime.errors import Refused
from runtime.facts.capabilities import mask
from runtime.facts.containers import Container, state_file, state_folder
from runtime.facts.kept import content
from runtime.facts.processes import Process

_KINDS = {"pid": "pid", "network": "net", "mount": "mnt", "ipc": "ipc", "uts": "uts", "user": "user",
          "cgroup": "cgroup"}  # in config.json (OCI runtime spec, config-linux.md), and in /proc/PID/ns
_DELETED = "//deleted"


class _Demands(NamedTuple):
    """What config.json demands of the first process.

    own: kinds of namespaces that the runtime makes for it.  rootfs: path of its root file system, '' where unknown.
    bounding: the largest set of capabilities that it can get, None where config.json does not limit it.
    confined: whether execve(2) must not give it privileges (process.noNewPrivileges).
    """

    own: tuple[str, ...] = ("mnt", "pid")
    rootfs: str = ""
    bounding: int | None = None
    confined: bool = False


def confirm(root: int, proc: int, containers: Iterable[Container], processes: Iterable[Process]) -> tuple[
        Container, ...]:
    """Return the containers, each with what the kernel says against it in `refuted`.

    Of two with one name the confirmed one is first.

    root, proc: descriptors of the sandbox's root directory and of its /proc.
    """
    alive = {process.pid: process for process in processes}
    found = [each._replace(refuted=_objection(root, proc, each, alive)) if each.pid in alive else each
             for each in containers]
    return tuple(sorted(found, key=lambda each: (each.name, bool(each.refuted))))


def _objection(root: int, proc: int, container: Container, alive: Mapping[int, Process]) -> str:
    try:
        problem = next(_objections(root, proc, container, alive), "")
    except OSError as error:
        problem = f"process {container.pid} cannot be examined ({error.strerror})"
    return f"{state_file(container)} says that {container.name} is {container.status}, but {problem}" if problem else ""


def _objections(root: int, proc: int, container: Container, alive: Mapping[int, Process]) -> Iterator[str]:
    pid, first, host = container.pid, alive[container.pid], alive.get(1)
    demands = _demands(root, container.bundle)
    who, status = f"process {pid}", _status(proc, pid)
    for kind in demands.own:
        if host is None or first.namespace(kind) in (0, host.namespace(kind)):
            yield f"{who} is in the {kind} namespace of the lab host"
    if "pid" in demands.own and status["NSpid"].split()[-1] != "1":
        yield f"{who} is not the first process of its pid namespace"
    yield from _wrong_program(root, proc, container, first)
    yield from _wrong_root(root, proc, pid, demands.rootfs)
    if demands.bounding is not None and int(status["CapBnd"], 16) & ~demands.bounding:
        yield f"{who} may get capabilities that config.json does not list (CapBnd in /proc/{pid}/status)"
    if demands.confined and status.get("NoNewPrivs", "1") != "1":
        yield f"{who} may gain privileges, and config.json says noNewPrivileges"


def _wrong_program(root: int, proc: int, container: Container, first: Process) -> Iterator[str]:
    who, runtime = f"process {first.pid}", container.runtime
    if container.status == "running" and first.program == runtime:
        yield f"{who} still executes {runtime}: the program of the container has not been started"
    if container.status == "created":
        if first.program != runtime:
            yield f"{who} executes {os.readlink(f'{first.pid}/exe', dir_fd=proc)}, which is not {runtime}"
        fifo = f"{state_folder(container)}/exec.fifo"
        if not _holds(proc, first.pid, _identity(root, fifo)):
            yield f"{who} does not hold {fifo} open, on which a created container waits"


def _wrong_root(root: int, proc: int, pid: int, rootfs: str) -> Iterator[str]:
    own = os.stat(f"{pid}/root", dir_fd=proc)
    host = os.stat("1/root", dir_fd=proc)
    if (own.st_dev, own.st_ino) == (host.st_dev, host.st_ino):
        yield f"process {pid} has the root directory of the lab host"
    wanted = _identity(root, rootfs) if rootfs else None
    if wanted and wanted != (own.st_dev, own.st_ino) and not _root_was_deleted(proc, pid):
        yield f"the root directory of process {pid} is not {rootfs}"


def _root_was_deleted(proc: int, pid: int) -> bool:
    """Whether the folder that is its root was deleted, so that no path leads to it (proc(5), mountinfo)."""
    with open(f"{pid}/mountinfo", encoding="utf-8", errors="replace",
              opener=lambda path, flags: os.open(path, flags, dir_fd=proc)) as file:
        return any(fields[3].endswith(_DELETED) for fields in map(str.split, file) if fields[4] == "/")


def _identity(root: int, path: str) -> tuple[int, int] | None:
    """Return device and inode of the file at a path of the lab host, None where there is none."""
    try:
        fd = sys.open_beneath(root, path, os.O_PATH)
    except Refused:
        return None
    try:
        found = os.fstat(fd)
    finally:
        os.close(fd)
    return found.st_dev, found.st_ino


def _holds(proc: int, pid: int, file: tuple[int, int] | None) -> bool:
    """Whether a process has an open descriptor of the file with that device and inode."""
    folder = os.open(f"{pid}/fd", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=proc)
    try:
        for name in os.listdir(folder):
            with suppress(OSError):
                found = os.stat(name, dir_fd=folder)
                if (found.st_dev, found.st_ino) == file:
                    return True
        return False
    finally:
        os.close(folder)


def _status(proc: int, pid: int) -> dict[str, str]:
    with open(f"{pid}/status", encoding="utf-8", errors="replace",
              opener=lambda path, flags: os.open(path, flags, dir_fd=proc)) as file:
        return {key: value.strip() for key, _, value in (line.partition(":") for line in file)}


def _demands(root: int, bundle: str) -> _Demands:
    """Read the demands of a bundle. Where its config.json is gone: a mount and a pid namespace of its own."""
    with suppress(Refused, OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return _read_demands(bundle, json.loads(content(root, f"{bundle}/config.json")))
    return _Demands()


def _read_demands(bundle: str, config: Any) -> _Demands:
    listed = [each["type"] for each in config["linux"]["namespaces"] if not each.get("path")]
    own = tuple(_KINDS[kind] for kind in listed if kind in _KINDS)
    path, process = config["root"]["path"], config["process"]
    bounding = (process.get("capabilities") or {}).get("bounding")
    return _Demands(own if "mnt" in own else ("mnt", *own), path if path.startswith("/") else f"{bundle}/{path}",
                    None if bounding is None else mask(bounding),
                    process.get("noNewPrivileges") is True)
