from __future__ import annotations

import ipaddress

from checks.language.check import Check, Evidence, Verdict
from checks.language.statement import Mistake, argument
from checks.reasoning.obstacles import why_no_answer
from checks.reasoning.subnets import lead_to, subnet_of
from checks.reasoning.wording import advice, listed, no_link, no_netns
from runtime.facts.difference import show_route
from runtime.facts.routes import Route as RouteFact
from runtime.facts.snapshot import NetnsFacts, Snapshot
from runtime.network.command_line import ip
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

    def is_told(self) -> bool:
        return True

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
        hint = self._missing_hint(same, facts, evidence.snapshot) if self.exists else self._exists_hint(same)
        return self.failed(expected, actual, hint)

    def _fits(self, route: RouteFact) -> bool:
        return all(wanted in (None, found) for wanted, found in ((self.gateway, route.gateway),
                                                                 (self.interface, route.interface)))

    def _exists_hint(self, same: list[RouteFact]) -> str:
        delete = (ip(self.netns, f"route del {show_route(route)}") for route in same)
        return advice(f"{self.netns} still has the route {listed(map(show_route, same))}", "delete it", *delete)

    def _missing_hint(self, same: list[RouteFact], facts: NetnsFacts, snapshot: Snapshot) -> str:
        if self.interface and not facts.link(self.interface):
            return no_link(snapshot, facts, self.interface)
        if self.gateway:
            return self._gateway_hint(same, facts, snapshot)
        link = facts.link(self.interface or "")
        if link and self.destination != "default":
            return lead_to(snapshot, facts, link, subnet_of(self.destination))
        add = f"route add {self._shown()}" if self.interface else "route"
        return advice(f"{self.netns} has no route {self._shown()}", "add it" if self.interface else "see which it has",
                      ip(self.netns, add))

    def _gateway_hint(self, same: list[RouteFact], facts: NetnsFacts, snapshot: Snapshot) -> str:
        has = f"has the route {listed(map(show_route, same))} instead" if same else f"has no route {self.destination}"
        cause = f"{self.netns} {has}"
        if not any(ipaddress.ip_address(self.gateway or "") in subnet_of(each.address) for each in facts.addresses):
            why = why_no_answer(snapshot, self.netns, self.gateway or "")
            return f"{cause}, and could not have it, because {why}" if why else cause
        # Of two with one destination and metric only one can be: `add` would be refused.
        do = "replace" if same else "add"
        return advice(cause, f"{do} it", ip(self.netns, f"route {do} {self._shown()}"))
