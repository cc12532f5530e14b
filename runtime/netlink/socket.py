"""A netlink socket: requests with their acknowledgements, and dumps (netlink(7))."""

from __future__ import annotations

import errno
import socket
from contextlib import suppress
from struct import Struct

from runtime.errors import Missing, Refused, describe
from runtime.netlink.message import (
    DONE,
    DUMP,
    DUMP_INTERRUPTED,
    ERROR,
    HEADER,
    NOOP,
    REQUEST,
    Message,
    attributes,
    to_text,
)

ROUTE = 0  # NETLINK_ROUTE
NETFILTER = 12  # NETLINK_NETFILTER

_SOL_NETLINK = 270
_CAP_ACK, _EXT_ACK = 10, 11
_ATTR_MSG = 1  # NLMSGERR_ATTR_MSG
_SIGNED = Struct("=i")
_BUFFER = 1 << 15  # the largest datagram of a dump (net/netlink/af_netlink.c, netlink_dump)
_DUMP_TRIES = 8
_EVENTS = 1000  # that are read at a time


class Netlink:
    """One socket in the network namespace that the calling thread was in when it was made.

    Raises Missing when the kernel does not have the protocol.
    """

    def __init__(self, protocol: int, groups: int = 0) -> None:
        try:
            self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol)
        except OSError as error:  # EPROTONOSUPPORT: a kernel without it
            what = f"open a netlink socket of protocol {protocol}"
            raise Missing(what, describe(error.errno or 0), "labrun doctor") from error
        self._socket.setsockopt(_SOL_NETLINK, _EXT_ACK, 1)
        self._socket.setsockopt(_SOL_NETLINK, _CAP_ACK, 1)
        self._socket.bind((0, groups))
        self._sequence = 0

    def close(self) -> None:
        self._socket.close()

    def fileno(self) -> int:
        """For poll(2): readable when an event of its groups has come."""
        return self._socket.fileno()

    def drop_events(self) -> None:
        """Read and forget the events that have come; of a flood of them the first."""
        with suppress(OSError):  # BlockingIOError at the end; ENOBUFS where the kernel had to drop some
            for _ in range(_EVENTS):
                self._socket.recv(_BUFFER, socket.MSG_DONTWAIT)

    def request(self, *messages: Message) -> list[bytes]:
        """Send `messages` in one datagram and wait until each is acknowledged.

        Returns the bodies of what was answered besides the acknowledgements. Raises Refused, which names the
        operation of the message that the kernel refused, and the kernel's own words where it gives some.
        """
        first = self._sequence + 1
        self._sequence += len(messages)
        self._socket.send(b"".join(m.packed(first + i) for i, m in enumerate(messages)))
        waiting = {first + i: m for i, m in enumerate(messages) if m.flags & 0x4}
        answers: list[bytes] = []
        refused: Refused | None = None
        while waiting:
            data = self._socket.recv(_BUFFER)
            for kind, _flags, sequence, body in _split(data):
                if kind == ERROR and sequence >= first:
                    message = waiting.pop(sequence, None) or messages[sequence - first]
                    refused = refused or _refusal(message.operation, body)
                    if refused and message.flags & 0x4 == 0:
                        waiting.clear()  # a refused batch acknowledges nothing more
                elif kind not in (NOOP, DONE, ERROR):
                    answers.append(body)
        if refused:
            raise refused
        return answers

    def dump(self, kind: int, body: bytes, operation: str) -> list[bytes]:
        """All objects of one kind, as message bodies. A dump that a change interrupted is taken again."""
        for _ in range(_DUMP_TRIES):
            self._sequence += 1
            self._socket.send(Message(kind, REQUEST | DUMP, body, operation).packed(self._sequence))
            found = self._collect(operation)
            if found is not None:
                return found
        raise Refused(operation, errno.EINTR)

    def _collect(self, operation: str) -> list[bytes] | None:
        found: list[bytes] = []
        interrupted = False
        while True:
            for kind, flags, sequence, body in _split(self._socket.recv(_BUFFER)):
                if sequence != self._sequence:
                    continue
                interrupted = interrupted or bool(flags & DUMP_INTERRUPTED)
                if kind == DONE:
                    return None if interrupted else found
                if kind == ERROR:
                    raise _refusal(operation, body) or Refused(operation)
                found.append(body)


def _split(data: bytes) -> list[tuple[int, int, int, bytes]]:
    """The messages of one datagram, as (type, flags, sequence, body)."""
    found = []
    offset, end = 0, len(data)
    unpack = HEADER.unpack_from
    while offset + 16 <= end:
        length, kind, flags, sequence, _port = unpack(data, offset)
        found.append((kind, flags, sequence, data[offset + 16 : offset + length]))
        offset += (length + 3) & ~3
    return found


def _refusal(operation: str, body: bytes) -> Refused | None:
    code = -_SIGNED.unpack_from(body)[0]
    if code == 0:
        return None
    said = attributes(body, 20).get(_ATTR_MSG)  # after the errno and the header of the refused message
    refusal = Refused(operation, code)
    if said:
        refusal.why = f"{to_text(said)}: {refusal.why}"
    return refusal
