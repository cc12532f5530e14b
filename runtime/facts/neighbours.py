"""The neighbour table: which hardware address answers for which IP address (RTM_GETNEIGH, arp(7))."""

from __future__ import annotations

import socket
from functools import lru_cache
from struct import Struct
from typing import NamedTuple

from runtime.netlink.message import attributes
from runtime.netlink.socket import Netlink

GETNEIGH = 30
NDMSG = Struct("=BxxxiHBB")
DST, LLADDR = 1, 2
_FAILED = 0x01 | 0x20  # NUD_INCOMPLETE, NUD_FAILED
_NOARP = 0x40


class Neighbour(NamedTuple):
    """`address` was asked for on `interface`; `answered` tells whether somebody said that it is theirs."""

    interface: str
    address: str
    answered: bool


def read_neighbours(netlink: Netlink) -> list[tuple[int, str, bool]]:
    """(ifindex, address, answered), without the entries that the kernel makes for multicast."""
    messages = netlink.dump(GETNEIGH, NDMSG.pack(socket.AF_INET, 0, 0, 0, 0), "list the neighbours")
    return [found for message in messages if (found := decode(message))]


@lru_cache(maxsize=1024)
def decode(message: bytes) -> tuple[int, str, bool] | None:
    """The body of an RTM_NEWNEIGH message."""
    family, index, state, _flags, _kind = NDMSG.unpack_from(message)
    if state & _NOARP:
        return None
    found = attributes(message, NDMSG.size)
    return index, socket.inet_ntop(family, found[DST]), not state & _FAILED
