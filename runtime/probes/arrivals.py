"""Where the first packet of a connection arrives, and whom its receiver sees: raw sockets that hear every SYN.

A raw socket gets a packet when it is delivered: translated, and past every filter (raw_local_deliver, net/ipv4/raw.c).
The initial sequence number finds it again, for translation changes addresses and ports, and leaves that alone. A
socket takes the number it is given in repair mode (tcp_v4_connect, net/ipv4/tcp_ipv4.c).
"""

from __future__ import annotations

import ctypes
import os
import socket
from collections.abc import Iterable, Iterator
from struct import Struct, pack
from typing import NamedTuple

from runtime.network.netns import Netns

# <linux/tcp.h>
_TCP_REPAIR, _TCP_REPAIR_QUEUE, _TCP_QUEUE_SEQ = 19, 20, 21
_TCP_SEND_QUEUE = 2
_HEAD = Struct("!HHI")  # source port, destination port, sequence number (RFC 9293)

# <linux/filter.h>: of all segments those with SYN and without ACK. A busy server must not fill the socket.
_SO_ATTACH_FILTER = 26
_FILTER = b"".join(pack("=HBBI", *each) for each in (
    (0xB1, 0, 0, 0),     # X = length of the IP header
    (0x50, 0, 0, 13),    # A = byte 13 after it: the flags
    (0x54, 0, 0, 0x12),  # A &= SYN | ACK
    (0x15, 0, 1, 0x02),  # SYN alone?
    (0x06, 0, 0, 0x80),  # keep 128 bytes: both headers
    (0x06, 0, 0, 0),     # drop
))


class Arrival(NamedTuple):
    """A connection as its receiver sees it, after every translation: `source` asks for `port` of `to`, in `netns`."""

    netns: str
    source: str
    to: str
    port: int


class Arrivals:
    """Hears every connection that arrives in one of the namespaces."""

    def __init__(self, namespaces: Iterable[Netns]) -> None:
        self._sockets = [(netns.name, _open(netns)) for netns in namespaces]

    def filenos(self) -> list[int]:
        return [sock.fileno() for _name, sock in self._sockets]

    def read(self) -> Iterator[tuple[int, Arrival]]:
        """What has arrived since: (initial sequence number, arrival)."""
        for name, sock in self._sockets:
            while True:
                try:
                    data, (source, _port) = sock.recvfrom(128)
                except BlockingIOError:
                    break
                _own_port, port, number = _HEAD.unpack_from(data, (data[0] & 0xF) * 4)
                yield number, Arrival(name, source, socket.inet_ntoa(data[16:20]), port)

    def close(self) -> None:
        for _name, sock in self._sockets:
            sock.close()


def new_number() -> int:
    """An initial sequence number that no other connection is likely to have. The kernel takes 0 for none."""
    return int.from_bytes(os.urandom(4), "big") or 1


def give_number(sock: socket.socket, number: int) -> None:
    """Have a TCP socket that is not connected begin with `number`. Needs CAP_NET_ADMIN in its netns."""
    for option, value in ((_TCP_REPAIR, 1), (_TCP_REPAIR_QUEUE, _TCP_SEND_QUEUE), (_TCP_QUEUE_SEQ, number)):
        sock.setsockopt(socket.IPPROTO_TCP, option, pack("=I", value))
    sock.setsockopt(socket.IPPROTO_TCP, _TCP_REPAIR, 0)


def _open(netns: Netns) -> socket.socket:
    program = ctypes.create_string_buffer(_FILTER)
    with netns.entered():
        sock = socket.socket(socket.AF_INET, socket.SOCK_RAW | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC,
                             socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER,
                    pack("@HP", len(_FILTER) // 8, ctypes.addressof(program)))
    return sock
