from __future__ import annotations

from checks.language.statement import argument
from labrunner.action import Action
from runtime.container_values import CONTAINER
from runtime.lab_host import LabHost
from runtime.network.command_line import link
from runtime.network.netns import LAB_HOST
from runtime.oci.command_line import pid_of
from runtime.values import INTERFACE


class AttachVeth(Action):
    """Add a veth pair whose far end is made in the network namespace of a container, found by its PID (ip-link(8))."""

    needs = ("veth",)
    container = argument(CONTAINER, "the container, created or running")
    name = argument(INTERFACE, "the near end, on the lab host")
    peer = argument(INTERFACE, "the far end, in the container")

    def command(self) -> str:
        return f"ip link add {link(self.name, 'name')} type veth peer name {self.peer} netns {pid_of(self.container)}"

    def apply(self, host: LabHost) -> None:
        with host.container_netns(self.container) as there:
            host.network.add_veth(self.name, self.peer, LAB_HOST, there)
