"""Netlink messages and attributes as bytes (netlink(7), <linux/netlink.h>). Pure functions."""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct
from typing import NamedTuple

REQUEST, ACK, DUMP = 0x1, 0x4, 0x300
REPLACE, EXCL, CREATE, APPEND = 0x100, 0x200, 0x400, 0x800
DUMP_INTERRUPTED = 0x10
NOOP, ERROR, DONE = 1, 2, 3

HEADER = Struct("=IHHII")
_ATTRIBUTE = Struct("=HH")
_U32 = Struct("=HHI")
_NATIVE32 = Struct("=I")
_BIG32 = Struct(">I")
_BIG64 = Struct(">Q")
_PAD = (b"", b"\0\0\0", b"\0\0", b"\0")
_NESTED = 0x8000
_TYPE_MASK = 0x3FFF


class Message(NamedTuple):
    """One request. `operation` says in words what it does; an error quotes it."""

    type: int
    flags: int
    body: bytes
    operation: str

    def packed(self, sequence: int) -> bytes:
        return HEADER.pack(16 + len(self.body), self.type, self.flags, sequence, 0) + self.body


def attribute(kind: int, payload: bytes) -> bytes:
    """One attribute, padded to four bytes."""
    length = len(payload)
    return _ATTRIBUTE.pack(length + 4, kind) + payload + _PAD[length & 3]


def u32(kind: int, value: int) -> bytes:
    """A 32-bit number in the machine's order, as rtnetlink has it."""
    return _U32.pack(8, kind, value)


def big32(kind: int, value: int) -> bytes:
    """A 32-bit number in network order, as nf_tables has it."""
    return _ATTRIBUTE.pack(8, kind) + _BIG32.pack(value & 0xFFFFFFFF)


def text(kind: int, value: str) -> bytes:
    """A string with its terminating zero."""
    return attribute(kind, value.encode() + b"\0")


def nest(kind: int, *attributes: bytes) -> bytes:
    """Attributes inside an attribute, marked NLA_F_NESTED."""
    return attribute(kind | _NESTED, b"".join(attributes))


def iterate(data: bytes, offset: int = 0) -> Iterator[tuple[int, bytes]]:
    """The attributes in `data` from `offset` on, as (type, payload)."""
    end = len(data)
    while offset + 4 <= end:
        length, kind = _ATTRIBUTE.unpack_from(data, offset)
        if length < 4:
            return
        yield kind & _TYPE_MASK, data[offset + 4 : offset + length]
        offset += (length + 3) & ~3


def attributes(data: bytes, offset: int = 0) -> dict[int, bytes]:
    """The attributes in `data` by type; of two with one type the later counts."""
    return dict(iterate(data, offset))


def to_text(payload: bytes) -> str:
    """A zero-terminated string; bytes that are not UTF-8 are kept visible."""
    return payload.rstrip(b"\0").decode(errors="backslashreplace")


def to_u32(payload: bytes) -> int:
    return int(_NATIVE32.unpack(payload)[0])


def to_big32(payload: bytes) -> int:
    return int(_BIG32.unpack(payload)[0])


def to_big64(payload: bytes) -> int:
    return int(_BIG64.unpack(payload)[0])
