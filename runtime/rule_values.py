"""The kinds of values that packet rules are made of, see runtime/values.py."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from typing import Any

from runtime.network.builtin_chains import CHAINS, HOOKS, TABLES, TARGETS
from runtime.network.rule_specification import PROTOCOLS, parse_end
from runtime.values import PORT, SUBNET, TEXT, Kind, choice, many, whole_number

_MOST = 28  # characters: XT_EXTENSION_MAXNAMELEN, <linux/netfilter/x_tables.h>, without the terminating zero
_OTHER_TARGETS = frozenset((  # iptables-extensions(8), TARGET EXTENSIONS
    "AUDIT", "CHECKSUM", "CLASSIFY", "CLUSTERIP", "CONNMARK", "CONNSECMARK", "CT", "DNPT", "DSCP", "ECN", "HL",
    "HMARK", "IDLETIMER", "LED", "LOG", "MARK", "NETMAP", "NFLOG", "NFQUEUE", "NOTRACK", "QUEUE", "RATEEST",
    "REDIRECT", "SECMARK", "SET", "SNPT", "SYNPROXY", "TCPMSS", "TCPOPTSTRIP", "TEE", "TOS", "TPROXY", "TRACE", "TTL",
    "ULOG"))
_PATTERN = r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$"
_NAME = {"type": "string", "pattern": _PATTERN, "maxLength": _MOST}


def _ipv4_subnet(value: Any) -> str:
    subnet: str = SUBNET.parse(value)
    if ":" in subnet:
        raise ValueError(f"'{value}' is IPv6, and packet rules are for IPv4 here")
    return subnet


def _name(value: Any, known: Iterable[str]) -> str:
    """The kernel would take more, but a name in a lab stands in shell commands, and should need no quotes there."""
    name: str = TEXT.parse(value)
    if name not in known and name.upper() in known:
        raise ValueError(f"'{name}' has to be in capitals: '{name.upper()}'")
    if not re.fullmatch(_PATTERN, name) or len(name) > _MOST:
        raise ValueError(f"'{name}' is no name for a chain in a lab: at most {_MOST} letters, digits and _ . - are")
    return name


def _chain(value: Any) -> str:
    name = _name(value, CHAINS)
    if name in TARGETS or name in _OTHER_TARGETS:
        raise ValueError(f"'{name}' is no chain, but what a rule does with a packet")
    return name


def _own_chain(value: Any) -> str:
    name = _chain(value)
    if name in CHAINS:
        raise ValueError(f"'{name}' is a chain that tables have by themselves; choose another name")
    return name


def _target(value: Any) -> str:
    name = _name(value, TARGETS)
    if name in _OTHER_TARGETS:
        raise ValueError(f"'{name}' is not among the targets that a lab can use: {', '.join(TARGETS)}")
    if name in CHAINS:
        raise ValueError(f"nothing can jump to '{name}': packets enter it by themselves")
    return name


def _end(value: Any) -> str:
    written: str = TEXT.parse(value)
    parse_end(written)
    return written


def _wrong_chain(value: str) -> list[str]:
    return [*(name for name in CHAINS if name != value), "WRONG"]


def _wrong_target(value: str) -> list[str]:
    return [other for other in ("ACCEPT", "DROP", "REJECT", "RETURN") if other != value]


def _wrong_end(value: str) -> list[str]:
    """Another host, one out of reach, and with a port the next ones and none."""
    address, colon, port = value.partition(":")
    hosts = [f"{ipaddress.IPv4Address(address) + 40}{colon}{port}", f"10.9.9.9{colon}{port}"]
    return [*hosts, *(f"{address}:{other}" for other in PORT.wrong(int(port))), address] if colon else hosts


IPV4_SUBNET: Kind[str] = Kind("IPv4 subnet", "an IPv4 subnet or address, as 192.168.0.0/24", _ipv4_subnet,
                              {"type": "string", "pattern": "^[0-9.]+(/[0-9]+)?$"}, SUBNET.wrong)
TABLE: Kind[str] = choice(*TABLES)
HOOK: Kind[str] = choice(*HOOKS)
CHAIN: Kind[str] = Kind("chain", "the name of a chain, as FORWARD", _chain, _NAME, _wrong_chain)
OWN_CHAIN: Kind[str] = Kind("own chain", "the name of a chain of one's own", _own_chain, _NAME,
                            lambda _value: ["WRONG"])
TARGET: Kind[str] = Kind("target", f"one of {', '.join(TARGETS)}, or a chain of one's own", _target, _NAME,
                         _wrong_target)
PLACE: Kind[int] = whole_number(1, 65535)._replace(name="place")  # no port, with which nobody would confuse it
POLICY: Kind[str] = choice("ACCEPT", "DROP")
PROTOCOL: Kind[str] = choice("all", *PROTOCOLS)
STATES: Kind[tuple[str, ...]] = many(choice("new", "established", "related", "invalid"))
NAT_END: Kind[str] = Kind("address and port", "an IPv4 address, with or without a port, as 192.168.0.2:80", _end,
                          {"type": "string", "pattern": "^[0-9.]+(:[0-9]+)?$"}, _wrong_end)
