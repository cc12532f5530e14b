from __future__ import annotations

from checks.language.statement import argument
from labrunner.action import Action
from runtime.lab_host import LabHost
from runtime.values import NETNS


class DeleteNetns(Action):
    """Delete the name of a network namespace; it ends with its last user (ip-netns(8))."""

    main = "name"
    name = argument(NETNS, "its name")

    def command(self) -> str:
        return f"ip netns delete {self.name}"

    def apply(self, host: LabHost) -> None:
        host.network.delete_netns(self.name)
