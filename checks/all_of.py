from __future__ import annotations

from checks.language.check import Evidence, Verdict
from checks.language.composite import CHECKS, Composite, together
from checks.language.statement import argument


class AllOf(Composite):
    """All of several checks hold: to be used inside any_of and not."""

    main = "checks"
    checks = argument(CHECKS, "the checks that all have to hold")

    def claim(self) -> str:
        return ", and ".join(self.claims())

    def judge(self, evidence: Evidence) -> Verdict:
        return together(self.verdicts(evidence))._replace(claim=self.claim())
