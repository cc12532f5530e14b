"""Labs whose root means harm: each command outside returns, and says why it could not do more."""

from __future__ import annotations

import fcntl
import os
import re
import select
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

import pytest

from runtime.facts.look import WHOLE
from tests.contract.test_hostile_files import BOMBS, S
from tests.system.desk import Desk
from tests.system.learning import LAB, learner, pid_of, said, typist

TITLE = "A namespace and a wire\n"
SOON = 25.0  # seconds for a command; most take one or two, on a machine with too much to do
TRACER = """
import ctypes, os, sys, time
ctypes.CDLL(None).ptrace(16, 1, 0, 0)  # <sys/ptrace.h>, PTRACE_ATTACH
os.waitpid(1, 0x40000000)  # __WALL (wait(2)): until PID 1 has stopped
print("traced", flush=True)
time.sleep(600)
"""


@contextmanager
def going_on(desk: Desk, *argv: str, ready: str) -> Iterator[None]:
    """A command in the lab that goes on meanwhile. ready: the line that it prints when it has begun."""
    process = desk.start("shell", "--", *argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout
    try:
        assert select.select([process.stdout], [], [], SOON)[0]
        assert process.stdout.readline().strip() == ready
        yield
    finally:
        process.kill()
        process.communicate()


def timely(desk: Desk, *argv: str) -> subprocess.CompletedProcess[str]:
    """What a command does that has to return soon, without a traceback."""
    begun = monotonic()
    done = desk.script(*argv)
    assert monotonic() - begun < SOON, (argv, done)
    assert "Traceback" not in done.stderr
    return done


def first_frame(desk: Desk) -> str:
    """What `labrun watch` shows first."""
    process = desk.start("watch", stdout=subprocess.PIPE)
    assert process.stdout
    try:
        assert select.select([process.stdout], [], [], SOON)[0]
        return process.stdout.readline()
    finally:
        process.kill()
        process.communicate()


def descendants(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(each for child in children for each in descendants(int(child)))]


def test_a_first_process_that_is_traced(desk: Desk) -> None:
    """Whoever asks it is told, and what is seen from outside is seen all the same."""
    said(desk, "start", LAB, "--no-shell")
    with going_on(desk, "python3", "-c", TRACER, ready="traced"):
        processes = descendants(pid_of(desk))
        check = timely(desk, "check")
        assert check.returncode == 0, check  # the first step asks for nothing but the host
        assert timely(desk, "status").returncode == 0
        assert timely(desk, "diff").returncode == 0
        assert timely(desk, "hint").returncode == 0
        assert first_frame(desk) == TITLE
        shell = timely(desk, "shell", "true")
        assert shell.returncode == 4
        assert "PID 1 of the lab does not answer" in shell.stderr
        assert re.search(r"it is stopped by a tracer \(state t\), the process \d+ of the lab", shell.stderr)
        assert "labrun reset" in shell.stderr
        solve = timely(desk, "solve")
        assert (solve.returncode, "PID 1 of the lab does not answer" in solve.stderr) == (4, True)
        done = timely(desk, "stop")
        assert (done.returncode, done.stdout) == (0, f"{LAB} has ended\n")
        assert not [pid for pid in processes if _runs(pid)]


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def test_reset_helps_a_lab_with_a_first_process_that_is_traced(desk: Desk) -> None:
    said(desk, "start", LAB, "--no-shell")
    with going_on(desk, "python3", "-c", TRACER, ready="traced"):
        assert timely(desk, "reset").returncode == 0
        assert "lo" in said(desk, "shell", "ip", "link")


def test_stop_says_what_is_left(desk: Desk) -> None:
    """Of a lab whose judge is stopped, and so does not hear that it has to end."""
    said(desk, "start", LAB, "--no-shell")
    keeper, judge, *_ = descendants(pid_of(desk))
    for pid in (judge, keeper):
        os.kill(pid, 19)  # SIGSTOP
    try:
        done = timely(desk, "stop")
        assert (done.returncode, done.stdout) == (4, "")
        left = rf"end {LAB}: after 10 s these processes of it are left: {keeper} \(.*\), {judge} \("
        assert re.search(left, done.stderr)
        assert f"kill -9 {keeper} {judge}" in done.stderr
    finally:
        for pid in (judge, keeper):
            os.kill(pid, 18)  # SIGCONT


def test_a_netns_is_not_busy_after_a_check(desk: Desk) -> None:
    """umount(2) says EBUSY while anybody holds a descriptor that leads through the mount."""
    with learner(desk) as person:
        types = typist(person)
        types("ip netns add container-1", 3, "✓ .*there is a network namespace")
        said(desk, "check", code=1)
        types("umount /run/netns/container-1 && rm /run/netns/container-1 && echo d''one", 3, "done")
        types("ip netns add container-1; ip netns exec container-1 true", 3)
        assert "container-1" in said(desk, "shell", "ls", "/run/netns")


def test_a_flood_of_changes(desk: Desk) -> None:
    said(desk, "start", LAB, "--no-shell")
    flood = ("echo flood; while true; do ip link add a type veth peer name b; ip link set a up; ip link del a; "
             "touch /run/x; rm /run/x; done")
    with going_on(desk, "sh", "-c", flood, ready="flood"):
        watching = desk.start("watch", stdout=subprocess.PIPE)
        try:
            for argv in (("check",), ("status",), ("diff",), ("hint",)):
                assert timely(desk, *argv).returncode in (0, 1)
            assert first_frame(desk) == TITLE
        finally:
            watching.kill()
            watching.communicate()
        assert timely(desk, "stop").returncode == 0


def test_a_flood_of_requests(desk: Desk) -> None:
    said(desk, "start", LAB, "--no-shell")
    flood = ("import os\nprint('flood', flush=True)\nfd = os.open('/run/labrun/asking', os.O_WRONLY)\n"
             "n = 0\nwhile True:\n n += 1\n"
             " os.write(fd, b'shell\\x1f%d\\x1f0\\x1f80\\x1f\\x1f/\\x1fx\\0' % n + b'\\0' * (n % 7) + b'x' * (n % 5))")
    with going_on(desk, "python3", "-c", flood, ready="flood"):
        assert timely(desk, "check").returncode in (0, 1)
        assert timely(desk, "status").returncode == 0
        assert timely(desk, "stop").returncode == 0


def test_many_mounts_and_names(desk: Desk) -> None:
    said(desk, "start", LAB, "--no-shell")
    make = """
import ctypes, os
libc = ctypes.CDLL(None)
os.makedirs("/run/netns", exist_ok=True)
for n in range(3000):
    open(f"/run/netns/{n}", "w").close()
    libc.mount(b"/proc/self/ns/net", f"/run/netns/{n}".encode(), b"", 0x1000, None)
os.mkdir("/run/runc")
for n in range(10000):
    os.mkdir(f"/run/runc/{n}")
"""
    said(desk, "shell", "python3", "-c", make)
    assert timely(desk, "check").returncode in (0, 1)
    assert first_frame(desk) == TITLE
    assert timely(desk, "diff").returncode == 0


def _fifo(path: Path) -> None:
    os.mkfifo(path)


def _folder(path: Path) -> None:
    path.mkdir()


@pytest.mark.parametrize("make", [_fifo, _folder])
def test_progress_that_is_no_file(desk: Desk, make: Callable[[Path], None]) -> None:
    state = Path(desk.environment["XDG_STATE_HOME"]) / "labrun"
    state.mkdir(parents=True)
    make(state / "progress.txt")
    done = timely(desk, "list")
    assert done.returncode == 0
    assert LAB in done.stdout
    assert f"labrun: read {state}/progress.txt" in done.stderr
    assert timely(desk, "start", LAB, "--no-shell").returncode == 0
    solve = timely(desk, "solve")
    assert (solve.returncode, "2/8" in solve.stdout, "! write" in solve.stdout) == (0, True, True)


def test_a_lock_that_is_held_for_ever(desk: Desk) -> None:
    state = Path(desk.environment["XDG_STATE_HOME"]) / "labrun"
    state.mkdir(parents=True)
    with (state / "progress.txt").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert timely(desk, "list").returncode == 0
        assert timely(desk, "start", LAB, "--no-shell").returncode == 0
        told = timely(desk, "solve")
        assert told.returncode == 0
        assert "another process has held the lock of this file" in " ".join(told.stdout.split())
        [journal] = (state / "labs").iterdir()
        with journal.open() as other, pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for command in ("status", "check", "diff"):
            assert timely(desk, command).returncode in (0, 1)
        assert timely(desk, "stop").returncode == 0


IMAGE = f"""\
title: An image
summary: An image that takes too long
level: beginner
topics: [images]
steps:
  - id: image
    title: The image
    teach: Make it.
    do:
      - run: touch /tmp/there
    check:
      - image: {{name: base, store: {S}, intact: true}}
      - file: /tmp/there
"""


def test_a_look_that_takes_too_long_ends_no_lab(desk: Desk) -> None:
    (desk.lab / "lab.yaml").write_text(IMAGE)
    said(desk, "start", str(desk.lab), "--no-shell")
    said(desk, "shell", "--", "python3", "-c", BOMBS)
    said(desk, "shell", "touch", "/tmp/there")
    begun = monotonic()
    check = desk.script("check")
    assert (check.returncode, check.stderr) == (1, "")
    assert "could not be examined" in " ".join(check.stdout.split())
    assert "✓ /tmp/there is there" in check.stdout
    assert monotonic() - begun < 3 * WHOLE + SOON
    assert timely(desk, "status").returncode == 0
    assert timely(desk, "stop").stdout == "kept has ended\n"
