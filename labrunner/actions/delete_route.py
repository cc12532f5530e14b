from __future__ import annotations

from labrunner.actions.add_route import AddRoute
from runtime.lab_host import LabHost


class DeleteRoute(AddRoute):
    """Delete a route (ip-route(8))."""

    verb = "del"

    def apply(self, host: LabHost) -> None:
        host.network.delete_route(self.destination, self.gateway or "", self.interface or "", self.netns)
