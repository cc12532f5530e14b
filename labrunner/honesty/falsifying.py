"""Every check can fail: a check that cannot tells nobody anything, whatever the others beside it notice."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

from labrunner.honesty.doing import PATIENCE, Finding, attempt, wrongly
from labrunner.honesty.mistakes import Mistake, mistakes
from labrunner.honesty.trial import Trial
from labrunner.language.lab import Holds, Lab
from labrunner.session import Session
from runtime.sandbox.apart import apart
from runtime.sandbox.handle import start


class _Asked(NamedTuple):
    """A check, and the place of its step."""

    place: int
    holds: Holds


class EveryCheckCanFail(Trial):
    """Each check of the lab fails at some time: before its step, after a step that retires it, or after a mistake.

    Nothing is asked of steps in which one only looks: what they show may well be so all the time.
    """

    def __init__(self, lab: Lab) -> None:
        super().__init__(lab, lab.steps[0].line)
        self._asked = [_Asked(place, holds) for place, step in enumerate(lab.steps) if step.do for holds in step.holds]

    def __str__(self) -> str:
        return "every check can fail"

    def carry_out(self) -> Finding | None:
        """Each situation is one of a sandbox and a process of its own."""
        never: list[int] = apart(self._in_the_course_of_the_lab, str(self))
        for mistake in mistakes(self.lab):
            if any(self._concerns(mistake, number) for number in never):
                never = apart(partial(self._after, mistake, never), str(self))
        return self._finding([self._asked[number].holds for number in never]) if never else None

    def _concerns(self, mistake: Mistake, number: int) -> bool:
        """Whether a check is worth asking after a mistake: one in its own step, or a command of an earlier left out."""
        place = self._asked[number].place
        return mistake.step == place or (mistake.step < place and mistake.wrong is None)

    def _finding(self, holds: list[Holds]) -> Finding:
        others = "".join(f"; and so does that in line {each.line}" for each in holds[1:])
        says = f"this check passes whatever is done or left out: {holds[0].check.claim()}{others}"
        return Finding(holds[0].line, says, "ask for something that the lab changes, or take it away")

    def _in_the_course_of_the_lab(self) -> list[int]:
        """The checks that pass before the first step and after every step."""
        session = Session(self.lab, start(lab_file=self.lab.about.path))
        try:
            never = self._passing(session, range(len(self._asked)))
            for step in self.lab.steps:
                attempt(session, step)
                never = self._passing(session, never)
            return never
        finally:
            session.close()

    def _after(self, mistake: Mistake, never: list[int]) -> list[int]:
        """Those of `never` that pass in their own step, after a mistake in it or before."""
        session = Session(self.lab, start(lab_file=self.lab.about.path))
        try:
            return [*self._still(session, mistake, never)]
        finally:
            session.close()

    def _still(self, session: Session, mistake: Mistake, never: list[int]) -> Iterator[int]:
        last = max(self._asked[number].place for number in never)
        for place, step in enumerate(self.lab.steps[: last + 1]):
            if place == mistake.step:
                wrongly(session, step, mistake)
            else:
                attempt(session, step)
            here = [number for number in never if self._asked[number].place == place]
            yield from self._passing(session, here) if place >= mistake.step else here

    def _passing(self, session: Session, numbers: range | list[int]) -> list[int]:
        """Those of the checks that pass now."""
        judged = session.judge([self._asked[number].holds.check for number in numbers], PATIENCE)
        return [number for number, each in zip(numbers, judged, strict=True) if each.verdict.outcome == "pass"]
