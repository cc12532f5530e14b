from __future__ import annotations

from checks.language.packet_rule import validate_chain
from checks.language.statement import Mistake, argument
from labrunner.action import Action
from runtime.lab_host import LabHost
from runtime.network.builtin_chains import CHAINS
from runtime.network.command_line import iptables
from runtime.network.netns import LAB_HOST
from runtime.rule_values import CHAIN, POLICY, TABLE
from runtime.values import NETNS


class SetPolicy(Action):
    """Say what becomes of the packets that no rule of a chain takes (iptables(8), -P)."""

    needs = ("filter",)
    chain = argument(CHAIN, "the chain, as FORWARD")
    policy = argument(POLICY, "what becomes of them")
    table = argument(TABLE, "the table that the chain is in", default="filter")
    netns = argument(NETNS, "the netns to do it in", default=LAB_HOST)

    def validate(self) -> None:
        if self.chain not in CHAINS:
            raise Mistake("chain", f"a chain of one's own has no policy; {', '.join(CHAINS)} have one")
        validate_chain(self.table, self.chain)
        if self.table == "nat" and self.policy == "DROP":
            raise Mistake("policy", "the table nat is not for filtering, and iptables refuses DROP there")

    def command(self) -> str:
        return iptables(self.netns, self.table, f"-P {self.chain} {self.policy}")

    def apply(self, host: LabHost) -> None:
        host.network.set_policy(self.chain, self.policy, self.table, self.netns)
