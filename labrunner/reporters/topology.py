"""A small picture of a lab's network, as text: a tree for each host that is not already a leaf of another's."""

from __future__ import annotations

from collections.abc import Iterator

from runtime.facts.links import Link
from runtime.facts.observer import FORWARDING
from runtime.facts.snapshot import NetnsFacts, Snapshot


def draw(snapshot: Snapshot) -> list[str]:
    """The lines of the picture."""
    lines: list[str] = []
    shown: set[str] = set()
    for facts in snapshot.netns:
        if facts.name not in shown or len(_wires(facts)) > 1:
            shown.add(facts.name)
            lines += _host(snapshot, facts, shown)
    return lines


def _host(snapshot: Snapshot, facts: NetnsFacts, shown: set[str]) -> list[str]:
    branches = [list(_branch(snapshot, facts, link, shown)) for link in facts.links
                if link.kind != "loopback" and not link.master]
    branches += [[f"NAT {' '.join((*rule.matches, rule.target))}"] for rule in facts.rules if _translates(rule.target)]
    forwards = ", forwards packets" if facts.sysctl(FORWARDING) == "1" and len(_wires(facts)) > 1 else ""
    return [facts.name + forwards, *_tree(branches)]


def _tree(branches: list[list[str]]) -> Iterator[str]:
    for number, (head, *rest) in enumerate(branches, 1):
        last = number == len(branches)
        yield ("└─ " if last else "├─ ") + head
        for line in rest:
            yield ("   " if last else "│  ") + line


def _branch(snapshot: Snapshot, facts: NetnsFacts, link: Link, shown: set[str]) -> Iterator[str]:
    yield _described(facts, link) + _far_end(snapshot, facts, link, shown)
    ports = [[_described(facts, port) + _far_end(snapshot, facts, port, shown)]
             for port in facts.links if port.master == link.name]
    yield from _tree(ports)


def _described(facts: NetnsFacts, link: Link) -> str:
    words = [link.name]
    if link.kind not in ("veth", "device"):
        words.append(f"({link.kind})")
    words += facts.addresses_of(link.name)
    return " ".join(words) + ("" if link.up else " DOWN")


def _far_end(snapshot: Snapshot, facts: NetnsFacts, link: Link, shown: set[str]) -> str:
    """What is at the other end of a veth pair: the interface, its netns, and the way out from there."""
    there = snapshot.find(link.peer_netns) if link.peer else None
    peer = there.link(link.peer) if there else None
    if there is None or peer is None:
        return ""
    if there.name == facts.name:
        return f" ── {peer.name}"
    shown.add(there.name)
    gateways = [f", default via {route.gateway}" for route in there.routes if route.destination == "default" and route.gateway]
    return f" ── {_described(there, peer)}  {there.name}{''.join(gateways)}"


def _wires(facts: NetnsFacts) -> list[Link]:
    return [link for link in facts.links if link.kind != "loopback" and not link.master]


def _translates(target: str) -> bool:
    return target == "masquerade" or target.partition(" ")[0] in ("snat", "dnat", "redirect")
