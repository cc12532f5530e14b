"""Somebody does a lab themselves: in the shell that it opens, and beside it, as a person and as a script."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Callable
from pathlib import Path

import pexpect
import pytest

from labrunner.catalogue.catalog import find
from labrunner.language.loading import load
from tests.golden.schema import run_document
from tests.system.desk import Desk, Person, ended
from tests.system.learning import LAB, STEPS, learner, pid_of, prompt, said, typist, wait_for_end


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_a_whole_lab_typed(anyones: Desk, shell: str) -> None:
    """With mistakes, a hint, something broken and mended, a jump and a reset."""
    with learner(anyones, "--shell", shell) as person:
        types = typist(person)

        types("ip netns made container-1", 1, "unknown")
        types("sudo ip netns add container-1", 3, r"\+ .*netns container-1", "✓ .*there is a network namespace")
        types("sudo ip -n container-1 link set lo up", 4, "lo .*DOWN → UP", "✓ .*lo in container-1 is UP")
        assert "1 of 3" in said(anyones, "hint")
        assert "2 of 3" in said(anyones, "hint")
        types("ip link add veth0 type veth peer name veth1", 4, "link veth0")  # another name than the lab wants
        assert "✗ ceth0" in said(anyones, "check", code=1)
        types("ip link del veth0; ip link add veth0 type veth peer name ceth0", 5, "✓ .*veth0 in labhost")
        types("ip netns del container-1", 5, "- .*netns container-1", "✗ .*there is a network namespace container-1")
        types("ip netns add container-1 && ip -n container-1 link set lo up", 5, "✓ .*there is a network namespace")
        types("true", 5)
        assert "→ One end" in said(anyones, "status")
        said(anyones, "goto", "up")
        types("ip link set veth0 up; nsenter --net=/run/netns/container-1 ip link set ceth0 up", 7, "✓ .*veth0")
        person.sendline("exit")
        person.expect("The lab goes on")
        assert ended(person) == 0
    assert said(anyones, "reset").count("7/8") == 1  # the lab is made anew, and is where it was
    assert "8/8" in said(anyones, "solve")
    assert "All steps are done" in said(anyones, "solve")
    assert f"{LAB} has ended" in said(anyones, "stop")
    assert "no lab is under way" in said(anyones, "status")


def test_step_by_step_as_a_script(desk: Desk) -> None:
    first = said(desk, "start", LAB, "--no-shell")
    assert "1/8" in first
    for number, step in enumerate(load(find(LAB)).steps, 1):
        report = run_document(desk.script("solve", "--json").stdout)
        assert (report["outcome"], report["lab"]) == ("pass", LAB)
        assert report["steps"][0]["id"] == step.id
        assert [action["command"] for action in report["steps"][0]["actions"]] == [
            action.command() for action in step.actions]
        assert said(desk, "status").count("✓") >= number
        if said(desk, "status").count("✓") == len(STEPS):
            break
    assert "All steps are done" in said(desk, "check")
    done = desk.script("solve")
    assert done.returncode == 4
    assert "all steps are done" in done.stderr
    done = desk.script("reset")
    assert (done.returncode, "begin the step anew: all steps are done" in done.stderr) == (4, True)


def test_check_as_a_script(desk: Desk) -> None:
    said(desk, "start", LAB, "--no-shell")
    said(desk, "check")
    report = json.loads(desk.script("check", "--json").stdout)
    assert (report["outcome"], [step["id"] for step in report["steps"]]) == ("fail", ["namespace"])
    assert {check["outcome"] for check in report["steps"][0]["checks"]} >= {"fail"}
    assert desk.script("check", "--json").returncode == 1
    assert "✗" in said(desk, "check", code=1)


def test_forward_and_back(desk: Desk) -> None:
    said(desk, "start", LAB, "--no-shell")
    for place in ("address", "2", "veth", "1"):
        number = STEPS.index(place) + 1 if place in STEPS else int(place)
        assert f"{number}/{len(STEPS)}" in said(desk, "goto", place)
        assert said(desk, "status").count("✓") == number - 1
        # What was done for the steps before is there, and what came later is not.
        there = said(desk, "shell", "ip", "netns", "list")
        assert ("container-1" in there) == (number > 2)
    done = desk.script("goto", "nowhere")
    assert (done.returncode, done.stdout) == (4, "")
    assert "the lab has no such step" in done.stderr


def test_reset_begins_the_step_anew(desk: Desk) -> None:
    said(desk, "start", LAB, "--no-shell")
    said(desk, "goto", "veth")
    said(desk, "shell", "ip", "link", "add", "rubbish", "type", "veth", "peer", "name", "more")
    said(desk, "shell", "ip", "netns", "del", "container-1")
    said(desk, "reset")
    assert "rubbish" not in said(desk, "shell", "ip", "link")
    assert "container-1" in said(desk, "shell", "ip", "netns")


def test_two_labs_side_by_side(desk: Desk) -> None:
    said(desk, "start", LAB, "--no-shell")
    said(desk, "start", "nat", "--no-shell")
    done = desk.script("check")
    assert done.returncode == 2
    assert "more than one lab is under way" in done.stderr
    assert "1/8" in said(desk, "goto", "1", "--lab", LAB)
    assert {"nat", LAB} <= set(re.findall(r"^([\w-]+), number", said(desk, "status"), re.MULTILINE))
    assert "nat has ended" in said(desk, "stop", "nat")
    assert "nat" not in said(desk, "status")


# With it `ip netns add` does nothing, and says that all is well (ld.so(8), LD_PRELOAD).
LIE = "int unshare(int what) { return 0; } int mount() { return 0; }"
FAKES: dict[str, str] = {
    "an alias": "alias ip=true\nip netns add container-1",
    "a function": "ip() { echo ok; }; ip netns add container-1",
    "another ip": "mkdir /tmp/b; ln -s /bin/true /tmp/b/ip; PATH=/tmp/b:$PATH; ip netns add container-1",
    "a file": "mkdir -p /run/netns; touch /run/netns/container-1",
    "a mount over /proc": "mount -t tmpfs tmpfs /proc; true",
    "a mount over /sys": "mount -t tmpfs tmpfs /sys; true",
    "no prompt": "unset PROMPT_COMMAND; PS1='labhost netns-veth 2/8 # '",
    "spoiled pipes": "rm -rf /run/labrun; mkdir /run/labrun",
    "an answer of one's own": "for f in /run/labrun/[0-9]*; do printf 'netns-veth 8/8\\nall done\\0' > $f; done",
    "another ping": "mount --bind /bin/true /usr/bin/ping; mount --bind /bin/true /bin/ping; true",
    "another iptables": "for p in iptables nft; do mount --bind /bin/true $(readlink -f $(command -v $p)); done; true",
    "a library before all others": f"echo '{LIE}' > /tmp/lie.c; tcc -shared -nostdlib -o /tmp/lie.so /tmp/lie.c; "
                                   "LD_PRELOAD=/tmp/lie.so ip netns add container-1",
    "a killed hook": "labrun_prompt() { :; }; exec {labrun_news}>&-",
    "another judge": "printf '#!/bin/sh\\nexit 0\\n' > /tmp/labrun; chmod +x /tmp/labrun; /tmp/labrun check",
}


@pytest.mark.parametrize("fake", FAKES)
def test_nobody_can_fake_a_pass(desk: Desk, fake: str) -> None:
    """The verdict is the kernel's, found out from outside."""
    with learner(desk) as person:
        said(desk, "check")
        person.sendline(f"{FAKES[fake]}; echo d''one")
        person.expect("done")
        done = desk.script("check", "--json")
        assert done.returncode == 1, done
        assert json.loads(done.stdout)["outcome"] == "fail"
        assert said(desk, "status").count("✓") == 1
        assert "2/8" in said(desk, "goto", "2")  # and the lab can be made anew


def _close_the_terminal(_desk: Desk, person: Person) -> None:
    person.close(force=True)


def _end_the_shell(_desk: Desk, person: Person) -> None:
    person.sendline("kill -9 $$")
    person.expect(pexpect.EOF)


@pytest.mark.parametrize("end", [_close_the_terminal, _end_the_shell])
def test_the_lab_outlives_its_terminal(desk: Desk, end: Callable[[Desk, Person], None]) -> None:
    with learner(desk) as person:
        person.sendline("ip netns add container-1")
        person.expect(prompt(3))
        end(desk, person)
    assert "container-1" in said(desk, "shell", "ip", "netns")
    with_shell = desk.person("shell")
    with_shell.expect(prompt(3))
    with_shell.close(force=True)


@pytest.mark.parametrize("who", ["keeper", "first"])
def test_what_is_killed_leaves_nothing_and_is_told(desk: Desk, who: str) -> None:
    said(desk, "start", LAB, "--no-shell")
    keeper = pid_of(desk)
    if who == "keeper":
        os.kill(keeper, signal.SIGKILL)
    else:
        desk.script("shell", "kill", "-KILL", "1")  # which PID 1 does not hear from its own (pid_namespaces(7))
        [judge] = Path(f"/proc/{keeper}/task/{keeper}/children").read_text().split()
        os.kill(int(judge), signal.SIGKILL)
    wait_for_end(keeper)
    done = desk.script("check")
    assert done.returncode == 2
    assert "its process was killed, or the machine was started anew" in done.stderr
    assert f"labrun start {LAB} --resume brings it back" in done.stderr


def test_what_cannot_be_started_is_told(desk: Desk) -> None:
    done = desk.script("start", "bridge-networkk")
    assert done.returncode == 2
    assert "did you mean 'bridge-network'" in done.stderr
    if os.geteuid() == 0:
        done = desk.script("start", LAB, "--id-map", "subuid")
        assert done.returncode == 3
        assert "the id map 'subuid' cannot be made" in done.stderr
    assert desk.sockets() == []


def test_a_lab_that_was_watched_is_nothing_to_do(desk: Desk) -> None:
    watched = desk.person("run", LAB, "--keep")
    try:
        watched.expect("Ctrl-C ends it")
        done = desk.script("check")
        assert done.returncode == 4
        assert f"next: do it yourself: labrun start {LAB}" in done.stderr
        assert "it was done already, by labrun run" in desk.script("status").stdout
    finally:
        watched.close(force=True)
