"""What happens in a session, as data. Reporters and logs read these and nothing else."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, TypeAlias

from checks.language.check import Verdict
from labrunner.language.lab import Lab, Step
from runtime.errors import Problem
from runtime.facts.difference import Change
from runtime.facts.snapshot import Snapshot

Outcome: TypeAlias = Literal["pass", "fail", "skip", "error"]


class RunStarted(NamedTuple):
    """The sandbox is there. environment: what JSON says about it.  total: number of steps that will be done."""

    lab: Lab
    environment: dict[str, Any]
    total: int


class StepStarted(NamedTuple):
    """A step begins. number: from 1."""

    step: Step
    number: int


class Acted(NamedTuple):
    """An action was carried out, or refused with `problem`."""

    action: str
    command: str
    changes: tuple[Change, ...]
    problem: Problem | None
    seconds: float


class Checked(NamedTuple):
    """A check was judged. seconds: what gathering its evidence cost, together with the others of its step.

    since: the id of the earlier step from which on it holds; '' for a check of this step.
    """

    check: str
    verdict: Verdict
    seconds: float
    since: str = ""


class StepEnded(NamedTuple):
    """A step is over. reason: why it was skipped, or ''."""

    step: Step
    outcome: Outcome
    seconds: float
    reason: str = ""


class RunEnded(NamedTuple):
    """Everything is over. snapshot: the lab as it was left."""

    outcome: Outcome
    seconds: float
    snapshot: Snapshot


class Noticed(NamedTuple):
    """Somebody has changed something in the lab."""

    changes: tuple[Change, ...]


class Differs(NamedTuple):
    """What is not as it was. since: when that was, in words; until: and up to when, '' for now."""

    changes: tuple[Change, ...]
    since: str
    until: str = ""


class Troubled(NamedTuple):
    """Something went wrong beside what was asked for."""

    problem: Problem


class Watched(NamedTuple):
    """A lab that somebody looks at while it changes.

    place, hints: as of Stands.  checked: of the step that is to be done, none when all are.
    """

    lab: Lab
    place: int
    hints: dict[str, int]
    checked: tuple[Checked, ...]
    snapshot: Snapshot


class Hinted(NamedTuple):
    """A hint was asked for. number: which of the step's it is, from 1, of `total`; 0 of 0 when it has none."""

    step: Step
    number: int
    total: int
    text: str


class Stands(NamedTuple):
    """How far a lab was done. place: of the step that is to be done, from 0; the number of steps when all are.

    hints: how many were taken, by the ids of their steps.
    """

    lab: Lab
    place: int
    hints: dict[str, int]


Event: TypeAlias = (RunStarted | StepStarted | Acted | Checked | StepEnded | RunEnded | Noticed | Hinted | Stands
                    | Differs | Troubled | Watched)


def worst(outcomes: list[Outcome]) -> Outcome:
    """The outcome of a whole: an error before a failure before a pass; a skip only when there is nothing else."""
    for outcome in ("error", "fail", "pass"):
        if outcome in outcomes:
            return outcome
    return "skip"
