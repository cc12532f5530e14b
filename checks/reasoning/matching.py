"""Whether a packet meets what a rule demands, as far as the words of Rule.matches are understood here."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import NamedTuple

from runtime.facts.rules import Rule


class Service(NamedTuple):
    """What a packet is for. protocol: 'icmp' for an echo, or 'tcp'.  port: of its destination, 0 if not known."""

    protocol: str
    port: int = 0


ECHO = Service("icmp")


class Packet(NamedTuple):
    """A packet in one netns.

    source, to: IPv4 addresses.  came, out: the interfaces that it came in by and leaves by; '' for none.
    state: of its connection, 'new' or 'established' (iptables-extensions(8), conntrack).
    """

    source: str
    to: str
    came: str = ""
    out: str = ""
    state: str = "new"
    service: Service = ECHO


def meets(rule: Rule, packet: Packet) -> bool | None:
    """Whether it meets all matches of a rule; None when that hangs on one that is not understood."""
    held = [_holds(match, packet) for match in rule.matches]
    return False if False in held else None if None in held else True


def _holds(match: str, packet: Packet) -> bool | None:
    first, second, *rest = [*match.split(), ""]
    if first in ("iifname", "oifname"):
        first, rest = f"{first} ", [second, *rest]
    else:
        first = f"{first} {second}"
    test = _TESTS.get(first)
    negated = rest[0] in ("!=", "!")
    values = " ".join(rest[negated:]).strip("{ }").replace(",", " ").split()
    found = [test(value, packet) for value in values] if test else []
    if not found or None in found:
        return None
    return any(found) != negated


def _address(packet_has: str, value: str) -> bool | None:
    try:
        return ipaddress.ip_address(packet_has) in ipaddress.ip_network(value)
    except ValueError:  # a range, or a set that has a name
        return None


def _interface(packet_has: str, value: str) -> bool:
    return packet_has.startswith(value[:-1]) if value.endswith("*") else packet_has == value


def _port(protocol: str, value: str, packet: Packet) -> bool | None:
    if packet.service.protocol != protocol:
        return False
    low, _, high = value.partition("-")
    if not (packet.service.port and low.isdecimal() and (high or low).isdecimal()):
        return None
    return int(low) <= packet.service.port <= int(high or low)


_TESTS: dict[str, Callable[[str, Packet], bool | None]] = {
    "ip saddr": lambda value, packet: _address(packet.source, value),
    "ip daddr": lambda value, packet: _address(packet.to, value),
    "iifname ": lambda value, packet: _interface(packet.came, value),
    "oifname ": lambda value, packet: _interface(packet.out, value),
    "meta l4proto": lambda value, packet: value == packet.service.protocol,
    "tcp dport": lambda value, packet: _port("tcp", value, packet),
    "udp dport": lambda value, packet: _port("udp", value, packet),
    "meta nfproto": lambda value, _packet: value == "ipv4",
    "ct state": lambda value, packet: value == packet.state,
}
