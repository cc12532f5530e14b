"""Containers as they are seen from outside, beside what the runtime itself says of them."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from runtime.facts.containers import Container
from runtime.facts.difference import Change, difference
from runtime.facts.observer import Observer
from runtime.facts.snapshot import Snapshot
from tests.bundles import BUNDLE, RUNTIMES, create, make, start
from tests.conftest import Lab

InSandbox = Callable[..., Any]


def _observe(lab: Lab) -> Snapshot:
    return Observer(lab.namespaces, lab.sandbox.proc, root=lab.sandbox.root).observe()


def _state(lab: Lab, runtime: str) -> tuple[str, int, str]:
    """What the runtime says: its status, the PID, the bundle."""
    said = json.loads(lab.shell(f"{runtime} state c1"))
    return said["status"], said["pid"], said["bundle"]


def _ours(lab: Lab) -> tuple[str, int, str]:
    [container] = _observe(lab).containers
    return container.status, container.pid, container.bundle


def _life(lab: Lab, runtime: str) -> list[list[tuple[str, int, str]]]:
    make(lab, runtime)
    create(lab, runtime)
    seen = [[_ours(lab), _state(lab, runtime)]]
    start(lab, runtime)
    seen.append([_ours(lab), _state(lab, runtime)])
    pid = seen[-1][0][1]
    lab.shell(f"{runtime} kill c1 KILL")
    assert lab.sandbox.wait_for_end(pid, 5)
    seen.append([_ours(lab), _state(lab, runtime)])
    lab.shell(f"{runtime} delete c1")
    assert _observe(lab).containers == ()
    return seen


@pytest.mark.parametrize("id_map", ["auto", "single"])
@pytest.mark.parametrize("runtime", RUNTIMES)
def test_it_is_what_the_runtime_says(in_sandbox: InSandbox, runtime: str, id_map: str) -> None:
    seen = in_sandbox(_life, runtime, id_map=id_map)
    assert [ours for ours, _ in seen] == [theirs for _, theirs in seen]
    assert [status for (status, *_), _ in seen] == ["created", "running", "stopped"]
    (created, running, stopped) = [ours for ours, _ in seen]
    assert created[1:] == running[1:]
    assert stopped[1] == 0


def _one_process(lab: Lab, runtime: str) -> list[Container]:
    make(lab, runtime)
    create(lab, runtime)
    seen = [_observe(lab).containers[0]]
    start(lab, runtime)
    return [*seen, _observe(lab).containers[0]]


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_start_makes_another_program_of_the_same_process(in_sandbox: InSandbox, runtime: str) -> None:
    created, running = in_sandbox(_one_process, runtime)
    assert (created.pid, created.started) == (running.pid, running.started)
    assert created.command.startswith(runtime)
    assert (running.command, running.runtime, running.bundle) == ("sleep 1000", runtime, BUNDLE)


def _at_once(lab: Lab, runtime: str) -> set[str]:
    """The command line of the first process in the very moment in which start returns."""
    make(lab, runtime)
    found = set()
    for number in range(15):
        create(lab, runtime, f"c{number}")
        start(lab, runtime, f"c{number}")
        lab.shell(f"{runtime} exec --detach c{number} sleep 7")
        snapshot = _observe(lab)
        first = snapshot.container(f"c{number}")
        assert first is not None
        pid_namespace = snapshot.process(first.pid).namespace("pid")  # type: ignore[union-attr]
        found |= {each.command for each in snapshot.processes if each.namespace("pid") == pid_namespace}
        lab.shell(f"{runtime} delete --force c{number}")
    return found


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_nobody_is_caught_in_the_middle_of_becoming_a_program(in_sandbox: InSandbox, runtime: str) -> None:
    assert in_sandbox(_at_once, runtime) == {"sleep 1000", "sleep 7"}


def _changes(lab: Lab) -> list[list[Change]]:
    make(lab)
    snapshots = [_observe(lab)]
    for step in (create, start):
        step(lab)
        snapshots.append(_observe(lab))
    lab.shell("runc delete --force c1")
    snapshots.append(_observe(lab))
    return [[change for change in difference(*pair) if change.kind == "container"]
            for pair in pairwise(snapshots)]


def test_the_difference_tells_of_them(in_sandbox: InSandbox) -> None:
    [added], [changed], [removed] = in_sandbox(_changes)
    pid = {field: after for field, _, after in added.fields}["pid"]
    assert added == Change("added", "", "container", "c1",
                           (("status", "", "created"), ("pid", "", pid), ("command", "", "runc init")))
    assert changed == Change("changed", "", "container", "c1",
                             (("status", "created", "running"), ("command", "runc init", "sleep 1000")))
    assert (removed.change, removed.name) == ("removed", "c1")


HOSTILE = {
    "an empty folder": "mkdir /run/runc/x",
    "no JSON": "mkdir /run/runc/x; echo '{' > /run/runc/x/state.json",
    "a list": "mkdir /run/runc/x; echo '[]' > /run/runc/x/state.json",
    "a number": "mkdir /run/runc/x; echo 3 > /run/runc/x/state.json",
    "no PID": "mkdir /run/runc/x; echo '{}' > /run/runc/x/state.json",
    "a PID that is a list": "mkdir /run/runc/x; echo '{\"init_process_pid\": []}' > /run/runc/x/state.json",
    "nested deep": "mkdir /run/runc/x; head -c 90000 /dev/zero | tr '\\0' '[' > /run/runc/x/state.json",
    "too large": "mkdir /run/runc/x; head -c 200M /dev/zero > /run/runc/x/state.json",
    "a fifo": "mkdir /run/runc/x; mkfifo /run/runc/x/state.json",
    "a device": "mkdir /run/runc/x; ln -s /dev/zero /run/runc/x/state.json",
    "a file for a folder": "touch /run/runc/x",
    "a link to itself": "ln -s x /run/runc/x",
    "a name that is not UTF-8": "mkdir \"$(printf '/run/runc/\\377')\"",
    "a container with a name that is not UTF-8": "cp -r /run/runc/c1 \"$(printf '/run/runc/\\377')\"",
    "a container with a name that moves the cursor": "cp -r /run/runc/c1 \"$(printf '/run/runc/\\033[2J')\"",
    "the root is a file": "rm -rf /run/crun; touch /run/crun",
}


def _hostile(lab: Lab, command: str) -> list[str]:
    make(lab)
    create(lab)
    lab.shell(command)
    tracemalloc.start()
    found = [container.name for container in _observe(lab).containers]
    assert tracemalloc.get_traced_memory()[1] < 16 << 20, "bytes at most"
    return found


@pytest.mark.parametrize("command", HOSTILE.values(), ids=HOSTILE)
def test_what_those_inside_put_there_does_no_harm(in_sandbox: InSandbox, command: str) -> None:
    assert in_sandbox(_hostile, command) == ["c1"]


def _lie(lab: Lab) -> list[tuple[str, int]]:
    """A state file that names a process which is not the container's."""
    make(lab)
    create(lab)
    lab.shell("sed -i 's/\"init_process_pid\":[0-9]*/\"init_process_pid\":1/' /run/runc/c1/state.json")
    return [(container.status, container.pid) for container in _observe(lab).containers]


def test_another_process_with_that_number_is_not_taken_for_it(in_sandbox: InSandbox) -> None:
    assert in_sandbox(_lie) == [("stopped", 0)]
