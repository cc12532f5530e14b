from __future__ import annotations

from checks.language.statement import Mistake, argument
from labrunner.action import Action
from runtime.container_values import CONTAINER
from runtime.lab_host import LabHost
from runtime.network.command_line import ip, link, move_link
from runtime.network.netns import LAB_HOST
from runtime.oci.command_line import pid_of
from runtime.values import INTERFACE, NETNS


class MoveLink(Action):
    """Move an interface to another network namespace; it goes down and loses its addresses (ip-link(8))."""

    name = argument(INTERFACE, "the interface")
    to = argument(NETNS, "where it goes: a netns", default=None)
    container = argument(CONTAINER, "where it goes: the netns of a container, found by its PID", default=None)
    netns = argument(NETNS, "the netns that it is in", default=LAB_HOST)

    def validate(self) -> None:
        if bool(self.to) == bool(self.container):
            raise Mistake("", "it needs 'to' or 'container', and not both")

    def command(self) -> str:
        if self.to:
            return move_link(self.name, self.netns, self.to)
        return ip(self.netns, f"link set {link(self.name)} netns {pid_of(self.container or '')}")

    def apply(self, host: LabHost) -> None:
        if self.to:
            host.network.move_link(self.name, self.to, self.netns)
            return
        with host.container_netns(self.container or "") as there:
            host.network.move_link(self.name, there, self.netns)
