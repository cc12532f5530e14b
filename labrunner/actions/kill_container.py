from __future__ import annotations

from checks.language.statement import argument
from labrunner.container_action import ContainerAction
from runtime.container_values import CONTAINER, SIGNAL
from runtime.lab_host import LabHost
from runtime.oci.command_line import kill


class KillContainer(ContainerAction):
    """Send a signal to the first process of a container (runc(8), kill)."""

    main = "name"
    name = argument(CONTAINER, "the container")
    signal = argument(SIGNAL, "the signal (signal(7))", default="KILL")

    def command(self) -> str:
        return kill(self.tool, self.name, self.signal)

    def apply(self, host: LabHost) -> None:
        host.containers.of(self.tool).kill(self.name, self.signal)
