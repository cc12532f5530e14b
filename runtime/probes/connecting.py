"""Connections that are asked for side by side: TCP handshakes (RFC 9293), tried again where that may help."""

from __future__ import annotations

import select
import socket
import time
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from errno import ECONNREFUSED, ECONNRESET, EHOSTUNREACH, EINPROGRESS
from math import inf
from struct import Struct
from typing import ClassVar, Literal, TypeAlias

from runtime.errors import describe
from runtime.network.netns import Netns
from runtime.probes import ping
from runtime.probes.arrivals import Arrival, Arrivals, give_number, new_number

Outcome: TypeAlias = Literal["accepted", "refused", "unreachable", "silent"]

_FIRST_PAUSE, _LONGEST_PAUSE = 0.01, 0.2  # seconds before a refused connection is tried again; each twice the last
_EXTENDED_ERROR = Struct("=IBBBxII2xH4s")  # sock_extended_err and the address of whom it comes from: <linux/errqueue.h>
_ORIGIN_ICMP = 2


class Connecting(ABC):
    """A connection on its way to `goal` (address and port), from `netns`. Its subclass says what to do once it stands.

    expect: for 'silent' SILENCE seconds will do, and fewer once the request has arrived; for the others an answer is
        awaited for `patience` seconds. For 'accepted' a refusal is not the end: a server that was just started may not
        listen yet.
    outcome: what came of it, None meanwhile.  reason: why it is not 'accepted', as far as the network said.
    arrival: where the request arrived, None while it has not.  number: the sequence number by which that is known.
    options: of its socket, as setsockopt(2) takes them.
    """

    options: ClassVar[tuple[tuple[int, int, int | bytes], ...]] = ()

    def __init__(self, netns: Netns, goal: tuple[str, int], expect: Outcome, patience: float) -> None:
        self._netns, self._goal, self._expect, self.patience = netns, goal, expect, patience
        self._started = self._begun = time.monotonic()
        self._deadline = self._started + (ping.SILENCE if expect == "silent" else patience)
        self._again, self._pause = inf, _FIRST_PAUSE  # when to try again, and the pause before the time after that
        self._failed: Outcome = "silent"
        self._doubted = False
        self._sock: socket.socket | None = None
        self.number = new_number()
        self.arrival: Arrival | None = None
        self.outcome: Outcome | None = None
        self.reason = ""
        self.milliseconds = 0.0

    @abstractmethod
    def stands(self, sock: socket.socket) -> None:
        """The connection is accepted."""

    def begin(self) -> None:
        """Ask, for the first time or again."""
        self._again, self._begun = inf, time.monotonic()
        with self._netns.entered():
            sock = self._sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        give_number(sock, self.number)
        for option in self.options:
            sock.setsockopt(*option)
        error = sock.connect_ex(self._goal)
        if error not in (0, EINPROGRESS):
            self._fail(error, describe(error))

    def waits_for(self) -> tuple[socket.socket, int] | None:
        """What poll(2) has to look for."""
        return (self._sock, select.POLLOUT) if self._sock else None

    def due(self) -> float:
        """When something has to be done about it without an event, by time.monotonic()."""
        return min(self._again, self._deadline)

    def arrived(self, arrival: Arrival) -> None:
        self.arrival = arrival
        if self._expect == "silent":
            self._deadline = min(self._deadline, time.monotonic() + ping.SILENCE_WHEN_SEEN)

    def wait(self, seconds: float) -> None:
        """For `seconds` from now."""
        self._deadline = time.monotonic() + seconds

    def ready(self, sock: socket.socket, events: int) -> None:
        """Something has happened at its socket."""
        reported = _reported(sock)
        error, reason = reported or _pending(sock)
        if error and error != ECONNRESET:
            self._fail(error, reason, by_rule=bool(reported))
        elif events & select.POLLOUT:  # if it was reset since, it stood before
            self.milliseconds = round((time.monotonic() - self._begun) * 1000, 3)
            self.stands(sock)

    def late(self) -> None:
        """Its time has come."""
        if time.monotonic() < self._deadline:
            self.begin()
        elif self._failed == "refused":
            self.land("refused", self.reason)
        else:
            self.land("silent", f"no answer within {self._deadline - self._started:.2g} s")

    def land(self, outcome: Outcome, reason: str = "") -> None:
        self.outcome, self.reason = outcome, reason
        self.close()

    def close(self) -> None:
        if self._sock:
            self._sock.close()
            self._sock = None

    def _fail(self, error: int, reason: str, by_rule: bool = False) -> None:
        """by_rule: ICMP says so, and for TCP no host sends that by itself. Of that there are few a second (icmp(7))."""
        self.close()
        self._failed, self.reason = "refused" if error == ECONNREFUSED else "unreachable", reason
        if self._failed == self._expect:
            self.land(self._failed, reason)
        elif error == ECONNREFUSED and self._expect == "accepted" and not by_rule:
            self._again = time.monotonic() + self._pause
            self._pause = min(2 * self._pause, _LONGEST_PAUSE)
        elif error == EHOSTUNREACH and not self._doubted:
            # It may be the late end of a question for a neighbour that an earlier probe began, 3 s ago (arp(7)).
            self._doubted, self._again = True, time.monotonic()
        else:
            self.land(self._failed, reason)


def connect_all(connections: Collection[Connecting], namespaces: Mapping[str, Netns]) -> None:
    """Ask for every connection at once and wait for all together. namespaces: all in which one may arrive."""
    arrivals = Arrivals(namespaces.values())
    numbers = {each.number: each for each in connections}
    try:
        for each in connections:
            each.begin()
        while waiting := [each for each in connections if each.outcome is None]:
            _wait(waiting, arrivals, numbers)
    finally:
        for each in connections:
            each.close()
        arrivals.close()


def _wait(waiting: Collection[Connecting], arrivals: Arrivals, numbers: Mapping[int, Connecting]) -> None:
    """Until something happens or is due, and do what it asks for."""
    poll = select.poll()
    for fd in arrivals.filenos():
        poll.register(fd, select.POLLIN)
    for each in waiting:
        if wanted := each.waits_for():
            poll.register(*wanted)
    happened = dict(poll.poll(max(0.0, min(each.due() for each in waiting) - time.monotonic()) * 1000))
    # All, whatever poll(2) saw of them: a request has arrived before its answer has.
    for number, arrival in arrivals.read():
        if number in numbers:
            numbers[number].arrived(arrival)
    for each in waiting:
        wanted = each.waits_for()
        if wanted and wanted[0].fileno() in happened:
            each.ready(wanted[0], happened[wanted[0].fileno()])
        if each.outcome is None and each.due() <= time.monotonic():
            each.late()


def _reported(sock: socket.socket) -> tuple[int, str] | None:
    """The errno and the words of an ICMP error, as it stands in the socket's error queue (ip(7), IP_RECVERR).

    It stands there at once. One that comes while connect(2) still holds the socket, as all do that come by a veth, is
    otherwise acted upon at the next retransmission, a second later (tcp_v4_err, net/ipv4/tcp_ipv4.c).
    """
    try:
        _data, ancillary, _flags, _address = sock.recvmsg(0, 256, socket.MSG_ERRQUEUE)
    except BlockingIOError:
        return None
    for _level, _type, data in ancillary:
        error, origin, kind, code, _info, _more, _port, source = _EXTENDED_ERROR.unpack_from(data)
        if origin == _ORIGIN_ICMP:
            return error, ping.in_words(kind, code, socket.inet_ntoa(source))
    return None


def _pending(sock: socket.socket) -> tuple[int, str]:
    error = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    return error, describe(error)
