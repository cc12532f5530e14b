from __future__ import annotations

from checks.language.statement import argument
from labrunner.action import Action
from runtime.lab_host import LabHost
from runtime.network.command_line import ip, link
from runtime.network.netns import LAB_HOST
from runtime.values import INTERFACE, NETNS, choice


class SetLink(Action):
    """Set an interface up or down (ip-link(8))."""

    main = "name"
    name = argument(INTERFACE, "the interface")
    state = argument(choice("up", "down"), "the state that it gets", default="up")
    netns = argument(NETNS, "the netns to do it in", default=LAB_HOST)

    def command(self) -> str:
        return ip(self.netns, f"link set {link(self.name)} {self.state}")

    def apply(self, host: LabHost) -> None:
        host.network.set_link(self.name, self.state == "up", self.netns)
