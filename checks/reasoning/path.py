"""The way of a packet through a Snapshot, and the first thing that stops it.

What is followed: routes (the longest prefix wins, of equals the first), wires and bridges, forwarding, translation of
the source, and the way back of the answer. What is not: policy routing, neighbours that were entered by hand.
"""

from __future__ import annotations

import ipaddress
from typing import NamedTuple

from checks.reasoning.wire import End, hearers
from checks.reasoning.wording import ip, listed, no_netns, within
from runtime.facts.difference import show_route, show_rule
from runtime.facts.observer import FORWARDING
from runtime.facts.routes import Route
from runtime.facts.rules import Rule
from runtime.facts.snapshot import NetnsFacts, Snapshot
from runtime.network.netns import LAB_HOST

_MOST_HOPS = 16


class Arrival(NamedTuple):
    """Where a packet came to an end.

    netns: the last netns that had it.  source: its source address there, after any translation.
    obstacle: what stopped it and the command that mends it; '' when it reached its goal.
    """

    netns: str
    source: str
    obstacle: str = ""


def why_no_answer(snapshot: Snapshot, start: str, to: str) -> str:
    """Why an echo from `start` to the address `to` is not answered; '' when the Snapshot shows no reason."""
    there = follow(snapshot, start, to)
    if there.obstacle:
        return there.obstacle
    back = follow(snapshot, there.netns, there.source)
    if not back.obstacle:
        return ""
    private = _translation_wanted(snapshot, there.source)
    return private or f"the request arrives in {there.netns}, the answer to {there.source} does not come back: {back.obstacle}"


def owner(snapshot: Snapshot, address: str) -> End | None:
    """Who has `address` (without its prefix length)."""
    for facts in snapshot.netns:
        for each in facts.addresses:
            if each.address.partition("/")[0] == address:
                return End(facts.name, each.interface)
    return None


def follow(snapshot: Snapshot, start: str, to: str) -> Arrival:
    """Send a packet from `start` to `to`, one way."""
    here, source = start, ""
    for _ in range(_MOST_HOPS):
        facts = snapshot.find(here)
        if facts is None:
            return Arrival(here, source, no_netns(snapshot, here))
        if _is_local(facts, to):
            return Arrival(here, source or to)
        if here != start and facts.sysctl(FORWARDING) != "1":
            mend = within(here, f"sysctl -w {FORWARDING}=1")
            return Arrival(here, source, f"{here} does not forward packets ({FORWARDING} is 0); {mend}")
        route = best_route(facts, to)
        if route is None:
            return Arrival(here, source, _no_route(snapshot, facts, to))
        source = _translated(facts, route, source or _source(facts, route))
        next_hop = route.gateway or to
        reached = [end.netns for end in hearers(snapshot, End(here, route.interface))]
        following = next((name for name in reached if _has(snapshot, name, next_hop)), None)
        if following is None:
            return Arrival(here, source, _unheard(snapshot, facts, route, next_hop))
        here = following
    return Arrival(here, source, f"the packet goes in circles between {start} and {here}: look at their routes")


def best_route(facts: NetnsFacts, to: str) -> Route | None:
    """The route that the kernel takes: the longest prefix, then the lowest metric, then the first (ip-route(8))."""
    target = ipaddress.ip_address(to)
    fitting = []
    for route in facts.routes:
        network = _network(route, target.version)
        if network is not None and target in network:
            fitting.append((-network.prefixlen, route.metric, route))
    best = min(fitting, key=lambda each: each[:2], default=None)
    return best[2] if best and best[2].kind == "unicast" else None


def _network(route: Route, version: int) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    if route.destination == "default":
        # With no gateway the family is not written down; a default route by interface is taken for IPv4.
        return ipaddress.ip_network("::/0" if ":" in route.gateway else "0.0.0.0/0") if version == (
            6 if ":" in route.gateway else 4) else None
    network = ipaddress.ip_network(route.destination)
    return network if network.version == version else None


def _is_local(facts: NetnsFacts, to: str) -> bool:
    """An address counts while its interface is up; the loopback's 127.0.0.0/8 is not followed."""
    return any(each.address.partition("/")[0] == to and _up(facts, each.interface) for each in facts.addresses)


def _has(snapshot: Snapshot, netns: str, address: str) -> bool:
    facts = snapshot.find(netns)
    return facts is not None and _is_local(facts, address)


def _up(facts: NetnsFacts, interface: str) -> bool:
    link = facts.link(interface)
    return link is not None and link.up


def _source(facts: NetnsFacts, route: Route) -> str:
    """The source address that the kernel chooses for a packet of its own (ip-route(8), `src`)."""
    if route.source:
        return route.source
    own = facts.addresses_of(route.interface) or tuple(each.address for each in facts.addresses)
    gateway = ipaddress.ip_address(route.gateway) if route.gateway else None
    near = [each for each in own if gateway and gateway in ipaddress.ip_interface(each).network]
    return (near or list(own) or [""])[0].partition("/")[0]


def _translated(facts: NetnsFacts, route: Route, source: str) -> str:
    """The source address after the first rule of postrouting that fits (nft(8), NAT statements)."""
    for rule in facts.rules:
        if rule.hook == "postrouting" and _fits(rule, source, route.interface):
            if rule.target == "masquerade":
                return (facts.addresses_of(route.interface) or (source,))[0].partition("/")[0]
            if rule.target.startswith("snat to "):
                return rule.target.removeprefix("snat to ").partition(":")[0]
    return source


def _fits(rule: Rule, source: str, out: str) -> bool:
    """Whether a rule's matches hold; a match that is not understood does not."""
    return all(_holds(match.split(), source, out) for match in rule.matches)


def _holds(words: list[str], source: str, out: str) -> bool:
    negated = "!=" in words
    words = [word for word in words if word != "!="]
    if words[:2] == ["ip", "saddr"] and source:
        subnet = ipaddress.ip_network(words[2], strict=False)
        return (ipaddress.ip_address(source) in subnet) != negated
    if words[:1] == ["oifname"]:
        return (words[1] == out) != negated
    return False


def _no_route(snapshot: Snapshot, facts: NetnsFacts, to: str) -> str:
    down = [link.name for link in facts.links if not link.up and link.kind != "loopback"]
    if down:
        mend = ip(facts.name, f"link set {down[0]} up")
        return f"{down[0]} in {facts.name} is DOWN, so its routes are gone; bring it up: {mend}"
    if not facts.addresses:
        wires = [link.name for link in facts.links if link.kind != "loopback"]
        if not wires:
            return f"{facts.name} has no interface but lo: nothing leads out of it"
        return f"{wires[0]} in {facts.name} has no address; {ip(facts.name, f'addr add ADDRESS/24 dev {wires[0]}')}"
    has = f"it has {listed(map(show_route, facts.routes), 'no route at all')}"
    gateway = _neighbour_address(snapshot, facts)
    if gateway:
        return f"{facts.name} has no route to {to} ({has}); {ip(facts.name, f'route add default via {gateway}')}"
    return f"{facts.name} has no route to {to} ({has}), and nobody on its wire could be a gateway: compare the addresses and masks"


def _neighbour_address(snapshot: Snapshot, facts: NetnsFacts) -> str:
    """An address on the same wire and in the same subnet as one of ours: what a default route could go by."""
    for own in facts.addresses:
        subnet = ipaddress.ip_interface(own.address).network
        for end in hearers(snapshot, End(facts.name, own.interface)):
            there = snapshot.find(end.netns)
            for address in there.addresses_of(end.interface) if there else ():
                if ipaddress.ip_interface(address).ip in subnet and end.netns == LAB_HOST:
                    return address.partition("/")[0]
    return ""


def _unheard(snapshot: Snapshot, facts: NetnsFacts, route: Route, next_hop: str) -> str:
    """Nobody who hears what leaves by this route has the address: why."""
    link = facts.link(route.interface)
    if link and link.state == "NO-CARRIER":
        return _no_carrier(facts, link.name)
    end = owner(snapshot, next_hop)
    if end is None:
        return f"nobody has the address {next_hop}, which {facts.name} looks for by {route.interface} ({show_route(route)})"
    there = snapshot.find(end.netns)
    if there and not _up(there, end.interface):
        return f"{end} has {next_hop} but is DOWN; bring it up: {ip(end.netns, f'link set {end.interface} up')}"
    twins = [each.interface for each in facts.routes
             if each.destination == route.destination and each.interface != route.interface]
    if twins:
        return (f"{facts.name} has the subnet {route.destination} on {route.interface} and on {listed(twins)}: it sends all by "
                f"{route.interface}, and {next_hop} ({end}) is not there")
    return f"{next_hop} is {end}, but {_missing_wire(snapshot, facts.name, route.interface, end)}"


def _no_carrier(facts: NetnsFacts, interface: str) -> str:
    link = facts.link(interface)
    if link and link.peer_netns:
        mend = ip(link.peer_netns, f"link set {link.peer} up")
        return f"{link.peer} in {link.peer_netns}, the other end of {interface}, is DOWN; bring it up: {mend}"
    ports = [each for each in facts.links if each.master == interface]
    if not ports:
        return f"the bridge {interface} in {facts.name} has no port; {ip(facts.name, f'link set VETH master {interface}')}"
    down = [each.name for each in ports if not each.up]
    if down:
        return f"{down[0]}, a port of {interface}, is DOWN; bring it up: {ip(facts.name, f'link set {down[0]} up')}"
    return f"no port of {interface} has a carrier: {listed(each.name for each in ports)} lead to interfaces that are DOWN"


def _missing_wire(snapshot: Snapshot, netns: str, interface: str, end: End) -> str:
    """Between two interfaces there is no way on layer 2: the port or the bridge that is missing."""
    for each in (End(netns, interface), end):
        facts = snapshot.find(each.netns)
        link = facts.link(each.interface) if facts else None
        beyond = snapshot.find(link.peer_netns) if link else None
        far = beyond.link(link.peer) if beyond and link else None
        if beyond is None or far is None:
            continue
        if not far.up:
            return f"{far.name} in {beyond.name}, the other end of {each}, is DOWN; {ip(beyond.name, f'link set {far.name} up')}"
        bridge = beyond.link(far.master) if far.master else None
        if bridge and not bridge.up:
            return f"the bridge {bridge.name} in {beyond.name} is DOWN; {ip(beyond.name, f'link set {bridge.name} up')}"
        bridges = [other.name for other in beyond.links if other.kind == "bridge"]
        if not far.master and bridges:
            return (f"{far.name} in {beyond.name} is not a port of {listed(bridges)}; "
                    f"{ip(beyond.name, f'link set {far.name} master {bridges[0]}')}")
    return f"{interface} in {netns} is not on one wire with it"


def _translation_wanted(snapshot: Snapshot, source: str) -> str:
    """For an answer to a private address (RFC 1918) that the far side can't reach: the rule that is missing."""
    if not source or not ipaddress.ip_address(source).is_private:
        return ""
    host = snapshot.find(LAB_HOST)
    near = next((route for route in host.routes if route.destination != "default"
                 and ipaddress.ip_address(source) in ipaddress.ip_network(route.destination)), None) if host else None
    if host is None or near is None:
        return ""
    rules = [show_rule(rule) for rule in host.rules if rule.hook == "postrouting" and rule.target]
    others = f"; {listed(rules)} does not match it" if rules else ""
    return (f"the far side sees {source}, a private address that it cannot answer{others}; "
            f"iptables -t nat -A POSTROUTING -s {near.destination} ! -o {near.interface} -j MASQUERADE")
