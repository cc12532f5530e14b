"""The mistakes that a learner could make with a lab: each action left out, each of its arguments spoiled in turn."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any, NamedTuple

from checks.language.statement import Argument
from checks.language.statement import Mistake as NotAllowed
from labrunner.action import Action
from labrunner.language.lab import Do, Lab
from runtime.container_values import RUNTIME
from runtime.network.netns import LAB_HOST
from runtime.network.world import UPLINK
from runtime.rule_values import PLACE
from runtime.values import INTERFACE, NETNS


class Mistake(NamedTuple):
    """step, number: where the right action stands.  wrong: what is done in its place, None when it is left out.

    argument: the one that is spoiled, '' when the action is left out.
    """

    step: int
    number: int
    right: Do
    argument: str = ""
    wrong: Action | None = None

    def __str__(self) -> str:
        command = self.right.action.command()
        return f"{command} -> {self.wrong.command()} ({self.argument})" if self.wrong else f"{command} -> left out"


def mistakes(lab: Lab) -> Iterator[Mistake]:
    """Every one, in the order of the lab."""
    used = _used(lab)
    for place, step in enumerate(lab.steps):
        for number, do in enumerate(step.do):
            yield Mistake(place, number, do)
            commands = {do.action.command()}  # the same command is no mistake, and one mistake is tried once
            for name in _a_learners_own(do.action):
                for wrong in _spoiled(do.action, name, used):
                    if wrong.command() not in commands:
                        commands.add(wrong.command())
                        yield Mistake(place, number, do, name, wrong)


def _a_learners_own(action: Action) -> Iterator[str]:
    """Its arguments, without the runtime: that is chosen by whoever runs the lab."""
    return (name for name, argument in action.arguments.items() if argument.kind is not RUNTIME)


def _used(lab: Lab) -> dict[str, list[Any]]:
    """The values of each kind that the lab itself uses, in its order: people confuse one with another."""
    used: dict[str, dict[Any, None]] = {NETNS.name: {LAB_HOST: None}, PLACE.name: {1: None}}
    for action in (action for step in lab.steps for action in step.actions):
        for name, value in action.values().items():
            if value is not None:
                used.setdefault(action.arguments[name].kind.name, {})[value] = None
    if lab.world == "internet":
        used.setdefault(INTERFACE.name, {})[UPLINK] = None
    return {kind: list(values) for kind, values in used.items()}


def _spoiled(action: Action, name: str, used: dict[str, list[Any]]) -> Iterator[Action]:
    """The action with one argument spoiled. One that no lab could be loaded with is left out."""
    values = {key: value for key, value in action.values().items() if value is not None}
    others = ({name: other} for other in _others(action.arguments[name], values.get(name), used))
    for changed in (*others, *_misplaced(action, name)):
        given = {key: value for key, value in (values | changed).items() if value is not None}
        with suppress(NotAllowed):
            yield type(action)(**given)


def _misplaced(action: Action, name: str) -> Iterator[dict[str, Any]]:
    """The value given to another argument of its kind that has none: `-d` for `-s`, `-o` for `-i`, a `!` too much."""
    argument, values = action.arguments[name], action.values()
    if argument.required or argument.default is not None or values[name] is None:
        return
    for other, its in action.arguments.items():
        if its.kind is argument.kind and values[other] is None:
            yield {name: None, other: values[name]}


def _others(argument: Argument, value: Any, used: dict[str, list[Any]]) -> list[Any]:
    """Wrong values: the usual mistakes of the kind, others of its kind in this lab, and none where that is allowed."""
    known = used.get(argument.kind.name, [])
    if value is None:
        return known if argument.kind is NETNS else known[:1]
    others = argument.kind.wrong(value)
    following = known[(known.index(value) + 1) % len(known)] if value in known else None
    others += known if argument.kind is NETNS else [following, *(known[-1:] if argument.kind is INTERFACE else [])]
    if not argument.required and argument.default is None:
        others.append(None)
    return [other for other in others if other != value and (other is not None or not argument.required)]
