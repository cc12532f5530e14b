"""What the actions on one rule of one chain have in common."""

from __future__ import annotations

from checks.language.packet_rule import PacketRule, validate_chain
from checks.language.statement import argument
from labrunner.action import Action
from runtime.network.builtin_chains import hook_of
from runtime.network.netns import LAB_HOST
from runtime.rule_values import CHAIN, TABLE
from runtime.values import NETNS


class ChainRule(PacketRule, Action):
    """A rule, and the chain that it is in or shall be in."""

    needs = ("filter",)
    chain = argument(CHAIN, "the chain")
    table = argument(TABLE, "the table that the chain is in", default="filter")
    netns = argument(NETNS, "the netns to do it in", default=LAB_HOST)

    def validate(self) -> None:
        super().validate()
        validate_chain(self.table, self.chain)
        self.validate_in(self.table)
        hook = hook_of(self.table, self.chain)
        if hook:
            self.validate_at(hook)
