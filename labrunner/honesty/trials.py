"""The trials of a lab. Each is carried out in a fresh sandbox, by a process that does nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from checks.language.check import Verdict
from labrunner.honesty.doing import Failure, Finding, Reference, attempt, done, first_failure, wrongly
from labrunner.honesty.falsifying import EveryCheckCanFail
from labrunner.honesty.mistakes import Mistake, mistakes
from labrunner.honesty.trial import OneSession, Trial
from labrunner.language.lab import Lab
from labrunner.session import Session
from runtime.facts.likeness import fingerprint

RUNS = 2


class Solution(OneSession):
    """Every step can be done, and all that has to hold then does. It is played more than once: run 1, run 2."""

    def __init__(self, lab: Lab, run: int) -> None:
        super().__init__(lab, lab.steps[0].line)
        self._run = run

    def __str__(self) -> str:
        return f"the solution passes, run {self._run} of {RUNS}"

    def ask(self, session: Session) -> Finding | None:
        for place, step in enumerate(self.lab.steps):
            finding = done(session, step) or self._holding(session, place)
            if finding:
                return finding
        return None

    def _holding(self, session: Session, place: int) -> Finding | None:
        step, kept = self.lab.steps[place], self.lab.kept(place)
        judged = session.judge([each.check for each in (*step.holds, *(each.holds for each in kept))])
        verdicts = [each.verdict for each in judged]
        for holds, verdict in zip(step.holds, verdicts, strict=False):
            if verdict.outcome != "pass":
                return Finding(holds.line, f"after step '{step.id}': {_told(verdict)}", verdict.hint)
        for earlier, verdict in zip(kept, verdicts[len(step.holds) :], strict=True):
            if verdict.outcome != "pass":
                return Finding(earlier.holds.line, f"it holds since step '{earlier.since}', and no longer after step "
                               f"'{step.id}': {_told(verdict)}", f"if that is meant, write `until: {step.id}` below it")
        return None


class OneStep(OneSession):
    """The checks of a step fail before it is done, and pass when it is, also when those before it were not judged."""

    def __init__(self, lab: Lab, place: int) -> None:
        super().__init__(lab, lab.steps[place].line)
        self._place = place

    def __str__(self) -> str:
        return f"step '{self.lab.steps[self._place].id}' is not done before it is done"

    def ask(self, session: Session) -> Finding | None:
        step = self.lab.steps[self._place]
        for earlier in self.lab.steps[: self._place]:
            if finding := done(session, earlier):
                return finding
        if step.do and first_failure(session, step.holds) is None:
            return Finding(step.line, f"all checks of step '{step.id}' pass before it is done",
                           "add a check of what it changes")
        failed = done(session, step) or first_failure(session, step.holds)
        if isinstance(failed, Failure):
            return Finding(failed.holds.line, f"in step '{step.id}', when the checks of the steps before it were not "
                           f"judged: {_told(failed.verdict)}", "let the step send the traffic that it counts")
        return failed


class Spoiled(OneSession):
    """Somebody makes a mistake. A check has to notice it, in that step or in a later one; or the kernel refuses it.

    What leaves everything as the right action does, when its step is over, is no mistake, but another way: the end of a
    wire may be made in its place, and need not be moved there.
    """

    mistake = True

    def __init__(self, lab: Lab, mistake: Mistake, reference: Reference) -> None:
        super().__init__(lab, mistake.right.line)
        self._mistake, self._reference = mistake, reference

    def prepare(self) -> None:
        self._reference.find_out()

    def __str__(self) -> str:
        return f"{self.lab.steps[self._mistake.step].id}: {self._mistake}"

    def ask(self, session: Session) -> Finding | None:
        for step in self.lab.steps[: self._mistake.step]:
            attempt(session, step)
        if wrongly(session, self.lab.steps[self._mistake.step], self._mistake) or self._is_another_way(session):
            return None
        for place in range(self._mistake.step, len(self.lab.steps)):
            if place != self._mistake.step:
                attempt(session, self.lab.steps[place])
            kept = [each.holds for each in self.lab.kept(place)]
            if first_failure(session, (*self.lab.steps[place].holds, *kept)):
                return None
        return Finding(self.line, f"no check notices this mistake: {self._mistake}",
                       f"add a check of it to step '{self.lab.steps[self._mistake.step].id}'")

    def _is_another_way(self, session: Session) -> bool:
        """Whether the step leaves what it should. What only a later step clears away was a mistake all the same."""
        wrong, state = self._mistake.wrong, self._reference.states[self._mistake.step]
        return wrong is not None and wrong.seen and fingerprint(session.observe()) == state


class Swapped(OneSession):
    """A step is done without one that it needs: it must not pass."""

    mistake = True

    def __init__(self, lab: Lab, place: int, need: int) -> None:
        super().__init__(lab, lab.steps[place].line)
        self._place, self._need = place, need

    def __str__(self) -> str:
        return f"step '{self.lab.steps[self._place].id}' before step '{self.lab.steps[self._need].id}', which it needs"

    def ask(self, session: Session) -> Finding | None:
        step, need = self.lab.steps[self._place], self.lab.steps[self._need].id
        left_out = {need}
        for earlier in self.lab.steps[: self._place]:
            if left_out & {earlier.id, *earlier.needs}:
                left_out.add(earlier.id)
            else:
                attempt(session, earlier)
        if done(session, step) or first_failure(session, step.holds):
            return None
        return Finding(step.line, f"step '{step.id}' passes without step '{need}', which it is said to need",
                       "write what it really needs, as `needs: [...]`, or check more")


class Part(NamedTuple):
    """Of all mistakes those that one of several machines tries: the one with its number, and each `of`-th after it."""

    number: int = 1
    of: int = 1


def trials(lab: Lab, part: Part = Part()) -> Iterator[Trial]:  # noqa: B008 it is frozen
    """Every trial of a lab, but only a part of the mistakes."""
    yield from (Solution(lab, run) for run in range(1, RUNS + 1))
    yield from (OneStep(lab, place) for place in range(len(lab.steps)))
    yield EveryCheckCanFail(lab)
    yield from islice(_mistaken(lab), part.number - 1, None, part.of)


def _mistaken(lab: Lab) -> Iterator[Trial]:
    """With every mistake, and every step without one that it needs."""
    reference = Reference(lab)
    yield from (Spoiled(lab, mistake, reference) for mistake in mistakes(lab))
    for place, step in enumerate(lab.steps):
        needs = [lab.place(need) for need in step.needs]
        yield from (Swapped(lab, place, need) for need in needs if lab.steps[need].do)


def _told(verdict: Verdict) -> str:
    return f"{verdict.claim}: found {verdict.actual}"
