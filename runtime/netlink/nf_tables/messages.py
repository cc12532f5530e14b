"""Requests to nf_tables (nft(8)'s half of the kernel) as messages, and the expressions that rules are made of.

Numbers are from <linux/netfilter/nf_tables.h> and <linux/netfilter/nfnetlink.h>. Pure functions; bytes come out as
iptables-nft (Debian 12, iptables 1.8.9) sends them, so that iptables can list and delete what is made here.
"""

from __future__ import annotations

from struct import Struct
from typing import NamedTuple

from runtime.netlink.message import (
    ACK,
    APPEND,
    CREATE,
    REQUEST,
    Message,
    attribute,
    big32,
    nest,
    text,
)

SUBSYSTEM = 10  # NFNL_SUBSYS_NFTABLES
FAMILIES = {1: "inet", 2: "ip", 3: "arp", 5: "netdev", 7: "bridge", 10: "ip6"}
INET, IPV4, ARP, NETDEV, BRIDGE, IPV6 = FAMILIES
UNSPEC = 0

NEWTABLE, NEWCHAIN, GETCHAIN, NEWRULE, GETRULE, DELRULE, GETSET, GETSETELEM, GETGEN = (
    SUBSYSTEM << 8 | kind for kind in (0, 3, 4, 6, 7, 8, 10, 13, 16))
_BATCH_BEGIN, _BATCH_END = 16, 17
BEGIN = "begin to change the packet rules"

TABLE_NAME = 1
GENERATION_ID = 1
CHAIN_TABLE, CHAIN_NAME, CHAIN_HOOK, CHAIN_POLICY, CHAIN_TYPE, _CHAIN_COUNTERS = 1, 3, 4, 5, 7, 8
HOOK_NUMBER, HOOK_PRIORITY = 1, 2
RULE_TABLE, RULE_CHAIN, RULE_HANDLE, RULE_EXPRESSIONS, _RULE_COMPAT, _RULE_POSITION = 1, 2, 3, 4, 5, 6
LIST_ELEMENT = 1
EXPRESSION_NAME, EXPRESSION_DATA = 1, 2
DATA_VALUE, DATA_VERDICT = 1, 2
VERDICT_CODE, VERDICT_CHAIN = 1, 2

DROP, ACCEPT, JUMP, RETURN = 0, 1, -3, -5
NETWORK_HEADER, TRANSPORT_HEADER = 1, 2
IIFNAME, OIFNAME, L4PROTO = 6, 7, 16  # enum nft_meta_keys
EQ, NEQ = 0, 1
_ZEROS = attribute(1, bytes(8)), attribute(2, bytes(8))  # a counter's octets and packets
_REGISTER = 1  # one register is enough: each value is compared as soon as it is loaded

_GENERIC = Struct(">BBH")  # struct nfgenmsg


class BaseChain(NamedTuple):
    """A chain that a hook calls. family, hook: numbers (NFPROTO_*, NF_INET_*); policy: ACCEPT or DROP."""

    family: int
    table: str
    name: str
    type: str
    hook: int
    priority: int
    policy: int = ACCEPT


class OwnChain(NamedTuple):
    """A chain of one's own, entered by jumps. family: a number (NFPROTO_*)."""

    family: int
    table: str
    name: str


AnyChain = BaseChain | OwnChain


def header(family: int = UNSPEC, resource: int = 0) -> bytes:
    """What every message of netfilter starts with."""
    return _GENERIC.pack(family, 0, resource)


def batch(*changes: Message, subsystem: int = SUBSYSTEM) -> tuple[Message, ...]:
    """`changes` as one transaction: the kernel takes all of them or none."""
    limits = header(resource=subsystem)
    return (Message(_BATCH_BEGIN, REQUEST, limits, BEGIN), *changes,
            Message(_BATCH_END, REQUEST, limits, "change the packet rules"))


def new_table(family: int, name: str) -> Message:
    body = header(family) + text(TABLE_NAME, name)
    return Message(NEWTABLE, REQUEST | ACK | CREATE, body, f"add the table {FAMILIES[family]} {name}")


def new_chain(chain: AnyChain) -> Message:
    body = header(chain.family) + _place(chain)
    if isinstance(chain, BaseChain):
        body += nest(CHAIN_HOOK, big32(HOOK_NUMBER, chain.hook), big32(HOOK_PRIORITY, chain.priority))
        body += big32(CHAIN_POLICY, chain.policy) + text(CHAIN_TYPE, chain.type)
    return Message(NEWCHAIN, REQUEST | ACK | CREATE, body, f"add the chain {chain.table} {chain.name}")


def change_policy(chain: BaseChain) -> Message:
    """Give a chain that is there the policy of `chain`, and count from now on the packets that it falls upon."""
    body = header(chain.family) + _place(chain) + big32(CHAIN_POLICY, chain.policy) + nest(_CHAIN_COUNTERS, *_ZEROS)
    return Message(NEWCHAIN, REQUEST | ACK, body, f"set the policy of the chain {chain.table} {chain.name}")


def get_chain(chain: AnyChain) -> Message:
    body = header(chain.family) + _place(chain)
    return Message(GETCHAIN, REQUEST | ACK, body, f"find the chain {chain.table} {chain.name}")


def _place(chain: AnyChain) -> bytes:
    return text(CHAIN_TABLE, chain.table) + text(CHAIN_NAME, chain.name)


def append_rule(chain: AnyChain, expressions: tuple[bytes, ...], operation: str, protocol: int = 0) -> Message:
    """A rule after the others of `chain`. protocol: the one it demands, for x_tables modules that ask for one."""
    body = rules_of(chain) + nest(RULE_EXPRESSIONS, *expressions) + _compat(protocol)
    return Message(NEWRULE, REQUEST | ACK | CREATE | APPEND, body, operation)


def insert_rule(
    chain: AnyChain, expressions: tuple[bytes, ...], operation: str, protocol: int = 0, before: bytes = b""
) -> Message:
    """A rule before another of `chain`. before: that one's RULE_HANDLE; without it, before all."""
    position = attribute(_RULE_POSITION, before) if before else b""
    body = rules_of(chain) + nest(RULE_EXPRESSIONS, *expressions) + _compat(protocol) + position
    return Message(NEWRULE, REQUEST | ACK | CREATE, body, operation)


def remove_rule(chain: AnyChain, handle: bytes, operation: str) -> Message:
    """handle: the rule's RULE_HANDLE."""
    return Message(DELRULE, REQUEST | ACK, rules_of(chain) + attribute(RULE_HANDLE, handle), operation)


def rules_of(chain: AnyChain) -> bytes:
    """The body of a request about all rules of `chain`, such as GETRULE."""
    return header(chain.family) + text(RULE_TABLE, chain.table) + text(RULE_CHAIN, chain.name)


def _compat(protocol: int) -> bytes:
    return nest(_RULE_COMPAT, big32(1, protocol), big32(2, 0))


def _expression(name: str, *attributes: bytes) -> bytes:
    return nest(LIST_ELEMENT, text(EXPRESSION_NAME, name), nest(EXPRESSION_DATA, *attributes))


def load_meta(key: int) -> bytes:
    """What the kernel knows of a packet besides its octets: IIFNAME, OIFNAME ..."""
    return _expression("meta", big32(2, key), big32(1, _REGISTER))


def load_payload(base: int, offset: int, length: int) -> bytes:
    """`length` octets of a header from `offset` on. base: NETWORK_HEADER or TRANSPORT_HEADER."""
    return _expression("payload", big32(1, _REGISTER), big32(2, base), big32(3, offset), big32(4, length))


def keep_bits(mask: bytes) -> bytes:
    """What was loaded, and `mask`."""
    value, flip = (attribute(DATA_VALUE, data) for data in (mask, bytes(len(mask))))
    registers = big32(1, _REGISTER), big32(2, _REGISTER)
    return _expression("bitwise", *registers, big32(3, len(mask)), nest(4, value), nest(5, flip))


def compare(operator: int, value: bytes) -> bytes:
    """Go on only if what was loaded is (EQ) or is not (NEQ) `value`."""
    return _expression("cmp", big32(1, _REGISTER), big32(2, operator), nest(3, attribute(DATA_VALUE, value)))


def count() -> bytes:
    """Count the packets that came so far. iptables has one in every rule."""
    return _expression("counter", *_ZEROS)


def judge(code: int, chain: str = "") -> bytes:
    """End in a verdict: ACCEPT, DROP, RETURN, or JUMP to `chain`."""
    name = text(VERDICT_CHAIN, chain) if chain else b""
    return _expression("immediate", big32(1, 0), nest(2, nest(DATA_VERDICT, big32(VERDICT_CODE, code), name)))


def xt_match(name: str, revision: int, info: bytes) -> bytes:
    """A match of x_tables. info: its structure; padded here to eight octets as XT_ALIGN does."""
    return _expression("match", *_xt(name, revision, info))


def xt_target(name: str, revision: int, info: bytes) -> bytes:
    """A target of x_tables. info: as in xt_match."""
    return _expression("target", *_xt(name, revision, info))


def _xt(name: str, revision: int, info: bytes) -> tuple[bytes, ...]:
    return text(1, name), big32(2, revision), attribute(3, info + bytes(-len(info) % 8))
