"""Logs of conmon, and lines in them that conmon did not write."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from labrunner.actions.converse import Converse
from runtime.facts.observer import Observer
from tests.bundles import RUNTIMES, look_after
from tests.conftest import Lab

InSandbox = Callable[..., Any]

LOG = "/run/conmon/c1/log"
LINE = "2026-01-01T00:00:00.000000000+00:00 stdout F hello from 1"
APPEND = f"echo '{LINE}' >> {LOG}"

KILL = "pid=$(cat /run/conmon/c1/pid); kill -9 $pid; while kill -0 $pid; do :; done 2> /dev/null"


def _look(lab: Lab, runtime: str, terminal: bool, commands: list[str]) -> list[tuple[bool, bool, str]]:
    """Whether the screen shows the line, whether that is evidence, and what the doubt is; after each command."""
    look_after(lab, runtime, terminal=terminal)
    observer = Observer(lab.namespaces, lab.sandbox.proc, root=lab.sandbox.root, screens=["c1"])
    observer.observe()
    found = []
    for command in commands:
        if command == "converse":
            Converse(container="c1", lines=[{"type": "echo hello from $$", "expect": "hello from 1"}]).apply(lab.host)
        else:
            lab.shell(command)
        screen = observer.observe().screen("c1")
        assert screen
        found.append((any("hello from 1" in line for line in screen.lines),
                      any("hello from 1" in line for line in screen.evidence), screen.doubt))
    return found


@pytest.mark.parametrize("terminal", [True, False])
@pytest.mark.parametrize("runtime", RUNTIMES)
def test_what_the_container_printed_is_evidence(in_sandbox: InSandbox, runtime: str, terminal: bool) -> None:
    printed, later, ended = in_sandbox(_look, runtime, terminal, ["converse", "true", f"{runtime} kill c1 KILL; true"])
    assert printed == later == (True, True, "")
    assert ended[:2] == (True, True)


FORGED: dict[str, tuple[str, str]] = {
    "appended": (APPEND, "another process than its shim has written into its log"),
    "written anew": (f"echo '{LINE}' > {LOG}", "another process"),
    "written anew, longer": (f"cp {LOG} /tmp/log; cat /tmp/log /tmp/log /tmp/log > {LOG}; {APPEND}", "another process"),
    "another file": (f"cp {LOG} /tmp/log; rm {LOG}; cp /tmp/log {LOG}; {APPEND}", "does not write"),
    "another file over it": (f"cp {LOG} /tmp/log; echo '{LINE}' >> /tmp/log; mount --bind /tmp/log {LOG}",
                             "does not write"),
    "after the end of conmon": (f"{KILL}; {APPEND}", "has ended"),
}


@pytest.mark.parametrize("terminal", [True, False])
@pytest.mark.parametrize("forged", FORGED)
def test_what_others_wrote_is_none(in_sandbox: InSandbox, forged: str, terminal: bool) -> None:
    command, doubt = FORGED[forged]
    [(shown, evidence, why)] = in_sandbox(_look, "runc", terminal, [command])
    assert (shown, evidence) == (True, False)
    assert doubt in why


def _in_place(lab: Lab) -> list[tuple[bool, str]]:
    """A line that was seen is changed, and the log is as long as before."""
    look_after(lab, terminal=False)
    observer = Observer(lab.namespaces, lab.sandbox.proc, root=lab.sandbox.root, screens=["c1"])
    observer.observe()
    Converse(container="c1", lines=[{"type": "echo hello from 2", "expect": "hello from 2"}]).apply(lab.host)
    found = []
    for command in ("true", f"sed 's/from 2/from 1/' {LOG} > /tmp/log; cat /tmp/log 1<> {LOG}"):
        lab.shell(command)
        screen = observer.observe().screen("c1")
        assert screen
        found.append(("hello from 1" in screen.evidence, screen.doubt))
    return found


def test_a_line_that_was_changed_in_its_place_is_none(in_sandbox: InSandbox) -> None:
    assert in_sandbox(_in_place) == [(False, ""), (False, "another process has changed its log")]


def test_what_is_printed_again_after_a_forgery_counts(in_sandbox: InSandbox) -> None:
    forged, again = in_sandbox(_look, "runc", True, [APPEND, "converse"])
    assert forged[:2] == (True, False)
    assert again == (True, True, "")


def _first_look(lab: Lab) -> tuple[bool, bool, str]:
    look_after(lab)
    lab.shell(APPEND)
    screen = Observer(lab.namespaces, lab.sandbox.proc, root=lab.sandbox.root, screens=["c1"]).observe().screen("c1")
    assert screen
    return any("hello from 1" in line for line in screen.lines), bool(screen.evidence), screen.doubt


def test_what_is_there_at_the_first_look_is_none(in_sandbox: InSandbox) -> None:
    assert in_sandbox(_first_look) == (
        True, False, "what its log had when labrun first looked may be from any process")


def _talker(lab: Lab) -> list[str]:
    """Doubts while a container prints without an end."""
    look_after(lab, script="while :; do echo hello from 1; done", terminal=False)
    observer = Observer(lab.namespaces, lab.sandbox.proc, root=lab.sandbox.root, screens=["c1"])
    screens = [observer.observe().screen("c1") for _ in range(30)]
    return [screen.doubt for screen in screens if screen]


def test_one_that_prints_without_an_end_is_not_doubted(in_sandbox: InSandbox) -> None:
    doubts = in_sandbox(_talker)
    assert [doubt for doubt in doubts[1:] if doubt] == []
