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
DST, OIF, GATEWAY, PRIORITY, PREFSRC, TABLE = 1, 4, 5, 6, 7, 15
MAIN = 254
_UNICAST = 1
_KINDS = {1: "unicast", 6: "blackhole", 7: "unreachable", 8: "prohibit"}
_OWN_MULTICAST = ("fe80::", "ff00::")


class Route(NamedTuple):
    """A route.

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
    """(ifindex of the way out, route with an empty interface), in the kernel's order: of two equals the first counts."""
    messages = netlink.dump(GETROUTE, RTMSG.pack(0, 0, 0, 0, 0, 0, 0, 0, 0), "list the routes")
    return [found for message in messages if (found := decode(message))]


@lru_cache(maxsize=4096)
def decode(message: bytes) -> tuple[int, Route] | None:
    """The body of an RTM_NEWROUTE message; None for what is not in the main table or the kernel's own for IPv6."""
    family, prefix, _src, _tos, table, _protocol, _scope, kind, _flags = RTMSG.unpack_from(message)
    if table != MAIN or family not in (socket.AF_INET, socket.AF_INET6) or kind not in _KINDS:
        return None
    found = attributes(message, RTMSG.size)
    destination = f"{socket.inet_ntop(family, found[DST])}/{prefix}" if prefix else "default"
    if destination.startswith(_OWN_MULTICAST):
        return None
    return to_u32(found[OIF]) if OIF in found else 0, Route(
        destination,
        socket.inet_ntop(family, found[GATEWAY]) if GATEWAY in found else "",
        "",
        socket.inet_ntop(family, found[PREFSRC]) if PREFSRC in found else "",
        to_u32(found[PRIORITY]) if PRIORITY in found else 0,
        _KINDS[kind],
    )
