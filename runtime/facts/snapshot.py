"""A Snapshot: what is true in every network namespace of a lab, and which processes run, at one moment."""

from __future__ import annotations

from typing import Any, NamedTuple

from runtime.facts.addresses import Address
from runtime.facts.containers import Container
from runtime.facts.exits import Exit
from runtime.facts.files import File
from runtime.facts.links import Link
from runtime.facts.look import Unexamined
from runtime.facts.neighbours import Neighbour
from runtime.facts.processes import Process
from runtime.facts.routes import Route
from runtime.facts.rules import Chain, Rule
from runtime.facts.screens import Screen
from runtime.facts.shims import Shim, shims
from runtime.facts.storage import Storage
from runtime.facts.streams import Stream
from runtime.facts.trees import Tree
from runtime.oci.available import RUNTIMES


class NetnsFacts(NamedTuple):
    """What is true in one network namespace. inode: its identity (namespaces(7))."""

    name: str
    inode: int
    links: tuple[Link, ...] = ()
    addresses: tuple[Address, ...] = ()
    routes: tuple[Route, ...] = ()
    neighbours: tuple[Neighbour, ...] = ()
    chains: tuple[Chain, ...] = ()
    rules: tuple[Rule, ...] = ()
    sysctls: tuple[tuple[str, str], ...] = ()

    def link(self, name: str) -> Link | None:
        return next((link for link in self.links if link.name == name), None)

    def addresses_of(self, interface: str) -> tuple[str, ...]:
        """The addresses of one interface, with their prefix lengths."""
        return tuple(each.address for each in self.addresses if each.interface == interface)

    def sysctl(self, name: str) -> str | None:
        return dict(self.sysctls).get(name)


class Snapshot(NamedTuple):
    """Frozen, comparable, writable as JSON. files, trees, streams, screens, storage: what was asked for and is there.

    runtime: the OCI runtime that the lab is carried out with.
    unexamined: what is there, or may be there, and could not be examined: what the Snapshot has of it proves nothing.
    """

    netns: tuple[NetnsFacts, ...]
    processes: tuple[Process, ...] = ()
    files: tuple[File, ...] = ()
    containers: tuple[Container, ...] = ()
    trees: tuple[Tree, ...] = ()
    runtime: str = RUNTIMES[0]
    exits: tuple[Exit, ...] = ()
    streams: tuple[Stream, ...] = ()
    screens: tuple[Screen, ...] = ()
    storage: Storage = Storage()
    unexamined: tuple[Unexamined, ...] = ()

    def find(self, name: str) -> NetnsFacts | None:
        """The network namespace called `name`."""
        return next((netns for netns in self.netns if netns.name == name), None)

    def file(self, path: str) -> File | None:
        """What is at `path`."""
        return next((file for file in self.files if file.path == path), None)

    def tree(self, path: str) -> Tree | None:
        """The folder at `path` with all that is in it."""
        return next((tree for tree in self.trees if tree.path == path), None)

    def container(self, name: str) -> Container | None:
        """The container called `name`."""
        return next((container for container in self.containers if container.name == name), None)

    def process(self, pid: int) -> Process | None:
        """The process with that number inside the sandbox."""
        return next((process for process in self.processes if process.pid == pid), None)

    def shim(self, name: str) -> Shim | None:
        """The shim of the container, or of the session of exec, called `name`."""
        return next((shim for shim in shims(self.processes, self.containers) if shim.name == name), None)

    def exit(self, name: str) -> Exit | None:
        """The exit status that is kept of the container, or of the session of exec, called `name`."""
        return next((each for each in self.exits if each.name == name), None)

    def screen(self, name: str) -> Screen | None:
        """What the terminal of that container or session shows."""
        return next((each for each in self.screens if each.name == name), None)

    def stream(self, pid: int, fd: int) -> Stream | None:
        """The stream that is the descriptor `fd` of a process."""
        return next((each for each in self.streams if (each.pid, each.fd) == (pid, fd)), None)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(netns.name for netns in self.netns)

    def as_json(self) -> dict[str, Any]:
        """Plain dicts, lists, strings and numbers."""
        return dict(_plain(self))


def _plain(value: Any) -> Any:
    if hasattr(value, "_asdict"):
        return {key: _plain(each) for key, each in value._asdict().items()}
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return value
