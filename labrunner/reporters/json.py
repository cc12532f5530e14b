"""One JSON document at the end: the form that contract.md fixes."""

from __future__ import annotations

import json
from typing import Any, TextIO

from checks.language.check import verdict_json
from labrunner.events import Acted, Checked, Differs, Event, RunEnded, RunStarted, StepEnded
from labrunner.streams import write
from runtime.errors import Problem

SCHEMA = 1


class JsonReporter:
    """Gathers the events of a run and writes them when it is over."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._written = False
        self._document: dict[str, Any] = {"schema": SCHEMA, "steps": []}
        self._actions: list[dict[str, Any]] = []
        self._checks: list[dict[str, Any]] = []
        self._kept = 0

    def tell(self, event: Event) -> None:
        """Take one event."""
        match event:
            case RunStarted(lab, environment, _):
                self._document |= {"lab": lab.about.id, "environment": environment}
            case Acted():
                self._actions.append(_acted(event))
            case Checked():
                self._checked(event)
            case StepEnded():
                self._step(event)
            case Differs(changes, since, until):
                write(self._out, json.dumps({"schema": SCHEMA, "lab": self._document.get("lab", ""), "since": since,
                                             "until": until, "changes": [each.as_json() for each in changes]}) + "\n")
            case RunEnded(outcome, seconds, _):
                self._write(outcome, seconds)

    def fail(self, lab: str, problem: Problem, outcome: str) -> None:
        """Write the document of a run that could not be carried through."""
        if self._written:  # what went wrong came after the end
            return
        self._document = {"lab": lab, "environment": {}} | self._document
        self._document["error"] = _problem(problem)
        self._write(outcome, 0.0)

    def _checked(self, checked: Checked) -> None:
        """Checks of earlier steps that hold as they should are only counted."""
        if checked.since and checked.verdict.outcome == "pass":
            self._kept += 1
            return
        told = verdict_json(checked.check, checked.verdict, checked.seconds)
        self._checks.append(told | ({"since": checked.since} if checked.since else {}))

    def _step(self, ended: StepEnded) -> None:
        self._document["steps"].append({
            "id": ended.step.id, "title": ended.step.title, "outcome": ended.outcome,
            "seconds": round(ended.seconds, 6), "actions": self._actions, "checks": self._checks,
        } | ({"kept": self._kept} if self._kept else {}) | ({"reason": ended.reason} if ended.reason else {}))
        self._actions, self._checks, self._kept = [], [], 0

    def _write(self, outcome: str, seconds: float) -> None:
        order = ("schema", "lab", "outcome", "seconds", "environment", "steps", "error")
        whole = self._document | {"outcome": outcome, "seconds": round(seconds, 6)}
        # In one line: with an indent json leaves its C encoder, which costs a tenth of the whole run. In ASCII: that is
        # right in every encoding.
        self._written = True
        write(self._out, json.dumps({key: whole[key] for key in order if key in whole}) + "\n")


def _acted(acted: Acted) -> dict[str, Any]:
    told: dict[str, Any] = {"action": acted.action, "command": acted.command,
                            "changes": [change.as_json() for change in acted.changes]}
    if acted.problem:
        told["error"] = _problem(acted.problem)
    return told


def _problem(problem: Problem) -> dict[str, str]:
    return {"what": problem.what, "why": problem.why, "mend": problem.mend}
