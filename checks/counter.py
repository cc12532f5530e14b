from __future__ import annotations

from checks.language.check import Evidence, Verdict
from checks.language.sought_rule import SoughtRule
from checks.language.statement import Mistake, argument
from checks.reasoning.counting import despite, told
from checks.reasoning.rule_commands import add_rule, delete_rule, demands, of_iptables, takes_all
from checks.reasoning.wording import advice, no_netns
from runtime.facts.difference import show_rule
from runtime.facts.rules import Rule
from runtime.facts.snapshot import NetnsFacts
from runtime.network.command_line import iptables
from runtime.values import choice, whole_number


class Counter(SoughtRule):
    """A packet rule has matched packets, or none, by its counter (iptables(8), -v).

    Only packets that labrun saw it count are evidence, those of the step's own checks included: a counter can be set to
    any number when the rule is made. For 'none' the counter is 0, to which it can be set at any time.
    """

    packets = argument(choice("none", "some"), "whether it has matched any", default="some")
    at_least = argument(whole_number(1, 2**31), "how many it has matched at least", default=None)

    def validate(self) -> None:
        super().validate()
        if self.at_least and self.packets == "none":
            raise Mistake("at_least", "a rule that has matched none has not matched so many: leave one of the two out")

    def needs_traffic(self) -> bool:
        return True

    def claim(self) -> str:
        return f"the rule {self.shown()} of {self.netns} has matched {self._wanted()}"

    def _wanted(self) -> str:
        return "no packet" if self.packets == "none" else f"{self.at_least} packets or more" if self.at_least else (
            "packets")

    def judge(self, evidence: Evidence) -> Verdict:
        facts = evidence.snapshot.find(self.netns)
        expected = f"{self._wanted()} by {self.shown()}"
        if facts is None:
            return self.failed(expected, f"no {self.netns}", no_netns(evidence.snapshot, self.netns))
        found = self.fitting(facts)
        if not found:
            return self.missing(expected, facts)
        counted = [rule for rule in found if rule.packets is not None]
        if not counted:
            return self._uncounted(expected, facts, found[0])
        actual = told(*counted)
        if (sum(rule.packets or 0 for rule in counted) == 0) if self.packets == "none" else (
                sum(rule.matched or 0 for rule in counted) >= (self.at_least or 1)):
            return self.passed(expected, actual)
        return self.failed(expected, actual, self._too_many(found[0]) if self.packets == "none"
                           else self._too_few(facts, found[0], actual))

    def _uncounted(self, expected: str, facts: NetnsFacts, rule: Rule) -> Verdict:
        cause = f"the rule {show_rule(rule)} does not count packets"
        if not of_iptables(rule):
            return self.failed(expected, "the rule has no counter", f"{cause} ('counter' is missing in it)")
        again = delete_rule(self.netns, rule), add_rule(facts, rule.table, rule.chain, self.specification)
        return self.failed(expected, "the rule has no counter", advice(cause, "put one in its place that does", *again))

    def _too_many(self, rule: Rule) -> str:
        cause = f"the rule {show_rule(rule)} has matched packets already"
        if not of_iptables(rule):
            return cause
        return advice(cause, "count from 0 again", iptables(self.netns, rule.table, f"-Z {rule.chain}"))

    def _too_few(self, facts: NetnsFacts, rule: Rule, actual: str) -> str:
        """Why no packet comes to the rule, if the Snapshot shows a reason."""
        chain = [each for each in facts.rules if each[:3] == rule[:3]]
        earlier = (each for each in chain[: chain.index(rule)]
                   if takes_all(each) and {*demands(each)} <= {*demands(rule)})
        taking = next(earlier, None)
        cause = f"the rule {show_rule(rule)} has matched {actual.partition(',')[0]}{despite(rule)}"
        if taking is None:
            return cause
        return advice(f"{cause}, because {show_rule(taking)} stands before it and takes them", "delete that",
                      delete_rule(self.netns, taking))
