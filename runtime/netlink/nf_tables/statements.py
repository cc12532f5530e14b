"""What a packet rule does with a packet, in the words of nft(8): verdict, nat, reject, log, mark. Pure functions."""

from __future__ import annotations

from struct import Struct

from runtime.netlink.message import attributes, to_text
from runtime.netlink.nf_tables.messages import DATA_VERDICT, VERDICT_CHAIN, VERDICT_CODE

_SIGNED = Struct(">i")
_VERDICTS = {-5: "return", -4: "goto", -3: "jump", -1: "continue", 0: "drop", 1: "accept", 3: "queue"}

# <linux/netfilter/nf_nat.h>
NAT_ADDRESSES, NAT_PORTS = 1, 2
_NAT_FLAGS = {4: "random", 16: "fully-random", 8: "persistent", 64: "netmap"}

REJECT_ICMP, REJECT_RESET, REJECT_ICMPX = range(3)  # enum nft_reject_types
_UNREACHABLE = {
    "ip": {0: "net-unreachable", 1: "host-unreachable", 2: "prot-unreachable", 3: "port-unreachable",
           9: "net-prohibited", 10: "host-prohibited", 13: "admin-prohibited"},
    "ip6": {0: "no-route", 1: "admin-prohibited", 3: "addr-unreachable", 4: "port-unreachable", 5: "policy-fail",
            6: "reject-route"},
    "": {0: "no-route", 1: "port-unreachable", 2: "host-unreachable", 3: "admin-prohibited"},
}

_WARNING = 4  # the level that both tools log with when none is given
_LIMIT_UNITS = {1: "second", 60: "minute", 3600: "hour", 86400: "day", 604800: "week"}


def verdict(data: bytes) -> str:
    """'accept', 'jump NAME'. data: attributes of enum nft_data_attributes with a verdict among them."""
    found = attributes(attributes(data)[DATA_VERDICT])
    code = int(_SIGNED.unpack(found[VERDICT_CODE])[0])
    name = _VERDICTS.get(code, f"verdict {code}")
    return f"{name} {to_text(found[VERDICT_CHAIN])}" if VERDICT_CHAIN in found else name


def translated(verb: str, addresses: tuple[str, str], ports: tuple[str, str], flags: int) -> str:
    """'dnat to 192.168.0.2:80'. addresses, ports: first and last; '' where none is given."""
    words = [verb]
    if addresses[0] or ports[0]:
        host = _span(_bracketed(addresses[0], ports[0]), _bracketed(addresses[1], ports[0]))
        port = _span(*ports)
        words.append(f"to {host}:{port}" if port else f"to {host}")
    set_flags = [name for bit, name in _NAT_FLAGS.items() if flags & bit]
    return " ".join(words + ([",".join(set_flags)] if set_flags else []))


def _span(first: str, last: str) -> str:
    return first if last in ("", first) else f"{first}-{last}"


def _bracketed(address: str, port: str) -> str:
    return f"[{address}]" if port and ":" in address else address


def rejected(kind: int, code: int, protocol: str) -> str:
    """'reject', 'reject with tcp reset', 'reject with icmp host-unreachable'. protocol: 'ip', 'ip6' or ''."""
    if kind == REJECT_RESET:
        return "reject with tcp reset"
    names = _UNREACHABLE["" if kind == REJECT_ICMPX else protocol]
    name = names.get(code, str(code)) if kind == REJECT_ICMPX or protocol else str(code)
    if name == "port-unreachable":  # the default of both tools
        return "reject"
    return f"reject with {'icmpx' if kind == REJECT_ICMPX else 'icmpv6' if protocol == 'ip6' else 'icmp'} {name}"


def logged(prefix: str, level: int = _WARNING, flags: int = 0, group: int | None = None) -> str:
    words = ["log"]
    words += [f'prefix "{prefix}"'] if prefix else []
    words += [f"group {group}"] if group is not None else []
    words += [f"level {level}"] if level != _WARNING else []
    words += [f"flags 0x{flags:x}"] if flags else []
    return " ".join(words)


def limited(rate: int, unit: int, burst: int, octets: bool, over: bool) -> str:
    what = " bytes" if octets else ""
    per = _LIMIT_UNITS.get(unit, f"{unit} seconds")
    return f"limit rate {'over ' if over else ''}{rate}{what}/{per} burst {burst}{what or ' packets'}"


def changed(field: str, keep: int, flip: int) -> str:
    """'meta mark set 0x5', or 'meta mark set meta mark & 0xffffff00 ^ 0x5': some bits kept, then some turned over."""
    return f"{field} set {field} & 0x{keep:x} ^ 0x{flip:x}" if keep else f"{field} set 0x{flip:x}"
