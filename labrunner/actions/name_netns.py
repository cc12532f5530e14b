from __future__ import annotations

from checks.language.statement import argument
from labrunner.action import Action
from runtime.container_values import CONTAINER
from runtime.lab_host import LabHost
from runtime.oci import command_line
from runtime.values import NETNS


class NameNetns(Action):
    """Give the network namespace of a container a name, by its PID: `ip netns` knows it then (ip-netns(8), attach)."""

    main = "container"
    container = argument(CONTAINER, "the container, created or running")
    name = argument(NETNS, "the name; without it, that of the container", default=None)

    def command(self) -> str:
        return command_line.name_netns(self.name or self.container, self.container)

    def apply(self, host: LabHost) -> None:
        host.name_netns(self.name or self.container, self.container)
