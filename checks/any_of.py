from __future__ import annotations

from checks.language.check import Evidence, Verdict
from checks.language.composite import CHECKS, Composite
from checks.language.statement import argument
from checks.reasoning.wording import listed


class AnyOf(Composite):
    """One of several checks holds: for a step that can be done in more than one way."""

    main = "checks"
    checks = argument(CHECKS, "the checks of which one has to hold")

    def claim(self) -> str:
        return ", or ".join(self.claims())

    def judge(self, evidence: Evidence) -> Verdict:
        verdicts = self.verdicts(evidence)
        for verdict in verdicts:
            if verdict.outcome == "pass":
                return self.passed(verdict.expected, verdict.actual)
        expected = " or ".join(verdict.expected for verdict in verdicts)
        return self.failed(expected, listed(verdict.actual for verdict in verdicts), verdicts[0].hint)
