from __future__ import annotations

from checks.language.statement import argument
from labrunner.container_action import ContainerAction
from runtime.container_values import CONTAINER, FOLDER
from runtime.lab_host import LabHost
from runtime.oci.shim.conmon import create
from runtime.values import BOOLEAN


class CreateWithShim(ContainerAction):
    """Start a shim, which has the runtime create a container, and stays as its parent (conmon(8))."""

    name = argument(CONTAINER, "its name")
    bundle = argument(FOLDER, "the folder of the bundle")
    terminal = argument(BOOLEAN, "whether it has a terminal, as process.terminal of config.json has to say too",
                        default=False)

    def command(self) -> str:
        return create(self.tool, self.name, self.bundle, self.terminal)

    def apply(self, host: LabHost) -> None:
        host.shims.create(self.tool, self.name, self.bundle, self.terminal)
