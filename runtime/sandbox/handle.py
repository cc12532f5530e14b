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
from runtime.sandbox.idmap import NOT_PERMITTED, IdMap, choose
from runtime.sandbox.obstacles import explain
from runtime.sandbox.printed import excess, memory_file, text_of
from runtime.sandbox.seccomp import refuse_programs
from runtime.sandbox.terminal import Terminal, is_master, resize

_ENDING = 10.0  # seconds: it takes some milliseconds, and with a thousand interfaces two seconds


class Completed(NamedTuple):
    """A command that ended: its exit status (negative: the signal), and what it printed, at most MOST_OUTPUT each."""

    status: int
    output: str
    errors: str


class Sandbox:
    """A running sandbox.

    pid:     PID 1 as the machine numbers it.
    id_map:  the map in use.
    root:    descriptor of the root directory as PID 1 sees it; for open_beneath.
    proc:    descriptor of the sandbox's /proc, in a mount namespace that nothing inside can change.
    memory:  how many bytes it may use by its cgroup; None where it has none, and is only watched over.
    """

    def __init__(self, pid: int, outer: int, id_map: IdMap, control: Channel, watchman: Channel,
                 limit: MemoryLimit) -> None:
        self.pid, self.id_map, self.memory = pid, id_map, limit.bytes
        self._outer, self._control, self._watchman, self._limit = outer, control, watchman, limit
        self._why_ended = "PID 1 of the lab has ended"
        self._first = FirstProcess(pid, control, self.why_ended)
        self._pidfd, self._outer_ended = os.pidfd_open(pid), os.pidfd_open(outer)
        self.root = os.open(f"/proc/{pid}/root", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        self.proc = os.open(f"/proc/{outer}/root/proc", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def enter(self) -> None:
        """Join the lab's user and network namespace, for good. What stays outside: PIDs, mounts and files.

        From here on nothing inside can see or signal this process, and it has every capability over the lab's network
        and none over the machine. It can start no program any more (runtime/sandbox/seccomp.py). The process must have
        a single thread (setns(2)).
        """
        # A process of the lab to which this one connects may get a pidfd of it (unix(7), SO_PEERPIDFD), and, privileged
        # in the same user namespace, take its descriptors by that (pidfd_getfd(2)).
        sys.hide_from_tracers()
        sys.setns(self._pidfd, sys.NEWUSER | sys.NEWNET, "the sandbox")
        refuse_programs()

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
        with memory_file() as content:
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
        with memory_file() as output, memory_file() as errors:
            request = {"do": "spawn", "argv": list(argv), "cwd": cwd or mounts.home(),
                       "env": {**self.environment(), **(environment or {})}}
            null = os.open(os.devnull, os.O_RDONLY)
            try:
                first = null if stdin is None else stdin
                pid = self._first.spawn(request, (first, output.fileno(), errors.fileno()))
            finally:
                os.close(null)
            status = self.wait(pid, " ".join(argv), timeout, (output, errors))
            return Completed(status, text_of(output), text_of(errors))

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
        """Kill PID 1, and with it everything inside; return when it is gone. Raises Refused when it is not."""
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
        # The outer process ends when the kernel has ended all of the PID namespace.
        ended = bool(select.select([self._outer_ended], [], [], _ENDING)[0])
        if ended:
            with suppress(ChildProcessError):
                os.waitpid(self._outer, 0)
        self._limit.remove()
        for fd in (self._pidfd, self._outer_ended, self.root, self.proc):
            os.close(fd)
        self._control.close()
        self._watchman.close()
        if not ended:
            raise Refused("end the sandbox", why=f"its PID 1, {self.pid} on this machine, was killed {_ENDING:g} s ago "
                          "and is still there", mend=f"look at it: ps -o pid,stat,wchan:30,args {self.pid}")

    def why_ended(self) -> str:
        """Why the lab was ended from outside of it, or that its PID 1 has died."""
        if select.select([self._watchman], [], [], 0)[0]:
            with suppress(Closed):
                self._why_ended = f"it was ended: {self._watchman.expect('ended')}"
        return self._why_ended

    def wait(self, pid: int, shown: str, timeout: float, outputs: Sequence[BinaryIO] = ()) -> int:
        """Wait for the end of what was started. shown: it in words.  timeout: seconds. Returns its exit status.

        outputs: files in memory that it writes to. Raises Refused when it does not end in time or writes too much,
        after it was killed.
        """
        return self._first.wait(pid, shown, timeout, lambda: excess(outputs))

    def _ask(self, request: Mapping[str, Any], fds: Sequence[int] = ()) -> None:
        close_all(self._first.ask(request, fds)[1])


def _is_pidfd(fd: int) -> bool:
    # The second since Linux 6.9 (fs/pidfs.c).
    return os.readlink(f"/proc/self/fd/{fd}").startswith(("anon_inode:[pidfd]", "pidfd:"))


class Starting:
    """A sandbox on its way: what its processes do by themselves goes on while the launcher does something else.

    lab_file: the path of the lab's file, whose folder can be read inside; '' for none.

    Raises Missing where this machine does not allow an id map of `kind`.
    """

    def __init__(self, kind: str = "auto", lab_file: str = "") -> None:
        self._id_map, self._lab_file = choose(kind), os.path.abspath(lab_file) if lab_file else ""
        try:
            self._begin()
        except Missing as missing:  # in a container of Docker's newuidmap is there, but has not the right to do it
            if kind != "auto" or not (self._id_map.helped and NOT_PERMITTED in missing.why):
                raise
            self._id_map = choose("single")
            self._begin()

    def _begin(self) -> None:
        launcher_ended = os.pidfd_open(os.getpid())
        self._launcher, outer_end = Channel.pair()
        self._control, first_end = Channel.pair()
        self._limit = MemoryLimit()

        def life() -> None:
            self._launcher.close()
            self._control.close()
            build.outer(outer_end, launcher_ended, first_end, self._id_map, self._lab_file)

        self._outer = build.fork(life, outer_end)
        outer_end.close()
        first_end.close()
        os.close(launcher_ended)
        with self._given_up_on_error():
            self._launcher.expect("unshared")
            self._id_map.write(self._outer)
            self._launcher.send({"mapped": True})
            self._pid = int(self._launcher.expect("pid"))
            self._limit.hold(self._pid)
            self._launcher.send({"limited": self._limit.bytes is not None})

    def ready(self) -> Sandbox:
        """Wait until it is there. Raises Missing where this machine does not allow one, with the mend."""
        with self._given_up_on_error():
            self._control.expect("ready")
            return Sandbox(self._pid, self._outer, self._id_map, self._control, self._launcher, self._limit)

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


def start(kind: str = "auto", lab_file: str = "") -> Sandbox:
    """A new sandbox. Its arguments are those of Starting. Raises Missing where this machine does not allow one."""
    return Starting(kind, lab_file).ready()


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
