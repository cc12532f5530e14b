"""Doing again what was done: when somebody goes back, jumps over steps, or a lab that has died is brought back."""

from __future__ import annotations

from collections.abc import Sequence
from shlex import quote
from time import monotonic

from labrunner.kept.journal import Deed
from labrunner.language.lab import Step
from labrunner.lesson.lesson import Lesson
from runtime.errors import Problem, Refused

_WHOLE, _ONE = 10.0, 5.0  # seconds for all that was typed, and for one command


class Insufficient(Exception):
    """What was typed does not make the lab again: it was interactive, say, or took too long."""


def replay(lesson: Lesson, place: int, deeds: Sequence[Deed], own: bool) -> None:
    """Do the steps before `place` as they were done, and what was done in that step.

    deeds: those that count still.  own: whether there is another way, where this one does not suffice.
    Raises Insufficient when there is, and otherwise Refused, Missing.
    """
    deadline = monotonic() + _WHOLE
    try:
        for step in lesson.lab.steps[lesson.place:place]:
            _again(lesson, step, deeds, deadline)
            lesson.session.observe()
            lesson.over(step)
        if own and place and not lesson.suffices():
            raise Insufficient
        if lesson.step:
            _again(lesson, lesson.step, deeds, deadline)
    except Problem as problem:
        if own:
            raise Insufficient from problem
        raise
    for deed in deeds:
        if deed.did == "hint":
            lesson.hints[deed.step] = lesson.hints.get(deed.step, 0) + 1
    lesson.settled()


def _again(lesson: Lesson, step: Step, deeds: Sequence[Deed], deadline: float) -> None:
    for deed in (each for each in deeds if each.step == step.id):
        if deed.did in ("solved", "skipped"):
            for action in step.actions:
                lesson.session.apply(action)
        elif deed.did == "typed":
            _type(lesson, deed, deadline)
            lesson.session.observe()  # as before each prompt, when it was typed


def _type(lesson: Lesson, deed: Deed, deadline: float) -> None:
    left = min(_ONE, deadline - monotonic())
    if left <= 0:
        raise Refused("do again what was typed", why=f"it takes longer than {_WHOLE:g} s")
    script = f"cd {quote(deed.folder or '/')} 2> /dev/null\n{deed.text}"
    there = ["ip", "netns", "exec", deed.netns] if deed.netns else []
    lesson.session.sandbox.run([*there, "/bin/bash", "-c", script], timeout=left)
    # What it has left running may hold a namespace, and one that is held here would live on.
    lesson.session.namespaces.forget()
