"""A small picture of a lab, as text: a tree for each host that is no leaf of another's, and the containers."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import wrap

from runtime.facts.containers import Container
from runtime.facts.links import Link
from runtime.facts.observer import FORWARDING
from runtime.facts.snapshot import NetnsFacts, Snapshot

_NARROWEST = 24


def draw(snapshot: Snapshot, width: int = 80) -> list[str]:
    """The lines of the picture, at most `width` characters wide where the names in it allow that."""
    lines: list[str] = []
    leaves: set[str] = set()
    for facts in snapshot.netns:
        if facts.name not in leaves or len(_wires(facts)) > 1 or any(_translations(facts)):
            lines += _host(snapshot, facts, leaves, width)
    return lines + [line for each in snapshot.containers for line in _container(each, width)]


def _container(container: Container, width: int) -> list[str]:
    """'container c1, running: sleep 1000'."""
    status = f"container {container.name}, {container.status}"
    return _wrapped(f"{status}: {container.command}" if container.status == "running" else status, width)


def _host(snapshot: Snapshot, facts: NetnsFacts, leaves: set[str], width: int) -> list[str]:
    narrower = width - 3
    branches = [_branch(snapshot, facts, link, leaves, narrower) for link in _roots(facts)]
    branches += [_wrapped(f"NAT {each}", narrower) for each in _translations(facts)]
    forwards = ", forwards packets" if facts.sysctl(FORWARDING) == "1" and len(_wires(facts)) > 1 else ""
    return [*_wrapped(facts.name + forwards, width), *_tree(branches)]


def _roots(facts: NetnsFacts) -> Iterator[Link]:
    """The links that are no port of another; of a pair whose ends are both here, the first."""
    here = [link for link in _wires(facts) if not link.master or not facts.link(link.master)]
    drawn: set[str] = set()
    for link in here:
        if link.name not in drawn:
            drawn.add(link.peer if link.peer_netns == facts.name else "")
            yield link


def _tree(branches: list[list[str]]) -> Iterator[str]:
    for number, (head, *rest) in enumerate(branches, 1):
        last = number == len(branches)
        yield ("└─ " if last else "├─ ") + head
        for line in rest:
            yield ("   " if last else "│  ") + line


def _branch(snapshot: Snapshot, facts: NetnsFacts, link: Link, leaves: set[str], width: int) -> list[str]:
    ports = [_branch(snapshot, facts, port, leaves, width - 3) for port in facts.links if port.master == link.name]
    return [*_wrapped(_described(facts, link) + _far_end(snapshot, facts, link, leaves), width), *_tree(ports)]


def _described(facts: NetnsFacts, link: Link) -> str:
    words = [link.name]
    if link.kind not in ("veth", "device"):
        words.append(f"({link.kind})")
    words += facts.addresses_of(link.name)
    return " ".join(words) + ("" if link.up else " DOWN")


def _far_end(snapshot: Snapshot, facts: NetnsFacts, link: Link, leaves: set[str]) -> str:
    """What is at the other end of a veth pair: the interface, its netns, and the way out from there."""
    there = snapshot.find(link.peer_netns) if link.peer else None
    peer = there.link(link.peer) if there else None
    if there is None or peer is None:
        return ""
    if there.name == facts.name:
        return f" ── {_described(facts, peer)}"
    leaves.add(there.name)
    gateways = [f", default via {route.gateway}" for route in there.routes
                if route.destination == "default" and route.gateway]
    return f" ── {_described(there, peer)}  {there.name}{''.join(gateways)}"


def _wrapped(text: str, width: int) -> list[str]:
    return wrap(text, max(width, _NARROWEST), subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)


def _wires(facts: NetnsFacts) -> list[Link]:
    return [link for link in facts.links if link.kind != "loopback"]


def _translations(facts: NetnsFacts) -> Iterator[str]:
    for rule in facts.rules:
        if rule.target == "masquerade" or rule.target.partition(" ")[0] in ("snat", "dnat", "redirect"):
            yield " ".join((*rule.matches, rule.target))
