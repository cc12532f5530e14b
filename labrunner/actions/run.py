from __future__ import annotations

from checks.language.statement import argument
from labrunner.action import Action
from labrunner.shell_command import COMMAND, STATUS, alone
from runtime.lab_host import LabHost
from runtime.network.command_line import within
from runtime.network.netns import LAB_HOST
from runtime.values import NETNS


class Run(Action):
    """Run any shell command (sh(1)), on the lab host or in a netns. In a container: exec_in_container."""

    seen = False
    main = "command"
    command_ = argument(COMMAND, "the command")
    netns = argument(NETNS, "the netns to run it in", default=LAB_HOST)
    status = argument(STATUS, "the exit status that it has to end with", default=0)

    def command(self) -> str:
        return self.command_ if self.netns == LAB_HOST else within(self.netns, alone(self.command_))

    def apply(self, host: LabHost) -> None:
        host.shell(self.command(), self.status)

    def type_in(self, host: LabHost) -> None:
        self.apply(host)
