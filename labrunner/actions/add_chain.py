from __future__ import annotations

from checks.language.statement import argument
from labrunner.action import Action
from runtime.lab_host import LabHost
from runtime.network.command_line import iptables
from runtime.network.netns import LAB_HOST
from runtime.rule_values import OWN_CHAIN, TABLE
from runtime.values import NETNS


class AddChain(Action):
    """Make a chain of one's own, that rules can jump to (iptables(8), -N)."""

    main = "name"
    needs = ("filter",)
    name = argument(OWN_CHAIN, "its name")
    table = argument(TABLE, "the table to put it in", default="filter")
    netns = argument(NETNS, "the netns to do it in", default=LAB_HOST)

    def command(self) -> str:
        return iptables(self.netns, self.table, f"-N {self.name}")

    def apply(self, host: LabHost) -> None:
        host.network.add_chain(self.name, self.table, self.netns)
