"""Messages between the processes of a sandbox: JSON, and descriptors beside it, over SOCK_SEQPACKET (unix(7))."""

from __future__ import annotations

import errno
import json
import os
import select
import socket
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from runtime.errors import Missing, Problem, Refused

_LARGEST = 1 << 16
_MOST_FDS = 8
_ERRNOS = 4096  # the kernel gives none above (include/linux/err.h, MAX_ERRNO)
_KINDS: dict[str, type[Problem]] = {"Problem": Problem, "Missing": Missing, "Refused": Refused}


class Closed(Exception):
    """The other side has gone."""


class Garbled(Closed):
    """The other side sent something that is no message: it is not the labrun process that it should be."""


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
        """Return the next message and its descriptors, which the caller closes.

        Raises Closed, Garbled for what is no message, or the Problem that the other side sent.
        """
        try:
            data, fds, _flags, _address = socket.recv_fds(self._end, _LARGEST, _MOST_FDS)
        except ConnectionError as error:
            raise Closed from error
        try:
            for fd in fds:
                os.set_inheritable(fd, False)  # recv_fds leaves out MSG_CMSG_CLOEXEC, whatever its flags
            return _message(data), fds
        except BaseException:
            close_all(fds)
            raise

    def message(self) -> dict[str, Any]:
        """Return the next message, and close the descriptors that were not asked for. Raises as `receive` does."""
        found, fds = self.receive()
        close_all(fds)
        return found

    def is_ready(self, seconds: float) -> bool:
        """Wait at most that long until `receive` does not block. Returns whether it does not."""
        poll = select.poll()
        poll.register(self._end, select.POLLIN)
        return bool(poll.poll(max(0.0, seconds) * 1000))

    def expect(self, word: str) -> Any:
        """The value of a message that has the key `word`."""
        found = self.message()
        if word not in found:
            raise Garbled(f"a message without '{word}'")
        return found[word]


def close_all(fds: Iterable[int]) -> None:
    """Close descriptors."""
    for fd in fds:
        with suppress(OSError):
            os.close(fd)


def _message(data: bytes) -> dict[str, Any]:
    """The message that was sent as `data`. Raises as Channel.receive does. Who sent it may be hostile."""
    if not data:
        raise Closed
    try:
        message = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise Garbled(str(error)) from error
    if not isinstance(message, dict):
        raise Garbled("no object")
    if "problem" in message:
        raise unpack(message["problem"])
    return message


def pack(problem: Problem) -> dict[str, Any]:
    """A Problem as JSON."""
    kind = next(each.__name__ for each in type(problem).__mro__ if each.__name__ in _KINDS)
    return {"kind": kind, "what": problem.what, "why": problem.why, "mend": problem.mend,
            "errno": getattr(problem, "errno", 0)}


def unpack(packed: Any) -> Problem:
    """Return the Problem that `pack` made JSON of. Raises Garbled for anything else."""
    match packed:
        case {"kind": str(kind), "what": str(what), "why": str(why), "mend": str(mend), "errno": int(errno)}:
            found = _KINDS.get(kind, Problem)
            said = [_printable(each) for each in (what, why, mend)]
            if found is Refused:
                return Refused(said[0], errno if 0 <= errno < _ERRNOS else 0, *said[1:])
            return found(*said)
    raise Garbled("no problem that labrun knows")


def _printable(text: str) -> str:
    """The same without what could steer a terminal: the other side may be hostile."""
    return "".join(each if each.isprintable() or each == "\n" else "?" for each in text)
