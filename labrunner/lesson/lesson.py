"""One lab in one sandbox, as a learner does it. They act; this looks, judges, hints, and does a step when asked to."""

from __future__ import annotations

from collections.abc import Iterator
from time import perf_counter

from labrunner.events import (
    Checked,
    Event,
    Hinted,
    Noticed,
    Outcome,
    RunEnded,
    RunStarted,
    Stands,
    StepEnded,
    StepStarted,
    worst,
)
from labrunner.language.lab import Lab, Step
from labrunner.language.vocabulary import word
from labrunner.session import Session
from runtime.errors import Refused
from runtime.probes.ping import PATIENCE

_IMPATIENCE = 0.3  # seconds for an answer; on one machine it takes a millisecond


class Lesson:
    """place: of the step that is to be done, from 0."""

    def __init__(self, session: Session) -> None:
        self._session, self.lab = session, session.lab
        self.place = 0
        self._passed: set[str] = set()
        self._hints: dict[str, int] = {}
        self._known: dict[str, Outcome] = {}  # what is known of the checks of the step, by their claims

    @property
    def step(self) -> Step | None:
        """The step that is to be done, None when all are."""
        return self.lab.steps[self.place] if self.place < len(self.lab.steps) else None

    def stands(self) -> Stands:
        """How far it is done."""
        return Stands(self.lab, self.place, frozenset(self._passed), dict(self._hints))

    def teach(self) -> Iterator[Event]:
        """The text of the step that is to be done."""
        yield self._begun()
        if step := self.step:
            yield StepStarted(step, self.place + 1)

    def replay(self, until: int) -> None:
        """Do the steps before `until`, without judging them. Raises Refused, Missing."""
        for step in self.lab.steps[self.place:until]:
            for action in step.actions:
                self._session.apply(action)
            self._session.observe()
            self._over(step)

    def check(self) -> Iterator[Event]:
        """Judge the step that is to be done; when it passes, the next one's turn comes."""
        begun = perf_counter()
        yield self._begun()
        step, outcome = self.step, worst(["pass"])
        if step:
            self._session.observe()
            checked = self._judged(step)
            outcome = _outcome(checked)
            yield from checked
            yield StepEnded(step, outcome, perf_counter() - begun)
            yield from self._onward(step, outcome)
        yield RunEnded(outcome, perf_counter() - begun, self._session.observe())

    def news(self) -> Iterator[Event]:
        """What has changed since somebody looked last, which checks became true by it, and which untrue again.

        Nothing when nothing has changed. When the step is done, the next one's turn comes.
        """
        begun, changes, step = perf_counter(), self._session.news(), self.step
        if not changes or step is None:
            return
        yield self._begun()
        yield Noticed(changes)
        before, checked = self._known, self._judged(step, _IMPATIENCE)
        # Of a check that nobody has asked yet it is no news that it is not true, or that it holds still.
        yield from (each for each in checked if each.verdict.outcome != before.get(
            each.verdict.claim, "pass" if each.since else "fail"))
        outcome = _outcome(checked)
        if outcome == "pass":
            yield StepEnded(step, outcome, perf_counter() - begun)
            yield from self._onward(step, outcome)
            yield RunEnded(outcome, perf_counter() - begun, self._session.observe())

    def where(self) -> str:
        """In a few words, for a prompt: 'bridge-network 2/8'."""
        return f"{self.lab.about.id} {min(self.place + 1, len(self.lab.steps))}/{len(self.lab.steps)}"

    def hint(self) -> Iterator[Event]:
        """The next, stronger one; the last again and again."""
        yield self._begun()
        step = self._expect_step("give a hint")
        taken = min(self._hints.get(step.id, 0) + 1, len(step.hints))
        self._hints[step.id] = taken
        yield Hinted(step, taken, len(step.hints), step.hints[taken - 1] if step.hints else "")

    def solve(self) -> Iterator[Event]:
        """Do the step, as `labrun run` does it."""
        yield self._begun()
        step, begun = self._expect_step("do the step"), perf_counter()
        for action in step.actions:
            acted = self._session.act(action)
            yield acted
            if acted.problem:
                raise acted.problem
        checked = self._judged(step)
        outcome = _outcome(checked)
        yield from checked
        yield StepEnded(step, outcome, perf_counter() - begun)
        yield from self._onward(step, outcome)
        yield RunEnded(outcome, perf_counter() - begun, self._session.observe())

    def _onward(self, step: Step, outcome: Outcome) -> Iterator[Event]:
        """After a step that has passed: those that pass already as well, and the text of the one that is to be done."""
        if outcome != "pass":
            return
        self._over(step)
        while following := self.step:
            yield StepStarted(following, self.place + 1)
            begun, checked = perf_counter(), self._judged(following, _IMPATIENCE)
            if _outcome(checked) != "pass":
                return
            yield from checked
            yield StepEnded(following, "pass", perf_counter() - begun)
            self._over(following)

    def _judged(self, step: Step, patience: float = PATIENCE) -> list[Checked]:
        """The step's own checks, and those of earlier steps that have to hold still.

        patience: seconds for an answer, which are waited for only when nothing else is wrong.
        """
        kept = {each.holds.check: each.since for each in self.lab.kept(self.place) if each.since in self._passed}
        judged = self._session.judge((*step.checks, *kept), _IMPATIENCE)
        failed = [each.check for each in judged if each.verdict.outcome != "pass"]
        if patience > _IMPATIENCE and failed and all(check.needs_traffic() for check in failed):
            judged = self._session.judge((*step.checks, *kept), patience)
        self._known = {each.verdict.claim: each.verdict.outcome for each in judged}
        return [Checked(word(each.check), each.verdict, each.seconds, kept.get(each.check, "")) for each in judged]

    def _over(self, step: Step) -> None:
        self._session.remember(step)
        self._passed.add(step.id)
        self._known = {}
        self.place += 1

    def _begun(self) -> RunStarted:
        return RunStarted(self.lab, self._session.environment, len(self.lab.steps))

    def _expect_step(self, what: str) -> Step:
        if self.step is None:
            raise Refused(what, why="all steps are done", mend="labrun goto STEP goes back; labrun stop ends the lab")
        return self.step


def _outcome(checked: list[Checked]) -> Outcome:
    return worst([each.verdict.outcome for each in checked])


def place_of(lab: Lab, wanted: str) -> int:
    """Where the step stands that somebody means by its id, or by its number from 1. Raises ValueError for none."""
    ids = [step.id for step in lab.steps]
    if wanted not in ids and wanted.isdecimal() and 0 < int(wanted) <= len(ids):
        return int(wanted) - 1
    return ids.index(wanted)
