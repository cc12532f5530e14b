"""PID 1 of the sandbox: reaps, makes network namespaces with names, runs commands. Ends when the launcher does."""

from __future__ import annotations

import errno
import os
import select
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from runtime import syscalls as sys
from runtime.errors import Problem, Refused
from runtime.sandbox import web
from runtime.sandbox.channel import Channel, Closed, pack
from runtime.sandbox.mounts import LARGEST_FILE, NETNS_DIR, PATH
from runtime.sandbox.terminal import new_terminal

_CANNOT_RUN = 127
_KILLED_FIRST = 900  # of 1000
_NOT_TO_BE_RUN = (errno.ENOENT, errno.EACCES, errno.ENOTDIR, errno.ENOEXEC, errno.ELOOP, errno.EISDIR)


class Children:
    """Those that were asked for and run. Where memory runs out, the kernel kills one of theirs before this process,
    and before anything of the machine (proc_pid_oom_score_adj(5))."""

    def __init__(self) -> None:
        self.pids: set[int] = set()
        self._score = os.open("/proc/self/oom_score_adj", os.O_RDWR | os.O_CLOEXEC)
        self._own = os.pread(self._score, 16, 0)
        self._theirs = b"%d" % max(_KILLED_FIRST, int(self._own))

    @contextmanager
    def born(self) -> Iterator[None]:
        """They inherit the score at their birth; nobody else can give it to them before they run."""
        os.pwrite(self._score, self._theirs, 0)
        try:
            yield
        finally:
            os.pwrite(self._score, self._own, 0)


def serve(control: Channel) -> None:
    """Answer requests until the launcher has gone."""
    woken, wake = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    poll = select.poll()
    poll.register(control, select.POLLIN)
    poll.register(woken, select.POLLIN)
    children = Children()
    while True:
        ready = [fd for fd, _ in poll.poll()]
        if woken in ready:
            os.read(woken, 4096)
            _reap(control, children.pids)
        if control.fileno() in ready:
            _answer(control, children)


def _reap(control: Channel, spawned: set[int]) -> None:
    """Wait for every process that ended, orphans too; tell of those that were asked for."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        if pid in spawned:
            spawned.discard(pid)
            control.send({"ended": pid, "status": os.waitstatus_to_exitcode(status)})


def _answer(control: Channel, children: Children) -> None:
    request, fds = control.receive()
    try:
        if request["do"] == "add_netns":
            add_netns(request["name"])
            control.send({"done": True})
        elif request["do"] == "name_netns":
            name_netns(request["name"], fds[0])
            control.send({"done": True})
        elif request["do"] == "delete_netns":
            delete_netns(request["name"])
            control.send({"done": True})
        elif request["do"] == "write":
            write(request["path"], fds[0])
            control.send({"done": True})
        elif request["do"] == "pidfd":
            _send_pidfd(control, request["pid"])
        elif request["do"] == "open_terminal":
            _send_terminal(control)
        elif request["do"] == "serve":
            serve_folder(fds[0], request["port"], request["folder"])
            control.send({"done": True})
        elif request["do"] == "kill":
            kill(request["group"])
            control.send({"done": True})
        else:
            _spawn(request, fds, control, children)
    except Problem as problem:
        control.send({"problem": pack(problem)})
    finally:
        for fd in fds:
            os.close(fd)


def add_netns(name: str) -> None:
    """What `ip netns add` does: a new network namespace, kept by a mount on a file with its name (ip-netns(8))."""
    own = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        _mount_netns(name, lambda: sys.unshare(sys.NEWNET, "net"), "/proc/self/ns/net")
    except (OSError, Refused) as error:
        raise Refused(f"add the network namespace {name}", error.errno or 0) from error
    finally:
        sys.setns(own, sys.NEWNET, "the lab host's network namespace")
        os.close(own)


def name_netns(name: str, netns: int) -> None:
    """What `ip netns attach` does: a name for the network namespace with the descriptor `netns`."""
    try:
        _mount_netns(name, lambda: None, f"/proc/self/fd/{netns}")
    except (OSError, Refused) as error:
        raise Refused(f"give a network namespace the name {name}", error.errno or 0) from error


def _mount_netns(name: str, prepare: Callable[[], None], source: str) -> None:
    path = f"{NETNS_DIR}/{name}"
    os.close(os.open(path, os.O_RDONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0))
    try:
        prepare()
        sys.mount(source, path, "", sys.MS_BIND)
    except Refused:
        os.unlink(path)
        raise


def delete_netns(name: str) -> None:
    """What `ip netns delete` does."""
    path = f"{NETNS_DIR}/{name}"
    try:
        sys.umount(path)
        os.unlink(path)
    except (OSError, Refused) as error:
        raise Refused(f"delete the network namespace {name}", error.errno or 0) from error


def write(path: str, content: int) -> None:
    """Make a file hold what the descriptor `content`, of a file in memory, does. Where that fails it is as it was."""
    new = f"{path}.new"
    try:
        target = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
        try:
            left = os.fstat(content).st_size
            while left:
                left -= os.sendfile(target, content, None, left)
        finally:
            os.close(target)
        os.rename(new, path)
    except OSError as error:
        with suppress(OSError):
            os.unlink(new)
        raise Refused(f"write {path}", error.errno or 0) from error


def _send_pidfd(control: Channel, pid: int) -> None:
    """A descriptor that is readable when the process, numbered as inside, has ended (pidfd_open(2))."""
    try:
        pidfd = os.pidfd_open(pid)
    except OSError as error:
        raise Refused(f"find the process {pid}", error.errno or 0) from error
    control.send({"done": True}, (pidfd,))
    os.close(pidfd)


def _send_terminal(control: Channel) -> None:
    try:
        terminal = new_terminal()
    except OSError as error:
        raise Refused("open a terminal in the sandbox", error.errno or 0) from error
    control.send({"path": terminal.path}, (terminal.master,))
    os.close(terminal.master)


def serve_folder(netns: int, port: int, folder: str) -> None:
    """A web server in a network namespace, as a child of this process; it listens when this returns."""
    own = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        sys.setns(netns, sys.NEWNET, "the network namespace of a web server")
        listening = web.listen(port)
        if os.fork() == 0:  # here and now: the server's processes belong to that namespace
            try:
                os.setsid()
                signal.set_wakeup_fd(-1)
                web.serve(listening, folder)
            finally:
                os._exit(1)
        listening.close()
    except OSError as error:
        raise Refused(f"serve {folder} on port {port}", error.errno or 0) from error
    finally:
        sys.setns(own, sys.NEWNET, "the lab host's network namespace")
        os.close(own)


def kill(group: int) -> None:
    """Kill a process group, numbered as inside: so no process of the machine can be meant.

    Of what could not be started the number is 0, which would be this process's own group (kill(2)).
    """
    with suppress(ProcessLookupError):
        if group > 0:
            os.killpg(group, signal.SIGKILL)


def _spawn(request: dict[str, Any], fds: list[int], control: Channel, children: Children) -> None:
    """Start a command. Python's own fork(2) would copy this process, which takes longer than many a command does."""
    argv, terminal = request["argv"], request.get("terminal")
    actions = _on_terminal(terminal) if terminal else [(os.POSIX_SPAWN_DUP2, fd, n) for n, fd in enumerate(fds)]
    try:
        os.chdir(request["cwd"])
        # Python ignores some signals, nohup(1) others.
        with children.born():
            pid = os.posix_spawnp(argv[0], argv, request["env"], file_actions=actions, setsid=True, setsigmask=(),
                                  setsigdef=signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP})
    except OSError as error:
        if error.errno not in _NOT_TO_BE_RUN:
            raise Refused(f"start {argv[0]}", error.errno or 0) from error
        _say(f"{argv[0]}: {error.strerror}\n", terminal, fds)
        control.send({"spawned": 0})
        control.send({"ended": 0, "status": _CANNOT_RUN})
        return
    children.pids.add(pid)
    control.send({"spawned": pid})


def _on_terminal(path: str) -> list[Any]:
    """The leader of a session who opens a terminal has it as its controlling terminal (setsid(2), tty(4))."""
    return [(os.POSIX_SPAWN_OPEN, 0, path, os.O_RDWR, 0), *((os.POSIX_SPAWN_DUP2, 0, number) for number in (1, 2))]


def _say(text: str, terminal: str | None, fds: list[int]) -> None:
    """Tell whoever reads what a command prints why there is none."""
    with suppress(OSError):
        fd = os.open(terminal, os.O_WRONLY | os.O_NOCTTY | os.O_CLOEXEC) if terminal else os.dup(fds[2])
        os.write(fd, text.encode())
        os.close(fd)


def run_first(control: Channel) -> None:
    """The whole life of PID 1 after the set-up. Never returns."""
    os.environ["PATH"] = PATH  # where posix_spawnp(3) looks
    # What a command prints is a file in the machine's memory: one that prints for ever has to end.
    sys.limit_file_size(LARGEST_FILE)
    try:
        serve(control)
    except Closed:
        pass
    finally:
        os._exit(0)
