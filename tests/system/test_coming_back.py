"""A lab whose process has died, or that has ended by itself, is told of, and brought back as it was."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pexpect
import pytest

from tests.system.desk import Desk, Person, ended
from tests.system.learning import LAB, learner, pid_of, prompt, said, wait_for_end

MAKE = "ip netns add container-1"


def _keeper(desk: Desk) -> None:
    os.kill(pid_of(desk), signal.SIGKILL)


def _judge(desk: Desk) -> None:
    keeper = pid_of(desk)
    [judge] = Path(f"/proc/{keeper}/task/{keeper}/children").read_text("ascii").split()
    os.kill(int(judge), signal.SIGKILL)


def _first(desk: Desk) -> None:
    """PID 1 of the sandbox, by its number on the machine."""
    keeper = pid_of(desk)
    pids = [keeper]
    for _ in range(3):  # judge, outer, PID 1
        pids = [int(each) for pid in pids for each in
                Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()]
    os.kill(pids[0], signal.SIGKILL)


@pytest.mark.parametrize("kill", [_keeper, _judge, _first])
@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_killed_and_brought_back(desk: Desk, kill: Callable[[Desk], None], shell: str) -> None:
    with learner(desk, "--shell", shell) as person:
        said(desk, "hint")
        person.sendline(MAKE)
        person.expect(prompt(3))
        person.sendline("cd /tmp && ip -n container-1 link add rest type bridge && touch made")
        person.expect("link rest")
        person.expect(prompt(3))
        keeper = pid_of(desk)
        kill(desk)
        wait_for_end(keeper)
        person.expect("its process was killed")
        person.expect(f"labrun start {LAB} --resume brings it back")
        assert ended(person) == 4
    assert "its process was killed" in said(desk, "status")
    assert "→ 2 of 8 steps passed" in said(desk, "list", LAB)  # progress outlives all
    told = said(desk, "start", LAB, "--resume", "--no-shell")
    assert "3/8" in told
    assert "rest" in said(desk, "shell", "ip", "-n", "container-1", "link")
    assert "made" in said(desk, "shell", "ls", "/tmp")
    assert "(1 hint)" in said(desk, "status")
    assert "no longer" not in said(desk, "status")


def test_the_lab_is_made_anew_by_what_was_typed(desk: Desk) -> None:
    """As far as that suffices: what was made beside it is there again."""
    with learner(desk) as person:
        person.sendline(f"ip netns add beside; {MAKE}")
        person.expect(prompt(3))
        person.sendline("labrun reset")
        person.expect(prompt(3))
    assert "beside" in said(desk, "shell", "ip", "netns")
    said(desk, "goto", "1")
    assert "beside" not in said(desk, "shell", "ip", "netns"), "it was typed in the first step"


def test_what_was_typed_and_does_not_suffice(desk: Desk) -> None:
    """It was typed in another shell: the steps are done as the lab says it."""
    with learner(desk) as person:
        person.sendline("sh")
        person.expect("# ")
        person.sendline(MAKE)
        person.sendline("exit")
        person.expect(prompt(3))
        person.sendline("labrun goto 3")
        person.expect(prompt(3))
    assert "container-1" in said(desk, "shell", "ip", "netns")


def test_starting_anew_tells_of_the_one_before(desk: Desk) -> None:
    said(desk, "start", LAB, "--no-shell")
    gone = pid_of(desk)
    os.kill(gone, signal.SIGKILL)
    wait_for_end(gone)
    done = desk.script("start", LAB, "--no-shell")
    assert done.returncode == 0
    assert f"labrun start {LAB} --resume brings it back" in done.stderr
    assert f"{LAB} has ended" in said(desk, "stop", LAB)
    assert "no longer under way" in said(desk, "status")
    assert f"{LAB} is forgotten" in said(desk, "stop", str(gone))
    assert "no lab is under way; begin one" in said(desk, "status")
    done = desk.script("start", LAB, "--resume")
    assert done.returncode == 2
    assert f"there is no lab {LAB} to be brought back" in done.stderr


@pytest.mark.parametrize("where", ["in it", "outside"])
def test_what_was_stopped_is_not_brought_back(desk: Desk, where: str) -> None:
    with learner(desk) as person:
        if where == "in it":
            person.sendline("labrun stop")
        else:
            assert said(desk, "stop") == f"{LAB} has ended\n"
        person.expect(f"{LAB} has ended")
        assert ended(person) == 0
        assert "goes on" not in str(person.before)
    assert "no lab is under way" in said(desk, "status")
    assert desk.script("start", LAB, "--resume").returncode == 2


def test_an_idle_lab_ends_after_a_warning(desk: Desk) -> None:
    with learner(desk, "--end-after", "2s") as person:
        begun = time.monotonic()
        person.expect("the lab ends in 1 s")
        person.expect("nothing was done for 2 s")
        assert 1.9 < time.monotonic() - begun < 6
    assert "nothing was done for 2 s" in said(desk, "status")
    assert "1/8" in said(desk, "start", LAB, "--resume", "--no-shell")


def test_who_does_something_keeps_the_lab(desk: Desk) -> None:
    with learner(desk, "--end-after", "2s") as person:
        for _ in range(4):
            person.expect("the lab ends in 1 s")
            person.sendline("true")
            person.expect(prompt(1))
    assert pid_of(desk)


@pytest.mark.parametrize("time", ["8", "eight", "-1h", "0s", "1w", ""])
def test_what_is_no_time(desk: Desk, time: str) -> None:
    done = desk.script("start", LAB, f"--end-after={time}")
    assert (done.returncode, done.stdout) == (2, "")
    assert "is no length of time" in done.stderr


def test_a_journal_that_is_spoiled_is_passed_over(desk: Desk) -> None:
    said(desk, "start", LAB, "--no-shell")
    said(desk, "solve")
    os.kill(pid_of(desk), signal.SIGKILL)
    (folder,) = Path(desk.environment["XDG_STATE_HOME"]).glob("labrun/labs")
    (journal,) = folder.iterdir()
    with journal.open("a") as file:
        file.write('{"did": "typed", "step": "name\n\0\n[1]\n{"did": "passed", "step": "nowhere"}\n{"did": "no such')
    for name, text in (("empty.1", ""), ("nothing.2", "nothing\n"), (f"{LAB}.3", json.dumps({"began": {"lab": 1}}))):
        (folder / name).write_text(text)
    assert "2/8" in said(desk, "start", LAB, "--resume", "--no-shell")


def test_only_the_owner_reads_what_was_done(anyones: Desk) -> None:
    said(anyones, "start", LAB, "--no-shell")
    said(anyones, "solve")
    state = Path(anyones.environment["XDG_STATE_HOME"]) / "labrun"
    files = [each for each in state.rglob("*") if each.is_file()]
    assert len(files) == 2
    assert all(each.stat().st_mode & 0o077 == 0 and each.stat().st_uid == anyones.user.uid for each in files)


def test_a_full_disk_is_told_and_spoils_nothing(desk: Desk) -> None:
    state = Path(desk.environment["XDG_STATE_HOME"])
    (state / "labrun/labs").mkdir(parents=True)
    said(desk, "start", LAB, "--no-shell")
    (state / "labrun/progress.txt").symlink_to("/dev/full")  # which nobody may follow either
    told = said(desk, "solve")
    assert "! write" in told
    assert "2/8" in told, "the lab goes on"


def _close(person: Person) -> None:
    person.close(force=True)


def _hang_up(person: Person) -> None:
    person.kill(signal.SIGHUP)
    person.expect(pexpect.EOF)


@pytest.mark.parametrize("leave", [_close, _hang_up])
def test_a_closed_terminal_loses_nothing(desk: Desk, leave: Callable[[Person], None]) -> None:
    with learner(desk) as person:
        person.sendline(MAKE)
        person.expect(prompt(3))
        leave(person)
    assert "container-1" in said(desk, "shell", "ip", "netns")
    assert "→ lo in" not in said(desk, "status")
