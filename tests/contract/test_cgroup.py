"""The cgroup of a lab: where one can be made, that it limits memory, and that it goes with the lab."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runtime.sandbox.cgroup import MemoryLimit, Place, find_place, most_memory
from runtime.sandbox.handle import start
from runtime.sandbox.outside import Outside
from tests.conftest import Lab

MINE = find_place()
HYBRID = "4:memory:{one}\n1:cpu:/\n0::{two}\n"
SCOPE = "/user.slice/user-1000.slice/user@1000.service/app.slice/terminal.scope"


@pytest.fixture
def place() -> Place:
    if MINE is None:
        pytest.skip("no cgroup can be made from here: labrun doctor says why")
    return MINE


def cgroup_of(pid: int, place: Place) -> str:
    """The folder of the cgroup that a process is in: others of labrun's may be there too."""
    found = re.findall(r"/(labrun-\w+)", read(f"/proc/{pid}/cgroup"))
    return f"{place.folder}/{found[0]}"


def read(path: str) -> str:
    return Path(path).read_text("ascii").strip()


def test_the_whole_lab_is_in_one(place: Place) -> None:
    sandbox = start()
    folder = cgroup_of(sandbox.pid, place)
    procs = f"{folder}/cgroup.procs" if place.version == 1 else f"{folder}/lab/cgroup.procs"
    assert str(sandbox.pid) in read(procs).split()
    limit = read(f"{folder}/{'memory.limit_in_bytes' if place.version == 1 else 'memory.max'}")
    assert sandbox.memory == int(limit) == most_memory()
    sandbox.stop()
    assert not os.path.exists(folder)


def test_who_was_forked_meanwhile_delays_no_end(place: Place) -> None:
    """It has a copy of what tells the end when everybody has closed it."""
    sandbox, outside = start(), Outside(lambda _: -1)
    folder = cgroup_of(sandbox.pid, place)
    sandbox.stop()
    assert not os.path.exists(folder)
    outside.close()


def test_those_that_a_runtime_made_in_it_go_too(place: Place) -> None:
    sandbox = start()
    folder = cgroup_of(sandbox.pid, place)
    os.makedirs(f"{folder}/c1/inner")
    sandbox.stop()
    assert not os.path.exists(folder)


def test_inside_it_is_the_root(in_sandbox: Callable[..., Any]) -> None:
    """As for any other lab: a runtime joins what /proc/self/cgroup says to the place of its mount."""
    assert in_sandbox(_shown_inside) == {"/"}


def _shown_inside(lab: Lab) -> set[str]:
    return {line.split(":", 2)[2] for line in lab.shell("cat /proc/self/cgroup").splitlines()}


def test_what_takes_more_is_killed(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even where PID 1, which is a copy of who started it, has a bit more in memory than that."""
    ballast = b"x" * (100 << 20)
    monkeypatch.setattr("runtime.sandbox.cgroup.MOST_MEMORY", _own_memory() * 4 // 5)
    sandbox = start()
    try:
        done = sandbox.run(["sh", "-c", "tail /dev/zero; echo $?"])
        assert done.output == f"{128 + signal.SIGKILL}\n"
        assert sandbox.run(["echo", "alive"]).output == "alive\n"
    finally:
        sandbox.stop()
        del ballast


def _own_memory() -> int:
    """What a fork has in memory too, in bytes."""
    return int(re.findall(r"RssAnon:\s+(\d+) kB", read("/proc/self/status"))[0]) << 10


def test_a_process_that_dies_before(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.urandom", lambda count: b"\xab" * count)  # of which its name is made
    if (pid := os.fork()) == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    limit = MemoryLimit()
    limit.hold(pid)
    limit.remove()
    assert limit.bytes is None
    assert not os.path.exists(f"{place.folder}/labrun-abababab")


class Machine:
    """The files of /proc and /sys/fs/cgroup of a machine that is not this one."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._mounts = folder, list[str]()

    def mounts(self, point: str, kind: str, options: str, root: str = "/") -> None:
        self._mounts.append(f"40 30 0:30 {root} {self.folder}{point} rw,nosuid shared:9 - {kind} {kind} rw,{options}")

    def cgroup(self, path: str, controllers: str = "") -> None:
        (self.folder / path.lstrip("/")).mkdir(parents=True, exist_ok=True)
        (self.folder / path.lstrip("/") / "cgroup.subtree_control").write_text(controllers)

    def place(self, own: str) -> Place | None:
        """Found from the cgroups `own`; its folder without that of the whole machine."""
        (self.folder / "cgroup").write_text(own)
        (self.folder / "mountinfo").write_text("".join(f"{line}\n" for line in self._mounts))
        found = find_place(str(self.folder))
        return found and found._replace(folder=found.folder.removeprefix(str(self.folder)))


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_version_1(machine: Machine) -> None:
    machine.mounts("/memory", "cgroup", "memory")
    machine.cgroup("/memory/here")
    assert machine.place(HYBRID.format(one="/here", two="/")) == Place("/memory/here", 1)


def test_version_2_of_a_user_of_systemd(machine: Machine) -> None:
    """Beside the terminal's own, which may hold processes, or cgroups (cgroups(7), "no internal processes")."""
    machine.mounts("/unified", "cgroup2", "nsdelegate")
    machine.cgroup(f"/unified{SCOPE}")
    machine.cgroup("/unified" + SCOPE.rpartition("/")[0], "memory pids")
    assert machine.place(f"0::{SCOPE}\n") == Place("/unified" + SCOPE.rpartition("/")[0], 2)


def test_a_container_sees_a_part_of_the_tree(machine: Machine) -> None:
    machine.mounts("/unified", "cgroup2", "rw", root="/docker/abc")
    machine.cgroup("/unified", "cpu memory")
    assert machine.place("0::/docker/abc\n") == Place("/unified", 2)
    assert machine.place("0::/docker/other\n") is None


def test_a_machine_without(machine: Machine) -> None:
    assert machine.place("0::/\n") is None
    machine.mounts("/cpu", "cgroup", "cpu")
    machine.mounts("/unified", "cgroup2", "rw")
    machine.cgroup("/unified", "cpu")
    machine.cgroup("/cpu")
    assert machine.place("1:cpu:/\n0::/\n") is None
    assert machine.place("") is None
    assert find_place(f"{machine.folder}/nothing") is None
