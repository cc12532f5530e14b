"""What is refused of shims and conversations, by real conmon, runc and crun: told in time, and nothing is harmed."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import Any, NamedTuple

import pytest

from labrunner.action import Action
from labrunner.actions.converse import Converse
from labrunner.actions.create_with_shim import CreateWithShim
from labrunner.actions.exec_with_shim import ExecWithShim
from labrunner.actions.resize_terminal import ResizeTerminal
from runtime.errors import Problem
from runtime.facts.observer import Observer
from runtime.facts.snapshot import Snapshot
from tests.bundles import BUNDLE, RUNTIMES, create, look_after, make
from tests.conftest import Lab

InSandbox = Callable[..., Any]
Before = Callable[[Lab, str], None]


def _nothing(_lab: Lab, _runtime: str) -> None: ...


def _made(terminal: bool, change: str = "true") -> Before:
    def before(lab: Lab, runtime: str) -> None:
        make(lab, runtime, terminal=terminal)
        lab.shell(f"cd {BUNDLE} && {change}")
    return before


def _created(lab: Lab, runtime: str) -> None:
    make(lab, runtime)
    create(lab, runtime)


def _ended(lab: Lab, runtime: str) -> None:
    look_after(lab, runtime)
    Converse(container="c1", lines=["exit 7"], status=7).apply(lab.host)


def _deaf(lab: Lab, runtime: str) -> None:
    """Its stdin is a pipe that nobody reads."""
    look_after(lab, runtime, '"sleep", "1000"', terminal=False)


def _with_session(lab: Lab, runtime: str) -> None:
    look_after(lab, runtime)
    lab.host.shims.exec(runtime, "c1", "e1", ["sleep", "1000"], terminal=False)


def _with_sleeper(lab: Lab, runtime: str) -> None:
    """c1 is looked after, and c2 has no shim."""
    look_after(lab, runtime)
    make(lab, runtime, bundle="/tmp/c2")
    create(lab, runtime, "c2", "/tmp/c2")


class Told(NamedTuple):
    kind: str
    says: str
    mend: str
    seconds: float
    before: list[tuple[int, str]]  # processes
    after: list[tuple[int, str]]


def _processes(lab: Lab) -> list[tuple[int, str]]:
    found = _look(lab).processes
    return [(each.pid, each.command) for each in found if each.pid != 1 and not each.command.startswith("[")]


def _look(lab: Lab) -> Snapshot:
    return Observer(lab.namespaces, lab.sandbox.proc, root=lab.sandbox.root).observe()


def _tell(lab: Lab, before: Before, make_action: Callable[[str], Action], runtime: str) -> Told:
    before(lab, runtime)
    there = _processes(lab)
    started = monotonic()
    try:
        make_action(runtime).apply(lab.host)
    except Problem as problem:
        told = type(problem).__name__, str(problem), problem.mend
    else:
        raise AssertionError("nothing was refused")
    seconds = monotonic() - started
    while (left := _processes(lab)) != there and monotonic() < started + seconds + 2:
        pass  # what was killed needs a moment to end
    assert lab.shell("echo alive") == "alive\n"
    return Told(*told, seconds, there, left)


def _create(**given: Any) -> Callable[[str], Action]:
    return lambda runtime: CreateWithShim(name="c1", bundle=BUNDLE, runtime=runtime, **given)


def _exec(name: str = "e1", command: str = "true", container: str = "c1") -> Callable[[str], Action]:
    return lambda runtime: ExecWithShim(container=container, name=name, command=command, runtime=runtime)


def _resize(of: str) -> Callable[[str], Action]:
    return lambda _runtime: ResizeTerminal(of=of, size="30x100")


def _converse(*lines: Any, **given: Any) -> Callable[[str], Action]:
    return lambda runtime: Converse(lines=list(lines), runtime=runtime, **given)


LONG = "x" * 200_000
UNHEARING = "trap '' HUP; echo go; while :; do sleep 0.1; done"
NEVER = {"type": "echo a$((1+1))", "expect": "never", "within": 0.5}
JQ = f"jq '.process.terminal = {{}}' {BUNDLE}/config.json > {BUNDLE}/config.json.new && mv"


class Case(NamedTuple):
    """says, mend: parts of what is told."""

    before: Before
    action: Callable[[str], Action]
    says: tuple[str, ...]
    mend: str
    kind: str = "Refused"


REFUSED = {
    "no bundle": Case(_nothing, _create(), ("start a shim for c1: there is no /tmp/c1/config.json",),
                      "spec --bundle /tmp/c1"),
    "no program in the bundle": Case(
        _made(False, "sed -i 's/\"sleep\"/\"nosuch\"/' config.json"), _create(), ("start a shim for c1: ", "nosuch"),
        "ls /tmp/c1/rootfs/bin"),
    "no JSON": Case(_made(False, "echo '{' > config.json"), _create(), ("start a shim for c1: ",),
                    "cat /tmp/c1/config.json"),
    "a terminal that config.json lacks": Case(
        _made(False), _create(terminal=True),
        ("a terminal is asked for, and process.terminal in /tmp/c1/config.json is false",), JQ.format("true")),
    "a terminal that nobody asked for": Case(
        _made(True), _create(), ("no terminal is asked for, and process.terminal in /tmp/c1/config.json is true",),
        JQ.format("false")),
    "a name taken by a container with a shim": Case(
        look_after, _create(terminal=True), ("start a shim for c1: there is a container with that name already",),
        "delete --force c1"),
    "a name taken by a container without one": Case(
        _created, _create(), ("there is a container with that name already",), "delete --force c1"),
    "a name taken by a container that has ended": Case(
        _ended, _create(terminal=True), ("there is a container with that name already",), "delete --force c1"),
    "a session with the name of a session": Case(
        _with_session, _exec("e1"), ("there is a session of exec with that name already",), "kill"),
    "a session with the name of a container": Case(
        _with_sleeper, _exec("c2"), ("start a shim for c2: there is a container with that name already",),
        "delete --force c2"),
    "a session in no container": Case(_nothing, _exec(), ("start a shim for e1: ",), " list"),
    "a session in one that has ended": Case(_ended, _exec(), ("start a shim for e1: ",), "delete c1"),
    "a session with no program": Case(look_after, _exec(command="nosuch"), ("start a shim for e1: ", "nosuch"),
                                      "exec c1 ls /bin"),
    "a size without a shim": Case(_created, _resize("c1"), ("no shim takes orders for it",), "ps -e"),
    "a size without anybody": Case(_nothing, _resize("c1"), ("no shim takes orders for it",), "ps -e"),
    "a size without a terminal": Case(_deaf, _resize("c1"), ("it has no terminal",), "process.terminal"),
    "a size after the end": Case(_ended, _resize("c1"), ("give the terminal of c1 the size 30x100: ",), "ps -e"),
    "talking to nobody": Case(_nothing, _converse("x", container="c1"), ("attach to c1: ", "no shim was started"),
                              "ls /run/conmon/attach"),
    "talking without a shim": Case(_created, _converse("x", container="c1"), ("no shim was started",),
                                   "ls /run/conmon/attach"),
    "talking after the end": Case(_ended, _converse("x", container="c1"), ("attach to c1: ", "it has ended"),
                                  "ls /run/conmon/attach"),
    "a command in no container": Case(_nothing, _converse("x", container="c1", command="sh"),
                                      ("find the container c1: there is none with that name",), "create"),
    "a command in one that has ended": Case(_ended, _converse("x", container="c1", command="sh"), ("it has ended",),
                                            "delete"),
    "a command that is not in the container": Case(
        look_after, _converse("x", container="c1", command="nosuch", status=0),
        (" exec --tty c1 nosuch: it ended with ", "the last screen:", "nosuch"), ""),
    "a command that is not there": Case(_nothing, _converse("x", command="nosuch"), ("nosuch is not installed",),
                                        "sudo apt install nosuch", "Missing"),
    "a command that is not there, and its answer": Case(
        _nothing, _converse({"type": "x", "expect": "y"}, command="nosuch"), ("nosuch is not installed",),
        "sudo apt install nosuch", "Missing"),
    "a command by a path that is not there": Case(
        _nothing, _converse("x", command="/tmp/nosuch"), ("start /tmp/nosuch: /tmp/nosuch is not there",),
        "ls -l /tmp/nosuch"),
    "another status": Case(look_after, _converse("echo a$((1+1))", "exit 3", container="c1", status=4),
                           ("converse with c1: it ended with 3, not with 4", "a2"), "see what it printed"),
    "another status of a command": Case(
        _nothing, _converse("echo a$((1+1))", "exit 3", command="sh", status=4),
        ("converse with sh: it ended with 3, not with 4", "a2"), "see what it printed"),
    "what ends before the answer": Case(
        look_after, _converse({"type": "exit 3", "expect": "never"}, container="c1"),
        ("wait for 'never' from c1: it has ended before that came", "exit 3"), "see what it printed"),
}
# The limit is waited for, and not longer.
IN_VAIN = {
    "an answer that does not come": Case(
        look_after, _converse(NEVER, container="c1"),
        ("wait for 'never' from c1: it did not come within 0.5 s; the last screen:\n", "a2"),
        "see what it printed instead"),
    "an answer of a command that does not come": Case(
        _nothing, _converse(NEVER, command="sh"),
        ("wait for 'never' from sh: it did not come within 0.5 s; the last screen:\n", "a2"),
        "see what it printed instead"),
    "typing to a pipe that nobody reads": Case(
        _deaf, _converse({"type": LONG, "within": 0.5}, container="c1"),
        ("type into c1: it did not read what was typed within 0.5 s",), "see what"),
    "typing to a terminal that nobody reads": Case(
        _nothing, _converse({"expect": "go"}, {"type": LONG, "within": 0.5},
                            command="stty raw -echo; echo go; sleep 1000"),
        ("it did not read what was typed within 0.5 s", "| go"), "see what"),
    "an end that does not come": Case(
        look_after, _converse("echo a$((1+1))", container="c1", status=0, within=1),
        ("wait for the end of c1: it has not ended within 1 s", "a2"), "see what it printed"),
    "an end of a command that does not come": Case(
        _nothing, _converse("x", command="sleep 1000", status=0, within=1),
        ("wait for the end of sleep 1000: it has not ended within 1 s",), "see what it printed"),
    "an answer of a command that does not hear that it is hung up": Case(
        _nothing, _converse({"expect": "go"}, NEVER, command=UNHEARING), ("wait for 'never' from ", "| go"),
        "see what it printed"),
    "the end of a command that does not hear that it is hung up": Case(
        _nothing, _converse({"expect": "go"}, command=UNHEARING, within=1),
        ("it did not end within 1 s and was killed",), ""),
}


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED)
def test_what_is_refused(in_sandbox: InSandbox, case: Case, runtime: str) -> None:
    told = _judge(in_sandbox, case, runtime)
    assert told.seconds < 2


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("case", IN_VAIN.values(), ids=IN_VAIN)
def test_what_is_waited_for_in_vain(in_sandbox: InSandbox, case: Case, runtime: str) -> None:
    told = _judge(in_sandbox, case, runtime)
    assert 0.5 <= told.seconds < 2.5
    assert told.after == told.before, "nothing more runs, and what ran still does"


def _judge(in_sandbox: InSandbox, case: Case, runtime: str) -> Told:
    told: Told = in_sandbox(_tell, case.before, case.action, runtime)
    assert told.kind == case.kind
    for part in case.says:
        assert part in told.says
    assert case.mend in told.mend
    assert {*told.after} <= {*told.before}, "nothing is left of it"
    return told


def _not_harmed(lab: Lab, runtime: str) -> list[list[tuple[int, str]]]:
    """The container, its session and their shims, before and after; and whether one can still talk with both."""
    look_after(lab, runtime)
    lab.host.shims.exec(runtime, "c1", "e1", ["sh"], terminal=True)
    before = _processes(lab)
    for action in (_create(terminal=True)(runtime), _exec("e1")(runtime),
                   CreateWithShim(name="e1", bundle=BUNDLE, terminal=True, runtime=runtime)):
        with pytest.raises(Problem, match="with that name already"):
            action.apply(lab.host)
    for name in ("c1", "e1"):
        Converse(container=name, lines=[{"type": "echo a$((1+1))", "expect": "a2"}]).apply(lab.host)
        ResizeTerminal(of=name, size="30x100").apply(lab.host)
    return [before, _processes(lab)]


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_who_has_the_name_is_not_harmed(in_sandbox: InSandbox, runtime: str) -> None:
    before, after = in_sandbox(_not_harmed, runtime)
    assert len(before) == 4
    assert before == after


def _mended(lab: Lab, runtime: str, terminal: bool) -> list[str]:
    make(lab, runtime, terminal=not terminal)
    action = _create(terminal=terminal)(runtime)
    with pytest.raises(Problem) as raised:
        action.apply(lab.host)
    lab.shell(raised.value.mend.partition(": ")[2])
    action.apply(lab.host)
    return [each.name for each in _look(lab).containers]


@pytest.mark.parametrize("terminal", [True, False], ids=["with", "without"])
@pytest.mark.parametrize("runtime", RUNTIMES)
def test_the_mend_of_a_disagreement_mends_it(in_sandbox: InSandbox, runtime: str, terminal: bool) -> None:
    assert in_sandbox(_mended, runtime, terminal) == ["c1"]


def _killed(lab: Lab) -> str:
    lab.sandbox.kill(0)
    return lab.shell("echo alive")


def test_what_was_never_started_is_killed_without_harm(in_sandbox: InSandbox) -> None:
    assert in_sandbox(_killed) == "alive\n"
