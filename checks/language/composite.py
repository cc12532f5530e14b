"""Checks that are made of checks: what any_of, all_of, not and a claim share."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from operator import or_
from typing import Any

from checks.language.check import Check, Evidence, Verdict
from checks.reasoning.wording import listed
from runtime.facts.look import Unexamined
from runtime.facts.snapshot import Snapshot
from runtime.facts.storage import Wanted
from runtime.probes.asking import Probe
from runtime.values import Kind


def _checks(value: Any) -> tuple[Check, ...]:
    """A list of checks; the loader has made them of their words by now."""
    found = value if isinstance(value, list | tuple) else [value]
    if not found or not all(isinstance(each, Check) for each in found):
        raise ValueError("here have to stand checks, each as '- WORD: ...'")
    return tuple(found)


CHECKS: Kind[tuple[Check, ...]] = Kind("checks", "a list of checks", _checks, {"$ref": "#/$defs/checks"})


class Composite(Check):
    """A check whose verdict comes from those of other checks. Its argument `checks` is of the kind CHECKS."""

    checks: tuple[Check, ...]

    def probes(self, snapshot: Snapshot) -> tuple[Probe, ...]:
        return tuple(probe for check in self.checks for probe in check.probes(snapshot))

    def needs_traffic(self) -> bool:
        return any(check.needs_traffic() for check in self.checks)

    def is_told(self) -> bool:
        return all(check.is_told() for check in self.checks)

    def sysctls(self) -> tuple[str, ...]:
        return tuple(name for check in self.checks for name in check.sysctls())

    def files(self) -> tuple[str, ...]:
        return tuple(path for check in self.checks for path in check.files())

    def trees(self) -> tuple[str, ...]:
        return tuple(path for check in self.checks for path in check.trees())

    def needs_streams(self) -> bool:
        return any(check.needs_streams() for check in self.checks)

    def screens(self) -> tuple[str, ...]:
        return tuple(name for check in self.checks for name in check.screens())

    def storage(self) -> Wanted:
        return reduce(or_, (check.storage() for check in self.checks))

    def looks_at(self) -> Iterator[tuple[str, str]]:
        for check in self.checks:
            yield from check.looks_at()

    def unexamined(self, snapshot: Snapshot) -> Unexamined | None:  # noqa: ARG002
        """None: each of the checks says so itself, and one of several may hold all the same."""
        return None

    def claims(self) -> list[str]:
        """What each of them claims."""
        return [check.claim() for check in self.checks]

    def verdicts(self, evidence: Evidence) -> list[Verdict]:
        """The judgement of each."""
        return [check.verdict(evidence) for check in self.checks]


def together(verdicts: list[Verdict]) -> Verdict:
    """The verdict on all of them at once: its claim is left to the caller."""
    failed = [verdict for verdict in verdicts if verdict.outcome != "pass"]
    shown = failed or verdicts
    return Verdict("", "fail" if failed else "pass", listed(verdict.expected for verdict in shown),
                   listed(verdict.actual for verdict in shown), failed[0].hint if failed else "")
