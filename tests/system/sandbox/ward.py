"""A process of its own for a part of a test: what that part starts and does not end becomes its child, and is found."""

from __future__ import annotations

import os
import pickle
import signal
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from runtime import syscalls


def in_a_ward(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call function(*arguments) in a forked process, and return what it returns (picklable); an exception fails here.

    The process adopts the orphans of what it starts. As root it has a mount namespace of its own, which takes mounts of
    the machine over and gives none back.
    """
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(read)
            outcome = _outcome(function, arguments)
            with os.fdopen(write, "wb") as pipe:
                pipe.write(pickle.dumps(outcome))
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        data = pipe.read()
    os.waitpid(pid, 0)
    assert data, "the process of the test died without a word"
    result, failure = pickle.loads(data)
    assert not failure, failure
    return result


def _outcome(function: Callable[..., Any], arguments: tuple[Any, ...]) -> tuple[Any, str]:
    syscalls.adopt_orphans()
    try:
        if os.getuid() == 0:
            syscalls.unshare(syscalls.NEWNS, "mount")
            syscalls.mount("none", "/", "", syscalls.MS_REC | syscalls.MS_PRIVATE)
        return function(*arguments), ""
    except BaseException:  # noqa: BLE001 # the test has to hear of it, whatever it is
        return None, traceback.format_exc()
    finally:
        end_all()


def left_after(seconds: float) -> list[str]:
    """Wait until every descendant of this process has ended, and reap them. Those that are there after that time.

    What ends a descendant may also end others: so the time is that of all together.
    """
    deadline = time.monotonic() + seconds
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    try:
        while True:
            try:
                pid, _status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return []
            if pid == 0 and not signal.sigtimedwait({signal.SIGCHLD}, max(0.0, deadline - time.monotonic())):
                return [_described(pid) for pid in descendants(os.getpid())]
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})


def end_all() -> None:
    """Kill every descendant of this process."""
    while found := descendants(os.getpid()):
        for pid in found:
            with suppress(ProcessLookupError):  # it has ended meanwhile
                os.kill(pid, signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def descendants(pid: int) -> list[int]:
    """Children of a process, their children, and so on."""
    found: list[int] = []
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in map(int, (task / "children").read_text("ascii").split()):
                found += [child, *descendants(child)]
    except (FileNotFoundError, ProcessLookupError):
        pass  # it has ended meanwhile
    return found


def _described(pid: int) -> str:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
        command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return f"{pid}, which has ended since"
    state = next(line for line in status.splitlines() if line.startswith("State:"))
    return f"{pid} ({state}) {command[:80]}"
