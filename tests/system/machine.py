"""A machine for one test: real root in network, mount and PID namespaces of its own.

It has what a lab could disturb, by the very names that the lab uses. Nothing else happens on it, so that before and
after can be compared to the letter, and each process that labrun leaves behind becomes a child of the test.
"""

from __future__ import annotations

import os
import pickle
import re
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from runtime import syscalls

if TYPE_CHECKING:
    from tests.system.accounts import User

_ROOT = Path(__file__).resolve().parents[2]
# No IPv6: its addresses take a second to settle (duplicate address detection), and the machine has to be at rest.
_FURNITURE = """
sysctl -eqw net.ipv6.conf.all.disable_ipv6=1 net.ipv4.ip_forward=1
ip link set lo up
ip netns add container-1
ip netns exec container-1 sysctl -eqw net.ipv6.conf.all.disable_ipv6=1
ip link add br0 type bridge
ip link add veth0 type veth peer name ceth0 netns container-1
ip -n container-1 link set ceth0 up
ip link set veth0 master br0 up
ip addr add 192.168.0.1/24 dev br0
ip link set br0 up
ip link add eth0 type bridge
ip addr add 203.0.113.2/24 dev eth0
ip route add 198.51.100.0/24 via 192.168.0.7 dev br0
ip rule add from 192.168.0.9 lookup 100
iptables -t nat -A POSTROUTING -s 192.168.0.0/24 ! -o br0 -j MASQUERADE
nft add table inet labrun
"""
COMMANDS = ("ip -d addr", "ip -n container-1 -d addr", "ip route", "ip rule", "nft list ruleset", "ls /run/netns",
             "cat /proc/mounts", "sysctl net.ipv4.ip_forward", "find /tmp /var/tmp -xdev",
             "find /sys/fs/cgroup -type d -name labrun-*", "hostname")
_TIMERS = re.compile(r"\b\w+_timer +[\d.]+|\b\d+sec\b")


class State(NamedTuple):
    """What a person could see: (command, what it prints), the processes, the network namespaces in use."""

    printed: tuple[tuple[str, str], ...]
    processes: frozenset[str]
    network_namespaces: frozenset[str]


def look() -> State:
    """The machine as it is now."""
    processes = dict(_processes())
    return State(printed(COMMANDS), frozenset(processes), frozenset(processes.values()))


def printed(commands: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """(command, what it prints), but for the times of bridges and of borrowed addresses."""
    found = []
    for command in commands:
        done = subprocess.run(command.split(), capture_output=True, text=True, stdin=subprocess.DEVNULL)
        found.append((command, _TIMERS.sub("", done.stdout) + done.stderr))
    return tuple(found)


def differences(before: State, after: State) -> list[str]:
    """What has changed, in words."""
    found = [f"$ {command}\n-- before\n{then}\n-- after\n{now}"
             for (command, then), (_, now) in zip(before.printed, after.printed, strict=True) if then != now]
    found += [f"process left: {each}" for each in after.processes - before.processes]
    found += [f"process gone: {each}" for each in before.processes - after.processes]
    found += [f"network namespace left: {each}" for each in after.network_namespaces - before.network_namespaces]
    return found


def home_of(user: User) -> dict[str, str]:
    """The environment variable for a home below /tmp, which is the machine's own; it is made when it is not there."""
    home = Path("/tmp") / user.name
    if not home.exists():
        home.mkdir(mode=0o700)
        os.chown(home, user.uid, user.gid)
    return {"HOME": str(home)}


def outlived(seconds: float = 10) -> list[str]:
    """Wait until every child has ended, also inherited ones, and reap them. Who is there still, after all that time."""
    deadline = time.monotonic() + seconds
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    while True:
        try:
            pid, _status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
            return []
        if pid == 0 and not signal.sigtimedwait({signal.SIGCHLD}, max(0.0, deadline - time.monotonic())):
            return [name for name, _netns in _processes()]


def on_a_machine(folder: Path, function: Callable[..., Any], *arguments: Any) -> Any:
    """Call function(*arguments) as root and PID 1 of such a machine, and return what it returns (picklable).

    An exception there fails the test here. The files are those of the real machine, but /run, /tmp and /var/tmp are
    empty: folder says what has to stay in its place all the same.
    """
    if os.getuid() != 0:
        pytest.skip("only root can make a machine for the test")
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        _never_return(lambda: _host(write, folder, lambda: function(*arguments)))
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        data = pipe.read()
    os.waitpid(pid, 0)
    assert data, "the machine died without a word"
    result, failure = pickle.loads(data)
    assert not failure, failure
    return result


def _host(write: int, folder: Path, function: Callable[[], Any]) -> None:
    """Make the namespaces and wait for PID 1."""
    syscalls.die_with_parent()
    syscalls.unshare(syscalls.NEWNS | syscalls.NEWNET | syscalls.NEWPID, "mount, net, pid")
    pid = os.fork()
    if pid == 0:
        _never_return(lambda: _live(write, folder, function))
    os.close(write)
    os.waitpid(pid, 0)


def _live(write: int, folder: Path, function: Callable[[], Any]) -> None:
    """PID 1 of the machine."""
    syscalls.die_with_parent()
    try:
        _furnish({folder, _ROOT, Path(sys.prefix).resolve()})
        told = (function(), "")
    except BaseException:  # noqa: BLE001 # the test has to hear of it, whatever it is
        told = (None, traceback.format_exc())
    with os.fdopen(write, "wb") as pipe:
        pipe.write(pickle.dumps(told))


def _never_return(life: Callable[[], None]) -> None:
    try:
        life()
    finally:
        os._exit(0)


def _furnish(needed: set[Path]) -> None:
    syscalls.mount("none", "/", "", syscalls.MS_REC | syscalls.MS_PRIVATE)
    syscalls.mount("proc", "/proc", "proc")
    for folder in ("/run", "/tmp", "/var/tmp"):
        below = {path for path in needed if path.is_relative_to(folder)}
        with _kept([path for path in below if below.isdisjoint(path.parents)]):
            syscalls.mount("tmpfs", folder, "tmpfs", data="mode=1777")
    subprocess.run(["sh", "-e", "-c", _FURNITURE], check=True)
    before, deadline = look(), time.monotonic() + 10
    while differences(before, before := look()):
        assert time.monotonic() < deadline, "the machine does not come to rest"


@contextmanager
def _kept(paths: list[Path]) -> Iterator[None]:
    """These folders stay where they are, though something is mounted over them meanwhile."""
    fds = [os.open(path, os.O_PATH) for path in paths]
    yield
    for path, fd in zip(paths, fds, strict=True):
        path.mkdir(parents=True)
        syscalls.mount(f"/proc/self/fd/{fd}", str(path), "", syscalls.MS_BIND | syscalls.MS_REC)
        os.close(fd)


def _processes() -> Iterator[tuple[str, str]]:
    """(PID and command line, network namespace) of each."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            yield f"{folder.name} {command}", os.readlink(folder / "ns/net")
        except FileNotFoundError:
            pass  # it has ended meanwhile
