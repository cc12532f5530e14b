"""For pytest: `pytest labs/` tries every lab.yaml there; each step and each mistake is a test.

A file is a lab when it is called lab.yaml. `-p no:labrunner.pytest_plugin` switches it off.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from labrunner.honesty.trial import Trial


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """A lab.yaml is a file of tests."""
    return LabFile.from_parent(parent, path=file_path) if file_path.name == "lab.yaml" else None


class LabFile(pytest.File):
    """A lab."""

    def collect(self) -> Iterator[pytest.Item]:
        """Its trials. A lab that cannot be loaded is a failure of collection, with the places of its mistakes."""
        from labrunner.honesty.trials import trials
        from labrunner.language.loading import load
        from runtime.errors import Problem
        from runtime.oci.available import preferred

        try:
            lab = load(str(self.path), {"runtime": preferred()})
        except Problem as problem:
            raise self.CollectError(str(problem)) from problem
        for number, trial in enumerate(trials(lab), 1):
            item: TrialItem = TrialItem.from_parent(self, name=f"{number}: {trial}")
            item.trial = trial
            yield item


class NotHonest(Exception):
    """A trial found something."""


class TrialItem(pytest.Item):
    """One trial of a lab."""

    trial: Trial

    def runtest(self) -> None:
        """Carry it out in a process of its own. What this machine lacks is a skip."""
        from labrunner.honesty.side_by_side import one
        from runtime.errors import Missing

        result = one(self.trial)
        if isinstance(result.problem, Missing):
            pytest.skip(f"{result.problem}; next: {result.problem.mend}")
        if result.problem:
            raise result.problem
        if result.finding:
            line, says, mend = result.finding
            raise NotHonest(f"{self.path}:{line}: {says}\n    next: {mend}")

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: object = None) -> str:  # noqa: ARG002
        """What it found; where it was found in this file is of no use to anybody."""
        return str(excinfo.value) if excinfo.errisinstance(NotHonest) else str(super().repr_failure(excinfo))

    def reportinfo(self) -> tuple[Path, int, str]:
        """The lab's file, the line (counted from 0), and what is tried."""
        return self.path, self.trial.line - 1, self.name
