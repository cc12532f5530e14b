"""Addresses of interfaces (rtnetlink(7), RTM_GETADDR)."""

from __future__ import annotations

import socket
from functools import lru_cache
from struct import Struct
from typing import NamedTuple

from runtime.netlink.message import attributes
from runtime.netlink.socket import Netlink

GETADDR = 22
IFADDR = Struct("=BBBBi")
ADDRESS, LOCAL = 1, 2
_SCOPE_LINK = 253


class Address(NamedTuple):
    """An address: '192.168.0.2/24' on `interface`."""

    interface: str
    address: str


def read_addresses(netlink: Netlink) -> list[tuple[int, str]]:
    """(ifindex, address with prefix length), without the link-local ones that the kernel gives by itself (RFC 4862)."""
    messages = netlink.dump(GETADDR, IFADDR.pack(0, 0, 0, 0, 0), "list the addresses")
    return [found for message in messages if (found := decode(message))]


@lru_cache(maxsize=4096)
def decode(message: bytes) -> tuple[int, str] | None:
    """The body of an RTM_NEWADDR message."""
    family, prefix, _flags, scope, index = IFADDR.unpack_from(message)
    if family == socket.AF_INET6 and scope == _SCOPE_LINK:
        return None
    found = attributes(message, IFADDR.size)
    return index, f"{socket.inet_ntop(family, found.get(LOCAL) or found[ADDRESS])}/{prefix}"
