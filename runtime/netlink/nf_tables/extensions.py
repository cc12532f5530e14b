"""The matches and targets of iptables-extensions(8) that labrun writes, as iptables-nft 1.8.9 does.

Each is a structure of <linux/netfilter/xt_*.h>, <linux/netfilter_ipv4/ipt_*.h> or <linux/netfilter/nf_nat.h>.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable
from struct import Struct

from runtime.netlink.nf_tables.messages import xt_match, xt_target
from runtime.netlink.nf_tables.statements import NAT_ADDRESSES, NAT_PORTS

STATES = {"invalid": 1, "established": 2, "related": 4, "new": 8}  # XT_CONNTRACK_STATE_BIT()

_CONNTRACK = Struct("=146x4H10x")  # xt_conntrack_mtinfo3: what is asked, what is negated, states, status
_BY_STATE = 1  # XT_CONNTRACK_STATE
_REJECT = Struct("=I")
_PORT_UNREACHABLE = 3  # IPT_ICMP_PORT_UNREACHABLE
_RANGE = Struct("=I4s12x4s12xHH4x")  # nf_nat_range2; from here on the ports are in network order
_COMPAT_RANGE = Struct("=II4s4sHH")  # nf_nat_ipv4_multi_range_compat with one range: flags, addresses, ports


def conntrack(states: Iterable[str]) -> bytes:
    """-m conntrack --ctstate. states: of STATES."""
    bits = sum(STATES[state] for state in set(states))
    return xt_match("conntrack", 3, _CONNTRACK.pack(_BY_STATE, 0, bits, 0))


def reject() -> bytes:
    """-j REJECT: the sender hears 'port unreachable'."""
    return xt_target("REJECT", 0, _REJECT.pack(_PORT_UNREACHABLE))


def masquerade() -> bytes:
    """-j MASQUERADE"""
    return xt_target("MASQUERADE", 0, _COMPAT_RANGE.pack(1, 0, bytes(4), bytes(4), 0, 0))


def dnat(address: bytes, port: int) -> bytes:
    """-j DNAT --to-destination ADDRESS[:PORT]. port: 0 for none."""
    port = socket.htons(port)
    return xt_target("DNAT", 2, _RANGE.pack(_flags(port), address, address, port, port))


def snat(address: bytes, port: int) -> bytes:
    """-j SNAT --to-source ADDRESS[:PORT]. port: 0 for none."""
    port = socket.htons(port)
    return xt_target("SNAT", 0, _COMPAT_RANGE.pack(1, _flags(port), address, address, port, port))


def _flags(port: int) -> int:
    return NAT_ADDRESSES | (NAT_PORTS if port else 0)
