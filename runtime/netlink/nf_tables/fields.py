"""What a netfilter rule can compare: each field by its name in nft(8), and how its values are written.

Numbers are from <linux/netfilter/nf_tables.h>; offsets are those of the headers themselves (RFC 791, 8200, 9293 ...).
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from typing import NamedTuple

Show = Callable[[int, int], str]  # a range, both ends included, in words

IFNAMSIZ = 16
PROTOCOLS = {1: "icmp", 2: "igmp", 6: "tcp", 17: "udp", 33: "dccp", 47: "gre", 50: "esp", 51: "ah",
             58: "ipv6-icmp", 132: "sctp", 136: "udplite"}
ETHERTYPES = {0x0800: "ip", 0x0806: "arp", 0x86DD: "ip6", 0x8100: "vlan"}
_NFPROTO = {2: "ipv4", 10: "ipv6"}
_ICMP_TYPES = {0: "echo-reply", 3: "destination-unreachable", 4: "source-quench", 5: "redirect", 8: "echo-request",
               9: "router-advertisement", 10: "router-solicitation", 11: "time-exceeded", 12: "parameter-problem",
               13: "timestamp-request", 14: "timestamp-reply", 17: "address-mask-request", 18: "address-mask-reply"}
_ICMPV6_TYPES = {1: "destination-unreachable", 2: "packet-too-big", 3: "time-exceeded", 4: "parameter-problem",
                 128: "echo-request", 129: "echo-reply", 130: "mld-listener-query", 131: "mld-listener-report",
                 132: "mld-listener-done", 133: "nd-router-solicit", 134: "nd-router-advert",
                 135: "nd-neighbor-solicit", 136: "nd-neighbor-advert", 137: "nd-redirect"}
_ROUTE_TYPES = {1: "unicast", 2: "local", 3: "broadcast", 4: "anycast", 5: "multicast", 6: "blackhole",
                7: "unreachable", 8: "prohibit"}
_STATES = {1: "invalid", 2: "established", 4: "related", 8: "new", 64: "untracked"}
_STATUS = {1: "expected", 2: "seen-reply", 4: "assured", 8: "confirmed", 16: "snat", 32: "dnat", 512: "dying"}
_FLAGS = {1: "fin", 2: "syn", 4: "rst", 8: "psh", 16: "ack", 32: "urg", 64: "ecn", 128: "cwr"}


class Field(NamedTuple):
    """One thing that can be compared.

    size: octets. native: kept in the machine's byte order, not the network's. discrete: neighbours such as icmp and
    igmp are no range. bits: the names of its bits, for a field that is a set of bits. exclusive: only one of them is
    ever set.
    """

    name: str
    size: int
    show: Show
    native: bool = False
    discrete: bool = False
    bits: Mapping[int, str] = {}
    exclusive: bool = False

    @property
    def full(self) -> int:
        """The greatest value, all bits set."""
        return int((1 << 8 * self.size) - 1)


def number(low: int, high: int) -> str:
    return str(low) if low == high else f"{low}-{high}"


def hexadecimal(low: int, high: int) -> str:
    return f"0x{low:x}" if low == high else f"0x{low:x}-0x{high:x}"


def address(data: bytes) -> str:
    """An IPv4 or IPv6 address as text."""
    return socket.inet_ntop(socket.AF_INET if len(data) == 4 else socket.AF_INET6, data)


def _addresses(size: int) -> Show:
    def show(low: int, high: int) -> str:
        first, last = address(low.to_bytes(size, "big")), address(high.to_bytes(size, "big"))
        hosts = high - low + 1
        if hosts & (hosts - 1) or low % hosts:
            return f"{first}-{last}"
        return first if hosts == 1 else f"{first}/{8 * size - hosts.bit_length() + 1}"

    return show


def _named(names: Mapping[int, str]) -> Show:
    def show(low: int, high: int) -> str:
        first, last = names.get(low, str(low)), names.get(high, str(high))
        return first if low == high else f"{first}-{last}"

    return show


def _ethernet(low: int, high: int) -> str:
    first, last = low.to_bytes(6, "big").hex(":"), high.to_bytes(6, "big").hex(":")
    return first if low == high else f"{first}-{last}"


def _interface(low: int, high: int) -> str:
    """An interface name. One without its zero was compared as the beginning of a name only: 'eth*'."""
    first, last = low.to_bytes(IFNAMSIZ, "big"), high.to_bytes(IFNAMSIZ, "big")
    same = next((i for i in range(IFNAMSIZ) if first[i] != last[i]), IFNAMSIZ)
    name, zero, _ = first[:same].partition(b"\0")
    shown = name.decode(errors="backslashreplace").replace("*", "\\*")
    return shown if zero or same == IFNAMSIZ else f"{shown}*"


def raw(base: int, offset: int, length: int) -> Field:
    """Octets of a header that have no name here, in nft's own words for that: @nh,96,32 (offset and length in bits)."""
    header = ("ll", "nh", "th", "ih")[base] if base < 4 else f"base{base}"
    return Field(f"@{header},{offset * 8},{length * 8}", length, hexadecimal)


def fib(direction: str) -> Field:
    """The kind of the source or destination address by the routing table; direction: 'saddr' or 'daddr'."""
    return Field(f"fib {direction} type", 4, _named(_ROUTE_TYPES), native=True, discrete=True)


def _ports(header: str) -> dict[int, Field]:
    return {0: Field(f"{header} sport", 2, number), 2: Field(f"{header} dport", 2, number)}


def _icmp(header: str, types: Mapping[int, str]) -> dict[int, Field]:
    return {0: Field(f"{header} type", 1, _named(types), discrete=True), 1: Field(f"{header} code", 1, number)}


L4PROTO = Field("meta l4proto", 1, _named(PROTOCOLS), discrete=True)
NFPROTO = Field("meta nfproto", 1, _named(_NFPROTO), discrete=True)
MARK = Field("meta mark", 4, hexadecimal, native=True)
PROTOCOL = Field("meta protocol", 2, _named(ETHERTYPES), discrete=True)
ETHER_TYPE = Field("ether type", 2, _named(ETHERTYPES), discrete=True)
NEXTHDR = Field("ip6 nexthdr", 1, _named(PROTOCOLS), discrete=True)
ETHER_SADDR = Field("ether saddr", 6, _ethernet)
TCP_FLAGS = Field("tcp flags", 1, hexadecimal, bits=_FLAGS)
CT_STATE = Field("ct state", 4, hexadecimal, native=True, bits=_STATES, exclusive=True)
CT_STATUS = Field("ct status", 4, hexadecimal, native=True, bits=_STATUS)

META: dict[int, Field] = {
    0: Field("meta length", 4, number, native=True),
    1: PROTOCOL,
    3: MARK,
    4: Field("iif", 4, number, native=True),
    5: Field("oif", 4, number, native=True),
    6: Field("iifname", IFNAMSIZ, _interface),
    7: Field("oifname", IFNAMSIZ, _interface),
    8: Field("iiftype", 2, _named({1: "ether", 772: "loopback"}), native=True),
    9: Field("oiftype", 2, _named({1: "ether", 772: "loopback"}), native=True),
    10: Field("meta skuid", 4, number, native=True),
    11: Field("meta skgid", 4, number, native=True),
    15: NFPROTO,
    16: L4PROTO,
    17: Field("meta ibrname", IFNAMSIZ, _interface),
    18: Field("meta obrname", IFNAMSIZ, _interface),
    19: Field("meta pkttype", 1, _named({0: "host", 1: "broadcast", 2: "multicast", 3: "other"}), discrete=True),
}

CT: dict[int, Field] = {
    0: CT_STATE,
    1: Field("ct direction", 1, _named({0: "original", 1: "reply"}), discrete=True),
    2: CT_STATUS,
    3: Field("ct mark", 4, hexadecimal, native=True),
}

# The fields of each header by their offset. `ip protocol` is named as what it means to a rule: the protocol above.
HEADERS: dict[str, dict[int, Field]] = {
    "ether": {0: Field("ether daddr", 6, _ethernet), 6: ETHER_SADDR, 12: ETHER_TYPE},
    "arp": {0: Field("arp htype", 2, number), 2: Field("arp ptype", 2, _named(ETHERTYPES)),
            4: Field("arp hlen", 1, number), 5: Field("arp plen", 1, number),
            6: Field("arp operation", 2, _named({1: "request", 2: "reply"})),
            8: Field("arp saddr ether", 6, _ethernet), 14: Field("arp saddr ip", 4, _addresses(4)),
            18: Field("arp daddr ether", 6, _ethernet), 24: Field("arp daddr ip", 4, _addresses(4))},
    "ip": {2: Field("ip length", 2, number), 4: Field("ip id", 2, number), 6: Field("ip frag-off", 2, hexadecimal),
           8: Field("ip ttl", 1, number), 9: L4PROTO, 10: Field("ip checksum", 2, number),
           12: Field("ip saddr", 4, _addresses(4)), 16: Field("ip daddr", 4, _addresses(4))},
    "ip6": {4: Field("ip6 length", 2, number), 6: NEXTHDR, 7: Field("ip6 hoplimit", 1, number),
            8: Field("ip6 saddr", 16, _addresses(16)), 24: Field("ip6 daddr", 16, _addresses(16))},
    "th": _ports("th"),
    "tcp": {**_ports("tcp"), 4: Field("tcp sequence", 4, number), 8: Field("tcp ackseq", 4, number), 13: TCP_FLAGS,
            14: Field("tcp window", 2, number)},
    "udp": {**_ports("udp"), 4: Field("udp length", 2, number)},
    "udplite": _ports("udplite"),
    "sctp": _ports("sctp"),
    "dccp": _ports("dccp"),
    "icmp": {**_icmp("icmp", _ICMP_TYPES), 4: Field("icmp id", 2, number), 6: Field("icmp sequence", 2, number)},
    "ipv6-icmp": _icmp("icmpv6", _ICMPV6_TYPES),
}


def spanned(header: str, offset: int, length: int) -> tuple[Field, ...]:
    """The fields that `length` octets from `offset` of a header cover, the last perhaps in part; () if they fit none.

    nft compares neighbours together: `tcp sport 5 tcp dport 53` is one load of four octets.
    """
    fields, found, end = HEADERS.get(header, {}), [], offset + length
    while offset < end:
        field = fields.get(offset)
        if field is None:
            return ()
        found.append(field)
        offset += field.size
    return tuple(found)
