"""How checks speak: commands that mend, and places."""

from __future__ import annotations

from collections.abc import Iterable

from runtime.facts.snapshot import NetnsFacts, Snapshot
from runtime.network.netns import LAB_HOST


def ip(netns: str, words: str) -> str:
    """A command of ip(8) that acts in `netns`."""
    return f"ip {words}" if netns == LAB_HOST else f"ip -n {netns} {words}"


def within(netns: str, command: str) -> str:
    """Any command, run in `netns`."""
    return command if netns == LAB_HOST else f"ip netns exec {netns} {command}"


def listed(words: Iterable[str], nothing: str = "none") -> str:
    """'a, b and c'."""
    *first, last = [*words] or [nothing]
    return f"{', '.join(first)} and {last}" if first else last


def no_netns(snapshot: Snapshot, name: str) -> str:
    """What to say when there is no network namespace called `name`."""
    named = [each for each in snapshot.names if each != LAB_HOST]
    return f"there is no network namespace {name} (there is {listed(named, 'none yet')}); make it: ip netns add {name}"


def no_link(snapshot: Snapshot, facts: NetnsFacts, name: str) -> str:
    """What to say when an interface is not where it should be: that it is elsewhere, or nowhere."""
    for other in snapshot.netns:
        if other.name != facts.name and other.link(name):
            move = ip(other.name, f"link set {name} netns {facts.name if facts.name != LAB_HOST else '1'}")
            return f"{name} is in {other.name}, not in {facts.name}; move it: {move}"
    return f"there is no interface {name} in {facts.name} (there is {listed(link.name for link in facts.links)})"
