"""Runtimes and shims that are not there, hang, or say strange things; a full disk.

Each is told in time, and leaves nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic, sleep
from typing import Any, NamedTuple

import pytest

from labrunner.action import Action
from labrunner.actions.converse import Converse
from labrunner.actions.create_container import CreateContainer
from labrunner.actions.create_with_shim import CreateWithShim
from labrunner.actions.edit_config import EditConfig
from labrunner.actions.exec_with_shim import ExecWithShim
from labrunner.actions.export_rootfs import ExportRootfs
from labrunner.actions.start_container import StartContainer
from labrunner.actions.start_docker import StartDocker
from labrunner.actions.write_spec import WriteSpec
from runtime import programs
from runtime.errors import Problem, Refused
from runtime.facts.observer import Observer
from runtime.oci import containers
from runtime.oci.shim import starting
from tests.bundles import BUNDLE, look_after, make
from tests.conftest import Lab

InSandbox = Callable[..., Any]
CREATE = CreateContainer(name="c1", bundle=BUNDLE)
CREATE_WITH_SHIM = CreateWithShim(name="c1", bundle=BUNDLE)
EXEC_WITH_SHIM = ExecWithShim(container="c1", name="e1", command="true")


class Told(NamedTuple):
    kind: str
    says: str
    mend: str
    seconds: float
    left: list[str]


def _tell(lab: Lab, action: Action) -> Told:
    started = monotonic()
    try:
        action.apply(lab.host)
    except Problem as problem:
        told = type(problem).__name__, str(problem), problem.mend
    else:
        told = "", "", ""
    seconds = monotonic() - started
    while (left := _left(lab)) and monotonic() < started + 5:
        sleep(0.001)  # what was killed needs a moment to end
    return Told(*told, seconds, left)


def _left(lab: Lab) -> list[str]:
    """Processes and containers."""
    snapshot = Observer(lab.namespaces, lab.sandbox.proc, root=lab.sandbox.root).observe()
    left = [process.command for process in snapshot.processes if process.pid != 1 and not process.ended]
    return left + [each.name for each in snapshot.containers]


def _with_fake(lab: Lab, script: str, action: Action, program: str = "runc") -> Told:
    make(lab)
    path = f"/run/labrun/bin/{program}"
    lab.shell(f"cat > {path} <<'END'\n#!/bin/sh\n{script}\nEND\nchmod 755 {path}")
    containers._PATIENCE = starting._PATIENCE = 0.5
    return _tell(lab, action)


RUBBISH = "head -c 3000000 /dev/urandom; head -c 3000000 /dev/urandom >&2"


@pytest.mark.parametrize(("script", "says"), [
    ("sleep 1000", "did not end within 0.5 s and was killed"),
    ("sleep 1000 & sleep 1000", "did not end within 0.5 s and was killed"),
    ("trap '' TERM INT HUP; while :; do :; done", "did not end within 0.5 s and was killed"),
    ("exit 0", "exit status 0, and yet there is no such container"),
    (f"{RUBBISH}; exit 0", "exit status 0, and yet there is no such container"),
    (f"{RUBBISH}; exit 7", "exit status 7: "),
    ("exit 5", "exit status 5: it said nothing"),
    ("kill -9 $$", "exit status 137: Killed"),
    ("echo 'time=\"now\" level=error msg=\"a \\\\\"b\\\\\" c\"' >&2; exit 1", 'exit status 1: a "b" c'),
    ("echo 'time=\"now\" level=warning msg=\"careful\"' >&2; echo no >&2; exit 1", "exit status 1: no"),
])
def test_what_a_strange_runtime_leads_to(in_sandbox: InSandbox, script: str, says: str) -> None:
    told = in_sandbox(_with_fake, script, CREATE)
    assert told.kind == "Refused"
    assert told.says.startswith("runc create --bundle /tmp/c1 --pid-file /run/c1.pid c1: ")
    assert says in told.says
    assert len(told.says) < 3000
    assert "runc" in told.mend
    assert told.seconds < 5
    assert told.left == []


# Shims

NO_WORD, LATE = "conmon ended without a word", "did not end within 0.5 s and was killed"
NESTED = "head -c 90000 /dev/zero | tr '\\0' '[' >&3"


@pytest.mark.parametrize("action", [CREATE_WITH_SHIM, EXEC_WITH_SHIM], ids=["create", "exec"])
@pytest.mark.parametrize(("script", "says"), [
    ("sleep 1000", LATE),
    ("sleep 1000 &", LATE),
    ("trap '' TERM INT HUP; while :; do :; done", LATE),
    ("exit 0", NO_WORD),
    ("exit 7", NO_WORD),
    ("echo it is Monday >&2; exit 1", "it is Monday"),
    (f"{RUBBISH}; exit 0", ""),
    ("head -c 3000000 /dev/urandom >&3", ""),
    ("yes >&3", "y"),
    (NESTED, "[[["),
    ("echo '[]' >&3", "[]"),
    ("echo '{}' >&3", "{}"),
    ("echo '{\"data\": \"seven\"}' >&3", "seven"),
    ("echo '{\"data\": null}' >&3", "null"),
    ("echo '{\"data\": Infinity}' >&3", "Infinity"),
    ("echo '{\"data\": NaN}' >&3", "NaN"),
    ("echo '{\"data\": -1}' >&3", "status -1"),
    ("echo '{\"data\": -1, \"message\": {\"a\": 5}}' >&3", "{'a': 5}"),
    ("echo '{\"data\": -1, \"message\": \"no cookies\"}' >&3", "no cookies"),
])
def test_what_a_strange_shim_leads_to(in_sandbox: InSandbox, script: str, says: str, action: Action) -> None:
    told = in_sandbox(_with_fake, script, action, "conmon")
    assert told.kind == "Refused"
    assert told.says.startswith(f"start a shim for {'c1' if action is CREATE_WITH_SHIM else 'e1'}: ")
    assert says in told.says
    assert len(told.says) < 3000
    assert "conmon" in told.mend or "runc list" in told.mend
    assert told.seconds < 5
    assert told.left == []


def test_a_shim_that_lies(in_sandbox: InSandbox) -> None:
    told = in_sandbox(_with_fake, "echo '{\"data\": 5}' >&3", CREATE_WITH_SHIM, "conmon")
    assert told.says == "start a shim for c1: it says that it has done it, and yet there is no such container"
    assert told.mend == "see whether conmon and runc are what they should be: command -v conmon runc"


@pytest.mark.parametrize(("script", "says"), [
    ("sleep 1000", LATE),
    ("sleep 1000 & sleep 1000", LATE),
    ("setsid sleep 1000 & sleep 1000", LATE),
    ("trap '' TERM INT HUP; while :; do :; done", LATE),
    ("exit 0", ""),
    ("exit 7", ""),
    (f"{RUBBISH}; exit 7", ""),
    ("echo 'time=\"now\" level=error msg=\"no cookies\"' >&2; exit 1", "no cookies"),
])
def test_what_a_strange_runtime_leads_a_shim_to(in_sandbox: InSandbox, script: str, says: str) -> None:
    told = in_sandbox(_with_fake, script, CREATE_WITH_SHIM)
    assert told.kind == "Refused"
    assert told.says.startswith("start a shim for c1: ")
    assert says in told.says
    assert len(told.says) < 3000
    assert told.mend
    assert told.seconds < 5
    assert told.left == []


# Configs, and programs that are not there


@pytest.mark.parametrize(("rubbish", "says", "mend"), [
    ("head -c 5000 /dev/urandom", "it is no text of at most 64 KiB", "ls -l"),
    ("head -c 5000 /dev/urandom | base64", "it is not JSON: ", "cat"),
])
def test_rubbish_for_a_config(in_sandbox: InSandbox, rubbish: str, says: str, mend: str) -> None:
    told = in_sandbox(_rubbish_config, f"{rubbish} > {BUNDLE}/config.json")
    assert told.kind == "Refused"
    assert told.says.startswith(f"edit /tmp/c1/config.json: {says}")
    assert told.mend == f"{mend} /tmp/c1/config.json"


def _rubbish_config(lab: Lab, script: str) -> Told:
    assert _with_fake(lab, script, WriteSpec(bundle=BUNDLE)).kind == ""
    return _tell(lab, EditConfig(bundle=BUNDLE, at="hostname", set="x"))


@pytest.mark.parametrize(("action", "says", "mend"), [
    (WriteSpec(bundle=BUNDLE), "runc is not installed", "sudo apt install runc"),
    (StartContainer(name="c1", runtime="crun"), "crun is not installed", "sudo apt install crun"),
    (CREATE_WITH_SHIM, "conmon is not installed", "sudo apt install conmon"),
    (EXEC_WITH_SHIM, "conmon is not installed", "sudo apt install conmon"),
    (StartDocker(), "dockerd is not installed", "sudo apt install docker.io"),
])
def test_what_is_not_installed(in_sandbox: InSandbox, action: Action, says: str, mend: str) -> None:
    told = in_sandbox(_without_programs, action)
    assert (told.kind, told.mend) == ("Missing", mend)
    assert told.says.startswith(says)


def _without_programs(lab: Lab, action: Action) -> Told:
    programs.PATH = "/nowhere"
    return _tell(lab, action)


# A full disk


def _full(lab: Lab, action: Action) -> tuple[Told, str]:
    make(lab)
    before = lab.shell(f"sha256sum {BUNDLE}/config.json")
    lab.sandbox.run(["sh", "-c", "cat /dev/zero > /tmp/fill"])
    told = _tell(lab, action)
    assert lab.shell(f"sha256sum {BUNDLE}/config.json") == before
    return told, lab.shell(f"ls {BUNDLE}")


@pytest.mark.parametrize("action", [
    WriteSpec(bundle="/tmp/c2"), ExportRootfs(to="/tmp/c2/rootfs"), EditConfig(bundle=BUNDLE, at="hostname", set="x")],
    ids=lambda action: type(action).__name__)
def test_a_full_disk_is_told_and_nothing_is_lost(in_sandbox: InSandbox, action: Action) -> None:
    told, there = in_sandbox(_full, action)
    assert told.kind == "Refused"
    assert "o space left on device" in told.says
    assert "df -h" in told.mend
    assert there.split() == ["config.json", "rootfs"]
    assert told.seconds < 5


@pytest.mark.parametrize(("runtime", "says"), [
    ("runc", "unable to store init state"), ("crun", "No space left on device")])
def test_a_full_disk_where_the_runtime_keeps_its_state(in_sandbox: InSandbox, runtime: str, says: str) -> None:
    told = in_sandbox(_full_run, CreateContainer(name="c1", bundle=BUNDLE, runtime=runtime))
    assert told.kind == "Refused"
    assert told.says.startswith(f"{runtime} create --bundle /tmp/c1 --pid-file /run/c1.pid c1: exit status 1: ")
    assert says in told.says
    assert told.mend == "a folder is full: df -h /tmp/c1 /run"
    assert told.seconds < 5
    assert told.left == []


@pytest.mark.parametrize(("runtime", "says"), [
    ("runc", "unable to store init state"), ("crun", "No space left on device")])
def test_a_full_disk_where_the_shim_keeps_its_files(in_sandbox: InSandbox, runtime: str, says: str) -> None:
    told = in_sandbox(_full_run, CreateWithShim(name="c1", bundle=BUNDLE, runtime=runtime))
    assert told.kind == "Refused"
    assert told.says.startswith("start a shim for c1: ")
    assert says in told.says
    assert told.mend == "a folder is full: df -h /tmp/c1 /run"
    assert told.seconds < 5
    assert told.left == []


def _full_run(lab: Lab, action: CreateContainer | CreateWithShim) -> Told:
    make(lab, action.tool)
    _fill_run(lab)
    return _tell(lab, action)


def _fill_run(lab: Lab) -> None:
    lab.sandbox.run(["sh", "-c", "cat /dev/zero > /run/fill1; cat /dev/zero > /run/fill2"])


@pytest.mark.parametrize("runtime", ["runc", "crun"])
def test_a_full_disk_where_a_session_keeps_its_files(in_sandbox: InSandbox, runtime: str) -> None:
    """Whoever runs can still be talked with, though what it prints is kept nowhere."""
    says, mend, there = in_sandbox(_full_session, runtime)
    assert says.startswith("start a shim for e1: ")
    assert mend == "a folder is full: df -h"
    assert there == ["c1"]


def _full_session(lab: Lab, runtime: str) -> tuple[str, str, list[str]]:
    look_after(lab, runtime)
    _fill_run(lab)
    with pytest.raises(Refused) as raised:
        ExecWithShim(container="c1", name="e1", command="true", runtime=runtime).apply(lab.host)
    Converse(container="c1", lines=[{"type": "echo a$((1+1))", "expect": "a2"}]).apply(lab.host)
    snapshot = Observer(lab.namespaces, lab.sandbox.proc, root=lab.sandbox.root).observe()
    return str(raised.value), raised.value.mend, [each for each in ("c1", "e1") if snapshot.shim(each)]


# Programs that end


@pytest.mark.parametrize("runtime", ["runc", "crun"])
def test_a_program_that_ends_at_once(in_sandbox: InSandbox, runtime: str) -> None:
    assert in_sandbox(_ends_at_once, runtime) == ["stopped"]


def _ends_at_once(lab: Lab, runtime: str) -> list[str]:
    make(lab, runtime, '"true"')
    observer = Observer(lab.namespaces, lab.sandbox.proc, root=lab.sandbox.root)
    CreateContainer(name="c1", bundle=BUNDLE, runtime=runtime).apply(lab.host)
    StartContainer(name="c1", runtime=runtime).apply(lab.host)
    [container] = observer.observe().containers
    if container.pid:
        assert lab.sandbox.wait_for_end(container.pid, 5)
    return [each.status for each in observer.observe().containers]
