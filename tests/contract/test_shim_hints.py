"""The checks of shims on the real kernel: what they find, and that the command of each hint works and shows it."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import Any, NamedTuple

import pytest

from checks.exit_status import ExitStatus
from checks.holds_stream import HoldsStream
from checks.language.check import Check, Verdict
from checks.namespaces import Namespaces
from checks.parent import Parent
from checks.reasoning.wording import command_of
from checks.same_namespace import SameNamespace
from checks.screen import Screen
from labrunner.actions.converse import Converse
from tests.bundles import RUNTIMES, create, look_after, make, start
from tests.conftest import Lab
from tests.judging import judge

InSandbox = Callable[..., Any]


def _furnish(lab: Lab, runtime: str) -> None:
    """c1 on a terminal with a session e1 of pipes in it, `ended` that has ended, and `bare` without a shim."""
    look_after(lab, runtime)
    lab.host.shims.exec(runtime, "c1", "e1", ["sh", "-c", "sleep 1000; true"], terminal=False)
    look_after(lab, runtime, name="ended")
    Converse(container="ended", lines=["echo $((20+22))", "exit 7"], status=7).apply(lab.host)
    make(lab, runtime, bundle="/tmp/bare")
    create(lab, runtime, "bare", "/tmp/bare")
    start(lab, runtime, "bare")
    lab.host.shims.resize("c1", 30, 100)
    lab.shell("(exec sleep 500 < /dev/null > /dev/null 2>&-) &")


def _is(made: type[Check], of: str, value: Any) -> Check:
    return made(of=of, **{"is": value})


PASS = [
    _is(Parent, "container c1", "shim c1"),
    _is(Parent, "process sleep 1000", "process sh -c sleep 1000; true"),
    _is(Parent, "process sh -c sleep 1000; true", "shim e1"),
    _is(Parent, "shim c1", 1),
    _is(Parent, "container bare", 1),
    HoldsStream(of="container c1", by="shim c1"),
    HoldsStream(of="process sh -c sleep 1000; true", by="shim e1"),
    _is(ExitStatus, "ended", 7),
    ExitStatus(of="bare-never", known=False),
    Screen(of="c1", size="30x100", lacks="42"),
    Screen(of="ended", lacks="43"),
    Namespaces(of="shim c1", shared=["pid", "net", "mnt"]),
    SameNamespace(between=["shim c1", "labhost"], kind="pid"),
]


class Failing(NamedTuple):
    """shows: a part of what the command of the hint prints; {pid} is the PID of the shim of c1."""

    check: Check
    shows: str


FAIL = [
    Failing(_is(Parent, "container c1", 1), "{pid}"),
    Failing(_is(Parent, "container bare", "shim bare"), "conmon"),
    Failing(_is(Parent, "labhost", "shim c1"), "PPID"),
    Failing(_is(Parent, "process nosuch", 1), "conmon"),
    Failing(HoldsStream(of="container c1", by="shim e1"), "ptmx"),
    Failing(HoldsStream(of="process sh -c sleep 1000; true", stream="stdout", by="shim c1"), "pipe:["),
    Failing(HoldsStream(of="process sh -c sleep 1000; true", stream="stdin", by="nobody"), "pipe:["),
    Failing(HoldsStream(of="process sleep 500", stream="stdin", by="shim c1"), "/dev/null"),
    Failing(HoldsStream(of="process sleep 500", stream="stderr", by="nobody"), "/dev/null"),
    Failing(HoldsStream(of="container bare", by="shim bare"), "conmon"),
    Failing(_is(ExitStatus, "ended", 0), "7"),
    Failing(ExitStatus(of="ended", known=False), "7"),
    Failing(ExitStatus(of="c1"), "conmon"),
    Failing(ExitStatus(of="c1", known=False), "conmon"),
    Failing(Screen(of="ended", shows="43"), "42"),
    Failing(Screen(of="ended", lacks="42"), "42"),
    Failing(Screen(of="c1", size="7x9"), ""),
    Failing(Screen(of="e1", size="7x9"), "conmon"),
    Failing(Namespaces(of="shim c1", own=["pid"]), "pid:["),
    Failing(Namespaces(of="process sh -c sleep 1000; true", own=["user"]), "user:["),
    Failing(SameNamespace(between=["shim c1", "container c1"], kind="uts"), "uts:["),
]


def _look(lab: Lab, runtime: str) -> tuple[list[Verdict], list[Verdict], list[str], str]:
    _furnish(lab, runtime)
    good, bad = judge(lab, PASS), judge(lab, [each.check for each in FAIL])
    shown = [lab.shell(command_of(verdict.hint)) for verdict in bad]
    return good, bad, shown, lab.shell("cat /run/conmon/c1/pid").strip()


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_what_they_find_and_what_their_hints_show(in_sandbox: InSandbox, runtime: str) -> None:
    good, bad, shown, pid = in_sandbox(_look, runtime)
    assert [verdict for verdict in good if verdict.outcome != "pass"] == []
    assert [verdict for verdict in bad if verdict.outcome != "fail"] == []
    for failing, verdict, text in zip(FAIL, bad, shown, strict=True):
        assert failing.shows.format(pid=pid) in text, verdict


def _resized(lab: Lab, runtime: str) -> str:
    look_after(lab, runtime)
    check, deadline = Screen(of="c1", size="7x90"), monotonic() + 2
    lab.shell(command_of(judge(lab, [check])[0].hint))
    while judge(lab, [check])[0].outcome != "pass" and monotonic() < deadline:
        pass  # conmon takes a millisecond, and tells nobody
    return judge(lab, [check])[0].outcome


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_hint_that_changes_the_size_does(in_sandbox: InSandbox, runtime: str) -> None:
    assert in_sandbox(_resized, runtime) == "pass"
