"""PID 1 of the sandbox: reaps, makes network namespaces with names, runs commands. Ends when the launcher does."""

from __future__ import annotations

import os
import select
import signal
from contextlib import suppress
from typing import Any

from runtime import syscalls as sys
from runtime.errors import Problem, Refused
from runtime.sandbox import web
from runtime.sandbox.channel import Channel, Closed, pack
from runtime.sandbox.mounts import LARGEST_FILE, NETNS_DIR

_CANNOT_RUN = 127


def serve(control: Channel) -> None:
    """Answer requests until the launcher has gone."""
    woken, wake = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    poll = select.poll()
    poll.register(control, select.POLLIN)
    poll.register(woken, select.POLLIN)
    spawned: set[int] = set()
    while True:
        ready = [fd for fd, _ in poll.poll()]
        if woken in ready:
            os.read(woken, 4096)
            _reap(control, spawned)
        if control.fileno() in ready:
            _answer(control, spawned)


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


def _answer(control: Channel, spawned: set[int]) -> None:
    request, fds = control.receive()
    try:
        if request["do"] == "add_netns":
            add_netns(request["name"])
            control.send({"done": True})
        elif request["do"] == "delete_netns":
            delete_netns(request["name"])
            control.send({"done": True})
        elif request["do"] == "serve":
            serve_folder(fds[0], request["port"], request["folder"])
            control.send({"done": True})
        elif request["do"] == "kill":
            kill(request["group"])
            control.send({"done": True})
        else:
            pid = _spawn(request, fds)
            spawned.add(pid)
            control.send({"spawned": pid})
    except Problem as problem:
        control.send({"problem": pack(problem)})
    finally:
        for fd in fds:
            os.close(fd)


def add_netns(name: str) -> None:
    """What `ip netns add` does: a new network namespace, kept by a mount on a file with its name (ip-netns(8))."""
    path = f"{NETNS_DIR}/{name}"
    own = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.close(os.open(path, os.O_RDONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0))
        _name_new_netns(path)
    except (OSError, Refused) as error:
        raise Refused(f"add the network namespace {name}", error.errno or 0) from error
    finally:
        sys.setns(own, sys.NEWNET, "the lab host's network namespace")
        os.close(own)


def _name_new_netns(path: str) -> None:
    try:
        sys.unshare(sys.NEWNET, "net")
        sys.mount("/proc/self/ns/net", path, "", sys.MS_BIND)
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
    """Kill a process group, numbered as inside: so no process of the machine can be meant."""
    with suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


def _spawn(request: dict[str, Any], fds: list[int]) -> int:
    try:
        pid = os.fork()
    except OSError as error:
        raise Refused(f"start {request['argv'][0]}", error.errno or 0) from error
    if pid:
        return pid
    try:
        os.setsid()
        for number, fd in enumerate(fds):
            os.dup2(fd, number)
        signal.set_wakeup_fd(-1)
        for each in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:  # Python ignores some, nohup(1) others
            signal.signal(each, signal.SIG_DFL)
        # What it prints is a file in the machine's memory: one that prints for ever has to end.
        sys.limit_file_size(LARGEST_FILE)
        os.chdir(request["cwd"])
        os.execvpe(request["argv"][0], request["argv"], request["env"])
    except OSError as error:
        os.write(2, f"{request['argv'][0]}: {error.strerror}\n".encode())
    finally:
        os._exit(_CANNOT_RUN)


def run_first(control: Channel) -> None:
    """The whole life of PID 1 after the set-up. Never returns."""
    try:
        serve(control)
    except Closed:
        pass
    finally:
        os._exit(0)
