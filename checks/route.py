from __future__ import annotations

from checks.language.check import Check, Evidence, Verdict
from checks.language.statement import Mistake, argument
from checks.reasoning.wording import ip, listed, no_netns
from runtime.facts.difference import show_route
from runtime.facts.routes import Route as RouteFact
from runtime.facts.snapshot import NetnsFacts
from runtime.network.netns import LAB_HOST
from runtime.values import ADDRESS, BOOLEAN, DESTINATION, INTERFACE, NETNS


class Route(Check):
    """A route in the main table (ip-route(8))."""

    main = "destination"
    destination = argument(DESTINATION, "where to: a subnet, or default")
    netns = argument(NETNS, "the netns to look in", default=LAB_HOST)
    exists = argument(BOOLEAN, "whether it has to exist", default=True)
    gateway = argument(ADDRESS, "by way of this address", default=None)
    interface = argument(INTERFACE, "out of this interface", default=None)

    def validate(self) -> None:
        if not self.exists and (self.gateway or self.interface):
            raise Mistake("exists", "a route that does not exist has no gateway or interface: leave them out")

    def claim(self) -> str:
        return f"{self.netns} has {'the' if self.exists else 'no'} route {self._shown()}"

    def _shown(self) -> str:
        words = [self.destination]
        if self.gateway:
            words += ["via", self.gateway]
        if self.interface:
            words += ["dev", self.interface]
        return " ".join(words)

    def judge(self, evidence: Evidence) -> Verdict:
        facts = evidence.snapshot.find(self.netns)
        expected = self._shown() if self.exists else f"no route {self.destination}"
        if facts is None:
            return self.failed(expected, f"no {self.netns}", no_netns(evidence.snapshot, self.netns))
        same = [route for route in facts.routes if route.destination == self.destination]
        fitting = [route for route in same if self._fits(route)]
        actual = listed(map(show_route, same or facts.routes), "no route at all")
        if bool(fitting) == self.exists:
            return self.passed(expected, actual)
        return self.failed(expected, actual, self._hint(same, facts))

    def _fits(self, route: RouteFact) -> bool:
        return (self.gateway or route.gateway) == route.gateway and (self.interface or route.interface) == route.interface

    def _hint(self, same: list[RouteFact], facts: NetnsFacts) -> str:
        delete = " && ".join(ip(self.netns, f"route del {show_route(route)}") for route in same)
        if not self.exists:
            return f"delete it: {delete}"
        add = ip(self.netns, f"route add {self._shown()}")
        if same:
            return f"{self.netns} has the route {listed(map(show_route, same))} instead; {delete} && {add}"
        down = [link.name for link in facts.links if not link.up and link.kind != "loopback"]
        why = f" ({listed(down)} is DOWN: with an interface down its routes are gone)" if down else ""
        return f"{self.netns} has no route {self.destination}{why}; add it: {add}"
