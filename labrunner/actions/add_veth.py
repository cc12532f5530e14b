from __future__ import annotations

from checks.language.statement import argument
from labrunner.action import Action, ip
from runtime.network.netns import LAB_HOST
from runtime.network.verbs import Network
from runtime.values import INTERFACE, NETNS


class AddVeth(Action):
    """Add a veth pair: two interfaces joined by a wire (veth(4))."""

    needs = ("veth",)
    name = argument(INTERFACE, "the near end")
    peer = argument(INTERFACE, "the far end")
    netns = argument(NETNS, "the netns to do it in", default=LAB_HOST)
    peer_netns = argument(NETNS, "the netns in which the far end is made; without it, where the near end is", default=None)

    def command(self) -> str:
        there = f" netns {self.peer_netns}" if self.peer_netns else ""
        return ip(self.netns, f"link add {self.name} type veth peer name {self.peer}{there}")

    def apply(self, network: Network) -> None:
        network.add_veth(self.name, self.peer, self.netns, self.peer_netns or self.netns)
