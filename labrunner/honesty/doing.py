"""What trials have in common: a step done, what comes of it, and what the solution makes of the kernel's state."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import NamedTuple

from checks.language.check import Verdict
from labrunner.honesty.mistakes import Mistake
from labrunner.language.lab import Holds, Lab, Step
from labrunner.session import Session
from runtime.errors import Refused
from runtime.facts.likeness import fingerprint
from runtime.probes import ping
from runtime.sandbox.apart import apart
from runtime.sandbox.handle import start

# Seconds. Where nothing is wrong an answer comes within milliseconds, and who waits less for one can only find too much
# wrong: what was found is looked at again.
PATIENCE = 0.3


class Finding(NamedTuple):
    """What a trial found wrong with the lab. line: where, in its file.  mend: what to do about it."""

    line: int
    says: str
    mend: str


class Failure(NamedTuple):
    """A check that did not pass."""

    holds: Holds
    verdict: Verdict


def done(session: Session, step: Step) -> Finding | None:
    """Carry out a step that has to work. What keeps it from that, or None."""
    for action, line in step.do:
        try:
            session.apply(action)
        except Refused as refused:
            return Finding(line, f"step '{step.id}' cannot be done: {refused}", refused.mend)
    _over(session, step)
    return None


def attempt(session: Session, step: Step) -> None:
    """Carry out what works of a step: after a mistake not everything may."""
    for action in step.actions:
        with suppress(Refused):
            session.apply(action)
    _over(session, step)


def wrongly(session: Session, step: Step, mistake: Mistake) -> bool:
    """Carry out a step with a mistake in it. Whether the mistake itself was refused: then it is as if left out."""
    for number, do in enumerate(step.do):
        action = mistake.wrong if number == mistake.number else do.action
        try:
            if action:
                session.apply(action)
        except Refused:
            if action is mistake.wrong:
                return True
    _over(session, step)
    return False


def _over(session: Session, step: Step) -> None:
    session.observe()
    session.remember(step)


def first_failure(session: Session, holds: Sequence[Holds]) -> Failure | None:
    """The first check that does not pass. Those that need no traffic are asked first: most often they tell.

    On a busy machine an answer may be late, and a mistake must not count as noticed for that. So a check that fails is
    judged again, with all the patience that labrun has.
    """
    quiet = [each for each in holds if not each.check.needs_traffic()]
    if found := next(_failures(session, quiet, PATIENCE), None):
        return found
    doubtful = [each.holds for each in _failures(session, [each for each in holds if each not in quiet], PATIENCE)]
    return next(_failures(session, doubtful, ping.PATIENCE), None)


def _failures(session: Session, holds: Sequence[Holds], patience: float) -> Iterator[Failure]:
    """patience: seconds for which an answer that has to come is waited for."""
    judged = session.judge([each.check for each in holds], patience)
    for each, (_check, verdict, _seconds) in zip(holds, judged, strict=True):
        if verdict.outcome != "pass":
            yield Failure(each, verdict)


class Reference:
    """What the solution of a lab makes, for comparison. states: a fingerprint of what is seen after each step."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self.states: tuple[str, ...] = ()

    def find_out(self) -> None:
        """Carry out the solution, in a process of its own, unless that was done before."""
        if not self.states:
            self.states = tuple(apart(self._carry_out, "carry out the solution"))

    def _carry_out(self) -> list[str]:
        session = Session(self._lab, start(lab_file=self._lab.about.path))
        try:
            return [self._state(session, step) for step in self._lab.steps]
        finally:
            session.close()

    def _state(self, session: Session, step: Step) -> str:
        attempt(session, step)
        return fingerprint(session.observe())
