"""Network interfaces (rtnetlink(7), RTM_GETLINK)."""

from __future__ import annotations

from functools import lru_cache
from struct import Struct
from typing import NamedTuple

from runtime.netlink.message import REQUEST, Message, attributes, text, to_text, to_u32, u32
from runtime.netlink.socket import Netlink

GETLINK = 18
IFINFO = Struct("=BxHiII")
IFNAME, MTU, LINK, MASTER, LINKINFO, LINK_NETNSID, EXT_MASK, ADDRESS = 3, 4, 5, 10, 18, 37, 29, 1
_INFO_KIND = 1
_IFF_UP, _IFF_RUNNING, _IFF_LOWER_UP = 0x1, 0x40, 0x10000
_SKIP_STATS = 8  # RTEXT_FILTER_SKIP_STATS: counters would make each message new
_LOOPBACK = 772  # ARPHRD_LOOPBACK


class Link(NamedTuple):
    """An interface.

    state:      'UP', 'NO-CARRIER' (it is up, the other end of its wire is not) or 'DOWN'.
    master:     name of the bridge that it is a port of, or ''.
    peer:       name of a veth's other end, or '' when that is out of the lab's sight.
    peer_netns: name of the netns where the other end is, or ''.
    """

    name: str
    kind: str
    state: str
    master: str
    peer: str
    peer_netns: str
    mtu: int

    @property
    def up(self) -> bool:
        """Set up by its owner (IFF_UP), whether there is a carrier or not."""
        return self.state != "DOWN"


class RawLink(NamedTuple):
    """A link as one message tells it, with the numbers that only mean something inside its netns.

    settled: the kernel has taken note of its carrier. Until then it sends nothing (linkwatch, net/core/link_watch.c).
    """

    ifindex: int
    name: str
    kind: str
    state: str
    mtu: int
    master: int
    peer: int
    peer_nsid: int | None
    settled: bool


def read_links(netlink: Netlink) -> list[RawLink]:
    """Every link of a netns."""
    body = IFINFO.pack(0, 0, 0, 0, 0) + u32(EXT_MASK, _SKIP_STATS)
    return [decode(message) for message in netlink.dump(GETLINK, body, "list the links")]


def index_of(netlink: Netlink, name: str) -> int:
    """The ifindex of the link `name`. Raises Refused (ENODEV) when there is none."""
    body = IFINFO.pack(0, 0, 0, 0, 0) + u32(EXT_MASK, _SKIP_STATS) + text(IFNAME, name)
    answer = netlink.request(Message(GETLINK, REQUEST | 0x4, body, f"find the interface {name}"))
    return int(IFINFO.unpack_from(answer[0])[2])


@lru_cache(maxsize=4096)
def decode(message: bytes) -> RawLink:
    """The body of an RTM_NEWLINK message."""
    _family, hardware, index, flags, _change = IFINFO.unpack_from(message)
    found = attributes(message, IFINFO.size)
    info = attributes(found[LINKINFO]) if LINKINFO in found else {}
    kind = to_text(info[_INFO_KIND]) if _INFO_KIND in info else ("loopback" if hardware == _LOOPBACK else "device")
    return RawLink(
        ifindex=index,
        name=to_text(found[IFNAME]),
        kind=kind,
        state="DOWN" if not flags & _IFF_UP else "UP" if flags & _IFF_LOWER_UP else "NO-CARRIER",
        mtu=to_u32(found[MTU]),
        master=to_u32(found[MASTER]) if MASTER in found else 0,
        peer=to_u32(found[LINK]) if LINK in found and kind == "veth" else 0,
        peer_nsid=to_u32(found[LINK_NETNSID]) if LINK_NETNSID in found else None,
        settled=flags & (_IFF_UP | _IFF_LOWER_UP | _IFF_RUNNING) != _IFF_UP | _IFF_LOWER_UP,
    )
