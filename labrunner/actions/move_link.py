from __future__ import annotations

from checks.language.statement import argument
from labrunner.action import Action
from runtime.lab_host import LabHost
from runtime.network.command_line import move_link
from runtime.network.netns import LAB_HOST
from runtime.values import INTERFACE, NETNS


class MoveLink(Action):
    """Move an interface to another network namespace; it goes down and loses its addresses (ip-link(8))."""

    name = argument(INTERFACE, "the interface")
    to = argument(NETNS, "where it goes")
    netns = argument(NETNS, "the netns that it is in", default=LAB_HOST)

    def command(self) -> str:
        return move_link(self.name, self.netns, self.to)

    def apply(self, host: LabHost) -> None:
        host.network.move_link(self.name, self.to, self.netns)
