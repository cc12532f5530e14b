"""Layer 2 in a Snapshot: which interfaces hear a frame that leaves by another."""

from __future__ import annotations

from typing import NamedTuple

from runtime.facts.links import Link
from runtime.facts.snapshot import NetnsFacts, Snapshot


class End(NamedTuple):
    """An interface somewhere in the lab."""

    netns: str
    interface: str

    def __str__(self) -> str:
        return f"{self.interface} in {self.netns}"


def hearers(snapshot: Snapshot, start: End) -> list[End]:
    """Every interface at which a frame that leaves by `start` arrives at a host: through wires, and across bridges."""
    facts = snapshot.find(start.netns)
    link = facts.link(start.interface) if facts else None
    if facts is None or link is None or link.state != "UP":
        return []
    if link.kind == "bridge":
        return _through_ports(snapshot, facts, link.name, {start})
    return _over_wire(snapshot, link, {start})


def _over_wire(snapshot: Snapshot, link: Link, seen: set[End]) -> list[End]:
    """What hears at the other end of a veth pair."""
    facts = snapshot.find(link.peer_netns)
    peer = facts.link(link.peer) if facts else None
    if facts is None or peer is None or not peer.up or End(facts.name, peer.name) in seen:
        return []
    seen.add(End(facts.name, peer.name))
    if not peer.master:
        return [End(facts.name, peer.name)]
    bridge = facts.link(peer.master)
    if bridge is None or not bridge.up:
        return []
    here = End(facts.name, bridge.name)
    return [here, *_through_ports(snapshot, facts, bridge.name, {*seen, here})]


def _through_ports(snapshot: Snapshot, facts: NetnsFacts, bridge: str, seen: set[End]) -> list[End]:
    found = []
    for port in facts.links:
        if port.master == bridge and port.state == "UP" and End(facts.name, port.name) not in seen:
            seen.add(End(facts.name, port.name))
            found += _over_wire(snapshot, port, seen)
    return found
