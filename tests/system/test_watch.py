"""A second terminal that follows the lab, whatever changes it."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from labrunner.catalogue.catalog import find
from labrunner.language.loading import load
from tests.system.desk import Desk, ended
from tests.system.learning import LAB, learner, pid_of, prompt, said, wait_for_end
from tests.system.raw_netlink import PROGRAM
from tests.system.screen import Screen

_PATIENCE = 10.0  # seconds


@contextmanager
def watching(desk: Desk, *options: str, rows: int = 24, columns: int = 80) -> Iterator[Screen]:
    person = desk.person("watch", *options, rows=rows, columns=columns)
    try:
        yield Screen(person, rows, columns)
    finally:
        person.close(force=True)


def test_it_follows_the_lab(anyones: Desk) -> None:
    said(anyones, "start", "bridge-network", "--no-shell")
    with watching(anyones, rows=40) as screen:
        screen.shows("→ A network of its own")

        def does(command: str, *patterns: str) -> None:
            said(anyones, "shell", "sh", "-c", command)
            for pattern in patterns:
                screen.shows(pattern)

        does("ip netns add container-1", "✓ A network of its own", "→ A wire between", r"^  container-1$")
        does("ip link add veth0 type veth peer name ceth0 netns container-1", "✓ container-1 has exactly")
        does("ip addr add 192.168.0.1/24 dev veth0; ip link set veth0 up", "✓ veth0 in labhost is",
             r"veth0 192.168.0.1/24 ── ceth0 DOWN  container-1")
        does("ip -n container-1 link set ceth0 up; ip -n container-1 addr add 192.168.0.2/24 dev ceth0",
             "✓ A wire between", "→ A second container")
        does("ip link set veth0 down", "✗ veth0 in labhost is a veth", "· 192.168.0.2 answers labhost")
        does("ip link set veth0 up; ip addr replace 192.168.0.1/24 dev veth0", "→ A second container")
        screen.shows(r"\A[^✗]*\Z")
        said(anyones, "hint")
        screen.shows(r"A second container.* \(1 hint\)")
        said(anyones, "goto", "6")
        screen.shows("→ The host becomes a router")
        does("echo 1 > /proc/sys/net/ipv4/ip_forward", "labhost, forwards packets", "→ A rule that never")
        does("iptables -t nat -A POSTROUTING -s 172.18.0.0/16 ! -o br0 -j MASQUERADE", "NAT ip saddr 172.18.0.0/16",
             "→ Out into")
        said(anyones, "solve")
        screen.shows("All steps are done")
        screen.person.send("q")
        assert ended(screen.person) == 0


def test_a_tool_that_nobody_has_heard_of(desk: Desk) -> None:
    """A program that talks to the kernel by itself."""
    said(desk, "start", "bridge-network", "--no-shell")
    said(desk, "goto", "2")
    with watching(desk) as screen:
        screen.shows("· veth0 in labhost")
        said(desk, "shell", "python3", "-c", PROGRAM, "veth0", "ceth0")
        screen.shows("veth0 DOWN ── ceth0 DOWN|ceth0 DOWN ── veth0 DOWN")


def test_the_shell_is_told_what_the_watcher_has_seen(desk: Desk) -> None:
    """A step that was passed while somebody watched is told at the prompt all the same."""
    with learner(desk) as person, watching(desk) as screen:
        screen.shows("✓ What a host has")
        said(desk, "shell", "ip", "netns", "add", "container-1")
        screen.shows("✓ A network stack|✓ .*of its own|→ .*")
        person.sendline("true")
        person.expect("netns container-1")
        person.expect(prompt(3))
        assert "→ lo" not in screen.text


def test_a_small_window(desk: Desk) -> None:
    said(desk, "start", "bridge-network", "--no-shell")
    said(desk, "goto", "4")
    with watching(desk, rows=24, columns=60) as screen:
        text = screen.shows("3 steps done")
        assert "→ A bridge joins" in text
        assert "4 steps to go" in screen.shows("steps to go|labhost")
        screen.resize(50, 100)
        assert "✓ A second container" in screen.shows("✓ A network of its own")


def _q(screen: Screen) -> None:
    screen.person.send("q")


def _interrupt(screen: Screen) -> None:
    screen.person.sendcontrol("c")


def _terminate(screen: Screen) -> None:
    screen.person.kill(signal.SIGTERM)


@pytest.mark.parametrize(("leave", "code"), [(_q, 0), (_interrupt, 0), (_terminate, 143)])
def test_leaving_leaves_the_terminal_as_it_was(desk: Desk, leave: Callable[[Screen], None], code: int) -> None:
    said(desk, "start", LAB, "--no-shell")
    person = desk.person("-c", f"{desk.labrun} watch; echo code $?; stty -a", program="/bin/sh")
    try:
        person.expect(r"\x1b\[\?1049h\x1b\[\?25l")
        person.expect("What a host has")
        if leave is _terminate:
            [shell_child] = Path(f"/proc/{person.pid}/task/{person.pid}/children").read_text("ascii").split()
            os.kill(int(shell_child), signal.SIGTERM)
        else:
            leave(Screen(person))
        person.expect(r"\x1b\[\?25h\x1b\[\?1049l")
        person.expect(rf"code {code}\b")
        person.expect(r"[^-]icanon[\s\S]*[^-]echo ")
    finally:
        person.close(force=True)
    assert pid_of(desk), "the lab goes on"


def test_the_end_of_the_lab(desk: Desk) -> None:
    said(desk, "start", LAB, "--no-shell")
    with watching(desk) as screen:
        screen.shows("What a host has")
        said(desk, "stop")
        screen.person.expect("it has ended")
        assert ended(screen.person) == 4


def test_a_watcher_who_dies_stops_nobody(desk: Desk) -> None:
    said(desk, "start", LAB, "--no-shell")
    for _ in range(3):
        with watching(desk) as screen:
            screen.shows("What a host has")
            screen.person.kill(signal.SIGKILL)
    said(desk, "shell", "ip", "netns", "add", "container-1")
    assert "3/8" in said(desk, "check") + said(desk, "check", code=1) + said(desk, "goto", "3")


def test_without_a_terminal(desk: Desk) -> None:
    """Each state after the other, and nothing that steers a terminal."""
    said(desk, "start", LAB, "--no-shell")
    with desk.start("watch", stdout=subprocess.PIPE, stderr=subprocess.PIPE) as watcher:
        said(desk, "solve")
        said(desk, "solve")
        said(desk, "stop")
        out, err = watcher.communicate(timeout=20)
    assert "\x1b" not in out
    assert "→" in out
    assert (watcher.returncode, "it has ended" in err) == (4, True)


def test_nothing_to_watch(desk: Desk) -> None:
    done = desk.script("watch")
    assert (done.returncode, done.stdout) == (2, "")
    assert "no lab is under way" in done.stderr


def test_whoever_keeps_the_lab_listens_only_while_somebody_watches(desk: Desk) -> None:
    said(desk, "start", LAB, "--no-shell")
    keeper = pid_of(desk)
    [judge] = Path(f"/proc/{keeper}/task/{keeper}/children").read_text("ascii").split()

    def descriptors() -> int:
        said(desk, "status")
        return len(os.listdir(f"/proc/{judge}/fd"))

    before = descriptors()
    with watching(desk) as screen:
        screen.shows("What a host has")
        assert descriptors() > before + 3
    deadline = time.monotonic() + _PATIENCE
    while descriptors() > before and time.monotonic() < deadline:
        pass
    assert descriptors() <= before
    os.kill(keeper, signal.SIGTERM)
    wait_for_end(keeper)


SILENT = """
title: What the kernel tells nobody of
steps:
  - id: filter
    title: A setting
    teach: Set it.
    do:
      - set_sysctl: {name: net.ipv4.ip_forward, value: 1}
    check:
      - sysctl: {name: net.ipv4.ip_forward, value: 1}
    claims:
      - says: and a filter is set, and a process runs
        check:
          - sysctl: {name: net.ipv4.conf.lo.rp_filter, value: 2}
          - process: {command: sleep 99}
"""


def test_what_sends_no_event_is_seen_all_the_same(desk: Desk) -> None:
    """Although only a claim asks for it, and the step's own check is for what is told."""
    (desk.lab / "lab.yaml").write_text(SILENT)
    said(desk, "start", str(desk.lab), "--no-shell")
    with watching(desk) as screen:
        screen.shows("· net.ipv4.ip_forward is 1")
        said(desk, "shell", "sysctl", "-w", "net.ipv4.ip_forward=1", "net.ipv4.conf.lo.rp_filter=2")
        screen.shows("✓ net.ipv4.ip_forward is 1")
        said(desk, "shell", "sh", "-c", "sleep 99 > /dev/null 2>&1 &")
        screen.shows("All steps are done")


def test_of_a_bridged_network_the_kernel_tells_all() -> None:
    checks = [check for step in load(find("bridge-network")).steps for check in step.checks]
    assert [check.claim() for check in checks if not check.is_told()] == []
    assert not all(check.is_told() for step in load(find("runc-lifecycle")).steps for check in step.checks)
