from __future__ import annotations

from checks.language.check import Evidence, Verdict
from checks.language.sought_rule import SoughtRule
from checks.language.statement import argument
from checks.reasoning.rule_commands import delete_rule
from checks.reasoning.wording import advice, no_netns
from runtime.values import BOOLEAN


class Rule(SoughtRule):
    """There is a packet rule with exactly these parts, whatever tool made it, or there is none (iptables(8))."""

    exists = argument(BOOLEAN, "whether it has to exist", default=True)

    def is_told(self) -> bool:
        return True

    def claim(self) -> str:
        return f"{self.netns} has {'the' if self.exists else 'no'} rule {self.shown()}"

    def judge(self, evidence: Evidence) -> Verdict:
        facts = evidence.snapshot.find(self.netns)
        expected = f"{'' if self.exists else 'no '}rule {self.shown()}"
        if facts is None:
            return self.failed(expected, f"no {self.netns}", no_netns(evidence.snapshot, self.netns))
        found = self.fitting(facts)
        if bool(found) == self.exists:
            return self.passed(expected, self.described(self.around(facts)))
        if self.exists:
            return self.missing(expected, facts)
        delete = (delete_rule(self.netns, rule) for rule in found)
        return self.failed(expected, self.described(found), advice(
            f"{self.netns} still has the rule {self.shown()}", "delete it", *delete))
