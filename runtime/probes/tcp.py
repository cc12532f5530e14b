"""Whether a TCP port can be connected to. The listener's program gets to know nothing of it."""

from __future__ import annotations

import socket
from struct import pack
from typing import NamedTuple

from runtime.network.netns import Netns
from runtime.probes.arrivals import Arrival
from runtime.probes.connecting import Connecting, Outcome


class Tcp(NamedTuple):
    """Ask for a connection to `port` of `to` (an IPv4 address), from the netns called `netns`.

    expect: what should come of it; see Connecting for how long that is awaited.
    """

    netns: str
    to: str
    port: int
    expect: Outcome = "accepted"


class TcpAnswer(NamedTuple):
    """What came of a Tcp.

    outcome: 'accepted', 'refused' by a reset or by ICMP's 'port unreachable', 'unreachable' as another ICMP error or
        one's own kernel says, or 'silent'.
    reason: in words, '' when it is accepted.  arrival: where the request arrived, None when it did not.
    milliseconds: until it was accepted; 0 otherwise.
    """

    outcome: Outcome
    reason: str = ""
    arrival: Arrival | None = None
    milliseconds: float = 0.0


class Handshake(Connecting):
    """The connection of a Tcp. It is reset once it is accepted, before the third segment of the handshake.

    So no accept(2) returns, nothing stays in TIME-WAIT, and a server that serves a single client still waits for it.
    """

    # The acknowledgement is put off (tcp_rcv_synsent_state_process), and closing sends a reset instead.
    options = ((socket.IPPROTO_TCP, socket.TCP_QUICKACK, 0), (socket.SOL_SOCKET, socket.SO_LINGER, pack("@ii", 1, 0)))

    def __init__(self, probe: Tcp, netns: Netns, patience: float) -> None:
        super().__init__(netns, (probe.to, probe.port), probe.expect, patience)

    def stands(self, sock: socket.socket) -> None:  # noqa: ARG002 it is enough that it stands
        self.land("accepted")

    def answer(self) -> TcpAnswer:
        return TcpAnswer(self.outcome or "silent", self.reason, self.arrival, self.milliseconds)
