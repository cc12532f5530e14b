from __future__ import annotations

from checks.language.check import Evidence, Verdict
from checks.language.composite import CHECKS, Composite, together
from checks.language.statement import argument


class Not(Composite):
    """A check does not hold; of several, at least one does not."""

    main = "checks"
    checks = argument(CHECKS, "the check that has to fail")

    def claim(self) -> str:
        return f"it is not so that {' and '.join(self.claims())}"

    def judge(self, evidence: Evidence) -> Verdict:
        inner = together(self.verdicts(evidence))
        expected = f"not {inner.expected}"
        if inner.outcome != "pass":
            return self.passed(expected, inner.actual)
        return self.failed(expected, inner.actual, f"{' and '.join(self.claims())}, and that should not be so here")
