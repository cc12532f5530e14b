"""What iptables' own matches and targets hold (<linux/netfilter/xt_*.h>), in the same normal form as nft's expressions.

nf_tables carries them unread, as the structures that the kernel's x_tables modules take. Numbers are in the machine's
byte order unless a comment says otherwise. What is not known here stays visible as 'xt NAME 0x...'.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from typing import NamedTuple

from runtime.netlink.nf_tables.conditions import Condition, among, any_bit, masked
from runtime.netlink.nf_tables.fields import (
    CT_STATE,
    CT_STATUS,
    ETHER_SADDR,
    HEADERS,
    MARK,
    TCP_FLAGS,
    Field,
    address,
    fib,
)
from runtime.netlink.nf_tables.statements import (
    NAT_ADDRESSES,
    NAT_PORTS,
    REJECT_ICMP,
    REJECT_RESET,
    changed,
    logged,
    rejected,
    translated,
)


class Context(NamedTuple):
    """What the rule has demanded so far. network: 'ip', 'ip6' ... or ''. transport: 'tcp', 'udp' ... or ''."""

    network: str
    transport: str


Conditions = list[Condition] | None  # None: holds something that has no normal form

_TCP = Struct("=4H4B")
_U32 = Struct("=I")
_UDP = Struct("=4HB")
_CONNTRACK = Struct("=146x4H")
_MULTIPORT_V1 = Struct("=BB15H15BB")
_MARK = Struct("=IIB")
_ADDRTYPE = Struct("=HHI")
_COMPAT_RANGE = Struct("=4xI4s4s2s2s")  # nf_nat_ipv4_multi_range_compat; its ports are in network order
_RANGE = Struct("=I16s16s2s2s")  # nf_nat_range; likewise

_STATE, _STATUS, _STATE_ALIAS = 0x1, 0x40, 0x2000
_XT_STATES, _XT_SNAT, _XT_DNAT, _XT_UNTRACKED = 0xF, 0x40, 0x80, 0x100
_NFT_UNTRACKED, _NFT_SNAT, _NFT_DNAT = 0x40, 0x10, 0x20

# enum ipt_reject_with and ip6t_reject_with -> code of the ICMP message
_REJECT_CODES = {"ip": {0: 0, 1: 1, 2: 2, 3: 3, 5: 9, 6: 10, 8: 13}, "ip6": {0: 0, 1: 1, 2: 2, 3: 3, 4: 4, 7: 5, 8: 6}}
_REJECT_WITH_RESET = {"ip": 7, "ip6": 6}


def match(name: str, revision: int, info: bytes, context: Context) -> Conditions:
    """What one x_tables match demands; None when this match, or what it holds, is not known."""
    reader = _MATCHES.get((name, revision))
    return reader(info, context) if reader else None


def target(name: str, revision: int, info: bytes, context: Context) -> str | None:
    """What one x_tables target does, in the words of nft(8); None when it is not known."""
    reader = _TARGETS.get((name, revision))
    return reader(info, context, name, revision) if reader else None


def _port_conditions(header: str, ports: tuple[int, ...], inverted: int) -> list[Condition]:
    source, destination = HEADERS[header][0], HEADERS[header][2]
    return [Condition(source, ((ports[0], ports[1]),), bool(inverted & 1)),
            Condition(destination, ((ports[2], ports[3]),), bool(inverted & 2))]


def _tcp(info: bytes, _context: Context) -> Conditions:
    *ports, option, mask, value, inverted = _TCP.unpack_from(info)
    if option:
        return None
    flags = [masked(TCP_FLAGS, mask, value, bool(inverted & 4))] if mask else []
    return _port_conditions("tcp", tuple(ports), inverted) + flags


def _udp(info: bytes, _context: Context) -> Conditions:
    *ports, inverted = _UDP.unpack_from(info)
    return _port_conditions("udp", tuple(ports), inverted)


def _icmp(info: bytes, context: Context) -> Conditions:
    kind, low, high, inverted = info[:4]
    header = HEADERS["ipv6-icmp" if context.network == "ip6" else "icmp"]
    any_type = kind == 0xFF and context.network != "ip6"
    types = [] if any_type else [Condition(header[0], ((kind, kind),))]
    codes = [] if (low, high) == (0, 0xFF) else [Condition(header[1], ((low, high),))]
    if not inverted:
        return types + codes
    return [types[0]._replace(negated=True)] if types and not codes else None


def _multiport(info: bytes, context: Context) -> Conditions:
    which, count, *rest = _MULTIPORT_V1.unpack_from(info)
    header = HEADERS.get(context.transport, {})
    if which > 1 or header.get(2) is None:
        return None  # "either port" is no conjunction
    ports, starts, inverted = rest[:count], rest[15 : 15 + count], rest[30]
    ranges = [(port, ports[i + 1] if starts[i] else port) for i, port in enumerate(ports) if not (i and starts[i - 1])]
    return [among(header[2 if which else 0], ranges, bool(inverted))]


def _conntrack(info: bytes, _context: Context) -> Conditions:
    flags, inverted, states, status = _CONNTRACK.unpack_from(info)
    if flags & ~(_STATE | _STATUS | _STATE_ALIAS):
        return None
    found = []
    if flags & _STATE:
        tracked = states & _XT_STATES | (_NFT_UNTRACKED if states & _XT_UNTRACKED else 0)
        natted = (_NFT_SNAT if states & _XT_SNAT else 0) | (_NFT_DNAT if states & _XT_DNAT else 0)
        if tracked and natted:
            return None  # "one or the other" is no conjunction
        field, bits = (CT_STATE, tracked) if tracked else (CT_STATUS, natted)
        found.append(any_bit(field, bits, bool(inverted & _STATE)))
    if flags & _STATUS:
        found.append(any_bit(CT_STATUS, status, bool(inverted & _STATUS)))
    return found


def _iprange(info: bytes, context: Context) -> Conditions:
    header, size = (HEADERS["ip6"], 16) if context.network == "ip6" else (HEADERS["ip"], 4)
    ends = [int.from_bytes(info[i : i + size], "big") for i in range(0, 64, 16)]
    flags, (source, destination) = info[64], [field for offset, field in header.items() if "addr" in field.name]
    found = [Condition(source, ((ends[0], ends[1]),), bool(flags & 0x10))] if flags & 1 else []
    return found + ([Condition(destination, ((ends[2], ends[3]),), bool(flags & 0x20))] if flags & 2 else [])


def _mac(info: bytes, _context: Context) -> Conditions:
    value = int.from_bytes(info[:6], "big")
    return [Condition(ETHER_SADDR, ((value, value),), any(info[8:12]))]


def _mark(info: bytes, _context: Context) -> Conditions:
    value, mask, inverted = _MARK.unpack_from(info)
    return [masked(MARK, mask, value, bool(inverted))]


def _addrtype(info: bytes, _context: Context) -> Conditions:
    source, destination, flags = _ADDRTYPE.unpack_from(info)
    if flags & ~3:
        return None  # limited to one interface
    return ([_kinds(fib("saddr"), source, bool(flags & 1))] if source else []) + (
        [_kinds(fib("daddr"), destination, bool(flags & 2))] if destination else [])


def _kinds(field: Field, bits: int, inverted: bool) -> Condition:
    return among(field, [(kind, kind) for kind in range(16) if bits >> kind & 1], inverted)


def _comment(_info: bytes, _context: Context) -> Conditions:
    return []


_MATCHES: dict[tuple[str, int], Callable[[bytes, Context], Conditions]] = {
    ("tcp", 0): _tcp, ("udp", 0): _udp, ("icmp", 0): _icmp, ("icmp6", 0): _icmp, ("multiport", 1): _multiport,
    ("conntrack", 2): _conntrack, ("conntrack", 3): _conntrack, ("iprange", 1): _iprange, ("mac", 0): _mac,
    ("mark", 1): _mark, ("addrtype", 1): _addrtype, ("comment", 0): _comment,
}


def _nat(info: bytes, context: Context, name: str, revision: int) -> str:
    compat = revision == 0 and context.network == "ip"
    flags, first, last, low, high = (_COMPAT_RANGE if compat else _RANGE).unpack_from(info)
    size = 4 if context.network == "ip" else 16
    hosts = (address(first[:size]), address(last[:size])) if flags & NAT_ADDRESSES else ("", "")
    ports = (_port(low), _port(high)) if flags & NAT_PORTS else ("", "")
    return translated(name.lower(), hosts, ports, flags)


def _port(data: bytes) -> str:
    return str(int.from_bytes(data, "big"))


def _reject(info: bytes, context: Context, _name: str, _revision: int) -> str | None:
    with_ = _U32.unpack_from(info)[0]
    if with_ == _REJECT_WITH_RESET.get(context.network):
        return rejected(REJECT_RESET, 0, context.network)
    code = _REJECT_CODES.get(context.network, {}).get(with_)
    return None if code is None else rejected(REJECT_ICMP, code, context.network)


def _log(info: bytes, _context: Context, _name: str, _revision: int) -> str:
    return logged(info[2:32].partition(b"\0")[0].decode(errors="backslashreplace"), info[0], info[1])


def _set_mark(info: bytes, _context: Context, _name: str, _revision: int) -> str:
    value, mask = _MARK.unpack_from(info.ljust(_MARK.size, b"\0"))[:2]
    return changed(MARK.name, MARK.full & ~mask, value)


_TARGETS: dict[tuple[str, int], Callable[[bytes, Context, str, int], str | None]] = {
    **{(name, 0): _nat for name in ("MASQUERADE", "REDIRECT")},
    **{(name, revision): _nat for name in ("SNAT", "DNAT") for revision in range(3)},
    ("REJECT", 0): _reject, ("LOG", 0): _log, ("MARK", 2): _set_mark,
}
