"""Trials, several at a time."""

from __future__ import annotations

import os
import select
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from labrunner.honesty.doing import Finding
from labrunner.honesty.trial import Trial
from runtime.errors import Missing, Problem
from runtime.sandbox.apart import Apart


class Result(NamedTuple):
    """What came of a trial: what it found wrong, or why it could not be carried out, or neither."""

    trial: Trial
    finding: Finding | None = None
    problem: Problem | None = None

    @property
    def good(self) -> bool:
        return self.finding is None and self.problem is None


def side_by_side(trials: Sequence[Trial], at_once: int = 0) -> Iterator[Result]:
    """The result of each trial, as they come. at_once: how many processes; 0 for two a core, as half of it is waiting.

    After a result with Missing there are no more: what this machine lacks for one it lacks for all.
    """
    waiting = list(reversed(trials))
    running: dict[int, tuple[Apart, Trial]] = {}
    at_once = at_once or 2 * len(os.sched_getaffinity(0))
    try:
        while waiting or running:
            while waiting and len(running) < at_once:
                started = _start(waiting.pop())
                if isinstance(started, Result):
                    yield started
                    if isinstance(started.problem, Missing):
                        return
                else:
                    running[started[0].fileno()] = started
            for fd in select.select(list(running), [], [])[0] if running else ():
                result = _result(*running.pop(fd))
                yield result
                if isinstance(result.problem, Missing):
                    return
    finally:
        for process, _trial in running.values():
            process.kill()


def one(trial: Trial) -> Result:
    """The result of a single trial."""
    return next(side_by_side([trial]))


def _start(trial: Trial) -> tuple[Apart, Trial] | Result:
    """The trial under way; or its result, when it could not even be prepared."""
    try:
        trial.prepare()
    except Problem as problem:
        return Result(trial, problem=problem)
    return Apart(trial.carry_out, f"try '{trial}'"), trial


def _result(process: Apart, trial: Trial) -> Result:
    try:
        finding = process.result()
    except Problem as problem:
        return Result(trial, problem=problem)
    return Result(trial, Finding(*finding) if finding else None)
