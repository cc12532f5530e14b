"""One lab in one sandbox, as a learner does it. They act; this looks, judges, hints, and does a step when asked to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from time import perf_counter
from typing import Literal, TypeAlias

from labrunner.events import (
    Checked,
    Differs,
    Event,
    Hinted,
    Noticed,
    Outcome,
    RunEnded,
    RunStarted,
    Stands,
    StepEnded,
    StepStarted,
    Troubled,
    Watched,
    worst,
)
from labrunner.kept.journal import Deed
from labrunner.language.lab import Lab, Step
from labrunner.language.vocabulary import word
from labrunner.session import Session, by_command
from runtime.errors import Problem, Refused
from runtime.facts.difference import Change
from runtime.facts.snapshot import Snapshot
from runtime.probes.ping import PATIENCE

IMPATIENCE = 0.3  # seconds for an answer; on one machine it takes a millisecond

Traffic: TypeAlias = Literal["always", "last", "never"]
"""When the checks are judged for which packets are sent: 'last' is when all others are true, as they take time."""


class Lesson:
    """place: of the step that is to be done, from 0.

    remember: is told what was done; returns what kept that from being written down.
    """

    def __init__(self, session: Session, remember: Callable[[Deed], Problem | None]) -> None:
        self.session, self.lab = session, session.lab
        self.place = 0
        self.hints: dict[str, int] = {}
        self._remember = remember
        self._begin = session.now
        self._told = session.now  # the lab as the shell knows it, and what it knows of the checks, by their claims
        self._known: dict[str, Outcome] = {}
        self._judged: tuple[Checked, ...] = ()
        self._untold: list[Event] = []

    @property
    def step(self) -> Step | None:
        """The step that is to be done, None when all are."""
        return self.lab.steps[self.place] if self.place < len(self.lab.steps) else None

    def stands(self) -> Stands:
        """How far it is done."""
        return Stands(self.lab, self.place, dict(self.hints))

    def watched(self) -> Watched:
        """The same, and what is known of the step that is to be done."""
        return Watched(*self.stands(), self._judged, self.session.now)

    def where(self) -> str:
        """In a few words, for a prompt: 'bridge-network 2/8'."""
        return f"{self.lab.about.id} {min(self.place + 1, len(self.lab.steps))}/{len(self.lab.steps)}"

    def teach(self) -> Iterator[Event]:
        """The text of the step that is to be done."""
        yield self._begun()
        if step := self.step:
            yield StepStarted(step, self.place + 1)

    def over(self, step: Step) -> None:
        """The step is done, and the lab as it is now is what it was after it."""
        self.session.remember(step)
        self._known, self._judged = {}, ()
        self.place += 1

    def settled(self) -> None:
        """All that has changed by now was labrun's doing, and is no news."""
        self._told = self.session.observe()

    def look(self, traffic: bool = True) -> None:
        """See what is true by now. When the step is done the next one's turn comes, which the shell is told by and by.

        traffic: whether also that is asked for which packets are sent.
        """
        step = self.step
        self.session.observe()
        if step is None:
            return
        begun = perf_counter()
        checked = self._judge(step, "always" if traffic else "never")
        if traffic and _outcome(checked) == "pass":
            self._untold += [*self._news_of(checked), StepEnded(step, "pass", perf_counter() - begun),
                             *self._onward(step, "passed")]
            self._untold.append(RunEnded("pass", perf_counter() - begun, self.session.now))

    def check(self) -> Iterator[Event]:
        """Judge the step that is to be done; when it passes, the next one's turn comes."""
        begun = perf_counter()
        yield self._begun()
        step, outcome = self.step, worst(["pass"])
        if step:
            self.session.observe()
            checked = self._judge(step, "always", PATIENCE)
            outcome = _outcome(checked)
            self._told, self._known = self.session.now, _outcomes(checked)
            yield from checked
            yield StepEnded(step, outcome, perf_counter() - begun)
            if outcome == "pass":
                yield from self._onward(step, "passed")
        yield RunEnded(outcome, perf_counter() - begun, self.session.observe())

    def changes(self) -> tuple[Change, ...]:
        """What has changed since the shell was told."""
        return by_command(self._told, self.session.observe())

    def news(self) -> Iterator[Event]:
        """What has changed since the shell was told, which checks became true by it, and which untrue again.

        Nothing when nothing has changed. When the step is done, the next one's turn comes.
        """
        begun, changes = perf_counter(), self.changes()
        untold, self._untold, self._told = self._untold, [], self.session.now
        if not changes and not untold:
            return
        yield self._begun()
        yield Noticed(changes)
        yield from untold
        step = self.step
        if not changes or step is None or untold:
            return
        checked = self._judge(step, "last")
        yield from self._news_of(checked)
        if _outcome(checked) == "pass":
            yield StepEnded(step, "pass", perf_counter() - begun)
            yield from self._onward(step, "passed")
            yield RunEnded("pass", perf_counter() - begun, self.session.observe())

    def hint(self) -> Iterator[Event]:
        """The next, stronger one; the last again and again."""
        yield self._begun()
        step = self.expect_step("give a hint")
        taken = min(self.hints.get(step.id, 0) + 1, len(step.hints))
        if taken != self.hints.get(step.id, 0):
            self.hints[step.id] = taken
            yield from self._note(Deed("hint", step.id))
        yield Hinted(step, taken, len(step.hints), step.hints[taken - 1] if step.hints else "")

    def solve(self) -> Iterator[Event]:
        """Do the step, as `labrun run` does it."""
        yield self._begun()
        step, begun = self.expect_step("do the step"), perf_counter()
        for action in step.actions:
            acted = self.session.act(action)
            yield acted
            if acted.problem:
                mend = acted.problem.mend or "labrun reset begins the step anew, and then labrun solve does it"
                raise Refused(acted.problem.what, getattr(acted.problem, "errno", 0), acted.problem.why, mend)
        checked = self._judge(step, "always", PATIENCE)
        outcome = _outcome(checked)
        yield from checked
        yield StepEnded(step, outcome, perf_counter() - begun)
        if outcome == "pass":
            yield from self._onward(step, "solved")
        self.settled()
        yield RunEnded(outcome, perf_counter() - begun, self.session.now)

    def diff(self, since: int | None = None, until: int | None = None) -> Iterator[Event]:
        """What has changed since a step began, without one this step; up to when another began, without one till now.

        since, until: places of steps. Raises Refused where the lab has not come there.
        """
        place = self.place if since is None else since
        before, after = self._start(place), self.session.observe() if until is None else self._start(until)
        yield self._begun()
        yield Differs(by_command(before, after), self._named(place), "" if until is None else self._named(until))

    def typed(self, command: str, folder: str, netns: str) -> Iterator[Event]:
        """A command was typed that has changed something. netns: where, '' for on the lab host."""
        step = self.step or self.lab.steps[-1]
        yield from self._note(Deed("typed", step.id, command, folder, netns))

    def suffices(self) -> bool:
        """Whether the steps before this one are done, as far as what has to hold still tells."""
        since = [self.lab.steps[self.place - 1].checks] if self.place else []
        kept = [each.holds.check for each in self.lab.kept(self.place)] if self.step else []
        checks = dict.fromkeys((*kept, *(check for checks in since for check in checks)))
        judged = self.session.judge(tuple(checks), IMPATIENCE)
        return _worst_of([each.verdict.outcome for each in judged]) == "pass"

    def _start(self, place: int) -> Snapshot:
        if place > self.place:
            raise Refused(f"compare with the step '{self.lab.steps[place].id}'", why="the lab has not come there yet",
                          mend="labrun status")
        return self.session.after(self.lab.steps[place - 1]) if place else self._begin

    def _named(self, place: int) -> str:
        """The moment at which a step began, in words."""
        return f"the step '{self.lab.steps[place].id}'" if place < len(self.lab.steps) else "the end of the last step"

    def _onward(self, step: Step, how: str) -> Iterator[Event]:
        """After a step that has passed: those that pass already as well, and the text of the one that is to be done."""
        self.over(step)
        yield from self._note(Deed(how, step.id))
        while following := self.step:
            yield StepStarted(following, self.place + 1)
            begun, checked = perf_counter(), self._judge(following, "last")
            self._known = _outcomes(checked)
            if _outcome(checked) != "pass":
                return
            yield from checked
            yield StepEnded(following, "pass", perf_counter() - begun)
            self.over(following)
            yield from self._note(Deed("passed", following.id))

    def _note(self, deed: Deed) -> Iterator[Event]:
        problem = self._remember(deed)
        if problem:
            yield Troubled(problem)

    def _news_of(self, checked: list[Checked]) -> list[Checked]:
        """Those of which the shell does not know yet.

        Of a check that nobody has asked yet it is no news that it is not true, or that it holds still.
        """
        before, self._known = self._known, {**self._known, **_outcomes(checked)}
        return [each for each in checked if each.verdict.outcome != before.get(
            each.verdict.claim, "pass" if each.since else "fail")]

    def _judge(self, step: Step, traffic: Traffic, patience: float = IMPATIENCE) -> list[Checked]:
        """The step's own checks, and those of earlier steps that have to hold still; those that were asked, in order.

        patience: seconds for an answer, which are waited for only when nothing else is wrong.
        """
        kept = {each.holds.check: each.since for each in self.lab.kept(self.place)}
        checks = (*step.checks, *kept)
        quiet = [each for each in checks if not each.needs_traffic()]
        judged = self.session.judge(quiet) if traffic != "always" else []
        if traffic == "always" or (traffic == "last" and all(each.verdict.outcome == "pass" for each in judged)):
            judged = self.session.judge(checks, IMPATIENCE)
        failed = [each.check for each in judged if each.verdict.outcome != "pass"]
        if patience > IMPATIENCE and failed and all(check.needs_traffic() for check in failed):
            judged = self.session.judge(checks, patience)
        found = [Checked(word(each.check), each.verdict, each.seconds, kept.get(each.check, "")) for each in judged]
        known = {each.verdict.claim: each for each in (*self._judged, *found)}
        self._judged = tuple(each for check in checks if (each := known.get(check.claim())))
        return found

    def _begun(self) -> RunStarted:
        return RunStarted(self.lab, self.session.environment, len(self.lab.steps))

    def expect_step(self, what: str) -> Step:
        """The step that is to be done. Raises Refused, of `what` is wanted, when all are."""
        if self.step is None:
            raise Refused(what, why="all steps are done", mend="labrun goto STEP goes back; labrun stop ends the lab")
        return self.step


def _outcome(checked: list[Checked]) -> Outcome:
    return worst([each.verdict.outcome for each in checked])


def _worst_of(outcomes: list[Outcome]) -> Outcome:
    return worst(outcomes or ["pass"])


def _outcomes(checked: list[Checked]) -> dict[str, Outcome]:
    return {each.verdict.claim: each.verdict.outcome for each in checked}


def place_of(lab: Lab, wanted: str) -> int:
    """Where the step stands that somebody means by its id, or by its number from 1. Raises Refused for none."""
    ids = [step.id for step in lab.steps]
    if wanted not in ids and wanted.isdecimal() and 0 < int(wanted) <= len(ids):
        return int(wanted) - 1
    if wanted not in ids:
        raise Refused(f"find the step '{wanted}'", why="the lab has no such step",
                      mend=f"it has {', '.join(ids)}")
    return ids.index(wanted)
