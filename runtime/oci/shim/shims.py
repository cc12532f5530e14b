"""conmon(8) in one sandbox: starting it, sessions of exec, joining streams, sizes of terminals, exit statuses."""

from __future__ import annotations

import os
from collections.abc import Sequence
from time import monotonic, sleep

from runtime import syscalls as sys
from runtime.errors import Refused
from runtime.facts import containerd, docker
from runtime.facts.containers import read_containers
from runtime.facts.exits import read_exits
from runtime.facts.processes import read_processes
from runtime.facts.screens import size_of
from runtime.facts.shims import shims
from runtime.oci.shim import conmon
from runtime.oci.shim.attached import Attached, attach
from runtime.oci.shim.console import AttachedConsole, Console
from runtime.oci.shim.starting import Start, shim_of
from runtime.sandbox.handle import Sandbox

_RESIZING, _AGAIN = 2.0, 0.0005  # seconds; it takes one millisecond, and nobody tells when


class Shims:
    """What is done with shims."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def create(self, runtime: str, name: str, bundle: str, terminal: bool) -> None:
        """Start a shim, which has `runtime` create a container. Raises Refused, Missing."""
        Start(self._sandbox, runtime, name, terminal).create(bundle)

    def exec(self, runtime: str, container: str, session: str, words: Sequence[str], terminal: bool) -> None:
        """Start a shim for one more program in a running container. session: a name for it. Raises Refused, Missing."""
        Start(self._sandbox, runtime, session, terminal).exec(container, words)

    def attach(self, name: str) -> tuple[Attached, bool]:
        """A connection to the streams of a container, or of a session of exec, and whether these are a terminal.

        Raises Refused.
        """
        shim = shim_of(self._sandbox, name)
        if shim is None:
            self._expect_no_daemon(name)
        return attach(self._sandbox.root, name), bool(shim and shim.terminal)

    def _expect_no_daemon(self, name: str) -> None:
        """Raises Refused for the container of a daemon, which lets in by its own client alone."""
        found = read_containers(self._sandbox.root, read_processes(self._sandbox.proc))
        root = next((each.root for each in found if each.name == name), "")
        for client, its in (("docker", docker.RUNTIME_ROOT), ("ctr task", containerd.RUNTIME_ROOT)):
            if root == its:
                raise Refused(f"attach to {name}", why=f"{client.split()[0]} has made it, and lets in itself",
                              mend=f"labrun shell {client} attach {name}")

    def console(self, name: str) -> Console:
        """The same, to type into and to wait for what is printed. Raises Refused."""
        return AttachedConsole(name, *self.attach(name), self._size(name))

    def resize(self, name: str, rows: int, columns: int) -> None:
        """Give the terminal of a container, or of a session of exec, another size, and wait until it has it.

        Raises Refused.
        """
        what = f"give the terminal of {name} the size {rows}x{columns}"
        shim = shim_of(self._sandbox, name)
        if shim is None:
            raise Refused(what, why="no shim takes orders for it", mend="see which there are: ps -e -o pid,ppid,args")
        if not shim.terminal:
            raise Refused(what, why="it has no terminal", mend="it gets one when it is created, by --terminal and by "
                          f"process.terminal in config.json; see its shim: ps -o args -p {shim.process.pid}")
        self._order(what, name, f"1 {rows} {columns}\n")
        deadline = monotonic() + _RESIZING
        while self._size(name) != (rows, columns):
            if monotonic() > deadline:
                raise Refused(what, why=f"its shim has not done it within {_RESIZING:g} s",
                              mend="see what it does: ps -e -o pid,ppid,stat,args")
            sleep(_AGAIN)

    def _order(self, what: str, name: str, order: str) -> None:
        try:
            fd = sys.open_beneath(self._sandbox.root, conmon.control_fifo(name), os.O_WRONLY | os.O_NONBLOCK)
            try:
                os.write(fd, order.encode())
            finally:
                os.close(fd)
        except (Refused, OSError) as error:  # it has ended meanwhile, or reads nothing
            raise Refused(what, error.errno or 0, "", "see what its shim does: ps -e -o pid,ppid,stat,args") from error

    def _size(self, name: str) -> tuple[int, int]:
        processes = read_processes(self._sandbox.proc)
        containers = read_containers(self._sandbox.root, processes)
        return size_of(self._sandbox.proc, name, containers, processes, tuple(shims(processes, containers)))

    def wait_for_exit(self, name: str, within: float) -> int:
        """The exit status of a container, or session, when its shim has ended. within: seconds. Raises Refused."""
        what = f"wait for the exit status of {name}"
        shim = shim_of(self._sandbox, name)
        if shim and not self._sandbox.wait_for_end(shim.process.pid, within):
            raise Refused(what, why=f"its shim has not ended within {within:g} s",
                          mend="see what goes on: ps -e -o pid,ppid,args")
        status = next((each.status for each in read_exits(self._sandbox.root) if each.name == name), None)
        if status is None:
            raise Refused(what, why="nobody keeps it: there was no shim that wrote it down",
                          mend=f"ls {conmon.exit_file(name)}")
        return status
