"""The chains and rules of nf_tables: NAT and filters, in one normal form whoever made them (iptables-nft, nft ...).

    read_rules(Netlink(NETFILTER))
    -> ((Chain("ip", "nat", "POSTROUTING", "nat", "postrouting", 100, "accept"),),
        (Rule("ip", "nat", "POSTROUTING", "postrouting",
              ("ip saddr 192.168.0.0/24", "oifname != br0"), "masquerade", 0, 0),))
"""

from __future__ import annotations

import errno
from collections.abc import Mapping
from struct import Struct
from typing import NamedTuple

from runtime.errors import Missing, Refused
from runtime.netlink.message import ACK, REQUEST, Message, attributes, to_text
from runtime.netlink.nf_tables.expressions import decode
from runtime.netlink.nf_tables.messages import (
    CHAIN_HOOK,
    CHAIN_NAME,
    CHAIN_POLICY,
    CHAIN_TABLE,
    CHAIN_TYPE,
    DROP,
    FAMILIES,
    GENERATION_ID,
    GETCHAIN,
    GETGEN,
    GETRULE,
    HOOK_NUMBER,
    HOOK_PRIORITY,
    RULE_CHAIN,
    RULE_EXPRESSIONS,
    RULE_TABLE,
    header,
)
from runtime.netlink.nf_tables.sets import read_set
from runtime.netlink.socket import Netlink

_SIGNED = Struct(">i")
_HOOKS = ("prerouting", "input", "forward", "output", "postrouting", "ingress")
_HOOKS_OF = {"arp": ("input", "output", "forward"), "netdev": ("ingress", "egress")}
_TRIES = 8
_SIGNS = ("!=", "{", ",", "}")


class Chain(NamedTuple):
    """A list of rules. family: 'ip', 'ip6', 'inet', 'arp', 'bridge' or 'netdev'.

    type ('nat', 'filter', 'route'), hook ('postrouting' ...), priority and policy ('accept' or 'drop') are those of a
    chain that packets enter by themselves; another is entered by a jump only, and has '', '', 0 and ''.
    """

    family: str
    table: str
    name: str
    type: str
    hook: str
    priority: int
    policy: str


class Rule(NamedTuple):
    """A packet that meets all of `matches` is counted and goes to `target`.

    hook: its chain's.  matches: sorted; each in the words of nft(8) without quotes: 'ip saddr 192.168.0.0/24',
    'oifname != br0', 'tcp dport { 80, 443 }', 'ct state established,related', 'ct state ! new'. What is implied by
    another ('meta l4proto tcp' by 'tcp dport 80') and what every packet meets are left out, comments too. Not
    understood, but seen: 'xt NAME 0x...' (a module of iptables) and 'expr NAME' (an expression of nf_tables).
    target: 'masquerade', 'drop', 'jump NAME', 'dnat to 192.168.0.2:80' ...; several in their order; '' for none.
    packets, bytes: what its counter says; None for a rule without one.
    preset: the part of `packets` that labrun did not see it count. A counter can be set to any number when a rule is
    made or replaced (`iptables -c`, `counter packets 10`); only packets make it grow while the rules stay as they are.
    """

    family: str
    table: str
    chain: str
    hook: str
    matches: tuple[str, ...]
    target: str
    packets: int | None
    bytes: int | None
    preset: int = 0

    @property
    def matched(self) -> int | None:
        """The packets that labrun saw its counter grow by; None without a counter."""
        return None if self.packets is None else self.packets - self.preset


def read_rules(netlink: Netlink) -> tuple[tuple[Chain, ...], tuple[Rule, ...]]:
    """All chains and rules of the netns of `netlink`, in the kernel's order.

    One dump where nothing is set up, two else; and two more for each rule that looks something up in a set without a
    name. Raises Missing when the kernel has no nf_tables, Refused when it doesn't let the caller see (CAP_NET_ADMIN).
    """
    for _ in range(_TRIES):
        try:
            return _read(netlink)
        except Refused as refused:
            if refused.errno in (errno.EINVAL, errno.EOPNOTSUPP):  # net/netfilter/nfnetlink.c: no such subsystem
                raise Missing("read the packet rules", "this kernel has no nf_tables",
                              "modprobe nf_tables (as root of the machine)") from refused
            if refused.errno != errno.ENOENT:
                raise
            last = refused  # a set went away with its rule while we looked: look again
    raise last


def read_generation(netlink: Netlink) -> int:
    """Return a number that is another one after each change of the rules of a netns (NFT_MSG_GETGEN)."""
    answer = netlink.request(Message(GETGEN, REQUEST | ACK, header(), "read the generation of the packet rules"))
    return int.from_bytes(attributes(answer[0], 4)[GENERATION_ID], "big")


def _read(netlink: Netlink) -> tuple[tuple[Chain, ...], tuple[Rule, ...]]:
    chains = tuple(parse_chain(body) for body in netlink.dump(GETCHAIN, header(), "read the chains of packet rules"))
    if not chains:
        return (), ()
    hooks = {(chain.family, chain.table, chain.name): chain.hook for chain in chains}
    bodies = netlink.dump(GETRULE, header(), "read the packet rules")
    return chains, tuple(_rule(netlink, body, hooks) for body in bodies)


def parse_chain(body: bytes) -> Chain:
    """A chain from the kernel's description of it (NFT_MSG_NEWCHAIN)."""
    found = attributes(body, 4)
    family = FAMILIES.get(body[0], str(body[0]))
    place = family, to_text(found[CHAIN_TABLE]), to_text(found[CHAIN_NAME])
    if CHAIN_HOOK not in found:
        return Chain(*place, "", "", 0, "")
    hook = attributes(found[CHAIN_HOOK])
    number, priority = (int(_SIGNED.unpack(hook[kind])[0]) for kind in (HOOK_NUMBER, HOOK_PRIORITY))
    policy = int(_SIGNED.unpack(found[CHAIN_POLICY])[0]) if CHAIN_POLICY in found else None
    return Chain(*place, to_text(found.get(CHAIN_TYPE, b"")), _hook(family, number), priority,
                 "" if policy is None else "drop" if policy == DROP else "accept")


def _hook(family: str, number: int) -> str:
    names = _HOOKS_OF.get(family, _HOOKS)
    return names[number] if 0 <= number < len(names) else str(number)


def _rule(netlink: Netlink, body: bytes, hooks: dict[tuple[str, str, str], str]) -> Rule:
    found = attributes(body, 4)
    family, expressions = body[0], found.get(RULE_EXPRESSIONS, b"")
    table = to_text(found[RULE_TABLE])
    place = FAMILIES.get(family, str(family)), table, to_text(found[RULE_CHAIN])
    decoded = decode(family, expressions)
    if decoded.wanted:
        decoded = decode(family, expressions, tuple(read_set(netlink, family, table, name) for name in decoded.wanted))
    return Rule(*place, hooks.get(place, ""), decoded.matches, decoded.target, decoded.packets, decoded.bytes)


def with_names(rule: Rule, names: Mapping[int, str]) -> Rule:
    """The rule with its interfaces by name. nft(8) has words for them by number too: 'iif 2' is 'iifname eth0' then."""
    if not any(match.startswith(("iif ", "oif ")) for match in rule.matches):
        return rule
    return rule._replace(matches=tuple(sorted(_with_names(match, names) for match in rule.matches)))


def _with_names(match: str, names: Mapping[int, str]) -> str:
    field, *words = match.replace(",", " ,").split()
    if field not in ("iif", "oif") or not all(word in _SIGNS or word in map(str, names) for word in words):
        return match
    named = (word if word in _SIGNS else names[int(word)] for word in words)
    return " ".join((f"{field}name", *named)).replace(" ,", ",")


def legacy_tables(text: str) -> tuple[str, ...]:
    """The tables of iptables-legacy from the text of /proc/net/ip_tables_names: 'nat', 'filter' ...

    What is in them cannot be read over netlink, and read_rules() doesn't see it.
    """
    return tuple(text.split())
