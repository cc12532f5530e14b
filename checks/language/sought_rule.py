"""A packet rule that a check looks for, whatever tool made it."""

from __future__ import annotations

from checks.language.check import Check, Verdict
from checks.language.packet_rule import PacketRule
from checks.language.statement import Mistake, argument
from checks.reasoning.rule_commands import add_rule, demands, same
from checks.reasoning.wording import advice, listed
from runtime.facts.difference import show_rule
from runtime.facts.rules import Rule
from runtime.facts.snapshot import NetnsFacts
from runtime.network.builtin_chains import TABLES, TARGETS, table_for
from runtime.network.command_line import iptables
from runtime.network.netns import LAB_HOST
from runtime.rule_values import HOOK, OWN_CHAIN
from runtime.values import NETNS


class SoughtRule(PacketRule, Check):
    """A rule at a hook, or in a chain of one's own: of iptables(8) or of nft(8), of IPv4 or of all families."""

    hook = argument(HOOK, "where packets meet the rule", default=None)
    chain = argument(OWN_CHAIN, "in place of the hook: the chain of one's own that the rule is in", default=None)
    netns = argument(NETNS, "the netns to look in", default=LAB_HOST)

    def validate(self) -> None:
        super().validate()
        if bool(self.hook) == bool(self.chain):
            raise Mistake("", "a rule is at a 'hook' or in a 'chain': give one of the two")
        if self.hook:
            self.validate_at(self.hook)

    @property
    def place(self) -> str:
        """The chain, by the name that iptables(8) has for it."""
        return self.chain or (self.hook or "").upper()

    def shown(self) -> str:
        """The rule in words: 'FORWARD -i br0 -j ACCEPT'."""
        return f"{self.place} {self.specification.words()}"

    def around(self, facts: NetnsFacts) -> list[Rule]:
        """All rules at the hook or in the chain."""
        return [rule for rule in facts.rules if rule.family in ("ip", "inet") and (
            rule.hook == self.hook if self.hook else rule.chain == self.chain)]

    def fitting(self, facts: NetnsFacts) -> list[Rule]:
        """Those that demand and do what is asked, no less and no more."""
        return [rule for rule in self.around(facts) if same(rule, self.specification)]

    def missing(self, expected: str, facts: NetnsFacts) -> Verdict:
        """The verdict where there is no such rule."""
        around = self.around(facts)
        nearest = max(around, key=self._likeness, default=None)
        cause = f"{facts.name} has no rule {self.shown()}"
        if nearest and self._likeness(nearest):
            cause += f" (the nearest is {show_rule(nearest)})"
        return self.failed(expected, self.described(around), advice(cause, "add it", *self._make(facts)))

    def described(self, rules: list[Rule]) -> str:
        return listed(map(show_rule, rules), f"no rule in {self.place}")

    def _likeness(self, rule: Rule) -> int:
        """How much of what is asked a rule has."""
        matches, target = self.specification.normal()
        return len({*matches} & {*demands(rule)}) + (target == rule.target)

    def _make(self, facts: NetnsFacts) -> list[str]:
        """The commands that add the rule, and the chains that it needs where they are missing."""
        table = self._table(facts)
        own = [name for name in (self.chain, self.jump) if name and name not in TARGETS]
        known = {chain.name for chain in facts.chains if (chain.family, chain.table) == ("ip", table)}
        make = [iptables(facts.name, table, f"-N {name}") for name in own if name not in known]
        return [*make, add_rule(facts, table, self.place, self.specification)]

    def _table(self, facts: NetnsFacts) -> str:
        """The table of iptables(8) that the rule belongs into: that of the chains of one's own, if there are some."""
        own = [chain.table for chain in facts.chains
               if chain.family == "ip" and chain.table in TABLES and chain.name in (self.chain, self.jump)]
        return own[0] if own else table_for(self.hook or "", self.jump)
