from __future__ import annotations

from checks.language.statement import Mistake, argument
from labrunner.container_action import ContainerAction
from labrunner.shell_command import COMMAND, words
from runtime.container_values import CONTAINER
from runtime.lab_host import LabHost
from runtime.oci.shim.conmon import exec_
from runtime.values import BOOLEAN


class ExecWithShim(ContainerAction):
    """Run one more program in a running container, with a shim of its own (conmon(8), --exec)."""

    container = argument(CONTAINER, "the container")
    name = argument(CONTAINER, "a name for this session, by which checks and conversations find it")
    command_ = argument(COMMAND, "the command; with a shell around it where it needs one")
    terminal = argument(BOOLEAN, "whether it has a terminal", default=False)

    def validate(self) -> None:
        if self.name == self.container:
            raise Mistake("name", f"{self.container} is the container itself; the session needs another name")

    def command(self) -> str:
        return exec_(self.tool, self.container, self.name, words(self.command_), self.terminal)

    def apply(self, host: LabHost) -> None:
        host.shims.exec(self.tool, self.container, self.name, words(self.command_), self.terminal)
