from __future__ import annotations

from shlex import join, quote

from checks.language.statement import Mistake, argument
from labrunner.container_action import ContainerAction
from labrunner.dialogue import DIALOGUE, typed
from labrunner.shell_command import COMMAND, STATUS, words
from runtime.container_values import CONTAINER
from runtime.lab_host import LabHost
from runtime.oci.shim.conmon import attach
from runtime.values import whole_number


class Converse(ContainerAction):
    """Type into a terminal and wait for what is printed: into that of a container, or of a program that is started.

    With a container alone its shim is asked to let in, as by docker attach. With a command too, that is run in the
    container on a terminal of its own, as by docker exec --tty. With a command alone it is run on the lab host.
    """

    seen = False
    container = argument(CONTAINER, "the container, or the session of exec", default=None)
    command_ = argument(COMMAND, "the program to talk with", default=None)
    lines = argument(DIALOGUE, "what is typed, and what is expected then")
    status = argument(STATUS, "the exit status that it then ends with; without it, one leaves", default=None)
    within = argument(whole_number(1, 600), "seconds for its end", default=5)

    def validate(self) -> None:
        if not self.container and not self.command_:
            raise Mistake("", "it needs 'container' or 'command', or both")

    def command(self) -> str:
        """script(1) gives a terminal to a program whose input is none."""
        call = f"script -qec {quote(join(self._argv()))} /dev/null" if self.command_ else attach(self.container or "")
        return typed(self.lines, call)

    def apply(self, host: LabHost) -> None:
        if self.command_ and self.container:
            host.containers.find(self.container)  # with no word expected nobody would notice that there is none
        if self.command_:
            host.converse(self.lines, self.status, self.within, argv=self._argv())
        else:
            host.converse(self.lines, self.status, self.within, container=self.container or "")

    def _argv(self) -> list[str]:
        program = words(self.command_ or "")
        return [self.tool, "exec", "--tty", self.container, *program] if self.container else program
