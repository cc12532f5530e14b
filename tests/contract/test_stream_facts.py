"""Who is at the other end of whose streams, beside what `ls -l /proc/PID/fd` shows inside. With real conmon."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from runtime.facts.observer import Observer
from runtime.facts.snapshot import Snapshot
from runtime.facts.streams import STANDARD, Stream
from tests.bundles import RUNTIMES, look_after
from tests.conftest import Lab

InSandbox = Callable[..., Any]
_END = re.compile(r"^pipe:|ptmx$|/pts/\d+$|/(ctl|winsz)$")  # conmon has named pipes for its orders
_LINE = re.compile(r"l(r|-)(w|-)\S+ .* (\d+) -> (.*)")


def _observe(lab: Lab) -> Snapshot:
    return Observer(lab.namespaces, lab.sandbox.proc, root=lab.sandbox.root, streams=True).observe()


def _ends(snapshot: Snapshot, command: str) -> list[Stream | None]:
    """The standard streams of the one process with that command line."""
    [found] = [each for each in snapshot.processes if each.command == command]
    return [snapshot.stream(found.pid, fd) for fd in range(len(STANDARD))]


def _holders(snapshot: Snapshot, stream: Stream | None) -> list[str]:
    """The programs that hold the other end."""
    assert stream is not None
    pids = {each.pid for each in snapshot.streams if each.other_end(stream)}
    return sorted({each.command.partition(" ")[0] for each in snapshot.processes if each.pid in pids})


def _furnish(lab: Lab, runtime: str) -> Snapshot:
    look_after(lab, runtime)
    lab.host.shims.exec(runtime, "c1", "e1", ["sleep", "1000"], terminal=False)
    return _observe(lab)


def _both(lab: Lab, runtime: str) -> tuple[set[Any], set[Any], set[str]]:
    """What we see, what ls says, of all processes of conmon and of the containers; and the kinds that there are."""
    snapshot = _furnish(lab, runtime)
    pids = [each.pid for each in snapshot.processes if each.pid != 1]
    ours = {(each.pid, each.fd, each.reads, each.writes, each.shown) for each in snapshot.streams if each.pid in pids}
    theirs = set()
    for pid in pids:
        for match in map(_LINE.match, lab.shell(f"ls -l /proc/{pid}/fd").splitlines()[1:]):
            assert match
            fd, shown = int(match[3]), match[4]
            if fd < len(STANDARD) or _END.search(shown):
                theirs.add((pid, fd, match[1] == "r", match[2] == "w", shown))
    return ours, theirs, {each.kind for each in snapshot.streams}


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_they_are_what_ls_says(in_sandbox: InSandbox, runtime: str) -> None:
    ours, theirs, kinds = in_sandbox(_both, runtime)
    assert ours == theirs
    assert kinds == {"pipe", "terminal", "master", "other"}


def _by_inode(lab: Lab, runtime: str) -> tuple[list[set[int]], list[set[int]]]:
    """Who holds the other ends of the pipes of e1: as we see it, and by the inodes that ls shows."""
    snapshot = _furnish(lab, runtime)
    ends = [each for each in _ends(snapshot, "sleep 1000") if each]
    listing = lab.shell("ls -l /proc/[0-9]*/fd")
    theirs = []
    for end in ends:
        found, pid = set(), 0
        for line in listing.splitlines():
            pid = int(line.split("/")[2]) if line.startswith("/proc/") else pid
            match = _LINE.match(line)
            if match and match[4] == end.shown and match[2 if end.fd == 0 else 1] != "-":
                found.add(pid)
        theirs.append(found)
    return [{each.pid for each in snapshot.streams if each.other_end(end)} for end in ends], theirs


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_the_other_ends_of_pipes_are_those_with_the_same_inode(in_sandbox: InSandbox, runtime: str) -> None:
    ours, theirs = in_sandbox(_by_inode, runtime)
    assert ours == theirs
    assert [len(each) for each in ours] == [1, 1, 1]


def _two_terminals(lab: Lab, runtime: str) -> tuple[list[str], list[str], list[list[str]]]:
    """Two containers with terminals: what each is called there, its key, and the name of the shim that shows it."""
    look_after(lab, runtime, name="c1")
    look_after(lab, runtime, name="c2")
    snapshot = _observe(lab)
    shown, keys, shims = [], [], []
    for name in ("c1", "c2"):
        container = snapshot.container(name)
        stream = snapshot.stream(container.pid, 0) if container else None
        assert stream
        shown.append(stream.shown)
        keys.append(stream.key)
        holders = {each.pid for each in snapshot.streams if each.other_end(stream)}
        shims.append([each for each in ("c1", "c2") if (shim := snapshot.shim(each)) and shim.process.pid in holders])
    return shown, keys, shims


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_terminals_with_one_number_in_two_mounts_of_devpts_are_two(in_sandbox: InSandbox, runtime: str) -> None:
    shown, keys, shims = in_sandbox(_two_terminals, runtime)
    assert shown == ["/dev/pts/0", "/dev/pts/0"]
    assert len({*keys}) == 2
    assert shims == [["c1"], ["c2"]]


ENDS = {
    "a pipe that nobody reads": ("{ sleep 500 & } | true", 1, "pipe", []),
    "a pipe that nobody writes": ("true | { exec 3<&0; sleep 500 <&3 3<&- & }", 0, "pipe", []),
    "a pipe that a child reads": ("{ sleep 500 & } | { exec 3<&0; sleep 600 <&3 3<&- & }", 1, "pipe", ["sleep"]),
    "a fifo with a path": ("mkfifo /tmp/f; sleep 500 < /tmp/f & exec 3> /tmp/f; sleep 600 3>&3 & exec 3>&-", 0, "pipe",
                           ["sleep"]),
    "a fifo whose path is gone": ("mkfifo /tmp/f; sleep 500 < /tmp/f & exec 3> /tmp/f; sleep 600 & rm /tmp/f", 0,
                                  "pipe", ["sleep"]),
    "a fifo that is open both ways": ("mkfifo /tmp/f; sleep 500 <> /tmp/f &", 0, "pipe", ["sleep"]),
    "a file": ("sleep 500 > /tmp/f &", 1, "other", []),
    "nothing": ("sleep 500 < /dev/null &", 0, "other", []),
    "a socket": ("socat EXEC:'sleep 500' /dev/null &", 0, "other", []),
}


def _end(lab: Lab, command: str, fd: int) -> tuple[str, list[str]]:
    lab.shell(f"{command}\nuntil pgrep -x -f 'sleep 500' > /dev/null; do :; done")
    snapshot = _observe(lab)
    stream = _ends(snapshot, "sleep 500")[fd]
    assert stream
    return stream.kind, _holders(snapshot, stream)


@pytest.mark.parametrize(("command", "fd", "kind", "holders"), ENDS.values(), ids=ENDS)
def test_other_ends(in_sandbox: InSandbox, command: str, fd: int, kind: str, holders: list[str]) -> None:
    assert in_sandbox(_end, command, fd) == (kind, holders)


def _closed(lab: Lab) -> list[bool]:
    lab.shell("sleep 500 >&- & until pgrep -x -f 'sleep 500' > /dev/null; do :; done")
    return [each is None for each in _ends(_observe(lab), "sleep 500")]


def test_a_stream_that_is_closed(in_sandbox: InSandbox) -> None:
    assert in_sandbox(_closed) == [False, True, False]


def test_processes_that_come_and_go_do_no_harm(in_sandbox: InSandbox) -> None:
    assert in_sandbox(_churn) >= 20


def _churn(lab: Lab) -> int:
    """How often one could look, while processes end all the time."""
    lab.shell("(while :; do true | cat | true; done) > /dev/null 2>&1 &")
    return len([_observe(lab) for _ in range(20)])
