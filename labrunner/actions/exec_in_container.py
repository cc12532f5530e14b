from __future__ import annotations

from checks.language.statement import Mistake, argument
from labrunner.container_action import ContainerAction
from labrunner.shell_command import COMMAND, STATUS, words
from runtime.container_values import CONTAINER
from runtime.lab_host import LabHost
from runtime.oci.command_line import exec_
from runtime.values import BOOLEAN


class ExecInContainer(ContainerAction):
    """Run one more program in a running container (runc(8), exec)."""

    seen = False
    name = argument(CONTAINER, "the container")
    command_ = argument(COMMAND, "the command; with a shell around it where it needs one")
    detach = argument(BOOLEAN, "whether it goes on in the background", default=False)
    status = argument(STATUS, "the exit status that it has to end with", default=0)

    def validate(self) -> None:
        if self.detach and self.status:
            raise Mistake("status", "nobody waits for the end of what goes on in the background: leave it out")

    def command(self) -> str:
        return exec_(self.tool, self.name, words(self.command_), self.detach)

    def apply(self, host: LabHost) -> None:
        host.containers.of(self.tool).exec(self.name, words(self.command_), self.detach, self.status)
