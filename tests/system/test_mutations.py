"""Every single mistake in the lab is found, and a hint names it.

Each action of labs/bridge-network is left out once, and each of its arguments is spoiled in every way that its kind
knows. The lab with that one mistake is carried out on a real kernel; at least one check has to fail, and one hint has
to name all that the right action names: what a learner reads has to lead to what was wrong.
"""

from __future__ import annotations

import os
import pickle
import select
import shlex
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import pytest

from checks.language.check import Verdict
from checks.reasoning.obstacles import why_no_answer
from checks.reasoning.wording import command_of
from labrunner.actions.add_veth import AddVeth
from labrunner.catalogue.catalog import find
from labrunner.events import Checked, RunEnded
from labrunner.honesty.mistakes import Mistake, mistakes
from labrunner.language.lab import Lab, Step
from labrunner.language.loading import load
from labrunner.session import Session
from runtime.container_values import CONTAINER
from runtime.errors import Missing, Refused
from runtime.network.netns import LAB_HOST
from runtime.network.world import OUTSIDE
from runtime.probes import ping
from runtime.probes.settle import settle
from runtime.sandbox.handle import start
from tests.conftest import Lab as Sandbox
from tests.conftest import run_in_sandbox
from tests.judging import judge

LAB = load(find("bridge-network"))
SIDE_BY_SIDE = 4  # half of it is waiting
# Whether a check notices them all is asked by test_honesty.py too, so here, where hints matter, each sixth is played.
# All of them by hand, with LABRUN_TEST_MISTAKES=1.
PLAYED = int(os.environ.get("LABRUN_TEST_MISTAKES") or 6)
EVERY = 14  # the slower questions are asked of each fourteenth mistake only: of all they would take minutes
# Where nothing is wrong an answer comes within milliseconds. To give up early can only make more checks fail: where
# that would be wrong, the question is asked again with the patience that labrun has.
PATIENCE, LONG_PATIENCE = 0.2, ping.PATIENCE


def mutations() -> list[Mistake]:
    """Every mistake, in the order of the lab."""
    return list(mistakes(LAB))


def lab_with(mistake: Mistake) -> Lab:
    """The lab in which somebody makes it."""
    step = LAB.steps[mistake.step]
    wrong = (mistake.right._replace(action=mistake.wrong),) if mistake.wrong else ()
    do = (*step.do[: mistake.number], *wrong, *step.do[mistake.number + 1 :])
    return LAB._replace(steps=(*LAB.steps[: mistake.step], step._replace(do=do), *LAB.steps[mistake.step + 1 :]))


# Carrying them out


class Played(NamedTuple):
    """What came of a lab with a mistake. failed: the verdicts of the checks that failed, in their order."""

    outcome: str
    failed: list[Verdict]


def _play(lab: Lab) -> Played:
    session = Session(lab, start())
    try:
        events = list(session.play())
    finally:
        session.close()
    assert isinstance(events[-1], RunEnded)
    return Played(events[-1].outcome, [event.verdict for event in events
                                       if isinstance(event, Checked) and event.verdict.outcome == "fail"])


def side_by_side(function: Callable[[Any], Any], arguments: Sequence[Any]) -> list[Any]:
    """function(argument) for each, in a forked process of its own, two at a time. What is raised there fails here."""
    waiting = list(enumerate(arguments))
    running: dict[int, int] = {}
    results: dict[int, Any] = {}
    while waiting or running:
        while waiting and len(running) < SIDE_BY_SIDE:
            number, argument = waiting.pop(0)
            running[_forked(function, argument)] = number
        for pipe in select.select(list(running), [], [])[0]:
            with os.fdopen(pipe, "rb") as end:
                results[running.pop(pipe)] = pickle.loads(end.read())
            os.wait()
    broken = [result for result in results.values() if isinstance(result, str)]
    assert not broken, broken[0]
    return [results[number] for number in range(len(arguments))]


def _forked(function: Callable[[Any], Any], argument: Any) -> int:
    """Start function(argument) in a forked process. Returns where its pickled result will come from."""
    reading, writing = os.pipe()
    if os.fork() == 0:
        try:
            result = function(argument)
        except BaseException:  # noqa: BLE001 whatever it is, it is told in the process of the test
            result = f"{argument}\n{traceback.format_exc()}"
        with os.fdopen(writing, "wb") as end:
            end.write(pickle.dumps(result))
        os._exit(0)
    os.close(writing)
    return reading


@pytest.fixture(scope="module")
def played() -> list[tuple[Mistake, Played]]:
    some = list(mutations())[::PLAYED]
    return list(zip(some, side_by_side(_play_mistake, some), strict=True))


def _play_mistake(mutation: Mistake) -> Played:
    ping.PATIENCE = PATIENCE
    return _play(lab_with(mutation))


# The tests


def test_the_lab_itself_passes() -> None:
    assert side_by_side(_play, [LAB]) == [Played("pass", [])]


def test_every_argument_of_every_action_is_spoiled() -> None:
    spoiled = {(each.step, each.number, each.argument) for each in mutations()}
    for place, step in enumerate(LAB.steps):
        for number, action in enumerate(step.actions):
            for name in ("", *(each for each, its in action.arguments.items() if its.kind is not CONTAINER)):
                assert (place, number, name) in spoiled, f"{action}: {name}"


def test_no_mistake_survives(played: list[tuple[Mistake, Played]]) -> None:
    survivors = [str(mutation) for mutation, result in played if result.outcome == "pass" or not result.failed]
    assert not survivors, _table("no check fails", survivors)


def test_no_mistake_passes_for_a_fault_of_the_machine(played: list[tuple[Mistake, Played]]) -> None:
    skipped = [str(mutation) for mutation, result in played if result.outcome not in ("fail", "error")]
    assert not skipped, _table("neither fail nor error", skipped)


def test_a_hint_names_what_is_wrong(played: list[tuple[Mistake, Played]]) -> None:
    mute = [f"{mutation}" + "".join(f"\n      {verdict.hint}" for verdict in result.failed)
            for mutation, result in played
            if not any(_is_about(verdict.hint, mutation) for verdict in result.failed)]
    assert not mute, _table("no hint names all that the right action names", mute)


def _is_about(hint: str, mutation: Mistake) -> bool:
    """Whether a hint names all that the right action names. The lab host has no name in a command.

    An end of a wire that is in the wrong place is named alone: nothing is wrong with the other.
    """
    right = mutation.right.action
    things = [str(value) for name in right.arguments if (value := right.values()[name]) not in (None, LAB_HOST)]
    one_is_enough = isinstance(right, AddVeth) and mutation.argument in ("netns", "peer_netns")
    return (any if one_is_enough else all)(thing in hint for thing in things)


_COMMANDS = ("ip", "iptables", "sysctl", "nft")


def test_hints_are_of_use(played: list[tuple[Mistake, Played]]) -> None:
    """What stands after the last ': ' can be pasted, and nobody is sent to the world outside, which is not theirs."""
    hints = {verdict.hint for _mutation, result in played for verdict in result.failed}
    for hint in hints:
        assert hint
        assert f"-n {OUTSIDE}" not in hint
        assert f"exec {OUTSIDE}" not in hint
        for command in filter(None, command_of(hint).split(" && ")):
            assert shlex.split(command)[0] in _COMMANDS, hint


def _table(title: str, lines: list[str]) -> str:
    return f"{title}: {len(lines)}\n" + "\n".join(f"  {line}" for line in lines)


# The kernel, and what the hints take it for


class Disagreement(NamedTuple):
    """The kernel let a ping through where the hints see an obstacle (why), or the other way round."""

    netns: str
    to: str
    answered: bool
    why: str


def _ask_everybody(mutation: Mistake) -> list[Disagreement]:
    disagreements: list[Disagreement] = run_in_sandbox(_ask_everybody_inside, lab_with(mutation), world=LAB.world)
    return disagreements


def _ask_everybody_inside(sandbox: Sandbox, lab: Lab) -> list[Disagreement]:
    """Each netns asks for every address that somebody has, and for some that nobody has."""
    for step in lab.steps:
        for action in step.actions:
            with suppress(Refused, Missing):
                action.apply(sandbox.host)
    snapshot = sandbox.observer.observe()
    addresses = {each.address.partition("/")[0] for facts in snapshot.netns for each in facts.addresses}
    goals = sorted(address for address in addresses | {"192.168.0.99", "8.8.8.8"} if ":" not in address)
    asked = [ping.Ping(netns, to, True, "") for netns in snapshot.names if netns != OUTSIDE for to in goals]
    ping.PATIENCE = PATIENCE
    doubtful = _disagreements(sandbox, asked)
    ping.PATIENCE = LONG_PATIENCE
    return [found for found, _ping in _disagreements(sandbox, [again for _found, again in doubtful])]


def _disagreements(sandbox: Sandbox, asked: list[ping.Ping]) -> list[tuple[Disagreement, ping.Ping]]:
    everywhere = {netns.name: netns for netns in sandbox.namespaces.all()}
    settle(everywhere.values())
    answers = ping.ping_all(asked, everywhere)
    snapshot = sandbox.observer.observe()
    found = []
    for each in asked:
        why, answered = why_no_answer(snapshot, each.netns, each.to), answers[each].answered
        if answered == bool(why):
            found.append((Disagreement(each.netns, each.to, answered, why), each))
    return found


def test_the_hints_agree_with_the_kernel() -> None:
    some = list(mutations())[::EVERY]
    found = zip(some, side_by_side(_ask_everybody, some), strict=True)
    wrong = [f"{mutation}\n      {each}" for mutation, disagreements in found for each in disagreements]
    assert not wrong, _table("the kernel and the hints disagree", wrong)


# Mending

_MOST_COMMANDS = 12


class Mended(NamedTuple):
    """What came of a learner who did nothing but what the hints said.

    left: hints of what is still wrong.  commands: what was typed, each with its exit code.
    """

    left: list[str]
    commands: list[tuple[str, int]]


def _mend(mutation: Mistake) -> Mended:
    mended: Mended = run_in_sandbox(_mend_inside, lab_with(mutation), world=LAB.world)
    return mended


def _mend_inside(sandbox: Sandbox, lab: Lab) -> Mended:
    ping.PATIENCE = PATIENCE
    for step in lab.steps:
        with suppress(Refused, Missing):
            for action in step.actions:
                action.apply(sandbox.host)
        if any(verdict.outcome == "fail" for verdict in judge(sandbox, step.checks)):
            return _follow_hints(sandbox, step)
    return Mended([], [])


def _follow_hints(sandbox: Sandbox, step: Step) -> Mended:
    commands: list[tuple[str, int]] = []
    while True:
        failed = [verdict.hint for verdict in judge(sandbox, step.checks) if verdict.outcome == "fail"]
        if any("look right" in hint for hint in failed) and ping.PATIENCE != LONG_PATIENCE:
            ping.PATIENCE = LONG_PATIENCE  # nothing is wrong, and an answer was late
            continue
        command = next(filter(None, map(command_of, failed)), "")
        if not command or len(commands) == _MOST_COMMANDS:
            return Mended(failed, commands)
        sandbox.namespaces.forget()
        commands.append((command, sandbox.sandbox.run(["/bin/sh", "-c", command]).status))


def test_the_hints_mend_it() -> None:
    """The first hint that has a command is followed, until the step passes; each command works as it stands there."""
    some = list(mutations())[::EVERY]
    lost = [f"{mutation}" + "".join(f"\n      {status}: {command}" for command, status in result.commands)
            + "".join(f"\n      left: {hint}" for hint in result.left)
            for mutation, result in zip(some, side_by_side(_mend, some), strict=True)
            if result.left or any(status for _command, status in result.commands)]
    assert not lost, _table("the hints do not lead to the goal", lost)
