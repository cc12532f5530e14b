"""What an HTTP server answers to one GET (RFC 9112). However it behaves, it is bounded in time and size."""

from __future__ import annotations

import socket
from io import BytesIO
from select import POLLIN
from typing import NamedTuple

from runtime.errors import describe
from runtime.network.netns import Netns
from runtime.probes.arrivals import Arrival
from runtime.probes.connecting import Connecting, Outcome

_MOST = 1 << 16  # bytes of an answer that are read, its head included
_MAGIC = b"HTTP/"


class Http(NamedTuple):
    """GET `path` from `port` of `to` (an IPv4 address), from the netns called `netns`.

    expect_answer: a connection is awaited for PATIENCE seconds, otherwise for SILENCE seconds. Once it stands, an
        answer is awaited for PATIENCE seconds.
    """

    netns: str
    to: str
    port: int
    path: str = "/"
    expect_answer: bool = True


class HttpAnswer(NamedTuple):
    """What came of an Http.

    outcome: what came of the connection.  status: the status code, 0 without an answer.
    body: as far as it came in time, and within the first 64 KiB of the answer.
    reason: why there is no answer.  arrival: where the request arrived, None when it did not.
    milliseconds: until the connection stood.
    """

    outcome: Outcome
    status: int = 0
    body: str = ""
    reason: str = ""
    arrival: Arrival | None = None
    milliseconds: float = 0.0


class _Response(NamedTuple):
    """As much of a response as there is. whole: nothing more can come."""

    status: int
    body: bytes
    whole: bool


class Exchange(Connecting):
    """The connection of an Http, the request and the response."""

    def __init__(self, probe: Http, netns: Netns, patience: float) -> None:
        super().__init__(netns, (probe.to, probe.port), "accepted" if probe.expect_answer else "silent", patience)
        self._probe = probe
        self._data = b""
        self._response: _Response | None = None
        self._standing = False

    def stands(self, sock: socket.socket) -> None:
        self._standing = True
        self.wait(self.patience)
        host = self._probe.to if self._probe.port == 80 else f"{self._probe.to}:{self._probe.port}"
        request = f"GET {self._probe.path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: labrun\r\nConnection: close\r\n\r\n"
        try:
            sock.send(request.encode())  # a fresh connection takes it all
        except OSError as error:
            self._broken(error)

    def waits_for(self) -> tuple[socket.socket, int] | None:
        wanted = super().waits_for()
        return (wanted[0], POLLIN) if wanted and self._standing else wanted

    def ready(self, sock: socket.socket, events: int) -> None:
        if not self._standing:
            super().ready(sock, events)
            return
        try:
            more = sock.recv(_MOST - len(self._data))
        except BlockingIOError:
            return
        except OSError as error:
            self._broken(error)
            return
        self._data += more
        self._read(ended=not more)  # nor does more come when no more is asked for

    def late(self) -> None:
        if self._standing:
            self._end(f"the connection stands, but no answer came within {self.patience:.2g} s")
        else:
            super().late()

    def answer(self) -> HttpAnswer:
        status, body = self._response[:2] if self._response else (0, b"")
        return HttpAnswer(self.outcome or "silent", status, body.decode(errors="replace"),
                          "" if status else self.reason, self.arrival, self.milliseconds)

    def _read(self, ended: bool) -> None:
        if not self._data.startswith(_MAGIC[: len(self._data)]):
            self.land("accepted", f"what came is not HTTP but {self._data[:40].decode('ascii', 'replace')!a}")
            return
        self._response = read_response(self._data, ended)
        if ended or (self._response and self._response.whole):
            self._end("what came is no whole answer" if self._data else "the connection was closed without an answer")

    def _broken(self, error: OSError) -> None:
        reset = isinstance(error, ConnectionError)
        self._end("the connection was reset" if reset else describe(error.errno or 0))

    def _end(self, reason: str) -> None:
        self._response = read_response(self._data, ended=True)
        self.land("accepted", reason)


def read_response(data: bytes, ended: bool) -> _Response | None:
    """The response that `data` begins with; None as long as its head is not whole. ended: no more will come."""
    if b"\r\n\r\n" not in data and b"\n\n" not in data:
        return None
    from http.client import HTTPException, HTTPResponse

    response = HTTPResponse(_Received(data))  # type: ignore[arg-type]
    try:
        response.begin()
    except HTTPException:
        return None
    until_close = response.length is None and not response.chunked
    try:
        return _Response(response.status, response.read(), ended or not until_close)
    except (HTTPException, OverflowError) as broken:  # of IncompleteRead there is a part
        return _Response(response.status, getattr(broken, "partial", b""), ended)


class _Received:
    """Bytes in the place of a socket."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, _mode: str) -> BytesIO:
        return BytesIO(self._data)
