from __future__ import annotations

from checks.language.statement import argument
from labrunner.container_action import ContainerAction
from runtime.container_values import CONTAINER, FOLDER
from runtime.lab_host import LabHost
from runtime.oci.command_line import create


class CreateContainer(ContainerAction):
    """Prepare a container of a bundle: its namespaces are there, and its program waits (runc(8), create)."""

    name = argument(CONTAINER, "its name")
    bundle = argument(FOLDER, "the folder of the bundle")

    def command(self) -> str:
        return create(self.tool, self.name, self.bundle)

    def apply(self, host: LabHost) -> None:
        host.containers.of(self.tool).create(self.name, self.bundle)
