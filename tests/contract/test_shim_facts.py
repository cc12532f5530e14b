"""Shims, the exit statuses that they keep, and containers of others, as they are seen from outside."""

from __future__ import annotations

import json
import re
import tracemalloc
from collections.abc import Callable
from time import monotonic
from typing import Any

import pytest

from runtime.facts.containers import Container
from runtime.facts.observer import Observer
from runtime.facts.processes import Process
from runtime.facts.shims import Shim, shims
from runtime.facts.snapshot import Snapshot
from tests.bundles import BUNDLE, RUNTIMES, look_after, make, start
from tests.conftest import Lab

InSandbox = Callable[..., Any]


def _observe(lab: Lab) -> Snapshot:
    return Observer(lab.namespaces, lab.sandbox.proc, root=lab.sandbox.root).observe()


# Command lines

PODMAN = ("/usr/bin/conmon --api-version 1 -c c1 -u c1 -r /usr/bin/crun -b /b -p /b/pidfile -n web --exit-dir /e "
          "--full-attach -l k8s-file:/l --log-level warning --runtime-arg --log-format=json -t "
          "--conmon-pidfile /p --exit-command /usr/bin/podman --exit-command-arg --root --exit-command-arg cleanup")
LINES: dict[str, tuple[str, str, bool]] = {  # name of what it looks after, container, terminal
    "conmon --cid c1 --cuuid c1": ("c1", "c1", False),
    "conmon --cid=c1 --cuuid=c1 --terminal": ("c1", "c1", True),
    "conmon -c c1 -u c1 -t": ("c1", "c1", True),
    "/usr/libexec/podman/conmon -t -u c1 -c c1": ("c1", "c1", True),
    PODMAN: ("c1", "c1", True),
    "conmon --cid c1 --cuuid e1 --exec": ("e1", "c1", False),
    "conmon -e -c c1 -u e1": ("e1", "c1", False),
    "conmon --cid=c1 -e --cuuid=e1 --exec-process-spec /x -t": ("e1", "c1", True),
    "conmon --version": ("", "", False),
    "conmon --cid": ("", "", False),
    "/usr/bin/containerd-shim-runc-v2 -namespace default -id c1 -address /run/x": ("c1", "c1", False),
    "containerd-shim-runc-v2 -namespace moby -id f00 -address /run/x": ("web", "web", False),
    "containerd-shim --id c1": ("c1", "c1", False),
}
OTHERS = ("", "containerd-shim-runc-v2 -namespace default -id c1 -bundle /b delete",
          "conmonitor --cid c1", "sh -c conmon", "vi conmon", "containerd --id c1", "[conmon]", "runc create c1")


def _read(*commands: str, ended: bool = False) -> list[Shim]:
    processes = [Process(10 + number, 1, 5, command, (), ended, command.partition(" ")[0].rpartition("/")[2])
                 for number, command in enumerate(commands)]
    docker = Container("web", "runc", "running", "", 7, 70, "", "/r", "f00")
    return list(shims(processes, [docker]))


@pytest.mark.parametrize(("command", "found"), LINES.items(), ids=[line[:60] for line in LINES])
def test_what_a_shim_looks_after_is_known_by_its_command_line(command: str, found: tuple[str, str, bool]) -> None:
    [shim] = _read(command)
    assert (shim.name, shim.container, shim.terminal) == found
    assert shim.program == ("conmon" if "conmon" in command else "containerd-shim")


@pytest.mark.parametrize("command", OTHERS)
def test_others_are_none(command: str) -> None:
    assert _read(command) == []


def test_one_that_has_ended_looks_after_nobody() -> None:
    assert _read(*LINES, ended=True) == []


@pytest.mark.parametrize("command", LINES)
def test_a_command_line_alone_makes_no_shim(command: str) -> None:
    assert list(shims([Process(10, 1, 5, command, (), program="")], [])) == []


def _named_so(lab: Lab, program: str) -> list[str]:
    lab.shell(f"""bash -c "exec -a {program} sh -c 'while :; do sleep 1000; done' x --cid c1 -id c1" > /dev/null 2>&1 &
              until pgrep -f '^{program} -c while'; do :; done""")
    snapshot = _observe(lab)
    assert any(each.command.startswith(f"{program} ") for each in snapshot.processes)
    return [each.name for each in shims(snapshot.processes, snapshot.containers)]


@pytest.mark.parametrize("program", ["conmon", "containerd-shim-runc-v2"])
def test_a_process_that_calls_itself_so_is_no_shim(in_sandbox: InSandbox, program: str) -> None:
    assert in_sandbox(_named_so, program) == []


LONG = ("--cid c1 --cuuid c1 --name c1 --runtime $(command -v {}) --bundle /tmp/c1 --log-path k8s-file:/run/conmon/log "
        "--container-pidfile /run/c1.pid --terminal")
SHORT = ("-c c1 -u c1 -n c1 -r $(command -v {}) -b /tmp/c1 -l k8s-file:/run/conmon/log -p /run/c1.pid -t")
OPTIONS = {"long": LONG, "with =": re.sub(r"(--[a-z-]+) (?!-)", r"\1=", LONG), "short": SHORT}


def _started(lab: Lab, options: str, runtime: str) -> list[tuple[str, str, bool, bool]]:
    make(lab, runtime, '"sh"', terminal=True)
    call = f"conmon --api-version 1 {options.format(runtime)} --socket-dir-path /run/conmon/attach"
    lab.shell(f"mkdir -p /run/conmon/attach; {{ _OCI_SYNCPIPE=3 {call} 3>&1 > /dev/null; }} | head -n 1")
    start(lab, runtime)
    snapshot = _observe(lab)
    first = snapshot.process(snapshot.containers[0].pid)
    return [(each.name, each.container, each.terminal, bool(first and first.parent == each.process.pid))
            for each in shims(snapshot.processes, snapshot.containers)]


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_a_real_one_is_known_however_it_is_told(in_sandbox: InSandbox, options: str, runtime: str) -> None:
    assert in_sandbox(_started, options, runtime) == [("c1", "c1", True, True)]


# Exit statuses


def _exits(lab: Lab, command: str) -> list[tuple[str, int]]:
    lab.shell(f"mkdir -p /run/conmon/good && echo 7 > /run/conmon/good/exit; {command}")
    tracemalloc.start()
    found = [(each.name, each.status) for each in _observe(lab).exits]
    assert tracemalloc.get_traced_memory()[1] < 16 << 20, "bytes at most"
    return found


IN_X = "mkdir /run/conmon/x; cd /run/conmon/x; "
RUBBISH = {
    "nothing": ": > exit", "a word": "echo seven > exit", "below": "echo -1 > exit", "above": "echo 256 > exit",
    "huge": "head -c 5000 /dev/zero | tr '\\0' 9 > exit", "zeros before": "echo 0000007 > exit",
    "a fraction": "echo 7.0 > exit", "with an underscore": "echo 1_0 > exit", "two": "echo 7 8 > exit",
    "digits of others": "echo ٧ > exit",
    "binary": "head -c 5000 /dev/urandom > exit", "zero bytes": "truncate -s 9 exit",
    "too large": "truncate -s 200M exit", "a folder": "mkdir exit", "a fifo": "mkfifo exit",
    "a link": "ln -s ../good/exit exit", "a link to a device": "ln -s /dev/zero exit",
    "a link to itself": "ln -s exit exit",
    "a link out": "ln -s ../../../../../../proc/1/root/run/conmon/good/exit exit",
    "nothing to be read": "echo 7 > exit; cd ..; rm -rf x; touch x",
    "a name that moves the cursor": "cp -r ../good \"$(printf '../\\033[2J')\"",
    "a name that is not UTF-8": "cp -r ../good \"$(printf '../\\377')\"",
}


@pytest.mark.parametrize("command", RUBBISH.values(), ids=RUBBISH)
def test_what_those_inside_put_there_is_no_exit_status(in_sandbox: InSandbox, command: str) -> None:
    assert in_sandbox(_exits, IN_X + command) == [("good", 7)]


@pytest.mark.parametrize("status", ["0", "255", "137"])
def test_what_conmon_writes_is_one(in_sandbox: InSandbox, status: str) -> None:
    assert in_sandbox(_exits, f"{IN_X}printf {status} > exit") == [("good", 7), ("x", int(status))]


def _no_folder(lab: Lab, command: str) -> int:
    lab.shell(command)
    return len(_observe(lab).exits)


@pytest.mark.parametrize("command", ["true", "touch /run/conmon", "ln -s /proc /run/conmon", "mkfifo /run/conmon"])
def test_where_no_shim_keeps_anything_there_is_none(in_sandbox: InSandbox, command: str) -> None:
    assert in_sandbox(_no_folder, command) == 0


def _short_lives(lab: Lab, runtime: str) -> list[tuple[int | None, bool]]:
    """As soon as a container is seen to have ended: its exit status, and whether its shim is still there."""
    found = []
    for number in range(12):
        name = f"c{number}"
        look_after(lab, runtime, f'"sh", "-c", "exit {number}"', name, terminal=number % 2 == 0)
        while (snapshot := _observe(lab)).container(name).status != "stopped":  # type: ignore[union-attr]
            pass
        kept = snapshot.exit(name)
        found.append((kept and kept.status, bool(snapshot.shim(name))))
    return found


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_container_has_ended_when_its_shim_has_written_that_down(in_sandbox: InSandbox, runtime: str) -> None:
    assert in_sandbox(_short_lives, runtime) == [(number, False) for number in range(12)]


def _short_sessions(lab: Lab, runtime: str) -> list[int]:
    """The exit statuses of sessions. As long as one is unknown, its shim has somebody to look after."""
    look_after(lab, runtime)
    found = []
    for number in range(12):
        lab.host.shims.exec(runtime, "c1", f"e{number}", ["sh", "-c", f"exit {number}"], terminal=number % 2 == 0)
        while (kept := (snapshot := _observe(lab)).exit(f"e{number}")) is None:
            parents = {each.parent for each in snapshot.processes if not each.ended}
            assert all(each.process.pid in parents for each in shims(snapshot.processes, snapshot.containers))
        found.append(kept.status)
    return found


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_program_has_ended_when_its_shim_has_written_that_down(in_sandbox: InSandbox, runtime: str) -> None:
    assert in_sandbox(_short_sessions, runtime) == [*range(12)]


def _stopped_shim(lab: Lab) -> tuple[str, int, float]:
    look_after(lab, args='"sleep", "1000"')
    lab.shell("kill -STOP $(cat /run/conmon/c1/pid); kill -KILL $(cat /run/c1.pid);"
              "until grep -q '^State:.Z' /proc/$(cat /run/c1.pid)/status; do :; done")
    started = monotonic()
    snapshot = _observe(lab)
    return snapshot.containers[0].status, len(snapshot.exits), monotonic() - started


def test_a_shim_that_never_writes_it_down_is_not_waited_for_longer_than_a_second(in_sandbox: InSandbox) -> None:
    status, exits, seconds = in_sandbox(_stopped_shim)
    assert (status, exits) == ("stopped", 0)
    assert 0.9 < seconds < 2


# Containers of containerd and Docker, below root folders of their own

CONTAINERD, DOCKER = "/run/containerd/runc/default", "/run/docker/exec/runtime-runc/moby"
ID = "f" * 64
HOME = f"/run/docker/data/containers/{ID}"


def _below(lab: Lab, runtime: str, root: str, name: str, record: Any) -> list[tuple[str, str, str, str, str]]:
    """The containers, and what the runtime says of each when it is called as we say it has to be."""
    make(lab, runtime)
    lab.shell(f"mkdir -p {root} {HOME}")
    if record:
        lab.sandbox.write(f"{HOME}/config.v2.json", json.dumps(record))
    lab.shell(f"{runtime} --root {root} create --bundle {BUNDLE} {name} && {runtime} --root {root} start {name}")
    found = []
    for each in _observe(lab).containers:
        said = json.loads(lab.shell(f"{each.call} state {each.id or each.name}"))
        assert (said["status"], said["pid"], said["bundle"]) == (each.status, each.pid, each.bundle)
        found.append((each.name, each.id, each.root, each.status, each.command))
    return found


RUNS = {"Name": "/web", "State": {"Running": True, "FinishedAt": "0001-01-01T00:00:00Z", "ExitCode": 0}}


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize(("root", "name", "record", "called", "identity"), [
    (CONTAINERD, "web", None, "web", ""),
    (DOCKER, ID, RUNS, "web", ID),
    (DOCKER, ID, None, ID, ""),
    (DOCKER, ID, {**RUNS, "Name": "/a\x1b[2J"}, ID, ""),
    (DOCKER, ID, {**RUNS, "Name": ["web"]}, ID, ""),
    (CONTAINERD, ID, RUNS, ID, ""),
], ids=["containerd", "docker", "docker, unnamed", "docker, named to harm", "docker, no name",
        "of the one by the other"])
def test_containers_below_other_roots(in_sandbox: InSandbox, root: str, name: str, record: Any, called: str,
                                      identity: str, runtime: str) -> None:
    assert in_sandbox(_below, runtime, root, name, record) == [(called, identity, root, "running", "sleep 1000")]


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_containers_below_a_root_that_nobody_knows_are_not_seen(in_sandbox: InSandbox, runtime: str) -> None:
    assert in_sandbox(_below, runtime, "/run/elsewhere", "web", None) == []


def _records(lab: Lab, record: str) -> tuple[list[tuple[str, str]], list[tuple[str, int]]]:
    lab.shell(f"mkdir -p {HOME}")
    lab.sandbox.write(f"{HOME}/config.v2.json", record)
    snapshot = _observe(lab)
    return [(each.name, each.status) for each in snapshot.containers], [
        (each.name, each.status) for each in snapshot.exits]


def _record(name: Any = "/web", running: Any = False, finished: Any = "2026-01-01T00:00:00Z", status: Any = 3) -> str:
    return json.dumps({"Name": name, "State": {"Running": running, "FinishedAt": finished, "ExitCode": status}})


@pytest.mark.parametrize(("record", "found"), [
    (_record(), True), (_record(status=0), True), (_record(running=True), False),
    (_record(finished="0001-01-01T00:00:00Z"), False), ("", False), ("[]", False), ("{}", False), ("3", False),
    ("[" * 90000, False), (_record(name=None), False), (_record(name="/\x1b[2J"), False), (_record(finished=5), False),
    (_record(status=256), False), (_record(status=-1), False), (_record(status="x"), False),
    (_record(status=10 ** 400), False), (_record(status=[]), False),
    (_record(status=0).replace("0}", "1e999}"), False), (_record(status=0).replace("0}", "NaN}"), False),
], ids=lambda given: given[:70] if isinstance(given, str) else "")
def test_what_docker_writes_down(in_sandbox: InSandbox, record: str, found: bool) -> None:
    containers, exits = in_sandbox(_records, record)
    assert containers == ([("web", "stopped")] if found else [])
    assert exits == ([("web", json.loads(record)["State"]["ExitCode"])] if found else [])
