"""The process that keeps a lab which a learner does: it outlives terminals, and makes the lab anew when they go back.

    standing process, outside of the sandbox, owns the door, and writes down what was done
      └─ judge, which has joined the sandbox for good (Sandbox.enter), and answers at that door
           └─ sandbox

To go back the judge ends, its sandbox with it, and the standing process begins another one, in which what was done for
the steps before is done again at once. Whoever knocks meanwhile waits at the door.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from time import time
from typing import NamedTuple

from labrunner.kept.journal import Begun, Deed, Journal, standing_deeds
from labrunner.kept.keeper import Keeper
from labrunner.kept.place import Door
from labrunner.language.lab import Lab
from labrunner.lesson import progress
from labrunner.lesson.idle import IdleEnd, shown
from labrunner.lesson.lesson import Lesson
from labrunner.lesson.rc import Shell
from labrunner.lesson.replaying import Insufficient, replay
from labrunner.lesson.teacher import Again, LessonTeacher, Stopped, Words
from labrunner.session import Session
from runtime import syscalls
from runtime.errors import Problem
from runtime.sandbox.build import fork
from runtime.sandbox.channel import Channel, Closed, pack, unpack
from runtime.sandbox.handle import start


class Wanted(NamedTuple):
    """How a lab is begun.

    id_map: as for start.  given: values of variables, as they were given.  ends_after: see Idle.  deeds: what was done
    in it before it died, when it is to be brought back.
    """

    lab: Lab
    id_map: str
    given: tuple[str, ...]
    shell: Shell
    ends_after: float | None
    deeds: tuple[Deed, ...] = ()

    @property
    def begun(self) -> Begun:
        """For its journal."""
        about = self.lab.about
        return Begun(about.id, os.path.abspath(about.path), self.given, self.lab.runtime, self.id_map, self.shell.kind,
                     int(time()))


def stand(wanted: Wanted, words: Words, started: Callable[[Problem | None], None]) -> None:
    """Keep a lab until SIGTERM comes, or its sandbox has died. started: is told when it is there, or why it is not."""
    try:
        door = Door(wanted.lab.about.id)
    except Problem as problem:
        started(problem)
        return
    for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(each, _stop)
    try:
        _Standing(wanted, words, door, started).stand()
    except Problem as problem:
        started(problem)
    finally:
        door.close()


def _stop(*_: object) -> None:
    raise SystemExit(0)


class _Standing:
    def __init__(self, wanted: Wanted, words: Words, door: Door, started: Callable[[Problem | None], None]) -> None:
        self._wanted, self._words, self._door, self._started = wanted, words, door, started
        self._steps = [step.id for step in wanted.lab.steps]
        self._deeds = standing_deeds(wanted.deeds, self._steps)
        self._journal = Journal(wanted.begun, self._deeds)

    def stand(self) -> None:
        """Raises Problem."""
        again: Again | None = Again(self._reached())
        while again is not None:
            again = self._once(again)
        if not self._door.is_open:
            self._journal.remove()

    def _reached(self) -> int:
        """The place of the first step that is to be done."""
        done = {deed.step for deed in self._deeds if deed.did in ("passed", "solved", "skipped")}
        return next((place for place, step in enumerate(self._steps) if step not in done), len(self._steps))

    def _once(self, again: Again) -> Again | None:
        """One sandbox. Returns what another one is to be made for, None when it is over. Raises Problem."""
        if not again.own:
            self._as_it_says(again.place)
        here, there = Channel.pair()

        def life() -> None:
            here.close()
            syscalls.die_with_parent()
            _judge(self._wanted, self._words, self._door, again, self._deeds, there)

        pid = fork(life, there)
        there.close()
        try:
            return self._listen(here)
        finally:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            here.close()

    def _listen(self, judge: Channel) -> Again | None:
        while True:
            try:
                match judge.receive()[0]:
                    case {"ready": _}:
                        if not self._door.is_open:
                            self._door.open()
                            self._started(None)
                    case {"deed": deed}:
                        problem = self._write_down(Deed(**deed))
                        judge.send({"written": pack(problem) if problem else None})
                    case {"again": place, "own": own}:
                        return Again(place, own)
                    case {"ended": why}:
                        self._journal.end(why)
                    case {"stopped": _}:  # as somebody wished: there is nothing to bring back
                        self._journal.remove()
            except Closed:
                return None

    def _write_down(self, deed: Deed) -> Problem | None:
        self._deeds = standing_deeds([*self._deeds, deed], self._steps)
        try:
            self._journal.add(deed)
            if deed.did in ("passed", "solved"):
                hints = sum(each.did == "hint" and each.step == deed.step for each in self._deeds)
                progress.keep(self._wanted.lab.about.id, deed.step, hints, deed.did == "solved")
        except Problem as problem:
            return problem
        return None

    def _as_it_says(self, place: int) -> None:
        """From now on the steps before a place count as done by labrun."""
        deeds = [Deed("went", self._steps[0]), *(Deed("skipped", step) for step in self._steps[:place])]
        self._deeds = standing_deeds([*self._deeds, *deeds], self._steps)
        with suppress(Problem):  # the learner was told already when it could not be written
            for deed in deeds:
                self._journal.add(deed)


def _judge(wanted: Wanted, words: Words, door: Door, wish: Again, deeds: Sequence[Deed], above: Channel) -> None:
    session, again = Session(wanted.lab, start(wanted.id_map, wanted.lab.about.path)), None
    try:
        remember = _remembering(above)
        lesson = Lesson(session, remember)
        replay(lesson, wish.place, deeds, wish.own)
        teacher = LessonTeacher(lesson, words, wanted.shell, wanted.ends_after, remember)
        above.send({"ready": True})
        Keeper(session, door, teacher).keep()
    except Again as another:
        again = another
    except Insufficient:
        again = Again(wish.place, own=False)
    except Stopped:
        above.send({"stopped": True})
    except IdleEnd:
        above.send({"ended": f"nothing was done for {shown(wanted.ends_after or 0)}"})
    finally:
        session.close()
    if again is not None:
        above.send({"again": again.place, "own": again.own})


def _remembering(above: Channel) -> Callable[[Deed], Problem | None]:
    """Has a deed written down by the standing process, who is allowed to."""

    def remember(deed: Deed) -> Problem | None:
        above.send({"deed": deed._asdict()})
        packed = above.expect("written")
        return unpack(packed) if packed else None

    return remember
