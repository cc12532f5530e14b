from __future__ import annotations

from checks.language.statement import Mistake, argument
from labrunner.action import Action
from runtime.lab_host import LabHost
from runtime.network.command_line import ip
from runtime.network.netns import LAB_HOST
from runtime.values import ADDRESS, DESTINATION, INTERFACE, NETNS


class AddRoute(Action):
    """Add a route (ip-route(8))."""

    verb = "add"
    destination = argument(DESTINATION, "where to: a subnet, or default")
    gateway = argument(ADDRESS, "by way of this address", default=None)
    interface = argument(INTERFACE, "out of this interface", default=None)
    netns = argument(NETNS, "the netns to do it in", default=LAB_HOST)

    def validate(self) -> None:
        if not (self.gateway or self.interface):
            raise Mistake("", "a route needs a 'gateway' or an 'interface'")

    def command(self) -> str:
        words = ["route", self.verb, self.destination]
        if self.gateway:
            words += ["via", self.gateway]
        if self.interface:
            words += ["dev", self.interface]
        return ip(self.netns, " ".join(words))

    def apply(self, host: LabHost) -> None:
        host.network.add_route(self.destination, self.gateway or "", self.interface or "", self.netns)
