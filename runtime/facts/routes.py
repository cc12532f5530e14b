"""Routes (rtnetlink(7), RTM_GETROUTE): the main table, as `ip route` shows it."""

from __future__ import annotations

import socket
from functools import lru_cache
from struct import Struct
from typing import NamedTuple

from runtime.netlink.message import attributes, to_u32
from runtime.netlink.socket import Netlink

GETROUTE = 26
RTMSG = Struct("=BBBBBBBBI")
DST, OIF, GATEWAY, PRIORITY, PREFSRC, MULTIPATH, VIA = 1, 4, 5, 6, 7, 9, 18
_NEXT_HOP = Struct("=HBBi")  # struct rtnexthop: its length with its attributes, flags, weight, ifindex
_FAMILY = Struct("=H")
MAIN = 254
_UNICAST = 1
_KINDS = {1: "unicast", 6: "blackhole", 7: "unreachable", 8: "prohibit"}
_OWN_MULTICAST = ("fe80::", "ff00::")


class Route(NamedTuple):
    """A route. One with several next hops is several of these.

    destination: '192.168.0.0/24', or 'default'.  gateway: address, or '' when the destination is on the link.
    interface: name, or ''.  source: preferred source address, or ''.  metric: 0 unless one is set.
    kind: 'unicast', 'blackhole', 'unreachable' or 'prohibit'.
    """

    destination: str
    gateway: str
    interface: str
    source: str
    metric: int
    kind: str


def read_routes(netlink: Netlink) -> list[tuple[int, Route]]:
    """(ifindex of the way out, route with an empty interface), in the kernel's order: of equals the first counts."""
    messages = netlink.dump(GETROUTE, RTMSG.pack(0, 0, 0, 0, 0, 0, 0, 0, 0), "list the routes")
    return [found for message in messages for found in decode(message)]


@lru_cache(maxsize=4096)
def decode(message: bytes) -> tuple[tuple[int, Route], ...]:
    """The body of an RTM_NEWROUTE message; nothing for what is not in the main table or the kernel's own for IPv6."""
    family, prefix, _src, _tos, table, _protocol, _scope, kind, _flags = RTMSG.unpack_from(message)
    if table != MAIN or family not in (socket.AF_INET, socket.AF_INET6) or kind not in _KINDS:
        return ()
    found = attributes(message, RTMSG.size)
    destination = f"{socket.inet_ntop(family, found[DST])}/{prefix}" if prefix else "default"
    if destination.startswith(_OWN_MULTICAST):
        return ()
    source = socket.inet_ntop(family, found[PREFSRC]) if PREFSRC in found else ""
    metric = to_u32(found[PRIORITY]) if PRIORITY in found else 0
    hops = _next_hops(family, found[MULTIPATH]) if MULTIPATH in found else [
        (to_u32(found[OIF]) if OIF in found else 0, _gateway(family, found))]
    return tuple((index, Route(destination, gateway, "", source, metric, _KINDS[kind])) for index, gateway in hops)


def _next_hops(family: int, payload: bytes) -> list[tuple[int, str]]:
    """(ifindex, gateway) of each next hop."""
    hops, offset = [], 0
    while offset + _NEXT_HOP.size <= len(payload):
        length, _flags, _weight, index = _NEXT_HOP.unpack_from(payload, offset)
        hops.append((index, _gateway(family, attributes(payload[offset : offset + length], _NEXT_HOP.size))))
        offset += max(length, _NEXT_HOP.size) + 3 & ~3
    return hops


def _gateway(family: int, found: dict[int, bytes]) -> str:
    """The gateway's address, which may be of the other family (RFC 5549)."""
    if VIA in found:
        return socket.inet_ntop(_FAMILY.unpack_from(found[VIA])[0], found[VIA][_FAMILY.size :])
    return socket.inet_ntop(family, found[GATEWAY]) if GATEWAY in found else ""
