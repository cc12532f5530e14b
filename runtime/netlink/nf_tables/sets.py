"""The sets of nf_tables that rules look values up in: their elements, and these as ranges."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from runtime.netlink.message import ACK, REQUEST, Message, attributes, iterate, text, to_big32
from runtime.netlink.nf_tables.messages import DATA_VALUE, GETSET, GETSETELEM, header
from runtime.netlink.nf_tables.statements import verdict
from runtime.netlink.socket import Netlink

_SET_TABLE, _SET_NAME, _SET_FLAGS = 1, 2, 3
_LIST_TABLE, _LIST_SET, _LIST_ELEMENTS = 1, 2, 3
_KEY, _DATA, _FLAGS, _KEY_END = 1, 2, 3, 10
_INTERVAL, _ELEMENT_CLOSES = 0x4, 0x1


class Element(NamedTuple):
    """key: the value, or the first of a range. last: the last of a range of concatenated values, else b"".

    closes: this key ends the range before it, and is no longer in it. data: what a map gives for the key, in words.
    """

    key: bytes
    last: bytes
    closes: bool
    data: str


class Set(NamedTuple):
    """A set without a name of its own, that belongs to one rule. intervals: its elements are ends of ranges."""

    name: str
    intervals: bool
    elements: tuple[Element, ...]


class Entry(NamedTuple):
    """One range of keys, both ends included, and what a map gives for it."""

    first: bytes
    last: bytes
    data: str


def read_set(netlink: Netlink, family: int, table: str, name: str) -> Set:
    """One set as it is in the kernel. Raises Refused, with ENOENT when it is no longer there."""
    operation = f"read the set {table} {name}"
    body = header(family) + text(_SET_TABLE, table) + text(_SET_NAME, name)
    described = attributes(netlink.request(Message(GETSET, REQUEST | ACK, body, operation))[0], 4)
    flags = to_big32(described[_SET_FLAGS]) if _SET_FLAGS in described else 0
    body = header(family) + text(_LIST_TABLE, table) + text(_LIST_SET, name)
    elements = [element for part in netlink.dump(GETSETELEM, body, operation) for element in _elements(part)]
    return Set(name, bool(flags & _INTERVAL), tuple(elements))


def _elements(body: bytes) -> Iterator[Element]:
    for _, packed in iterate(attributes(body, 4).get(_LIST_ELEMENTS, b"")):
        found = attributes(packed)
        if _KEY not in found:
            continue  # the catch-all element of a map: it is no value
        closes = bool(_FLAGS in found and to_big32(found[_FLAGS]) & _ELEMENT_CLOSES)
        last = attributes(found[_KEY_END])[DATA_VALUE] if _KEY_END in found else b""
        yield Element(attributes(found[_KEY])[DATA_VALUE], last, closes, _data(found.get(_DATA, b"")))


def _data(packed: bytes) -> str:
    if not packed:
        return ""
    found = attributes(packed)
    return f"0x{found[DATA_VALUE].hex()}" if DATA_VALUE in found else verdict(packed)


def entries(found: Set) -> list[Entry]:
    """The elements as ranges, lowest first."""
    if not found.intervals or any(element.last for element in found.elements):
        return sorted(Entry(key, last or key, data) for key, last, _, data in found.elements)
    ranges: list[Entry] = []
    opened: Element | None = None
    for element in sorted(found.elements, key=lambda each: (each.key, not each.closes)):
        if opened:
            ranges.append(Entry(opened.key, _before(element.key), opened.data))
        opened = None if element.closes else element
    if opened:
        ranges.append(Entry(opened.key, b"\xff" * len(opened.key), opened.data))
    return ranges


def _before(key: bytes) -> bytes:
    return (int.from_bytes(key, "big") - 1).to_bytes(len(key), "big")
