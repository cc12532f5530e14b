"""A sentence that a step shows to be so, or not to be so."""

from __future__ import annotations

from checks.language.check import Evidence, Verdict
from checks.language.composite import CHECKS, Composite, together
from checks.language.statement import argument
from runtime.values import BOOLEAN, TEXT


class Claim(Composite):
    """A sentence, most often of the notes, and the checks that show whether it is so."""

    says = argument(TEXT, "the sentence")
    holds = argument(BOOLEAN, "whether the checks show that it is so, or that it is not", default=True)
    checks = argument(CHECKS, "what has to be true to show it")

    def claim(self) -> str:
        return f"so it is: {self.says}" if self.holds else f"not so: {self.says}"

    def judge(self, evidence: Evidence) -> Verdict:
        verdicts = self.verdicts(evidence)
        verdict = together(verdicts)._replace(claim=self.claim())
        failed = next((each.claim for each in verdicts if each.outcome != "pass"), "")
        return verdict._replace(expected=f"that {failed}") if failed else verdict
