"""A learner who breaks everything: the machine and the other labs don't notice, and the lab can be made anew."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from runtime.sandbox.cgroup import find_place
from tests.system.desk import Desk
from tests.system.learning import LAB, pid_of, said
from tests.system.sandbox.ward import descendants

MOST_PROCESSES, MOST_BYTES = 1024, 256 << 20
HARM = {
    "erases everything": "rm -rf / --no-preserve-root 2> /dev/null; echo rest: $(ls /tmp | wc -l)",
    "a fork bomb": ":(){ :|:& };: ; true",
    "a full disk": "yes > /tmp/x; echo full: $?",
    "no network": "nft flush ruleset; cd /sys/class/net; for l in *; do ip link del $l; ip link set $l down; done",
    "a wall": "iptables -P INPUT DROP; iptables -P OUTPUT DROP; ip route add blackhole 0.0.0.0/0; true",
    "kills everything": "kill -9 -1; true",
    "unmounts everything": "umount -l -a; umount -l /proc /sys /run /tmp /dev /; true",
}


def processes(desk: Desk) -> int:
    """How many the lab has: descendants of the process that keeps it. Other labs may run on the machine."""
    return len(descendants(pid_of(desk)))


def machine() -> set[object]:
    """What each harm would take away, if it reached the machine. Other programs may add to it meanwhile."""
    links = {name for _, name in socket.if_nameindex() if not name.startswith(("veth", "br-", "docker"))}
    points = {line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()}
    mounts = points & {"/", "/proc", "/sys", "/dev"}
    folders = {name for name in os.listdir("/") if "labrun" not in name}
    first_user = Path("/etc/passwd").read_text().splitlines()[0]
    return {*links, *mounts, *folders, os.uname().nodename, first_user}


@contextmanager
def another_lab(desk: Desk) -> Iterator[str]:
    """Somebody does another lab beside it."""
    said(desk, "start", "nat", "--no-shell")
    said(desk, "goto", "2", "--lab", "nat")
    before = said(desk, "shell", "--lab", "nat", "ip", "-br", "link")
    yield "nat"
    assert said(desk, "shell", "--lab", "nat", "ip", "-br", "link") == before


@pytest.mark.parametrize("harm", HARM)
def test_only_the_lab_is_harmed(anyones: Desk, harm: str) -> None:
    before = machine()
    with another_lab(anyones):
        said(anyones, "start", LAB, "--no-shell")
        said(anyones, "goto", "3", "--lab", LAB)
        started = processes(anyones)
        with anyones.start("shell", "--lab", LAB, "bash", "-c", HARM[harm]) as vandal:
            with suppress(subprocess.TimeoutExpired):  # what a bomb leaves holds its output open
                vandal.communicate(timeout=2 if "bomb" in harm else 60)
            _the_others_go_on(anyones, started)
        assert "container-1" in said(anyones, "shell", "--lab", LAB, "ip", "netns")
        assert processes(anyones) - started <= 8, "the bomb has ended with its sandbox"
    assert before <= machine()


def _the_others_go_on(desk: Desk, started: int) -> None:
    """And the lab itself can be made anew."""
    assert processes(desk) - started <= MOST_PROCESSES
    begun = time.monotonic()
    said(desk, "check", "--lab", "nat", code=1)
    assert time.monotonic() - begun < 10, "the other lab and the machine are slow"
    assert "3/8" in said(desk, "reset", "--lab", LAB)


def test_a_full_disk_is_full_soon(desk: Desk) -> None:
    said(desk, "start", LAB, "--no-shell")
    told = said(desk, "shell", "bash", "-c", "yes 2>&1 > /tmp/x | tail -1; stat -c %s /tmp/x")
    assert "No space left on device" in told
    assert int(told.split()[-1]) <= MOST_BYTES


def test_where_memory_runs_out_what_the_lab_runs_is_killed_first(desk: Desk) -> None:
    said(desk, "start", LAB, "--no-shell")
    # PID 1 has the score of those that it starts until they run, which may be a moment longer.
    watch = "cat /proc/self/oom_score_adj; until read first < $0 && [ $first -lt 900 ]; do :; done; echo $first"
    theirs, first = said(desk, "shell", "sh", "-c", watch, "/proc/1/oom_score_adj").split()
    assert int(first) < 900 <= int(theirs)
    assert int(Path(f"/proc/{pid_of(desk)}/oom_score_adj").read_text("ascii")) < 900


def test_a_lab_that_takes_all_memory(desk: Desk) -> None:
    """What takes it is killed, and the lab goes on."""
    if find_place() is None:
        pytest.skip("no cgroup can be made from here: labrun doctor says why")
    said(desk, "start", LAB, "--no-shell")
    keeper = pid_of(desk)
    assert said(desk, "shell", "sh", "-c", "exec 2> /dev/null; tail /dev/zero; echo $?") == f"{128 + signal.SIGKILL}\n"
    assert pid_of(desk) == keeper
    assert "✓" in said(desk, "check")
