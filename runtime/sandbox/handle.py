"""Starting a sandbox and what its launcher can do with it."""

from __future__ import annotations

import errno
import os
import select
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO, NamedTuple

from runtime import syscalls as sys
from runtime.errors import Missing, Problem, Refused
from runtime.sandbox import build, mounts
from runtime.sandbox.cgroup import MemoryLimit
from runtime.sandbox.channel import Channel, Closed, close_all
from runtime.sandbox.first_process import FirstProcess
from runtime.sandbox.idmap import IdMap, choose
from runtime.sandbox.obstacles import explain
from runtime.sandbox.terminal import Terminal, is_master, resize


class Completed(NamedTuple):
    """A command that ended: its exit status (negative: the signal), and what it printed."""

    status: int
    output: str
    errors: str


class Sandbox:
    """A running sandbox.

    pid:     PID 1 as the machine numbers it.
    id_map:  the map in use.
    root:    descriptor of the root directory as PID 1 sees it; for open_beneath.
    proc:    descriptor of the sandbox's /proc, in a mount namespace that nothing inside can change.
    memory:  how many bytes it may use; None where nothing limits that.
    """

    def __init__(self, pid: int, outer: int, id_map: IdMap, control: Channel, limit: MemoryLimit) -> None:
        self.pid, self.id_map, self.memory = pid, id_map, limit.bytes
        self._outer, self._control, self._limit = outer, control, limit
        self._first = FirstProcess(pid, control)
        self._pidfd = os.pidfd_open(pid)
        self.root = os.open(f"/proc/{pid}/root", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        self.proc = os.open(f"/proc/{outer}/root/proc", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def enter(self) -> None:
        """Join the lab's user and network namespace, for good. What stays outside: PIDs, mounts and files.

        From here on nothing inside can see or signal this process, and it has every capability over the lab's network
        and none over the machine. The process must have a single thread (setns(2)).
        """
        sys.setns(self._pidfd, sys.NEWUSER | sys.NEWNET, "the sandbox")

    def add_netns(self, name: str) -> None:
        """A network namespace at /run/netns/NAME (ip-netns(8)). Raises Refused."""
        self._ask({"do": "add_netns", "name": name})

    def delete_netns(self, name: str) -> None:
        """Take the name away; the namespace ends with its last user. Raises Refused."""
        self._ask({"do": "delete_netns", "name": name})

    def name_netns(self, name: str, netns: int) -> None:
        """Give the network namespace with the descriptor `netns` a name (ip-netns(8), attach). Raises Refused."""
        self._ask({"do": "name_netns", "name": name}, (netns,))

    def write(self, path: str, text: str) -> None:
        """Make a file of the lab host hold a text, in UTF-8. Raises Refused."""
        with _memory_file() as content:
            content.write(text.encode())
            content.seek(0)
            self._ask({"do": "write", "path": path}, (content.fileno(),))

    def pidfd(self, pid: int) -> int:
        """A descriptor of a process, numbered as inside (pidfd_open(2)). Raises Refused."""
        return self._first.ask_for_fd({"do": "pidfd", "pid": pid}, _is_pidfd)[1]

    def wait_for_end(self, pid: int, timeout: float) -> bool:
        """Wait until a process, numbered as inside, has ended. timeout: seconds. Returns whether it has."""
        try:
            pidfd = self.pidfd(pid)
        except Refused as refused:
            if refused.errno == errno.ESRCH:
                return True
            raise
        try:
            return bool(select.select([pidfd], [], [], timeout)[0])
        finally:
            os.close(pidfd)

    def serve(self, netns: int, port: int, folder: str) -> None:
        """A web server that shows a folder, in the network namespace with the descriptor `netns`. It listens already.

        Raises Refused, with EADDRINUSE where somebody listens on that port.
        """
        self._ask({"do": "serve", "port": port, "folder": folder}, (netns,))

    def run(self, argv: Sequence[str], *, environment: Mapping[str, str] | None = None, cwd: str | None = None,
            timeout: float = 30.0, stdin: int | None = None) -> Completed:
        """Run a command inside as lab root and wait for it.

        timeout: seconds, after which the command is killed and Refused is raised.
        stdin: descriptor of its standard input; /dev/null without it.
        """
        # Files and no pipes: what a command leaves running holds them open, and a reader would wait for it for ever.
        with _memory_file() as output, _memory_file() as errors:
            request = {"do": "spawn", "argv": list(argv), "cwd": cwd or mounts.home(),
                       "env": {**self.environment(), **(environment or {})}}
            null = os.open(os.devnull, os.O_RDONLY)
            try:
                first = null if stdin is None else stdin
                pid = self._first.spawn(request, (first, output.fileno(), errors.fileno()))
            finally:
                os.close(null)
            status = self.wait(pid, " ".join(argv), timeout)
            output.seek(0), errors.seek(0)
            return Completed(status, output.read().decode(errors="replace"), errors.read().decode(errors="replace"))

    def open_terminal(self, rows: int = 24, columns: int = 80) -> Terminal:
        """A new terminal of the sandbox; whoever asks for it closes it. Raises Refused."""
        said, master = self._first.ask_for_fd({"do": "open_terminal"}, is_master)
        resize(master, rows, columns)
        return Terminal(master, str(said.get("path")))

    def start_on(self, terminal: str, argv: Sequence[str], cwd: str | None = None,
                 environment: Mapping[str, str] | None = None) -> int:
        """Start a command as lab root on a terminal of the sandbox, '/dev/pts/0'. Returns its PID inside."""
        request = {"do": "spawn", "argv": list(argv), "cwd": cwd or mounts.home(), "terminal": terminal,
                   "env": {**self.environment(), **(environment or {})}}
        return self._first.spawn(request)

    def start_with(self, streams: tuple[int, int, int], argv: Sequence[str]) -> int:
        """Start a command as lab root with these descriptors as its standard streams. Returns its PID inside."""
        request = {"do": "spawn", "argv": list(argv), "cwd": mounts.home(), "env": self.environment()}
        return self._first.spawn(request, streams)

    def kill(self, pid: int) -> None:
        """Kill what was started, and all of its process group. Raises Refused."""
        self._ask({"do": "kill", "group": pid})

    def ended(self) -> Iterator[tuple[int, int]]:
        """What was started and has ended, as far as it is known without waiting: PID and exit status."""
        return self._first.ended()

    def fileno(self) -> int:
        """For select(2): readable when something that was started has ended, or PID 1 has."""
        return self._control.fileno()

    @staticmethod
    def environment() -> dict[str, str]:
        """The environment of a command inside."""
        return {"PATH": mounts.PATH, "HOME": mounts.home(), "USER": "root", "LOGNAME": "root", "SHELL": "/bin/bash",
                "TERM": os.environ.get("TERM", "dumb"), "LANG": os.environ.get("LANG", "C.UTF-8")}

    def stop(self) -> None:
        """Kill PID 1, and with it everything inside; return when it is gone."""
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
        with suppress(ChildProcessError):
            os.waitpid(self._outer, 0)
        self._limit.remove()
        for fd in (self._pidfd, self.root, self.proc):
            os.close(fd)
        self._control.close()

    def wait(self, pid: int, shown: str, timeout: float) -> int:
        """Wait for the end of what was started. shown: it in words.  timeout: seconds. Returns its exit status.

        Raises Refused when it does not end in time, after it was killed.
        """
        return self._first.wait(pid, shown, timeout)

    def _ask(self, request: Mapping[str, Any], fds: Sequence[int] = ()) -> None:
        close_all(self._first.ask(request, fds)[1])


def _is_pidfd(fd: int) -> bool:
    # The second since Linux 6.9 (fs/pidfs.c).
    return os.readlink(f"/proc/self/fd/{fd}").startswith(("anon_inode:[pidfd]", "pidfd:"))


def _memory_file() -> BinaryIO:
    return os.fdopen(os.memfd_create("output"), "w+b")


class Starting:
    """A sandbox on its way: what its processes do by themselves goes on while the launcher does something else.

    Raises Missing where this machine does not allow an id map of `kind`.
    """

    def __init__(self, kind: str = "auto") -> None:
        self._id_map = choose(kind)
        self._launcher, outer_end = Channel.pair()
        self._control, first_end = Channel.pair()
        self._limit = MemoryLimit()

        def life() -> None:
            self._launcher.close()
            self._control.close()
            build.outer(outer_end, first_end, self._id_map)

        self._outer = build.fork(life, outer_end)
        outer_end.close()
        first_end.close()
        with self._given_up_on_error():
            self._limit.hold(self._outer)
            self._launcher.expect("unshared")
            self._id_map.write(self._outer)
            self._launcher.send({"mapped": True})

    def ready(self) -> Sandbox:
        """Wait until it is there. Raises Missing where this machine does not allow one, with the mend."""
        with self._given_up_on_error():
            pid = self._launcher.expect("pid")
            self._control.expect("ready")
            sandbox = Sandbox(pid, self._outer, self._id_map, self._control, self._limit)
        self._launcher.close()
        return sandbox

    def give_up(self) -> None:
        """End what there is of it."""
        with suppress(ProcessLookupError):
            os.kill(self._outer, signal.SIGKILL)
        with suppress(ChildProcessError):  # who ignores SIGCHLD has no children to wait for, and waits all the same
            os.waitpid(self._outer, 0)
        self._limit.remove()
        self._launcher.close()
        self._control.close()

    @contextmanager
    def _given_up_on_error(self) -> Iterator[None]:
        try:
            yield
        except (Problem, Closed, OSError) as error:
            said = _last_words(self._control) if isinstance(error, Closed) else None
            self.give_up()
            raise _reason(said or error) from error
        except BaseException:
            self.give_up()
            raise


def start(kind: str = "auto") -> Sandbox:
    """A new sandbox with an id map of `kind`. Raises Missing where this machine does not allow one, with the mend."""
    return Starting(kind).ready()


def _last_words(control: Channel) -> Problem | None:
    """Why PID 1 died, if it could still say so."""
    try:
        control.receive()
    except Problem as problem:
        return problem
    except Closed:
        pass
    return None


def _reason(error: Exception) -> Problem:
    if isinstance(error, Refused):
        return explain(error) or error
    if isinstance(error, Missing):
        return error
    return Refused("start the sandbox", getattr(error, "errno", 0) or 0, why=str(error) or "it died without a word")
