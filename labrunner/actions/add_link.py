from __future__ import annotations

from checks.language.statement import Mistake, argument
from labrunner.action import Action
from runtime.lab_host import LabHost
from runtime.network.command_line import ip
from runtime.network.netns import LAB_HOST
from runtime.values import INTERFACE, NETNS, OPTIONS, WORD

_OTHERS = {"veth": "add_veth", "bridge": "add_bridge"}


class AddLink(Action):
    """Add an interface of any kind that the kernel knows: macvlan, vxlan, vlan, dummy ... (ip-link(8))."""

    seen = False
    name = argument(INTERFACE, "its name")
    kind = argument(WORD, "what it is, in the words of ip-link(8)")
    link = argument(INTERFACE, "the interface that it stands on", default=None)
    options = argument(OPTIONS, "the options of its kind, in the words of ip-link(8): {id: 10}", default=())
    netns = argument(NETNS, "the netns to do it in", default=LAB_HOST)

    def validate(self) -> None:
        if self.kind in _OTHERS:
            raise Mistake("kind", f"for a {self.kind} there is {_OTHERS[self.kind]}")

    def command(self) -> str:
        lower = f"link {self.link} " if self.link else ""
        options = "".join(f" {name} {value}" for name, value in self.options)
        return ip(self.netns, f"link add {lower}name {self.name} type {self.kind}{options}")

    def apply(self, host: LabHost) -> None:
        host.network.add_link(self.name, self.kind, self.link or "", dict(self.options), self.netns)
