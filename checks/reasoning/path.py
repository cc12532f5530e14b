"""The way of a packet through a Snapshot, one way, until it arrives or something stops it.

What is followed: routes, wires and bridges, forwarding, translation of the source, filters as far as they are
understood. What is not: policy routing, translation of the goal, neighbours that were entered by hand.
"""

from __future__ import annotations

import ipaddress
from typing import Literal, NamedTuple, TypeAlias

from checks.reasoning.filtering import Stop, stopped
from checks.reasoning.matching import ECHO, Packet, Service
from checks.reasoning.translation import translated, translator
from checks.reasoning.wire import End, hearers
from runtime.facts.observer import FORWARDING
from runtime.facts.routes import Route
from runtime.facts.rules import Rule
from runtime.facts.snapshot import NetnsFacts, Snapshot
from runtime.network.world import OUTSIDE

Obstacle: TypeAlias = Literal["", "no netns", "lo down", "not forwarded", "no route", "unheard", "astray", "circles",
                              "filtered"]
_MOST_HOPS = 16


class Hop(NamedTuple):
    """A netns that sent the packet on, and by which route."""

    netns: str
    route: Route


class Translated(NamedTuple):
    """A rule in `netns` gave the packet another source address; `source` is the old one."""

    netns: str
    rule: Rule
    source: str


class Journey(NamedTuple):
    """How far a packet came.

    netns: the last that had it.  source: its source address there.  obstacle: what stopped it, '' when it arrived;
    'astray': it left for the world outside, where its goal is not.  hops: who sent it on, or tried to.
    came: the interface by which it came to `netns`.  stop: where it was filtered.
    """

    netns: str
    source: str = ""
    obstacle: Obstacle = ""
    hops: tuple[Hop, ...] = ()
    translations: tuple[Translated, ...] = ()
    came: str = ""
    stop: Stop | None = None


def follow(snapshot: Snapshot, start: str, to: str, state: str = "new", service: Service = ECHO) -> Journey:
    """Send a packet from the netns `start` to the IPv4 address `to`. state, service: see Packet."""
    journey = Journey(start)
    for _ in range(_MOST_HOPS):
        facts = snapshot.find(journey.netns)
        if facts is None:
            return journey._replace(obstacle="no netns")
        if is_local(facts, to):
            return _delivered(journey, facts, Packet(journey.source or to, to, journey.came, "", state, service))
        if journey.hops and facts.name == OUTSIDE:
            return journey._replace(obstacle="astray")
        if journey.hops and facts.sysctl(FORWARDING) != "1":
            return journey._replace(obstacle="not forwarded")
        route = best_route(facts, to)
        if route is None or route.kind != "unicast":
            return journey._replace(obstacle="no route")
        packet = Packet(journey.source or _source(facts, route), to, journey.came, route.interface, state, service)
        journey = _sent(journey, facts, route, packet)
        receiver = _receiver(snapshot, facts, route, to)
        if journey.obstacle or receiver is None:
            return journey._replace(obstacle=journey.obstacle or "unheard")
        journey = journey._replace(netns=receiver.netns, came=receiver.interface)
    return journey._replace(obstacle="circles")


def owner(snapshot: Snapshot, address: str) -> End | None:
    """Who has `address` (without its prefix length)."""
    for facts in snapshot.netns:
        for each in facts.addresses:
            if each.address.partition("/")[0] == address:
                return End(facts.name, each.interface)
    return None


def best_route(facts: NetnsFacts, to: str) -> Route | None:
    """The route that the kernel takes: the longest prefix, then the lowest metric, then the first (ip-route(8))."""
    target = ipaddress.ip_address(to)
    fitting = [(-network.prefixlen, route.metric, number, route) for number, route in enumerate(facts.routes)
               if (network := _network(route)).version == target.version and target in network]
    return min(fitting)[3] if fitting else None


def is_local(facts: NetnsFacts, to: str) -> bool:
    """Whether a packet is for this netns; an address counts even while its interface is down (fib_frontend.c)."""
    if ipaddress.ip_address(to).is_loopback:
        return True  # never on a wire (RFC 1122, 3.2.1.3)
    return any(each.address.partition("/")[0] == to for each in facts.addresses)


def _network(route: Route) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    if route.destination == "default":  # one by an interface alone has no family written on it: taken for IPv4
        return ipaddress.ip_network("::/0" if ":" in route.gateway else "0.0.0.0/0")
    return ipaddress.ip_network(route.destination)


def _delivered(journey: Journey, facts: NetnsFacts, packet: Packet) -> Journey:
    """A netns hands packets to itself by its lo."""
    journey = journey._replace(source=packet.source)
    if journey.hops:
        return _filtered(journey, facts, packet, "prerouting", "input")
    lo = facts.link("lo")
    if not lo or not lo.up:
        return journey._replace(obstacle="lo down")
    sent = _filtered(journey, facts, packet._replace(out="lo"), "output", "postrouting")
    return _filtered(sent, facts, packet._replace(came="lo"), "prerouting", "input") if not sent.obstacle else sent


def _sent(journey: Journey, facts: NetnsFacts, route: Route, packet: Packet) -> Journey:
    """The journey after the packet left by `route`, its source translated if a rule says so."""
    hooks = ("prerouting", "forward", "postrouting") if journey.hops else ("output", "postrouting")
    rule = translator(facts, packet)
    journey = journey._replace(source=packet.source, hops=(*journey.hops, Hop(facts.name, route)))
    journey = _filtered(journey, facts, packet, *hooks)
    if rule is None or journey.obstacle:
        return journey
    return journey._replace(source=translated(facts, rule, packet),
                            translations=(*journey.translations, Translated(facts.name, rule, packet.source)))


def _filtered(journey: Journey, facts: NetnsFacts, packet: Packet, *hooks: str) -> Journey:
    stop = stopped(facts, hooks, packet)
    return journey._replace(obstacle="filtered", stop=stop) if stop else journey


def _source(facts: NetnsFacts, route: Route) -> str:
    """The source address that the kernel chooses for a packet of its own (inet_select_addr, net/ipv4/devinet.c)."""
    if route.source:
        return route.source
    own = [each for each in (*facts.addresses_of(route.interface), *(each.address for each in facts.addresses))
           if ":" not in each and not each.startswith("127.")]
    near = [each for each in own if route.gateway
            and ipaddress.ip_address(route.gateway) in ipaddress.ip_interface(each).network]
    return (near or own or [""])[0].partition("/")[0]


def _receiver(snapshot: Snapshot, facts: NetnsFacts, route: Route, to: str) -> End | None:
    """Who answers when the next hop is asked for on the wire (arp(7))."""
    link = facts.link(route.interface)
    if link and link.master:  # the answer would go to the bridge (br_handle_frame, net/bridge/br_input.c)
        return None
    # A gateway that is an address of one's own means: on this link (fib_check_nh, net/ipv4/fib_semantics.c).
    next_hop = route.gateway if route.gateway and not is_local(facts, route.gateway) else to
    for end in hearers(snapshot, End(facts.name, route.interface)):
        there = snapshot.find(end.netns)
        if there and is_local(there, next_hop):
            return end
    return None
