from __future__ import annotations

from checks.language.statement import argument
from labrunner.action import Action
from runtime.network.verbs import Network
from runtime.values import NETNS


class AddNetns(Action):
    """Add a network namespace with a name (ip-netns(8))."""

    main = "name"
    name = argument(NETNS, "its name")

    def command(self) -> str:
        return f"ip netns add {self.name}"

    def apply(self, network: Network) -> None:
        network.add_netns(self.name)
