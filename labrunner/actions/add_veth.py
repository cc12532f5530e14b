from __future__ import annotations

from checks.language.statement import argument
from labrunner.action import Action
from runtime.lab_host import LabHost
from runtime.network.command_line import add_veth
from runtime.network.netns import LAB_HOST
from runtime.values import INTERFACE, NETNS


class AddVeth(Action):
    """Add a veth pair: two interfaces joined by a wire (veth(4))."""

    needs = ("veth",)
    name = argument(INTERFACE, "the near end")
    peer = argument(INTERFACE, "the far end")
    netns = argument(NETNS, "the netns to do it in", default=LAB_HOST)
    peer_netns = argument(NETNS, "the netns where the far end is made; without it, that of the near end", default=None)

    def command(self) -> str:
        return add_veth(self.netns, self.name, self.peer, self.peer_netns or self.netns)

    def apply(self, host: LabHost) -> None:
        host.network.add_veth(self.name, self.peer, self.netns, self.peer_netns or self.netns)
