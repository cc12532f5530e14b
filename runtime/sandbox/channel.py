"""Messages between the processes of a sandbox: JSON, and descriptors beside it, over SOCK_SEQPACKET (unix(7))."""

from __future__ import annotations

import errno
import json
import os
import socket
from collections.abc import Mapping, Sequence
from typing import Any

from runtime.errors import Missing, Problem, Refused

_LARGEST = 1 << 16
_MOST_FDS = 8
_KINDS: dict[str, type[Problem]] = {"Problem": Problem, "Missing": Missing, "Refused": Refused}


class Closed(Exception):
    """The other side has gone."""


class Channel:
    """One end of a pair."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end

    @classmethod
    def pair(cls) -> tuple[Channel, Channel]:
        one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        return cls(one), cls(other)

    def fileno(self) -> int:
        return self._end.fileno()

    def close(self) -> None:
        self._end.close()

    def send(self, message: Mapping[str, Any], fds: Sequence[int] = ()) -> None:
        """Raises Closed, and Refused when the message is too long."""
        data = json.dumps(message).encode()
        if len(data) > _LARGEST:
            raise Refused("send a request into the sandbox", errno.EMSGSIZE,
                          f"it has {len(data)} bytes, and {_LARGEST} are allowed")
        try:
            socket.send_fds(self._end, [data], list(fds))
        except OSError as error:
            raise Closed from error

    def receive(self) -> tuple[dict[str, Any], list[int]]:
        """The next message and its descriptors. Raises Closed, or the Problem that the other side sent."""
        try:
            data, fds, _flags, _address = socket.recv_fds(self._end, _LARGEST, _MOST_FDS)
        except ConnectionError as error:
            raise Closed from error
        if not data:
            raise Closed
        for fd in fds:
            os.set_inheritable(fd, False)  # recv_fds leaves out MSG_CMSG_CLOEXEC, whatever its flags
        message: dict[str, Any] = json.loads(data)
        if "problem" in message:
            raise unpack(message["problem"])
        return message, fds

    def expect(self, word: str) -> Any:
        """The value of a message that has the key `word`."""
        return self.receive()[0][word]


def pack(problem: Problem) -> dict[str, Any]:
    """A Problem as JSON."""
    kind = type(problem).__name__
    return {"kind": kind, "what": problem.what, "why": problem.why, "mend": problem.mend,
            "errno": getattr(problem, "errno", 0)}


def unpack(packed: dict[str, Any]) -> Problem:
    """The Problem that `pack` made JSON of."""
    kind = _KINDS.get(packed["kind"], Problem)
    if kind is Refused:
        return Refused(packed["what"], packed["errno"], packed["why"], packed["mend"])
    return kind(packed["what"], packed["why"], packed["mend"])
