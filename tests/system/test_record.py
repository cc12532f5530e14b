"""Somebody types commands, and a lab comes of them that notices every mistake."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pexpect
import pytest
import yaml

from labrunner.catalogue.catalog import find
from labrunner.language.lab import Lab
from labrunner.language.loading import load
from tests.system.desk import Desk, Person, ended

NAME = "mine"
BRIDGE = [action.command() for step in load(find("bridge-network")).steps for action in step.actions]


@contextmanager
def recorder(desk: Desk, *options: str) -> Iterator[Person]:
    """Somebody at the shell of a recording."""
    person = desk.person("record", NAME, str(desk.lab), *options)
    try:
        person.expect(prompt(0))
        yield person
    finally:
        person.close(force=True)


def prompt(steps: int) -> str:
    return rf"labhost\S* recording {NAME} {steps} .*[#$] "


def recorded(desk: Desk, commands: Sequence[str], *options: str) -> tuple[Lab, str]:
    """The lab that comes of commands, and what was told meanwhile."""
    told = ""
    with recorder(desk, *options) as person:
        for command in commands:
            person.sendline(command)
            person.expect(r"recording \S+ \d+ .*[#$] ")
            told += str(person.before)
        person.sendline("exit")
        person.expect("does it notice every mistake")
        assert ended(person) == 0
    return load(str(desk.lab / NAME / "lab.yaml")), told


def test_bridge_network_typed_is_a_lab_without_survivors(desk: Desk) -> None:
    """All of the mistakes by hand, with LABRUN_TEST_MISTAKES=1: that takes 20 s."""
    lab, _ = recorded(desk, BRIDGE)
    part = f"1/{os.environ.get('LABRUN_TEST_MISTAKES') or 3}"
    done = desk.script("test", lab.about.path, "--part", part, timeout=120)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert re.search(r"(\d+) of \1 mistakes noticed \(100 %\)", done.stdout), done.stdout


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_anybody_in_any_shell_records_the_same(anyones: Desk, shell: str) -> None:
    os.chown(anyones.lab, anyones.user.uid, anyones.user.gid)
    (anyones.lab / "lab.yaml").unlink()
    lab, _ = recorded(anyones, BRIDGE, "--shell", shell)
    assert [action.command() for step in lab.steps for action in step.actions] == BRIDGE
    assert sum(len(step.holds) for step in lab.steps) == 37
    assert anyones.script("lint", lab.about.path).returncode == 0
    assert anyones.script("run", lab.about.path).returncode == 0


def test_only_what_is_the_same_each_time_is_checked(desk: Desk) -> None:
    lab, _ = recorded(desk, BRIDGE[:8])
    text = Path(lab.about.path).read_text("utf-8")
    checks = yaml.safe_dump([step["check"] for step in yaml.safe_load(text)["steps"]])
    assert not re.search(r"mac|ifindex|\bpid\b|counter|[0-9a-f]{2}(:[0-9a-f]{2}){5}", checks)


def test_what_is_written_at_once(desk: Desk) -> None:
    """After each command; so whoever is killed has lost nothing."""
    path = desk.lab / NAME / "lab.yaml"
    with recorder(desk) as person:
        person.sendline("ip addr; ping -c 1 127.0.0.1; ls /; true")  # which only look
        person.expect(prompt(0))
        assert not path.exists()
        for number, command in enumerate(("sudo ip netns add red", "ip -n red link set lo up"), 1):
            person.sendline(command)
            person.expect(f"● step {number}, 1 check")
            person.expect(prompt(number))
            assert len(load(str(path)).steps) == number
        person.kill(signal.SIGKILL)
        person.expect(pexpect.EOF)
    lab = load(str(path))
    assert [step.title for step in lab.steps] == ["ip netns add red", "ip -n red link set lo up"]
    assert lab.steps[1].needs == ("ip-netns-add-red",)


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_what_is_typed_in_a_netns(desk: Desk, shell: str) -> None:
    lab, told = recorded(desk, [
        "ip netns add red", "sudo ip netns exec red bash", "sudo ip link set lo up", "ip addr add 10.0.0.1/24 dev lo",
        "for n in 1 2; do ip addr add 10.0.$n.1/24 dev lo; done", "exit", "ip netns add blue"], "--shell", shell)
    assert [action.command() for step in lab.steps for action in step.actions] == [
        "ip netns add red", "ip -n red link set lo up", "ip -n red addr add 10.0.0.1/24 dev lo",
        "ip netns exec red sh -c 'for n in 1 2; do ip addr add 10.0.$n.1/24 dev lo; done'", "ip netns add blue"]
    assert "left out" not in told
    done = desk.script("run", lab.about.path)
    assert done.returncode == 0, done.stdout


def test_folders_variables_and_files(desk: Desk) -> None:
    lab, told = recorded(desk, [
        "cd /tmp", "mkdir -p www && echo hello > www/index.html", "N=red", "ip netns add $N && ip -n $N link set lo up",
        "(python3 -m http.server 8080 -d /tmp/www > /dev/null 2>&1 &)", "nft add table ip mine",
        "for n in 1 2; do ip addr add 10.0.$n.1/24 dev lo; done"])
    assert [len(step.actions) for step in lab.steps] == [4, 3]
    assert "no check sees what this does; it goes to the beginning of the next step: nft add table ip mine" in " ".join(
        told.split())
    done = desk.script("run", lab.about.path)
    assert done.returncode == 0, done.stdout


def test_what_comes_and_goes(desk: Desk) -> None:
    """What a later step undoes is checked until then."""
    lab, _ = recorded(desk, ["ip link add v type veth peer name w", "ip link set v up", "ip link del v"])
    assert [[holds.until for holds in step.holds] for step in lab.steps] == [
        ["ip-link-del-v", "ip-link-del-v"], ["ip-link-del-v"], ["", ""]]
    assert desk.script("test", lab.about.path).returncode == 0


def test_what_is_left_out_is_told(desk: Desk) -> None:
    with recorder(desk) as person:
        person.sendline("ip netns add red")
        person.expect(prompt(1))
        person.sendline("sh")
        person.expect("# ")
        person.sendline("ip link add v type veth peer name w")
        person.sendline("exit")
        person.expect("left out: sh: .*waits for a person")
        person.sendline("echo '{{' && ip link set lo down")
        person.expect("left out: .*begin a template")
        person.expect(prompt(1))


def test_nothing_was_recorded(desk: Desk) -> None:
    with recorder(desk) as person:
        person.sendline("ls")
        person.expect(prompt(0))
        person.sendline("exit")
        person.expect("Nothing was recorded")
        assert ended(person) == 1
    assert not (desk.lab / NAME).exists()


def test_what_cannot_be_recorded(desk: Desk) -> None:
    done = desk.script("record", NAME, str(desk.lab))
    assert (done.returncode, "a lab is recorded at a terminal" in done.stderr) == (2, True)
    for name in ("Not A Name", "nat"):
        assert desk.script("record", name).returncode == 2
    recorded(desk, ["ip netns add red"])
    done = desk.script("record", NAME, str(desk.lab))
    assert "exists already" in done.stderr


def test_a_folder_that_cannot_be_written(desk: Desk) -> None:
    (desk.lab / NAME).write_text("a file")
    with recorder(desk) as person:
        person.sendline("ip netns add red")
        person.expect("! not written: ")
        person.expect(prompt(1))


def test_nobody_else_is_asked_for_a_step(desk: Desk) -> None:
    with recorder(desk) as person:
        done = desk.script("check")
        assert (done.returncode, "it is being recorded" in done.stderr) == (4, True)
        person.sendline("labrun check")
        person.expect("a lab is being recorded here")
        person.expect(prompt(0))
