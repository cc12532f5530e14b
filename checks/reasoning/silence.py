"""Why nobody on the wire answers when the next hop is asked for: what is missing, and the command that mends it."""

from __future__ import annotations

from checks.reasoning.path import Hop, owner
from checks.reasoning.subnets import gateway, inside, subnet_of
from checks.reasoning.wire import End, door, hearers, ways
from checks.reasoning.wording import advice, join, listed, set_up
from runtime.facts.difference import show_route
from runtime.facts.links import Link
from runtime.facts.snapshot import NetnsFacts, Snapshot
from runtime.network.command_line import ip
from runtime.network.world import OUTSIDE


def why_unheard(snapshot: Snapshot, facts: NetnsFacts, hop: Hop, to: str) -> str:
    """Why nobody hears what `facts` sends to `to` by the route of `hop`, and the command that mends it."""
    link = facts.link(hop.route.interface)
    next_hop = hop.route.gateway or to
    if link is None:
        return f"{facts.name} has the route {show_route(hop.route)}, which names no interface"
    end = owner(snapshot, next_hop)
    right = door(snapshot, facts, end) if end else None
    if right and link.kind == "bridge" and right.kind == "veth" and not right.master:
        return _no_port(facts, right.name, link.name)
    if link.state != "UP":
        return _no_carrier(facts, link)
    if end is None:
        return _nobody(snapshot, facts, hop, next_hop)
    if right is None:
        return _apart(snapshot, End(facts.name, link.name), end, next_hop)
    if right.name != link.name:
        return _wrong_door(facts, hop, right, f"{next_hop} ({end})")
    return _cut(snapshot, End(facts.name, link.name), end)


def _no_port(facts: NetnsFacts, interface: str, bridge: str) -> str:
    cause = f"{interface} in {facts.name} is not a port of {bridge}"
    return advice(cause, "make it one", *join(facts, bridge, interface))


def _no_carrier(facts: NetnsFacts, link: Link) -> str:
    """The interface is up, but there is nothing at its other end."""
    if link.peer_netns:
        return _down(End(link.peer_netns, link.peer), f", the other end of {link.name}")
    ports = [each for each in facts.links if each.master == link.name]
    down = next((each.name for each in ports if not each.up), "")
    if down:
        return _down(End(facts.name, down), f", a port of {link.name}")
    if not ports:
        return f"the bridge {link.name} in {facts.name} has no port, so nobody is behind it"
    far = next((End(each.peer_netns, each.peer) for each in ports if each.peer_netns), None)
    return _down(far, f", behind {link.name}") if far else f"no port of {link.name} in {facts.name} has a carrier"


def _down(end: End, which: str) -> str:
    return advice(f"{end}{which}, is DOWN", "bring it up", set_up(*end))


def _nobody(snapshot: Snapshot, facts: NetnsFacts, hop: Hop, next_hop: str) -> str:
    """Nobody has the address that is asked for."""
    route = hop.route
    if route.gateway:
        cause = f"{facts.name} has the route {show_route(route)}, but nobody has the address {route.gateway}"
        right = gateway(snapshot, facts)
        replace = ip(facts.name, f"route replace {route.destination} via {right}")
        return advice(cause, "give it the right gateway", replace) if right else cause
    far = [end for end in hearers(snapshot, End(facts.name, route.interface)) if end.netns != OUTSIDE]
    bare = [end for end in far if not _addresses(snapshot, end)]
    cause = f"nobody has the address {next_hop}, for which {facts.name} asks at {route.interface}"
    chosen = bare[0] if bare else far[0] if len(far) == 1 else None
    if chosen is None or route.destination == "default":
        return cause
    prefix = route.destination.partition("/")[2]
    return advice(f"{cause}, and {chosen} has {listed(_addresses(snapshot, chosen), 'no address')}", "if it is meant",
                  ip(chosen.netns, f"addr add {next_hop}/{prefix} dev {chosen.interface}"))


def _addresses(snapshot: Snapshot, end: End) -> tuple[str, ...]:
    facts = snapshot.find(end.netns)
    return facts.addresses_of(end.interface) if facts else ()


def _wrong_door(facts: NetnsFacts, hop: Hop, right: Link, goal: str) -> str:
    """The route leads to one interface, and who is meant is behind another."""
    route, name = hop.route, facts.name
    link = facts.link(route.interface)
    subnet = None if route.destination == "default" else subnet_of(route.destination)
    address = inside(facts, route.interface, subnet) if subnet else ""
    delete = ip(name, f"addr del {address} dev {route.interface}")
    cause = f"{name} looks for {goal} at {route.interface} ({show_route(route)}), but that is behind {right.name}"
    if not address or subnet is None:
        return advice(cause, "delete that route", ip(name, f"route del {show_route(route)}"))
    if link and link.master:
        return advice(f"{cause}; {link.name} is a port of {link.master} and needs no address", "take it off", delete)
    if not inside(facts, right.name, subnet):
        return advice(cause, "move the address", delete, ip(name, f"addr add {address} dev {right.name}"))
    cause = (f"{name} has {subnet} on {route.interface} and on {right.name}, and sends all by {route.interface}; "
             f"{goal} is not there")
    if link and link.kind == right.kind == "veth":
        return advice(cause, "join the two wires with a bridge", *join(facts, _bridge(facts), link.name, right.name))
    return advice(cause, f"take the address off {route.interface}", delete)


def _bridge(facts: NetnsFacts) -> str:
    """The bridge that there is, or else a name for one."""
    return next((link.name for link in facts.links if link.kind == "bridge"), "br0")


def _apart(snapshot: Snapshot, near: End, end: End, address: str) -> str:
    """No chain of wires and bridges leads from the one interface to the other."""
    one, other = _far_end(snapshot, near), _far_end(snapshot, end)
    facts = snapshot.find(one.netns)
    cause = f"{address} is {end}, but no wire joins it with {near}"
    if facts is None or one.netns != other.netns:
        return cause
    bridges = [_bridge_of(facts, each.interface) for each in (one, other)]
    if bridges[0]:
        return _no_port(facts, other.interface, bridges[0])
    if bridges[1]:
        return _no_port(facts, one.interface, bridges[1])
    return advice(f"{cause} (one wire ends at {one.interface} in {facts.name}, the other at {other.interface})",
                  "join them with a bridge", *join(facts, _bridge(facts), one.interface, other.interface))


def _far_end(snapshot: Snapshot, end: End) -> End:
    link = end.find(snapshot)
    return End(link.peer_netns, link.peer) if link and link.peer_netns else end


def _bridge_of(facts: NetnsFacts, interface: str) -> str:
    """The bridge that an interface is a port of, or is itself; or ''."""
    link = facts.link(interface)
    return "" if link is None else link.name if link.kind == "bridge" else link.master


def _cut(snapshot: Snapshot, start: End, end: End) -> str:
    """There is a way, but not everything on it is up."""
    way = next(way for way in ways(snapshot, start, live=False) if way[-1] == end)
    for each in way[1:]:
        link = each.find(snapshot)
        if link and not link.up:
            return _down(each, ", which has the address" if each == end else f", on the way to {end}")
    return f"the frames from {start} to {end} get lost on the way"
