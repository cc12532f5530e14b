"""Snapshots made by hand, for tests of what is judged and not of what is seen.

    finished()                                   the lab bridge-network as its last step leaves it
    down(finished(), "container-1", "ceth0")     the same with an interface down
"""

from __future__ import annotations

from typing import Any

from runtime.facts.addresses import Address
from runtime.facts.links import Link
from runtime.facts.processes import Process
from runtime.facts.routes import Route
from runtime.facts.rules import Rule
from runtime.facts.snapshot import NetnsFacts, Snapshot

ONE, TWO, HOST, OUTSIDE = "container-1", "container-2", "labhost", "outside"
LO = Link("lo", "loopback", "UP", "", "", "", 65536)


def veth(name: str, peer: str, there: str, *, state: str = "UP", master: str = "") -> Link:
    return Link(name, "veth", state, master, peer, there, 1500)


def bridge(name: str, state: str = "UP") -> Link:
    return Link(name, "bridge", state, "", "", "", 1500)


def route(
    destination: str, *, via: str = "", dev: str = "", src: str = "", metric: int = 0, kind: str = "unicast"
) -> Route:
    return Route(destination, via, dev, src, metric, kind)


def masquerade(source: str = "192.168.0.0/24", not_out: str = "br0", packets: int | None = 2) -> Rule:
    matches = [f"ip saddr {source}"] if source else []
    matches += [f"oifname != {not_out}"] if not_out else []
    size = None if packets is None else packets * 84
    return Rule("ip", "nat", "POSTROUTING", "postrouting", tuple(matches), "masquerade", packets, size)


def netns(
    name: str, inode: int, links: tuple[Link, ...] = (LO,), addresses: tuple[str, ...] = (), **more: Any
) -> NetnsFacts:
    """addresses: '192.168.0.1/24 br0'."""
    return NetnsFacts(name, inode, links, tuple(Address(*each.split()[::-1]) for each in addresses), **more)


def finished() -> Snapshot:
    """The lab bridge-network, done."""
    host = netns(
        HOST, 1,
        (LO, bridge("br0"), veth("veth0", "ceth0", ONE, master="br0"), veth("veth1", "ceth1", TWO, master="br0"),
         veth("eth0", "eth0", OUTSIDE)),
        ("127.0.0.1/8 lo", "192.168.0.1/24 br0", "203.0.113.2/24 eth0"),
        routes=(route("default", via="203.0.113.1", dev="eth0"), route("192.168.0.0/24", dev="br0", src="192.168.0.1"),
                route("203.0.113.0/24", dev="eth0", src="203.0.113.2")),
        rules=(masquerade(),), sysctls=(("net.ipv4.ip_forward", "1"),))
    outside = netns(
        OUTSIDE, 2, (LO, veth("eth0", "eth0", HOST)), ("198.51.100.1/32 lo", "203.0.113.1/24 eth0"),
        routes=(route("203.0.113.0/24", dev="eth0", src="203.0.113.1"),), sysctls=(("net.ipv4.ip_forward", "0"),))
    one = _container(ONE, 3, "ceth0", "veth0", "192.168.0.2")
    two = _container(TWO, 4, "ceth1", "veth1", "192.168.0.3")
    processes = (Process(1, 0, 100, "labrun", (("net", 1), ("pid", 50))),
                 Process(7, 1, 200, "sleep 60", (("net", 3), ("pid", 50))))
    return Snapshot((host, outside, one, two), processes)


def _container(name: str, inode: int, interface: str, peer: str, address: str) -> NetnsFacts:
    return netns(
        name, inode, (LO._replace(state="DOWN"), veth(interface, peer, HOST)), (f"{address}/24 {interface}",),
        routes=(route("default", via="192.168.0.1", dev=interface),
                route("192.168.0.0/24", dev=interface, src=address)),
        sysctls=(("net.ipv4.ip_forward", "0"),))


def change(snapshot: Snapshot, name: str, **fields: Any) -> Snapshot:
    """With other facts in one netns."""
    changed = tuple(facts._replace(**fields) if facts.name == name else facts for facts in snapshot.netns)
    return snapshot._replace(netns=changed)


def without(snapshot: Snapshot, name: str) -> Snapshot:
    """Without one netns."""
    return snapshot._replace(netns=tuple(facts for facts in snapshot.netns if facts.name != name))


def facts_of(snapshot: Snapshot, name: str) -> NetnsFacts:
    found = snapshot.find(name)
    assert found
    return found


def relink(snapshot: Snapshot, name: str, interface: str, **fields: Any) -> Snapshot:
    """With other properties of one interface."""
    links = facts_of(snapshot, name).links
    changed = tuple(link._replace(**fields) if link.name == interface else link for link in links)
    return change(snapshot, name, links=changed)


def unlink(snapshot: Snapshot, name: str, interface: str) -> Snapshot:
    """Without an interface, its addresses and its routes."""
    links = tuple(link for link in facts_of(snapshot, name).links if link.name != interface)
    return bare(change(unrouted(snapshot, name, interface), name, links=links), name, interface)


def down(snapshot: Snapshot, name: str, interface: str) -> Snapshot:
    """With an interface set down: its routes are gone, and the other end of its wire has no carrier."""
    link = facts_of(snapshot, name).link(interface)
    assert link
    snapshot = relink(unrouted(snapshot, name, interface), name, interface, state="DOWN")
    return relink(snapshot, link.peer_netns, link.peer, state="NO-CARRIER") if link.peer else snapshot


def unrouted(snapshot: Snapshot, name: str, interface: str) -> Snapshot:
    """Without the routes of an interface."""
    left = tuple(each for each in facts_of(snapshot, name).routes if each.interface != interface)
    return change(snapshot, name, routes=left)


def bare(snapshot: Snapshot, name: str, interface: str) -> Snapshot:
    """Without the addresses of an interface, and without its routes."""
    addresses = tuple(each for each in facts_of(snapshot, name).addresses if each.interface != interface)
    return change(unrouted(snapshot, name, interface), name, addresses=addresses)


def readdress(snapshot: Snapshot, name: str, interface: str, address: str, subnet: str = "") -> Snapshot:
    """With another address on an interface. subnet: that of its route, '' for none."""
    snapshot = bare(snapshot, name, interface)
    facts = facts_of(snapshot, name)
    more = (route(subnet, dev=interface, src=address.partition("/")[0]),) if subnet else ()
    addresses = (*facts.addresses, Address(interface, address))
    return change(snapshot, name, addresses=addresses, routes=(*facts.routes, *more))


def reroute(snapshot: Snapshot, name: str, *routes: Route) -> Snapshot:
    """With these routes and no others."""
    return change(snapshot, name, routes=routes)
