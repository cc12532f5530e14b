"""The process that keeps a lab which a learner does: it outlives terminals, and makes the lab anew when they go back.

    standing process, outside of the sandbox, owns the door
      └─ judge, which has joined the sandbox for good (Sandbox.enter), and answers at that door
           └─ sandbox

To go back the judge ends, its sandbox with it, and the standing process begins another one, in which the steps before
are done at once. Whoever knocks meanwhile waits at the door.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, NamedTuple, TypeAlias

from labrunner.events import Event
from labrunner.kept.keeper import Answer, Keeper
from labrunner.kept.place import Door
from labrunner.language.lab import Lab
from labrunner.lesson.lesson import Lesson, place_of
from labrunner.lesson.prompt import Prompt
from labrunner.session import Session
from runtime import syscalls
from runtime.errors import Problem, Refused
from runtime.sandbox.build import fork
from runtime.sandbox.channel import Channel, Closed
from runtime.sandbox.handle import start

Report: TypeAlias = Callable[[Iterable[Event], dict[str, Any]], Answer]
"""Tells events to whoever asked, as their request says: 'json', 'width', 'colour'."""


class Wanted(NamedTuple):
    """How a lab is begun. id_map, network: as for Session and start."""

    lab: Lab
    id_map: str
    network: str


class Again(Exception):
    """The lab is to be made anew, up to the step at a place."""

    def __init__(self, place: int) -> None:
        super().__init__(place)
        self.place = place


def stand(wanted: Wanted, report: Report, started: Callable[[Problem | None], None]) -> None:
    """Keep a lab until SIGTERM comes, or its sandbox has died. started: is told when it is there, or why it is not."""
    try:
        door = Door(wanted.lab.about.id)
    except Problem as problem:
        started(problem)
        return
    for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(each, _stop)
    place: int | None = 0
    try:
        while place is not None:
            place = _once(wanted, report, door, place, started)
    except Problem as problem:
        started(problem)
    finally:
        door.close()


def _stop(*_: object) -> None:
    raise SystemExit(0)


def _once(wanted: Wanted, report: Report, door: Door, place: int,
          started: Callable[[Problem | None], None]) -> int | None:
    """One sandbox. Returns the place up to which another one is to be made, None when it is over. Raises Problem."""
    here, there = Channel.pair()

    def life() -> None:
        here.close()
        syscalls.die_with_parent()
        _judge(wanted, report, door, place, there)

    pid = fork(life, there)
    there.close()
    try:
        here.expect("ready")
        if not door.is_open:
            door.open()
            started(None)
        return int(here.expect("again"))
    except Closed:
        return None
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        here.close()


def _judge(wanted: Wanted, report: Report, door: Door, place: int, above: Channel) -> None:
    session, again = Session(wanted.lab, start(wanted.id_map), wanted.network), None
    try:
        lesson = Lesson(session)
        lesson.replay(place)
        above.send({"ready": True})
        answers = _Answers(lesson, report)
        Keeper(session, door, answers, Prompt(session.sandbox, answers.news)).keep()
    except Again as wish:
        again = wish.place
    finally:
        session.close()
    if again is not None:
        above.send({"again": again})


class _Answers:
    """What somebody asks of a lesson."""

    def __init__(self, lesson: Lesson, report: Report) -> None:
        self._lesson, self._report = lesson, report

    def __call__(self, request: dict[str, Any]) -> Answer:
        """Raises Problem, and Again when the lab has to be made anew."""
        events: dict[str, Callable[[], Iterable[Event]]] = {
            "teach": self._lesson.teach, "check": self._lesson.check, "hint": self._lesson.hint,
            "solve": self._lesson.solve, "status": lambda: [self._lesson.stands()],
            "goto": lambda: self._goto(str(request["step"]))}
        return self._report(events[request["ask"]](), request)

    def news(self) -> tuple[str, str]:
        """For the prompt of a shell: where one is, and what there is to tell."""
        text = self._report(self._lesson.news(), {"colour": True}).text
        return self._lesson.where(), text.replace("\0", "")

    def _goto(self, wanted: str) -> Iterable[Event]:
        lab = self._lesson.lab
        try:
            place = place_of(lab, wanted) if wanted else self._lesson.place
        except ValueError:
            raise Refused(f"go to '{wanted}'", why="the lab has no such step",
                          mend=f"it has {', '.join(step.id for step in lab.steps)}") from None
        if place <= self._lesson.place:
            raise Again(place)
        self._lesson.replay(place)
        return self._lesson.teach()
