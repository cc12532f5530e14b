from __future__ import annotations

from labrunner.chain_rule import ChainRule
from runtime.lab_host import LabHost
from runtime.network.command_line import iptables


class DeleteRule(ChainRule):
    """Delete the packet rule of a chain that has these parts (iptables(8), -D)."""

    def command(self) -> str:
        return iptables(self.netns, self.table, f"-D {self.chain} {self.specification.words()}")

    def apply(self, host: LabHost) -> None:
        host.network.delete_rule(self.table, self.chain, self.specification, self.netns)
