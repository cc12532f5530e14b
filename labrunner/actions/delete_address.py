from __future__ import annotations

from checks.language.statement import argument
from labrunner.action import Action
from runtime.lab_host import LabHost
from runtime.network.command_line import ip
from runtime.network.netns import LAB_HOST
from runtime.values import INTERFACE, INTERFACE_ADDRESS, NETNS


class DeleteAddress(Action):
    """Take an address from an interface (ip-address(8))."""

    address = argument(INTERFACE_ADDRESS, "the address with its prefix length")
    interface = argument(INTERFACE, "who loses it")
    netns = argument(NETNS, "the netns to do it in", default=LAB_HOST)

    def command(self) -> str:
        return ip(self.netns, f"addr del {self.address} dev {self.interface}")

    def apply(self, host: LabHost) -> None:
        host.network.delete_address(self.address, self.interface, self.netns)
