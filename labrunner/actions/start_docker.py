from __future__ import annotations

from labrunner.action import Action
from runtime.lab_host import LabHost
from runtime.oci.docker_daemon import command, need_docker


class StartDocker(Action):
    """Start a Docker daemon of the lab's own, which builds in the lab and not on the machine (dockerd(8))."""

    seen = False

    def command(self) -> str:
        return command()

    def apply(self, host: LabHost) -> None:
        need_docker()
        host.shell(self.command())

    def type_in(self, host: LabHost) -> None:
        self.apply(host)
