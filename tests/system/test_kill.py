"""labrun, killed at any moment, leaves nothing behind: no process, interface, mount, network namespace or file."""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple

import pytest

from tests.system.accounts import myself, start_as
from tests.system.machine import State, differences, home_of, look, on_a_machine, outlived

if TYPE_CHECKING:
    from tests.system.accounts import User

RUN, DOCTOR = ("run", "bridge-network", "--json"), ("doctor",)
SET_UP = 0.06  # seconds from the first process of the sandbox on, within which it is made
# What a run may leave in the user's cache folder.
KEPT = re.compile(r"(labrun(/labs(/[0-9a-f]{8}-(runc|crun)\.json)?|/(index|offers)-[0-9a-f]{8})?)?")


class Moment(NamedTuple):
    """When to kill. from_sandbox: the seconds begin with the first process of the sandbox, not with labrun's start."""

    from_sandbox: bool
    seconds: float


class Labrun(NamedTuple):
    """What is started, and by whom."""

    argv: list[str | Path]
    user: User

    def start(self, errors: IO[str] | int) -> subprocess.Popen[str]:
        return start_as(self.user, self.argv, env=home_of(self.user), cwd="/", stdout=subprocess.DEVNULL, stderr=errors)


class Killed(NamedTuple):
    """What a kill met and left."""

    moment: Moment
    with_sandbox: bool
    code: int
    errors: str
    left: list[str]
    seconds: float  # until the last process had ended


@pytest.fixture
def chance() -> tuple[int, random.Random]:
    """Random numbers and their seed, which LABRUN_TEST_SEED fixes."""
    seed = int(os.environ.get("LABRUN_TEST_SEED") or random.SystemRandom().randrange(1 << 32))
    return seed, random.Random(seed)


@pytest.mark.parametrize(("who", "number", "call"), [("root", 30, RUN), ("lrsub", 15, RUN), ("lrplain", 30, DOCTOR)])
def test_killed_at_any_moment(installed: Path, session_folder: Path, users: dict[str, User],
                              chance: tuple[int, random.Random], who: str, number: int, call: Sequence[str]) -> None:
    seed, numbers = chance
    labrun = Labrun([installed, *call], users.get(who) or myself())
    kills = on_a_machine(session_folder, _kill_often, labrun, number, numbers, os.kill, signal.SIGKILL)
    print(_summary(seed, kills))
    assert not [kill for kill in kills if kill.left], f"LABRUN_TEST_SEED={seed}"
    assert sum(kill.with_sandbox for kill in kills) > number / 3, "most kills came too early or too late to mean much"


@pytest.mark.parametrize(("who", "runtime", "lab", "share"), [
    ("root", "runc", "runc-lifecycle", 0.2), ("lrsub", "crun", "container-network", 0.1),
    ("lrplain", "runc", "oci-bundle", 0.1), ("root", "crun", "scratch-container", 0.1),
    ("lrsub", "runc", "docker-run-by-hand", 0.1), ("root", "runc", "container-shim", 0.1),
    ("lrsub", "crun", "attach-vs-exec", 0.1), ("lrplain", "runc", "containerd-shim", 0.1),
    ("root", "runc", "build-image", 0.1)])
def test_killed_while_containers_are_there(installed: Path, session_folder: Path, users: dict[str, User],
                                           chance: tuple[int, random.Random], who: str, runtime: str, lab: str,
                                           share: float) -> None:
    """200 kills by hand, with LABRUN_TEST_KILLS=200."""
    seed, numbers = chance
    number = round(int(os.environ.get("LABRUN_TEST_KILLS") or 30) * share)
    labrun = Labrun([installed, "run", lab, "--runtime", runtime, "--json"], users.get(who) or myself())
    kills = on_a_machine(session_folder, _kill_anywhere, labrun, number, numbers)
    print(_summary(seed, kills))
    assert not [kill for kill in kills if kill.left], f"LABRUN_TEST_SEED={seed}"
    assert sum(kill.with_sandbox for kill in kills) > number / 3, "most kills came too early or too late to mean much"


def test_interrupted_at_any_moment(installed: Path, session_folder: Path, users: dict[str, User],
                                   chance: tuple[int, random.Random]) -> None:
    seed, numbers = chance
    labrun = Labrun([installed, *RUN], users["lrsub"])
    kills = on_a_machine(session_folder, _kill_often, labrun, 20, numbers, os.killpg, signal.SIGINT)
    print(_summary(seed, kills))
    assert not [kill for kill in kills if kill.left], f"LABRUN_TEST_SEED={seed}"
    for kill in kills:
        # Python swallows an interrupt that meets one of its own callbacks, and says 'Exception ignored'.
        if kill.with_sandbox and "Exception ignored" not in kill.errors:
            assert kill.code in (0, 130), (seed, kill)
            assert "Traceback" not in kill.errors, (seed, kill)
            assert kill.errors.count("interrupted") == (kill.code == 130), (seed, kill)


def _kill_often(labrun: Labrun, number: int, numbers: random.Random, kill: Callable[[int, int], None],
                how: int) -> list[Killed]:
    """Half of the moments lie in the making of the sandbox, the first milliseconds above all; the others anywhere.

    The first kill that leaves something is the last.
    """
    before = look()
    whole = _seconds_of_a_run(labrun)
    moments = [Moment(True, SET_UP * numbers.random() ** 3) for _ in range(number // 2)]
    moments += [Moment(False, numbers.uniform(0, whole)) for _ in range(number - len(moments))]
    kills: list[Killed] = []
    while moments and not (kills and kills[-1].left):
        kills.append(_kill(labrun, moments.pop(), kill, how, before))
    return kills


def _kill_anywhere(labrun: Labrun, number: int, numbers: random.Random) -> list[Killed]:
    """Between the first process of the sandbox and the end, one in each of as many equal parts of that time.

    The first kill that leaves something is the last.
    """
    before = look()
    whole = _seconds_of_a_run(labrun)
    part = 0.75 * whole / number  # the rest is the start
    moments = [Moment(True, (which + numbers.random()) * part) for which in range(number)]
    kills: list[Killed] = []
    while moments and not (kills and kills[-1].left):
        kills.append(_kill(labrun, moments.pop(), os.kill, signal.SIGKILL, before))
    return kills


def _seconds_of_a_run(labrun: Labrun) -> float:
    started = time.monotonic()
    with labrun.start(subprocess.DEVNULL) as process:
        pass
    assert process.returncode in (0, 3)  # 3: the doctor of a machine that lacks something
    shutil.rmtree(home_of(labrun.user)["HOME"])
    return time.monotonic() - started


def _kill(labrun: Labrun, moment: Moment, kill: Callable[[int, int], None], how: int, before: State) -> Killed:
    with tempfile.TemporaryFile("w+") as errors:  # and no pipe: a process that is left would hold it open
        process = labrun.start(errors)
        if moment.from_sandbox:
            _wait_for_child(process.pid)
        time.sleep(moment.seconds)  # the moment is the point of the test; nothing is waited for
        with_sandbox = _has_child(process.pid)
        kill(process.pid, how)  # not reaped yet, so the PID is its own
        killed = time.monotonic()
        process.wait(20)
        left = outlived()
        seconds = time.monotonic() - killed
        errors.seek(0)
        left += _files(labrun.user) + differences(before, look())
        return Killed(moment, with_sandbox, process.returncode, errors.read(), left, seconds)


def _wait_for_child(pid: int) -> None:
    deadline = time.monotonic() + 20
    while not _has_child(pid) and _runs(pid):
        assert time.monotonic() < deadline, "no sandbox is being made"


def _has_child(pid: int) -> bool:
    return bool(Path(f"/proc/{pid}/task/{pid}/children").read_text())


def _runs(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


def _files(user: User) -> list[str]:
    """Files in the user's home that should not be there. The home is emptied."""
    home = Path(home_of(user)["HOME"])
    cache = home / ".cache"
    found = [str(path) for path in home.rglob("*") if path != cache and not (
        path.is_relative_to(cache) and KEPT.fullmatch(str(path.relative_to(cache))))]
    shutil.rmtree(home)
    return found


def _summary(seed: int, kills: list[Killed]) -> str:
    return (f"LABRUN_TEST_SEED={seed}: {len(kills)} kills, {sum(kill.with_sandbox for kill in kills)} of them with a "
            f"sandbox; the last process ended after at most {max(kill.seconds for kill in kills) * 1000:.0f} ms")
