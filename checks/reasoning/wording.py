"""How checks speak: places, lists, and the commands that mend.

A hint that has a command ends with it, after the last ': '. A hint without one has no ': ' at all.
"""

from __future__ import annotations

from collections.abc import Iterable

from runtime.facts.links import Link
from runtime.facts.snapshot import NetnsFacts, Snapshot
from runtime.network.command_line import ip, link, move_link
from runtime.network.netns import LAB_HOST
from runtime.network.world import OUTSIDE
from runtime.oci.command_line import create

_SEPARATOR = ": "


def advice(cause: str, do: str, *commands: str) -> str:
    """A hint: 'ceth0 in container-1 is DOWN; bring it up: ip -n container-1 link set ceth0 up'."""
    return f"{cause}; {do}{_SEPARATOR}{' && '.join(commands)}"


def command_of(hint: str) -> str:
    """The command that a hint ends with; '' when it has none."""
    return hint.rpartition(_SEPARATOR)[2] if _SEPARATOR in hint else ""


def set_up(netns: str, interface: str) -> str:
    """The command that brings an interface up."""
    return ip(netns, f"link set {link(interface)} up")


def delete_link(netns: str, interface: str) -> str:
    """The command that deletes an interface."""
    return ip(netns, f"link delete {link(interface)}")


def join(facts: NetnsFacts, bridge: str, *ports: str) -> tuple[str, ...]:
    """The commands that make interfaces ports of a bridge, and the bridge itself where there is none."""
    add = ip(facts.name, f"link add name {bridge} type bridge")
    make = () if facts.link(bridge) else (add, set_up(facts.name, bridge))
    return (*make, *(ip(facts.name, f"link set {link(port)} master {bridge}") for port in ports))


def listed(words: Iterable[str], nothing: str = "none") -> str:
    """'a, b and c'."""
    *first, last = [*words] or [nothing]
    return f"{', '.join(first)} and {last}" if first else last


def no_netns(snapshot: Snapshot, name: str) -> str:
    """What to say when there is no network namespace called `name`."""
    named = [each for each in snapshot.names if each not in (LAB_HOST, OUTSIDE)]
    return advice(f"there is no network namespace {name} (only {listed(named)})" if named
                  else f"there is no network namespace {name}", "make it", f"ip netns add {name}")


def no_container(snapshot: Snapshot, name: str, bundle: str = "BUNDLE") -> str:
    """What to say when there is no container called `name`. bundle: path of the one that it is to be made of."""
    known = [each.name for each in snapshot.containers]
    return advice(f"there is no container {name} (only {listed(known)})" if known else f"there is no container {name}",
                  "create it", create(snapshot.runtime, name, bundle))


def elsewhere(snapshot: Snapshot, netns: str, interface: str) -> tuple[NetnsFacts, Link] | None:
    """An interface of this name in another netns; not one that leads to the world outside, which is not in its way."""
    for facts in snapshot.netns:
        found = facts.link(interface)
        if found and facts.name not in (netns, OUTSIDE) and found.peer_netns != OUTSIDE:
            return facts, found
    return None


def no_link(snapshot: Snapshot, facts: NetnsFacts, interface: str, *make: str) -> str:
    """What to say when an interface is not where it should be: that it is elsewhere, or nowhere.

    make: the commands that make it, if they are known.
    """
    found = elsewhere(snapshot, facts.name, interface)
    if found:
        other, there = found
        cause = f"{interface} is in {other.name}, not in {facts.name}"
        if there.kind != "bridge":
            return advice(cause, "move it", move_link(interface, other.name, facts.name))
        if make:  # it belongs to its namespace (netdev_features.rst, netns_local)
            return advice(f"{cause}, and a bridge cannot be moved", "make it anew",
                          delete_link(other.name, interface), *make)
        return cause
    cause = f"{facts.name} has no interface {interface} (only {listed(each.name for each in facts.links)})"
    return advice(cause, "make it", *make) if make else cause
