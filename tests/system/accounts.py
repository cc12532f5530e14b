"""Ordinary users of this machine, made for the system tests, and how to run a program as one of them."""

from __future__ import annotations

import fcntl
import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple, Protocol

WITH_RANGES, PLAIN = "lrsub", "lrplain"
RANGE = 65536  # ids: what newuidmap(1) needs for a whole container
_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class User(NamedTuple):
    """One user; `home` is writable for that user."""

    name: str
    uid: int
    gid: int
    home: Path


class AsUser(Protocol):
    """What the fixture `as_user` gives: see run_as."""

    def __call__(self, user: User, argv: Sequence[str | Path], **options: Any) -> subprocess.CompletedProcess[str]: ...


def find(name: str) -> User:
    """The user of that name. Raises KeyError."""
    entry = pwd.getpwnam(name)
    return User(name, entry.pw_uid, entry.pw_gid, Path(entry.pw_dir))


def myself() -> User:
    """Whoever runs the tests."""
    return find(pwd.getpwuid(os.getuid()).pw_name)


def environment(user: User, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """What a fresh log-in of `user` has, and nothing of the tests' own environment; `extra` comes on top."""
    return {"HOME": str(user.home), "USER": user.name, "LOGNAME": user.name, "SHELL": "/bin/sh",
            "PATH": _SYSTEM_PATH, "LANG": "C.UTF-8"} | dict(extra or {})


def start_as(user: User, argv: Sequence[str | Path], *, env: Mapping[str, str] | None = None,
             **options: Any) -> subprocess.Popen[str]:
    """Start a program as `user`, in its home folder and in a session of its own (os.killpg(its pid) reaches all of it).

    env is added to environment(user); the rest goes to subprocess.Popen, with text=True.
    """
    if user.uid != os.getuid():
        options |= {"user": user.uid, "group": user.gid, "extra_groups": []}
    settings: dict[str, Any] = {"cwd": user.home, "start_new_session": True, "stdin": subprocess.DEVNULL} | options
    return subprocess.Popen(list(map(str, argv)), env=environment(user, env), text=True, **settings)


def run_as(user: User, argv: Sequence[str | Path], *, timeout: float = 60, check: bool = False,
           input: str | None = None, **options: Any) -> subprocess.CompletedProcess[str]:  # noqa: A002 # as subprocess.run
    """Run a program as `user` to its end and catch what it prints; start_as says in which surroundings.

    timeout is in seconds: past it, the program and all its children are killed and subprocess.TimeoutExpired is raised.
    With check, an exit code that is not 0 raises AssertionError, which shows what was printed.
    """
    stdin = subprocess.DEVNULL if input is None else subprocess.PIPE
    options = {"stdin": stdin, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
    with start_as(user, argv, **options) as process:
        try:
            out, err = process.communicate(input, timeout)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    done = subprocess.CompletedProcess(process.args, process.returncode, out, err)
    assert not check or done.returncode == 0, f"{done.args} as {user.name}: exit code {done.returncode}\n{out}\n{err}"
    return done


@contextmanager
def ordinary_users() -> Iterator[dict[str, User]]:
    """Two users: `lrsub` with a range of 65536 ids in /etc/subuid and /etc/subgid, `lrplain` with none. Needs root.

    Sessions side by side share them; the last one to end removes them, homes and all. Those that a killed session
    left are taken over.
    """
    with Path("/run/labrun-test-users").open("a") as in_use:
        with _one_at_a_time():
            for name in (WITH_RANGES, PLAIN):
                _ensure(name)
            fcntl.flock(in_use, fcntl.LOCK_SH)
        try:
            yield {name: find(name) for name in (WITH_RANGES, PLAIN)}
        finally:
            with _one_at_a_time():
                _remove_unless_in_use(in_use)


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    with Path("/run/labrun-test-users.change").open("a") as change:
        fcntl.flock(change, fcntl.LOCK_EX)
        yield


def _remove_unless_in_use(in_use: IO[str]) -> None:
    try:
        fcntl.flock(in_use, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return  # another session still uses them
    for name in (WITH_RANGES, PLAIN):
        _tool("userdel", "--remove", "--force", name)


def _ensure(name: str) -> None:
    """Make the user if need be, and see that the ranges are as its name promises."""
    try:
        pwd.getpwnam(name)
    except KeyError:
        shutil.rmtree(f"/home/{name}", ignore_errors=True)  # of a session that was killed while it removed the user
        _tool("useradd", "--create-home", "--home-dir", f"/home/{name}", "--user-group", "--shell", "/bin/bash", name)
    for file, kind in ((Path("/etc/subuid"), "subuids"), (Path("/etc/subgid"), "subgids")):
        file.touch()
        ranges = [(int(first), int(count)) for owner, first, count in _ranges(file) if owner == name]
        if name == PLAIN:  # useradd gives ranges to everyone where login.defs says so
            for first, count in ranges:
                _tool("usermod", f"--del-{kind}", f"{first}-{first + count - 1}", name)
        elif not any(count >= RANGE for _, count in ranges):
            free = max([100_000, *(int(first) + int(count) for _, first, count in _ranges(file))])
            _tool("usermod", f"--add-{kind}", f"{free}-{free + RANGE - 1}", name)


def _ranges(file: Path) -> list[list[str]]:
    return [line.split(":") for line in file.read_text().splitlines() if line.count(":") == 2]


def _tool(*argv: str) -> None:
    done = subprocess.run(argv, capture_output=True, text=True, env={"PATH": _SYSTEM_PATH, "LC_ALL": "C"})
    assert done.returncode == 0, f"{' '.join(argv)}: exit code {done.returncode}: {done.stderr.strip()}"
