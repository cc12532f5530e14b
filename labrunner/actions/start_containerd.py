from __future__ import annotations

from labrunner.action import Action
from runtime.lab_host import LabHost
from runtime.oci.shim.containerd import command, need_containerd


class StartContainerd(Action):
    """Start a containerd of the lab's own; ctr(8) talks with it. Its PID is in /run/containerd/pid (containerd(8))."""

    seen = False

    def command(self) -> str:
        return command()

    def apply(self, host: LabHost) -> None:
        need_containerd()
        host.shell(self.command())

    def type_in(self, host: LabHost) -> None:
        self.apply(host)
