from __future__ import annotations

from checks.language.statement import argument
from labrunner.action import Action
from runtime.lab_host import LabHost
from runtime.network.command_line import ip
from runtime.network.netns import LAB_HOST
from runtime.values import INTERFACE, NETNS


class AddBridge(Action):
    """Add a bridge: a switch made of software (bridge(8))."""

    needs = ("bridge",)
    main = "name"
    name = argument(INTERFACE, "its name")
    netns = argument(NETNS, "the netns to do it in", default=LAB_HOST)

    def command(self) -> str:
        return ip(self.netns, f"link add name {self.name} type bridge")

    def apply(self, host: LabHost) -> None:
        host.network.add_bridge(self.name, self.netns)
