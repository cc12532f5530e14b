"""How checks speak: places, lists, and the commands that mend.

A hint that has a command ends with it, after the last ': '. A hint without one has no ': ' at all.
"""

from __future__ import annotations

from collections.abc import Iterable

from runtime.facts.links import Link
from runtime.facts.snapshot import NetnsFacts, Snapshot
from runtime.network.netns import LAB_HOST
from runtime.network.world import OUTSIDE

_SEPARATOR = ": "


def advice(cause: str, do: str, *commands: str) -> str:
    """A hint: 'ceth0 in container-1 is DOWN; bring it up: ip -n container-1 link set ceth0 up'."""
    return f"{cause}; {do}{_SEPARATOR}{' && '.join(commands)}"


def command_of(hint: str) -> str:
    """The command that a hint ends with; '' when it has none."""
    return hint.rpartition(_SEPARATOR)[2] if _SEPARATOR in hint else ""


def ip(netns: str, words: str) -> str:
    """A command of ip(8) that acts in `netns`."""
    return f"ip {words}" if netns == LAB_HOST else f"ip -n {netns} {words}"


def within(netns: str, command: str) -> str:
    """Any command, run in `netns`."""
    return command if netns == LAB_HOST else f"ip netns exec {netns} {command}"


def set_up(netns: str, interface: str) -> str:
    return ip(netns, f"link set {interface} up")


def move(interface: str, netns: str, to: str) -> str:
    """The command that moves an interface. The lab host's namespace has no name: it is that of process 1."""
    return ip(netns, f"link set {interface} netns {'1' if to == LAB_HOST else to}")


def add_veth(netns: str, name: str, peer: str, peer_netns: str) -> str:
    """The command that makes a veth pair, each end where it belongs."""
    there = "" if peer_netns == netns else f" netns {'1' if peer_netns == LAB_HOST else peer_netns}"
    return ip(netns, f"link add {name} type veth peer name {peer}{there}")


def join(facts: NetnsFacts, bridge: str, *ports: str) -> tuple[str, ...]:
    """The commands that make interfaces ports of a bridge, and the bridge itself where there is none."""
    make = [] if facts.link(bridge) else [f"link add name {bridge} type bridge", f"link set {bridge} up"]
    return tuple(ip(facts.name, words) for words in (*make, *(f"link set {port} master {bridge}" for port in ports)))


def listed(words: Iterable[str], nothing: str = "none") -> str:
    """'a, b and c'."""
    *first, last = [*words] or [nothing]
    return f"{', '.join(first)} and {last}" if first else last


def no_netns(snapshot: Snapshot, name: str) -> str:
    """What to say when there is no network namespace called `name`."""
    named = [each for each in snapshot.names if each not in (LAB_HOST, OUTSIDE)]
    return advice(f"there is no network namespace {name} (only {listed(named)})" if named
                  else f"there is no network namespace {name}", "make it", f"ip netns add {name}")


def elsewhere(snapshot: Snapshot, netns: str, interface: str) -> tuple[NetnsFacts, Link] | None:
    """An interface of this name in another netns; not one that leads to the world outside, which is not in its way."""
    for facts in snapshot.netns:
        link = facts.link(interface)
        if link and facts.name not in (netns, OUTSIDE) and link.peer_netns != OUTSIDE:
            return facts, link
    return None


def no_link(snapshot: Snapshot, facts: NetnsFacts, interface: str, *make: str) -> str:
    """What to say when an interface is not where it should be: that it is elsewhere, or nowhere.

    make: the commands that make it, if they are known.
    """
    found = elsewhere(snapshot, facts.name, interface)
    if found:
        other, link = found
        cause = f"{interface} is in {other.name}, not in {facts.name}"
        if link.kind != "bridge":
            return advice(cause, "move it", move(interface, other.name, facts.name))
        if make:  # it belongs to its namespace (netdev_features.rst, netns_local)
            return advice(f"{cause}, and a bridge cannot be moved", "make it anew",
                          ip(other.name, f"link delete {interface}"), *make)
        return cause
    cause = f"{facts.name} has no interface {interface} (only {listed(link.name for link in facts.links)})"
    return advice(cause, "make it", *make) if make else cause
