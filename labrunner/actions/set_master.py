from __future__ import annotations

from checks.language.statement import argument
from labrunner.action import Action
from runtime.lab_host import LabHost
from runtime.network.command_line import ip, link
from runtime.network.netns import LAB_HOST
from runtime.values import INTERFACE, NETNS


class SetMaster(Action):
    """Make an interface a port of a bridge (ip-link(8))."""

    needs = ("bridge",)
    name = argument(INTERFACE, "the interface")
    master = argument(INTERFACE, "the bridge; without it the interface leaves its bridge", default=None)
    netns = argument(NETNS, "the netns to do it in", default=LAB_HOST)

    def command(self) -> str:
        return ip(self.netns, f"link set {link(self.name)} " + (f"master {self.master}" if self.master else "nomaster"))

    def apply(self, host: LabHost) -> None:
        host.network.set_master(self.name, self.master or "", self.netns)
