"""The daemons of a lab, real ones: containerd started, killed and started again; and those that die or hang."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import Any

import pytest

from labrunner.actions.start_containerd import StartContainerd
from runtime.errors import Problem
from runtime.facts.snapshot import Snapshot
from runtime.oci import docker_daemon
from runtime.oci.shim import containerd
from tests.bundles import make
from tests.conftest import Lab

InSandbox = Callable[..., Any]
PATIENCE = 5.0  # seconds


def begin(lab: Lab, *names: str) -> None:
    """A containerd, and containers of it that sleep."""
    StartContainerd().apply(lab.host)
    for name in names:
        make(lab, bundle=f"/tmp/{name}")
        lab.shell(f"sed -i 's|\"path\": \"rootfs\"|\"path\": \"/tmp/{name}/rootfs\"|' /tmp/{name}/config.json && "
                  f"ctr run --detach --config /tmp/{name}/config.json {name}")


def told(lab: Lab) -> str:
    """What is said when it is started."""
    try:
        StartContainerd().apply(lab.host)
    except Problem as problem:
        return str(problem)
    return ""


def daemon(lab: Lab) -> int:
    return int(lab.shell("cat /run/containerd/pid"))


def kill(lab: Lab, pid: int) -> None:
    lab.shell(f"kill -KILL {pid}")
    assert lab.sandbox.wait_for_end(pid, PATIENCE)


def look(lab: Lab) -> Snapshot:
    lab.observer._root = lab.sandbox.root
    return lab.observer.observe()


def containers(snapshot: Snapshot) -> dict[str, tuple[int, str]]:
    return {each.name: (each.pid, each.status) for each in snapshot.containers}


def _once(lab: Lab) -> tuple[str, str, bool]:
    first = told(lab)
    pid, started = daemon(lab), monotonic()
    again = told(lab)
    assert monotonic() - started < 2
    return first, again, daemon(lab) == pid and "Server:" in lab.shell("ctr version")


def test_it_answers_and_a_second_one_is_refused_without_harm(in_sandbox: InSandbox) -> None:
    first, again, goes_on = in_sandbox(_once)
    assert first == ""
    assert "containerd runs already: PID " in again
    assert goes_on


def _listed(lab: Lab) -> tuple[dict[str, tuple[int, str]], dict[str, tuple[int, str]], list[tuple[str, int]]]:
    begin(lab, "c1", "c2")
    lab.shell("ctr task kill --signal KILL c2 && until ctr task ls | grep -q 'c2.*STOPPED'; do :; done")
    rows = [line.split() for line in lab.shell("ctr task ls").splitlines()[1:]]
    found = look(lab)
    shims = [(shim.program, shim.process.parent) for name in ("c1", "c2") if (shim := found.shim(name))]
    return {name: (int(pid), status.lower()) for name, pid, status in rows}, containers(found), shims


def test_what_is_seen_is_what_ctr_lists(in_sandbox: InSandbox) -> None:
    listed, seen, shims = in_sandbox(_listed)
    assert seen["c1"] == listed["c1"]
    assert listed["c2"][1] == seen["c2"][1] == "stopped"
    assert shims == [("containerd-shim", 1)] * 2


def _attached(lab: Lab) -> tuple[str, str]:
    begin(lab, "c1")
    try:
        lab.host.shims.attach("c1")
    except Problem as problem:
        return str(problem), problem.mend
    raise AssertionError("it was let in")


def test_its_client_lets_in_and_no_other(in_sandbox: InSandbox) -> None:
    assert in_sandbox(_attached) == ("attach to c1: ctr has made it, and lets in itself",
                                     "labrun shell ctr task attach c1")


def _survived(lab: Lab) -> tuple[bool, str, str]:
    begin(lab, "c1")
    before = look(lab)
    kill(lab, daemon(lab))
    between = look(lab)
    again = told(lab)
    after = look(lab)
    same = [(snapshot.process(snapshot.container("c1").pid), containers(snapshot))  # type: ignore[union-attr]
            for snapshot in (before, between, after)]
    return same[0] == same[1] == same[2], again, lab.shell("ctr task exec --exec-id e1 c1 sh -c 'echo in here'")


def test_its_containers_live_on_and_it_finds_them_again(in_sandbox: InSandbox) -> None:
    assert in_sandbox(_survived) == (True, "", "in here\n")


def _without_shim(lab: Lab) -> tuple[list[str], str]:
    begin(lab, "c1")
    before = look(lab)
    shim, container = before.shim("c1"), before.container("c1")
    assert shim
    assert container
    kill(lab, shim.process.pid)
    lab.shell("until ctr task ls | grep -q 'c1.*\\(STOPPED\\|UNKNOWN\\)' || ! ctr task ls | grep -q c1; do :; done")
    after = look(lab)
    return [str(after.shim("c1"))], lab.shell("ctr containers ls -q").strip()


def test_a_shim_that_is_killed_is_gone_and_containerd_knows(in_sandbox: InSandbox) -> None:
    assert in_sandbox(_without_shim) == (["None"], "c1")


def _fake(lab: Lab, program: str, script: str, seconds: int) -> tuple[str, float, list[str]]:
    """What is said when another program is called so, how long it takes, and what is left of it."""
    containerd._SECONDS = docker_daemon._SECONDS = seconds
    lab.sandbox.write(f"/tmp/{program}", f"#!/bin/sh\n{script}\n")
    lab.shell(f"chmod +x /tmp/{program}")
    command, started = COMMANDS[program]().replace(f"setsid {program} ", f"setsid /tmp/{program} "), monotonic()
    try:
        lab.host.shell(command)
    except Problem as problem:
        says = problem.why
    else:
        raise AssertionError("it was taken for one that answers")
    took = monotonic() - started
    deadline = monotonic() + PATIENCE
    while (left := [each.command for each in look(lab).processes if f"/tmp/{program}" in each.command]) \
            and monotonic() < deadline:
        pass
    return says, took, left


COMMANDS = {"containerd": containerd.command, "dockerd": docker_daemon.command}


@pytest.mark.parametrize("program", COMMANDS)
@pytest.mark.parametrize(("script", "seconds", "least", "most"), [
    ("echo one; echo no room >&2; exit 1", 10, 0, 2),
    ("echo I wait; sleep 1000", 1, 0.9, 3),
    ("trap '' TERM; echo I wait; sleep 1000 & wait", 1, 0.9, 3),
])
def test_one_that_dies_or_hangs_is_quoted_and_ended(in_sandbox: InSandbox, program: str, script: str, seconds: int,
                                                    least: float, most: float) -> None:
    says, took, left = in_sandbox(_fake, program, script, seconds)
    assert says == ("one\nno room" if seconds == 10 else "I wait")
    assert least <= took < most
    assert left == []
