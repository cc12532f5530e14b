"""Checks from what a command has changed, by facts that are the same each time: names, addresses, ports of bridges.

What differs from one time to the next is never asked for: MAC addresses, numbers of interfaces, PIDs and counters.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from checks.chain_policy import ChainPolicy
from checks.container import Container
from checks.file import File
from checks.interface import Interface
from checks.language.check import Check, Evidence
from checks.nat import Nat
from checks.netns import Netns
from checks.route import Route
from checks.rule import Rule
from checks.sysctl import Sysctl
from labrunner.importing.where import here
from runtime.facts.difference import Change
from runtime.facts.links import Link
from runtime.facts.routes import Route as RouteFact
from runtime.facts.snapshot import NetnsFacts, Snapshot
from runtime.network.netns import LAB_HOST

# Of these the words of the command tell better than the kernel what was meant.
BY_COMMAND: tuple[type[Check], ...] = (ChainPolicy, File, Nat, Rule, Sysctl)
_KINDS_OF_LINKS = ("veth", "bridge")
_SAYS: dict[str, type[Check] | tuple[type[Check], ...]] = {
    "netns": Netns, "link": Interface, "address": Interface, "route": Route, "rule": (Rule, Nat), "sysctl": Sysctl,
    "container": Container}


def checks_of(changes: Sequence[Change], before: Snapshot, after: Snapshot) -> list[Check]:
    """What is true now and was not before."""
    found = [*_netns(changes), *_links(changes, before, after), *_routes(before, after), *_containers(changes, after)]
    return [check for check in dict.fromkeys(found) if holds(check, after) and not holds(check, before)]


def holds(check: Check, snapshot: Snapshot) -> bool:
    """Whether it is true there, as far as no packets are needed."""
    return check.verdict(Evidence(snapshot, {})).outcome == "pass"


def unchecked(changes: Sequence[Change], checks: Sequence[Check]) -> list[Change]:
    """What has changed and no check asks for."""
    return [change for change in changes if not _comes_along(change) and not any(
        isinstance(check, _SAYS.get(change.kind, ())) for check in checks)]


def _comes_along(change: Change) -> bool:
    """Whether it is never what somebody meant to make: the chains of iptables, the loopback of a new netns."""
    return change.kind == "chain" or (change.kind == "link" and change.name == "lo" and change.change == "added")


def _netns(changes: Sequence[Change]) -> Iterator[Check]:
    for change in changes:
        if change.kind == "netns":
            yield Netns(name=change.name, **({"exists": False} if change.change == "removed" else {}))


def _links(changes: Sequence[Change], before: Snapshot, after: Snapshot) -> Iterator[Check]:
    touched = {(change.netns, change.name) for change in changes if change.kind == "link"}
    touched |= {(change.netns, change.name.rpartition(" dev ")[2]) for change in changes if change.kind == "address"}
    for netns, name in sorted(touched):
        there, was = after.find(netns), before.find(netns)
        link, old = there and there.link(name), was and was.link(name)
        if there and link and not (old is None and link.kind == "loopback"):
            yield Interface(name=name, **here(netns), **_properties(link, there, old, was))
        elif there and link is None:
            yield Interface(name=name, exists=False, **here(netns))


def _properties(link: Link, there: NetnsFacts, old: Link | None, was: NetnsFacts | None) -> dict[str, object]:
    """Those that are not as they were."""
    now, then = _all(link, there), _all(old, was) if old and was else {"up": False, "address": "none", "master": "none"}
    return {name: value for name, value in now.items() if (value and value != then.get(name)) or (
        name == "up" and value != then.get(name))}


def _all(link: Link, facts: NetnsFacts) -> dict[str, object]:
    addresses = list(facts.addresses_of(link.name))
    return {"kind": link.kind if link.kind in _KINDS_OF_LINKS else None, "up": link.up, "address": addresses or "none",
            "master": link.master or "none", "peer": link.peer or None,
            "peer_netns": link.peer_netns if link.peer and link.peer_netns != facts.name else None}


def _routes(before: Snapshot, after: Snapshot) -> Iterator[Check]:
    for facts in after.netns:
        was = before.find(facts.name)
        old = was.routes if was else ()
        for route in facts.routes:
            if route not in old and route.kind == "unicast":
                yield Route(destination=route.destination, **here(facts.name), **_way(route))
        for destination in dict.fromkeys(route.destination for route in old):
            if destination not in {route.destination for route in facts.routes}:
                yield Route(destination=destination, exists=False, **here(facts.name))


def _way(route: RouteFact) -> dict[str, str]:
    given = {"gateway": route.gateway, "interface": route.interface}
    return {name: value for name, value in given.items() if value}


def _containers(changes: Sequence[Change], after: Snapshot) -> Iterator[Check]:
    for change in changes:
        if change.kind == "container":
            found = after.container(change.name)
            yield Container(name=change.name, **({"status": found.status} if found else {"exists": False}))


def where_of(change: Change) -> str:
    """'in container-1', '' for the lab host."""
    return "" if change.netns in ("", LAB_HOST) else f" in {change.netns}"
