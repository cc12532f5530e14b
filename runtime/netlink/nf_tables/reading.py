"""The state while one rule is read: what its registers hold, and what it was found to demand and to do."""

from __future__ import annotations

from typing import NamedTuple

from runtime.netlink.message import to_big32
from runtime.netlink.nf_tables.conditions import Condition, conjoined, words
from runtime.netlink.nf_tables.fields import (
    ETHER_TYPE,
    HEADERS,
    L4PROTO,
    NEXTHDR,
    NFPROTO,
    PROTOCOL,
    PROTOCOLS,
    Field,
)
from runtime.netlink.nf_tables.sets import Set
from runtime.netlink.nf_tables.xtables import Context

Attributes = dict[int, bytes]

_NETWORKS = {"ipv4": "ip", "ipv6": "ip6", "ip": "ip", "ip6": "ip6", "arp": "arp"}
# What a tool adds because something else in the rule needs it: gone when a match that starts so is there.
_IMPLIED = {
    "meta nfproto ipv4": ("ip ", "icmp "), "meta nfproto ipv6": ("ip6 ", "icmpv6 "), "iiftype ether": ("ether ",),
    "meta protocol ip": ("ip ", "icmp "), "meta protocol ip6": ("ip6 ", "icmpv6 "),
    "ether type ip": ("ip ", "icmp "), "ether type ip6": ("ip6 ", "icmpv6 "),
    **{f"meta l4proto {name}": ("icmpv6 " if name == "ipv6-icmp" else f"{name} ",) for name in HEADERS},
}
_ALWAYS = {"ip": ("meta nfproto ipv4", "meta protocol ip"), "ip6": ("meta nfproto ipv6", "meta protocol ip6")}



class Decoded(NamedTuple):
    """A rule in words. wanted: the nameless sets that it uses and that were not given; it has to be decoded again."""

    matches: tuple[str, ...]
    target: str
    packets: int | None
    bytes: int | None
    wanted: tuple[str, ...]


class Loaded(NamedTuple):
    """A register that holds what a packet has: `fields` one after the other, `length` octets in all."""

    fields: tuple[Field, ...]
    length: int
    whole: Field  # the same octets without the fields' names
    native: bool
    mask: bytes = b""
    flip: bytes = b""

    @property
    def name(self) -> str:
        return " . ".join(field.name for field in self.fields)


Value = Loaded | bytes | str  # a packet's, a constant, or words for what is only known at run time


class Reading:
    """What is known so far. family: its name in nft(8); sets: the nameless sets that the rule uses, as far as read."""

    def __init__(self, family: str, sets: tuple[Set, ...]) -> None:
        self.family, self.sets = family, {each.name: each for each in sets}
        self.network = family if family in ("ip", "ip6", "arp") else ""
        self.transport = ""
        self.registers: dict[int, Value] = {}  # by 32-bit word
        self.fresh: list[int] = []  # words loaded since the last comparison: a concatenation is looked up as one
        self.conditions: list[Condition] = []
        self.others: list[str] = []
        self.actions: list[str] = []
        self.wanted: list[str] = []
        self.packets: int | None = None
        self.bytes: int | None = None

    def result(self) -> Decoded:
        found = {text for condition in conjoined(self.conditions) if (text := words(condition))} | set(self.others)
        matches = tuple(sorted(text for text in found if not self._implied(text, found)))
        return Decoded(matches, " ".join(self.actions), self.packets, self.bytes, tuple(self.wanted))

    def _implied(self, text: str, found: set[str]) -> bool:
        starts = _IMPLIED.get(text)
        return text in _ALWAYS.get(self.family, ()) or bool(starts and any(other.startswith(starts) for other in found))

    def load(self, register: bytes, value: Value) -> None:
        word = word_of(register)
        self.registers[word] = value
        self.fresh.append(word)

    def held(self, register: bytes) -> Value:
        return self.registers[word_of(register)]

    def demand(self, condition: Condition) -> None:
        """Add a condition, and learn from it how the headers that follow are to be read."""
        self.conditions.append(condition)
        self.fresh.clear()
        if condition.negated or condition.mask is not None or len(condition.ranges) != 1:
            return
        field, (low, high) = condition.field, condition.ranges[0]
        if field in (L4PROTO, NEXTHDR) and low == high:
            self.transport = PROTOCOLS.get(low, "")
        elif field in (NFPROTO, PROTOCOL, ETHER_TYPE):
            self.network = _NETWORKS.get(field.show(low, high), "")

    def context(self) -> Context:
        return Context(self.network, self.transport)


def word_of(register: bytes) -> int:
    """The first 32-bit word of a register: 1 to 4 are four words each, 8 and up one (enum nft_registers)."""
    number = to_big32(register)
    return (number - 1) * 4 if number < 8 else number - 8
