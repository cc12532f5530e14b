"""All trials of one lab, and what came of them."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Any, NamedTuple

from labrunner.honesty.side_by_side import Result, side_by_side
from labrunner.honesty.trials import Part, trials
from labrunner.language.lab import Lab
from runtime.errors import Missing
from runtime.sandbox.traces import traces


class Report(NamedTuple):
    """results: in the order of the trials.  left: what the lab left on the machine.  seconds: how long it all took."""

    lab: Lab
    results: tuple[Result, ...]
    left: tuple[str, ...]
    seconds: float

    @property
    def outcome(self) -> str:
        """'pass', 'fail', 'skip' when this machine lacks something for the lab, or 'error'."""
        problems = [result.problem for result in self.results if result.problem]
        if any(isinstance(problem, Missing) for problem in problems):
            return "skip"
        if problems:
            return "error"
        return "pass" if not self.left and all(result.good for result in self.results) else "fail"

    @property
    def mistakes(self) -> list[Result]:
        """The trials that count for the score."""
        return [result for result in self.results if result.trial.mistake]

    @property
    def noticed(self) -> int:
        return sum(result.good for result in self.mistakes)

    def summary(self) -> str:
        """In one line: '263 of 263 mistakes noticed (100 %), the solution passes and leaves nothing behind'."""
        if self.outcome == "skip":
            return "skipped: this machine lacks something for it"
        total, noticed = len(self.mistakes), self.noticed
        score = "no mistake can be made"
        if total:
            score = f"{noticed} of {total} mistakes noticed ({100 * noticed // total} %)"
        wrong = sum(not result.good for result in self.results if not result.trial.mistake) + len(self.left)
        if not wrong:
            return f"{score}, the solution passes and leaves nothing behind"
        return f"{score}, and {wrong} thing{'s' if wrong > 1 else ''} wrong with the solution"

    def as_json(self) -> dict[str, Any]:
        """The object of the JSON document that `labrun test --json` writes."""
        return {
            "lab": self.lab.about.id, "path": self.lab.about.path, "outcome": self.outcome,
            "seconds": round(self.seconds, 3), "mistakes": len(self.mistakes), "noticed": self.noticed,
            "findings": [{"trial": str(result.trial), **result.finding._asdict()}
                         for result in self.results if result.finding],
            "problems": [{"trial": str(result.trial), "line": result.trial.line, "what": result.problem.what,
                          "why": result.problem.why, "mend": result.problem.mend}
                         for result in self.results if result.problem],
            "left": list(self.left),
        }


def examine(lab: Lab, at_once: int = 0, tell: Callable[[int, int], None] = lambda _done, _total: None,
            part: Part = Part()) -> Report:  # noqa: B008 it is frozen
    """Carry out every trial of a lab.

    at_once: how many at a time, 0 for two a core.  tell: called after each.  part: of the mistakes.
    """
    started, before = perf_counter(), traces()
    every = list(trials(lab, part))
    results: dict[int, Result] = {}
    for result in side_by_side(every, at_once):
        results[id(result.trial)] = result
        tell(len(results), len(every))
    ordered = tuple(results[id(trial)] for trial in every if id(trial) in results)
    return Report(lab, ordered, tuple(sorted(traces() - before)), perf_counter() - started)
