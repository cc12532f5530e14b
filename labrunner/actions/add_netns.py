from __future__ import annotations

from checks.language.statement import Mistake, argument
from labrunner.action import Action
from runtime.lab_host import LabHost
from runtime.network.netns import LAB_HOST
from runtime.network.world import OUTSIDE
from runtime.values import NETNS


class AddNetns(Action):
    """Add a network namespace with a name (ip-netns(8))."""

    main = "name"
    name = argument(NETNS, "its name")

    def validate(self) -> None:
        if self.name in (LAB_HOST, OUTSIDE):
            raise Mistake("name", f"'{self.name}' is there from the start, and no other netns can have its name")

    def command(self) -> str:
        return f"ip netns add {self.name}"

    def apply(self, host: LabHost) -> None:
        host.network.add_netns(self.name)
