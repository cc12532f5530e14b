from __future__ import annotations

from checks.language.statement import argument
from labrunner.action import Action
from runtime.lab_host import LabHost
from runtime.network.command_line import iptables
from runtime.network.netns import LAB_HOST
from runtime.values import INTERFACE, NETNS, SUBNET


class Masquerade(Action):
    """Let a subnet leave with the address of the interface it leaves by (iptables-extensions(8), MASQUERADE)."""

    needs = ("nat",)
    source = argument(SUBNET, "whose packets")
    not_out = argument(INTERFACE, "unless they leave by this interface", default=None)
    netns = argument(NETNS, "the netns to do it in", default=LAB_HOST)

    def command(self) -> str:
        unless = f" ! -o {self.not_out}" if self.not_out else ""
        return iptables(self.netns, "nat", f"-A POSTROUTING -s {self.source}{unless} -j MASQUERADE")

    def apply(self, host: LabHost) -> None:
        host.network.masquerade(self.source, self.not_out or "", self.netns)
