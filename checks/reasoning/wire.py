"""Layer 2 in a Snapshot: which interfaces hear a frame that leaves by another."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, TypeAlias

from runtime.facts.links import Link
from runtime.facts.snapshot import NetnsFacts, Snapshot


class End(NamedTuple):
    """An interface somewhere in the lab."""

    netns: str
    interface: str

    def __str__(self) -> str:
        return f"{self.interface} in {self.netns}"

    def find(self, snapshot: Snapshot) -> Link | None:
        """The interface itself."""
        facts = snapshot.find(self.netns)
        return facts.link(self.interface) if facts else None


Way: TypeAlias = tuple[End, ...]  # the interfaces that a frame passes, the first and the last included


def ways(snapshot: Snapshot, start: End, live: bool = True) -> list[Way]:
    """The ways from `start`, through wires and across bridges, to every interface at which a host hears the frame.

    live: only what is up counts. Otherwise: as it would be if everything were up.
    """
    facts = snapshot.find(start.netns)
    link = facts.link(start.interface) if facts else None
    if facts is None or link is None or (live and link.state != "UP"):
        return []
    walk = _Walk(snapshot, live, {start})
    return list(walk.ports(facts, (start,)) if link.kind == "bridge" else walk.wire(link, (start,)))


def hearers(snapshot: Snapshot, start: End, live: bool = True) -> list[End]:
    """Who hears a frame that leaves by `start`."""
    return [way[-1] for way in ways(snapshot, start, live)]


def door(snapshot: Snapshot, facts: NetnsFacts, end: End) -> Link | None:
    """The interface of a netns behind which `end` is, were everything up: a bridge rather than its port."""
    fitting = [link for link in facts.links if end in hearers(snapshot, End(facts.name, link.name), live=False)]
    return min(fitting, key=lambda link: bool(link.master), default=None)


class _Walk:
    """A frame on its way to everybody. seen: where it has been, so that it ends where wires make a ring."""

    def __init__(self, snapshot: Snapshot, live: bool, seen: set[End]) -> None:
        self._snapshot, self._live, self._seen = snapshot, live, seen

    def wire(self, link: Link, way: Way) -> Iterator[Way]:
        """Through a veth pair to what is at its other end."""
        facts = self._snapshot.find(link.peer_netns)
        peer = facts.link(link.peer) if facts else None
        if facts is None or peer is None or not self._enters(facts, peer):
            return
        way = (*way, End(facts.name, peer.name))
        if not peer.master:
            yield way
            return
        bridge = facts.link(peer.master)
        if bridge and self._enters(facts, bridge):
            way = (*way, End(facts.name, bridge.name))
            yield way
            yield from self.ports(facts, way)

    def ports(self, facts: NetnsFacts, way: Way) -> Iterator[Way]:
        """Out of the ports of the bridge that the frame is in."""
        for port in facts.links:
            carries = port.state == "UP" or not self._live
            if port.master == way[-1].interface and carries and self._enters(facts, port):
                yield from self.wire(port, (*way, End(facts.name, port.name)))

    def _enters(self, facts: NetnsFacts, link: Link) -> bool:
        here = End(facts.name, link.name)
        if here in self._seen or (self._live and not link.up):
            return False
        self._seen.add(here)
        return True
