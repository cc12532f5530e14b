from __future__ import annotations

from checks.language.statement import argument
from labrunner.container_action import ContainerAction
from runtime.container_values import CONTAINER
from runtime.lab_host import LabHost
from runtime.oci.command_line import start


class StartContainer(ContainerAction):
    """Let the program of a created container run (runc(8), start)."""

    main = "name"
    name = argument(CONTAINER, "its name")

    def command(self) -> str:
        return start(self.tool, self.name)

    def apply(self, host: LabHost) -> None:
        host.containers.of(self.tool).start(self.name)
