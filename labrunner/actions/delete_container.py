from __future__ import annotations

from checks.language.statement import argument
from labrunner.container_action import ContainerAction
from runtime.container_values import CONTAINER
from runtime.lab_host import LabHost
from runtime.oci.command_line import delete
from runtime.values import BOOLEAN


class DeleteContainer(ContainerAction):
    """Delete a container that has stopped: what the runtime kept of it goes (runc(8), delete)."""

    main = "name"
    name = argument(CONTAINER, "the container")
    force = argument(BOOLEAN, "whether its process is killed before, if it runs", default=False)

    def command(self) -> str:
        return delete(self.tool, self.name, self.force)

    def apply(self, host: LabHost) -> None:
        host.containers.of(self.tool).delete(self.name, self.force)
