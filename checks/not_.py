from __future__ import annotations

from checks.language.check import UNEXAMINED, Evidence, Verdict
from checks.language.composite import CHECKS, Composite, together
from checks.language.statement import argument


class Not(Composite):
    """A check does not hold; of several, at least one does not."""

    main = "checks"
    checks = argument(CHECKS, "the check that has to fail")

    def claim(self) -> str:
        return f"it is not so that {' and '.join(self.claims())}"

    def judge(self, evidence: Evidence) -> Verdict:
        verdicts = self.verdicts(evidence)
        inner = together(verdicts)
        expected = f"not {inner.expected}"
        failed = [each for each in verdicts if each.outcome != "pass"]
        if failed and all(each.actual == UNEXAMINED for each in failed):
            return self.not_examined(expected, failed[0].hint)
        if inner.outcome != "pass":
            return self.passed(expected, inner.actual)
        return self.failed(expected, inner.actual, f"{' and '.join(self.claims())}, and that should not be so here")
