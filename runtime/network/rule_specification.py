"""One packet rule in three forms: the words of iptables(8), the expressions of nf_tables, and what a Snapshot has.

    rule = Specification(source="192.168.0.0/24", not_out="br0", jump="MASQUERADE")
    rule.words()        '-s 192.168.0.0/24 ! -o br0 -j MASQUERADE'
    rule.expressions()  the octets that iptables-nft writes for these words
    rule.normal()       (('ip saddr 192.168.0.0/24', 'oifname != br0'), 'masquerade'), as in facts.rules.Rule
"""

from __future__ import annotations

import ipaddress
from typing import NamedTuple

from runtime.netlink.nf_tables import extensions
from runtime.netlink.nf_tables.expressions import decode
from runtime.netlink.nf_tables.fields import IFNAMSIZ
from runtime.netlink.nf_tables.messages import (
    ACCEPT,
    DROP,
    EQ,
    IIFNAME,
    IPV4,
    JUMP,
    L4PROTO,
    NEQ,
    NETWORK_HEADER,
    OIFNAME,
    RETURN,
    TRANSPORT_HEADER,
    compare,
    count,
    judge,
    keep_bits,
    load_meta,
    load_payload,
)

PROTOCOLS = {"tcp": 6, "udp": 17, "icmp": 1}  # /etc/protocols

_SOURCE, _DESTINATION = 12, 16  # offsets in the IPv4 header, octets (RFC 791)
_DESTINATION_PORT = 2  # in the headers of TCP and UDP alike (RFC 9293, RFC 768)
_VERDICTS = {"ACCEPT": ACCEPT, "DROP": DROP, "RETURN": RETURN}
_WILDCARD = "+"  # iptables(8), --in-interface: 'eth+' is every interface that begins with 'eth'
_NOT_IN_A_NAME = "/: \t\n\0"  # dev_valid_name(), net/core/dev.c
_MODULES = {"REJECT": "ipt_REJECT", "MASQUERADE": "xt_MASQUERADE", "DNAT": "xt_nat", "SNAT": "xt_nat"}
_TO = {"DNAT": "--to-destination", "SNAT": "--to-source"}

Normal = tuple[tuple[str, ...], str]  # matches and target of a facts.rules.Rule


class Specification(NamedTuple):
    """What a rule demands of an IPv4 packet and what it does with it; None and () demand nothing.

    source ... not_destination: addresses or subnets.  in_ ... not_out: interfaces, 'eth+' for all that begin with eth.
    protocol: one of PROTOCOLS, or 'all'.  port: of the destination.  state: of extensions.STATES, one is enough.
    jump: a target of builtin_chains.TARGETS, or a chain of one's own.  to: for DNAT and SNAT, '10.0.0.2:80'.
    """

    source: str | None = None
    not_source: str | None = None
    destination: str | None = None
    not_destination: str | None = None
    in_: str | None = None
    not_in: str | None = None
    out: str | None = None
    not_out: str | None = None
    protocol: str = "all"
    port: int | None = None
    state: tuple[str, ...] = ()
    jump: str = "ACCEPT"
    to: str | None = None

    def words(self) -> str:
        """After `iptables -A CHAIN`."""
        options = (("-s", self.source), ("! -s", self.not_source), ("-d", self.destination),
                   ("! -d", self.not_destination), ("-i", self.in_), ("! -i", self.not_in), ("-o", self.out),
                   ("! -o", self.not_out), ("-p", None if self.protocol == "all" else self.protocol),
                   ("--dport", self.port), ("-m conntrack --ctstate", ",".join(self.state).upper() or None),
                   ("-j", self.jump), (_TO.get(self.jump, "--to"), self.to))
        return " ".join(f"{option} {value}" for option, value in options if value is not None)

    def expressions(self) -> tuple[bytes, ...]:
        """Raises ValueError with the reason when there can be no such rule."""
        found = _interface(IIFNAME, self.in_, self.not_in) + _interface(OIFNAME, self.out, self.not_out)
        if self.number:
            found += load_meta(L4PROTO), compare(EQ, bytes([self.number]))
        found += _address(_SOURCE, self.source, self.not_source)
        found += _address(_DESTINATION, self.destination, self.not_destination)
        if self.port is not None:
            found += (load_payload(TRANSPORT_HEADER, _DESTINATION_PORT, 2),
                      compare(EQ, self.port.to_bytes(2, "big")))
        if self.state:
            found += (extensions.conntrack(self.state),)
        return (*found, count(), self._target())

    def normal(self) -> Normal:
        """Raises ValueError as expressions() does."""
        decoded = decode(IPV4, b"".join(self.expressions()))
        return decoded.matches, decoded.target

    @property
    def number(self) -> int:
        """That of its protocol; 0 for all."""
        return PROTOCOLS.get(self.protocol, 0)

    @property
    def modules(self) -> tuple[str, ...]:
        """The modules of the kernel that it needs besides nf_tables."""
        wanted = ["xt_conntrack"] if self.state else []
        wanted += [_MODULES[self.jump]] if self.jump in _MODULES else []
        return ("nft_compat", *wanted) if wanted else ()

    def _target(self) -> bytes:
        if self.jump in _VERDICTS:
            return judge(_VERDICTS[self.jump])
        if self.jump == "REJECT":
            return extensions.reject()
        if self.jump == "MASQUERADE":
            return extensions.masquerade()
        if self.jump in _TO:
            write = extensions.dnat if self.jump == "DNAT" else extensions.snat
            return write(*parse_end(self.to or ""))
        return judge(JUMP, self.jump)


def parse_end(written: str) -> tuple[bytes, int]:
    """'10.0.0.2:80' -> the address as four octets, the port; 0 where there is none. Raises ValueError."""
    address, colon, digits = written.partition(":")
    port = int(digits) if digits.isascii() and digits.isdigit() else 0
    try:
        packed = ipaddress.IPv4Address(address).packed
    except ValueError as error:
        raise ValueError(f"'{written}' is not an IPv4 address, with or without a port, as 192.168.0.2:80") from error
    if colon and not 0 < port < 1 << 16:
        raise ValueError(f"'{written}': a port is a number from 1 to 65535")
    return packed, port


def _one_of(is_: str | None, is_not: str | None, what: str) -> tuple[str | None, int]:
    """The value to compare with, and how."""
    if is_ is not None and is_not is not None:
        raise ValueError(f"a rule names one {what}: '{is_}', or all but '{is_not}'")
    return (is_, EQ) if is_not is None else (is_not, NEQ)


def _address(offset: int, is_: str | None, is_not: str | None) -> tuple[bytes, ...]:
    """Go on only if an address is in a subnet, or is not.

    A prefix of whole octets is compared in these alone, another under a mask; 0.0.0.0/0 is no condition at all.
    """
    written, operator = _one_of(is_, is_not, "subnet")
    if written is None:
        return ()
    network, length = _prefix(written)
    if length == 0:
        if operator == NEQ:
            raise ValueError(f"no address is outside of {written}")
        return ()
    octets, bits = divmod(length, 8)
    if not bits:
        return load_payload(NETWORK_HEADER, offset, octets), compare(operator, network[:octets])
    return load_payload(NETWORK_HEADER, offset, 4), keep_bits(_mask(length)), compare(operator, network)


def _prefix(written: str) -> tuple[bytes, int]:
    """'10.1.2.3/8' -> (10.0.0.0 as four octets, 8): bits after the prefix don't count. Raises ValueError."""
    address, slash, digits = written.partition("/")
    length = int(digits) if digits.isascii() and digits.isdigit() else -1 if slash else 32
    try:
        packed = ipaddress.IPv4Address(address).packed
    except ValueError as error:
        raise ValueError(f"'{written}' is not an IPv4 subnet such as 192.168.0.0/24") from error
    if not 0 <= length <= 32:
        raise ValueError(f"'{written}': a prefix length is a number from 0 to 32")
    return bytes(octet & kept for octet, kept in zip(packed, _mask(length), strict=True)), length


def _mask(length: int) -> bytes:
    return (0xFFFFFFFF << 32 - length & 0xFFFFFFFF).to_bytes(4, "big")


def _interface(key: int, is_: str | None, is_not: str | None) -> tuple[bytes, ...]:
    """Go on only if the packet came in (key IIFNAME) or leaves (OIFNAME) by an interface, or by another one."""
    name, operator = _one_of(is_, is_not, "interface")
    if name is None:
        return ()
    stem = name.removesuffix(_WILDCARD)
    size = len(name.encode(errors="surrogateescape"))
    if not stem or any(character in _NOT_IN_A_NAME for character in name):
        raise ValueError(f"'{name}' is no name of an interface")
    if size >= IFNAMSIZ:
        raise ValueError(f"the name '{name}' has {size} octets; an interface's name has at most {IFNAMSIZ - 1}")
    value = stem.encode(errors="surrogateescape") + (b"" if stem != name else b"\0")
    return load_meta(key), compare(operator, value)
