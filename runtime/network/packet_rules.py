"""Parts of packet rules, as iptables-nft writes them, and the way to put a rule into the kernel."""

from __future__ import annotations

import errno
import socket

from runtime.errors import Missing, Refused
from runtime.facts.rules import parse_chain
from runtime.netlink.nf_tables.fields import IFNAMSIZ
from runtime.netlink.nf_tables.messages import (
    BEGIN,
    EQ,
    NEQ,
    NETWORK_HEADER,
    BaseChain,
    append_rule,
    batch,
    compare,
    get_chain,
    keep_bits,
    load_meta,
    load_payload,
    new_chain,
    new_table,
)
from runtime.netlink.socket import Netlink

SOURCE, DESTINATION = 12, 16  # offsets in the IPv4 header, octets (RFC 791)
_WILDCARD = "+"  # iptables(8), --in-interface: 'eth+' is every interface that begins with 'eth'
_NOT_IN_A_NAME = "/: \t\n\0"  # dev_valid_name(), net/core/dev.c


def match_address(offset: int, prefix: str, negated: bool = False) -> tuple[bytes, ...]:
    """Go on only if an IPv4 address is in `prefix` ('10.0.0.0/20', '10.0.0.1'). offset: SOURCE or DESTINATION.

    A prefix of whole octets is compared in these alone, another under a mask; 0.0.0.0/0 is no condition at all.
    Raises ValueError with the reason when `prefix` is none.
    """
    network, length = parse_prefix(prefix)
    if length == 0:
        if negated:
            raise ValueError(f"no address is outside of {prefix}")
        return ()
    operator = NEQ if negated else EQ
    octets, bits = divmod(length, 8)
    if not bits:
        return load_payload(NETWORK_HEADER, offset, octets), compare(operator, network[:octets])
    return load_payload(NETWORK_HEADER, offset, 4), keep_bits(_mask(length)), compare(operator, network)


def parse_prefix(prefix: str) -> tuple[bytes, int]:
    """'10.1.2.3/8' -> (10.0.0.0 as four octets, 8): bits after the prefix don't count. Raises ValueError."""
    written, slash, digits = prefix.partition("/")
    length = int(digits) if digits.isascii() and digits.isdigit() else -1 if slash else 32
    try:
        packed = socket.inet_pton(socket.AF_INET, written)
    except (OSError, ValueError) as error:
        raise ValueError(f"'{prefix}' is not an IPv4 subnet such as 192.168.0.0/24") from error
    if not 0 <= length <= 32:
        raise ValueError(f"'{prefix}': a prefix length is a number from 0 to 32")
    return bytes(octet & kept for octet, kept in zip(packed, _mask(length), strict=True)), length


def _mask(length: int) -> bytes:
    return (0xFFFFFFFF << 32 - length & 0xFFFFFFFF).to_bytes(4, "big")


def match_interface(key: int, name: str, negated: bool = False) -> tuple[bytes, ...]:
    """Go on only if the packet came in (key IIFNAME) or leaves (OIFNAME) by the interface `name`.

    A '+' at the end of the name stands for any rest, as in iptables(8). Raises ValueError when none can have
    this name.
    """
    stem = name.removesuffix(_WILDCARD)
    size = len(name.encode(errors="surrogateescape"))
    if not stem or any(character in _NOT_IN_A_NAME for character in name):
        raise ValueError(f"'{name}' is no name of an interface")
    if size >= IFNAMSIZ:
        raise ValueError(f"the name '{name}' has {size} octets; an interface's name has at most {IFNAMSIZ - 1}")
    value = stem.encode(errors="surrogateescape") + (b"" if stem != name else b"\0")
    return load_meta(key), compare(NEQ if negated else EQ, value)


def append(netlink: Netlink, chain: BaseChain, expressions: tuple[bytes, ...], operation: str, modules: str) -> None:
    """Put a rule after the others of `chain`, which is made when it is not there, with its table.

    operation: the rule in words; modules: the kernel modules that it needs besides nf_tables, for the error.
    Raises Missing when the kernel lacks nf_tables or one of `modules`, and Refused when it says no.
    """
    rule = append_rule(chain, expressions, operation)
    try:
        # A NEWCHAIN for a chain that is there is no mistake, but waits for all packets under way: 16 ms.
        there = _is_there(netlink, chain, operation)
        netlink.request(*batch(*(() if there else (new_table(chain.family, chain.table), new_chain(chain))), rule))
    except Refused as refused:
        missing = _missing(refused, operation, modules)
        if missing:
            raise missing from refused
        refused.what = operation
        raise


def _is_there(netlink: Netlink, chain: BaseChain, operation: str) -> bool:
    try:
        found = parse_chain(netlink.request(get_chain(chain))[0])
    except Refused as refused:
        if refused.errno == errno.ENOENT:
            return False
        raise
    if not found.hook or found.type != chain.type:
        kind = f"of type {found.type}" if found.hook else "entered by jumps only"
        raise Refused(operation, errno.EEXIST,
                      f"the chain {chain.table} {chain.name} is there already, {kind} and not of type {chain.type}",
                      f"nft delete chain {found.family} {chain.table} {chain.name}")
    return True


def _missing(refused: Refused, operation: str, modules: str) -> Missing | None:
    """Does the refusal mean that the kernel lacks something?

    Without nf_tables it answers EINVAL to a question and EOPNOTSUPP to a change (net/netfilter/nfnetlink.c); without a
    type of chain, an expression or a target, ENOENT (nf_tables_api.c, nft_compat.c).
    """
    if (refused.errno, refused.what) == (errno.EOPNOTSUPP, BEGIN) or (
            refused.errno == errno.EINVAL and refused.what.startswith("find the chain")):
        return Missing(operation, "this kernel has no nf_tables", "modprobe nf_tables (as root of the machine)")
    if refused.errno == errno.ENOENT:
        return Missing(operation, f"this kernel lacks one of the modules {modules}",
                       f"modprobe -a {modules} (as root of the machine)")
    return None
