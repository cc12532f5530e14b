from __future__ import annotations

from checks.language.statement import argument
from labrunner.container_action import ContainerAction
from runtime.container_values import FOLDER
from runtime.lab_host import LabHost
from runtime.oci.command_line import spec


class WriteSpec(ContainerAction):
    """Begin a bundle: make its folder, and in it the config.json that the runtime proposes (runc(8), spec)."""

    main = "bundle"
    seen = False
    bundle = argument(FOLDER, "the folder")

    def command(self) -> str:
        return spec(self.tool, self.bundle)

    def apply(self, host: LabHost) -> None:
        host.containers.of(self.tool).spec(self.bundle)
