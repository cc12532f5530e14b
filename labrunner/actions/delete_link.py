from __future__ import annotations

from checks.language.statement import argument
from labrunner.action import Action
from runtime.lab_host import LabHost
from runtime.network.command_line import ip, link
from runtime.network.netns import LAB_HOST
from runtime.values import INTERFACE, NETNS


class DeleteLink(Action):
    """Delete an interface; of a veth pair both ends go (ip-link(8))."""

    main = "name"
    name = argument(INTERFACE, "the interface")
    netns = argument(NETNS, "the netns to do it in", default=LAB_HOST)

    def command(self) -> str:
        return ip(self.netns, f"link delete {link(self.name)}")

    def apply(self, host: LabHost) -> None:
        host.network.delete_link(self.name, self.netns)
