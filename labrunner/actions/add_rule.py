from __future__ import annotations

from checks.language.statement import argument
from labrunner.chain_rule import ChainRule
from runtime.lab_host import LabHost
from runtime.network.command_line import iptables
from runtime.rule_values import PLACE


class AddRule(ChainRule):
    """Add a packet rule to a chain, after the others or at a place among them (iptables(8), -A and -I)."""

    at = argument(PLACE, "its place among the rules of the chain: 1 is the first", default=None)

    def command(self) -> str:
        place = f"-I {self.chain} {self.at}" if self.at else f"-A {self.chain}"
        return iptables(self.netns, self.table, f"{place} {self.specification.words()}")

    def apply(self, host: LabHost) -> None:
        host.network.add_rule(self.table, self.chain, self.specification, self.netns, self.at)
