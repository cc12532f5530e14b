"""Pings of labrun's own: ICMP echo (RFC 792) from raw sockets, all at once, and what the far side saw of them."""

from __future__ import annotations

import os
import select
import socket
import time
from collections.abc import Iterable, Mapping
from itertools import count
from struct import Struct
from typing import NamedTuple

from runtime.errors import describe
from runtime.network.netns import Netns

_ECHO_REPLY, _UNREACHABLE, _ECHO, _EXCEEDED = 0, 3, 8, 11
_ICMP = Struct("!BBHHH")
_MARK_SIZE = 16
_RESEND = (0.05, 0.2, 0.5, 1.1)  # seconds after the first; the kernel asks again for a neighbour after 1 s (arp(7))
PATIENCE = 1.5
SILENCE = 0.1
SILENCE_WHEN_SEEN = 0.03  # the request has arrived: only the way back is left to wait for
# No two pings with one identifier: connection tracking would take the second for more of the first, and a rule
# for translation that was made in between would not apply to it (nf_conntrack: NAT is decided once a connection).
_identifiers = count(int.from_bytes(os.urandom(2), "big"))
_UNREACHABLE_CODES = {0: "network unreachable", 1: "host unreachable", 2: "protocol unreachable",
                      3: "port unreachable", 13: "administratively prohibited"}


class Ping(NamedTuple):
    """Ask `to` (an IPv4 address) for an answer, from the netns called `netns`.

    expect_answer: an answer is awaited for PATIENCE seconds; otherwise SILENCE seconds without one will do, and fewer
        once the watched netns has seen the request: its kernel answers at once or never.
    watch: netns in which to look for the request as it arrives, or ''.
    """

    netns: str
    to: str
    expect_answer: bool
    watch: str = ""


class Answer(NamedTuple):
    """What came of a Ping.

    answered: an echo reply came.  reason: why none did, as far as the network said ('no answer within 0.1 s',
    'Network is unreachable (ENETUNREACH)').  seen_as: the source address that the watched netns saw, or ''.
    milliseconds: the round trip; 0 without an answer.
    """

    answered: bool
    reason: str = ""
    seen_as: str = ""
    milliseconds: float = 0.0


class _Flight:
    """A ping on its way."""

    def __init__(self, ping: Ping, number: int, patience: float) -> None:
        self.ping = ping
        self.mark = os.urandom(_MARK_SIZE - 2) + number.to_bytes(2, "big")  # found again even if NAT changes the id
        self.identifier = next(_identifiers) & 0xFFFF
        self.sends = 0
        self.started = time.monotonic()
        self.patience = patience if ping.expect_answer else SILENCE
        self.seen_as = ""
        self.answer: Answer | None = None

    def packet(self) -> bytes:
        self.sends += 1
        head = _ICMP.pack(_ECHO, 0, 0, self.identifier, self.sends)
        return _ICMP.pack(_ECHO, 0, _checksum(head + self.mark), self.identifier, self.sends) + self.mark

    def send(self, sock: socket.socket) -> None:
        try:
            sock.sendto(self.packet(), (self.ping.to, 0))
        except OSError as error:
            self.answer = Answer(False, describe(error.errno or 0))

    def elapsed(self) -> float:
        return time.monotonic() - self.started

    def next_event(self) -> float:
        """Seconds until something has to be done about it: sent again, or given up."""
        resend = _RESEND[self.sends - 1] if self.ping.expect_answer and self.sends <= len(_RESEND) else self.patience
        return max(0.0, min(resend, self.patience) - self.elapsed())

    def see(self, source: str) -> None:
        """The request has arrived where it was watched for, with `source` as its sender."""
        self.seen_as = source
        if not self.ping.expect_answer:
            self.patience = min(self.patience, self.elapsed() + SILENCE_WHEN_SEEN)

    def land(self, answered: bool, reason: str = "") -> None:
        self.answer = Answer(answered, reason, "", round(self.elapsed() * 1000, 3) if answered else 0.0)

    def result(self) -> Answer:
        """The answer, and whom the watched netns saw asking: its socket may have been read later than the reply."""
        return (self.answer or Answer(False))._replace(seen_as=self.seen_as)


def ping_all(pings: Iterable[Ping], namespaces: Mapping[str, Netns],
             patience: float | None = None) -> dict[Ping, Answer]:
    """Send every ping at once and wait for all together.

    The wait ends when each ping that expects an answer has one (or has waited `patience` seconds, PATIENCE when it is
    None) and the others have been silent for SILENCE seconds. namespaces: every netns that a ping names.
    """
    longest = PATIENCE if patience is None else patience
    flights = [_Flight(ping, number, longest) for number, ping in enumerate(dict.fromkeys(pings))]
    sockets = {name: _open(namespaces[name]) for f in flights for name in {f.ping.netns, f.ping.watch} - {""}}
    try:
        _fly(flights, sockets)
    finally:
        for sock in sockets.values():
            sock.close()
    return {flight.ping: flight.result() for flight in flights}


def _fly(flights: list[_Flight], sockets: dict[str, socket.socket]) -> None:
    poll = select.poll()
    names = {}
    for name, sock in sockets.items():
        poll.register(sock, select.POLLIN)
        names[sock.fileno()] = name
    for flight in flights:
        flight.send(sockets[flight.ping.netns])
    while waiting := [flight for flight in flights if flight.answer is None]:
        wait = min(flight.next_event() for flight in waiting)
        for fd, _event in poll.poll(wait * 1000 + 0.5 if wait else 0):
            _read(names[fd], sockets[names[fd]], flights)
        for flight in waiting:
            if flight.answer is None and flight.next_event() == 0:
                _move_on(flight, sockets[flight.ping.netns])
    for fd, _event in poll.poll(0):
        _read(names[fd], sockets[names[fd]], flights)


def _move_on(flight: _Flight, sock: socket.socket) -> None:
    if flight.elapsed() >= flight.patience:
        flight.land(False, f"no answer within {flight.patience:.2g} s")
    else:
        flight.send(sock)


def _read(name: str, sock: socket.socket, flights: list[_Flight]) -> None:
    """All packets that came to the netns called `name`."""
    while True:
        try:
            data, (source, _port) = sock.recvfrom(2048)
        except BlockingIOError:
            return
        _sort(name, data, source, flights)


def _sort(name: str, data: bytes, source: str, flights: list[_Flight]) -> None:
    """One packet: an echo reply, an error, or a request that arrived."""
    icmp = data[(data[0] & 0xF) * 4 :]
    kind, code = icmp[0], icmp[1]
    if kind in (_UNREACHABLE, _EXCEEDED):
        inner = icmp[_ICMP.size :]
        icmp = inner[(inner[0] & 0xF) * 4 :]
    for flight in flights:
        # An error quotes at least 8 bytes of ICMP (RFC 792), Linux quotes as much as fits: the mark is there.
        if icmp[_ICMP.size : _ICMP.size + _MARK_SIZE] != flight.mark:
            continue
        if kind == _ECHO and flight.ping.watch == name:
            flight.see(source)
        elif name == flight.ping.netns and flight.answer is None:
            if kind == _ECHO_REPLY:
                flight.land(True)
            elif kind in (_UNREACHABLE, _EXCEEDED):
                flight.land(False, in_words(kind, code, source))


def in_words(kind: int, code: int, source: str) -> str:
    """An ICMP error (RFC 792) and who sent it."""
    if kind == _EXCEEDED:
        return f"time to live exceeded, says {source}"
    return f"{_UNREACHABLE_CODES.get(code, f'unreachable, code {code}')}, says {source}"


def _open(netns: Netns) -> socket.socket:
    with netns.entered():
        sock = socket.socket(socket.AF_INET, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.IPPROTO_ICMP)
    sock.setblocking(False)
    return sock


def _checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    if len(data) % 2:
        data += b"\0"
    total = sum(int.from_bytes(data[i : i + 2], "big") for i in range(0, len(data), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
