"""A client of the streams of a container that conmon looks after (conmon(8); podman speaks the same).

The socket is of type SOCK_SEQPACKET. What comes is a byte, 2 for stdout and 3 for stderr, and what was printed; what
goes is what is typed. All clients share the streams. What was printed before conmon took a client in, it does not see.
"""

from __future__ import annotations

import os
import socket
import struct
from typing import NamedTuple

from runtime import syscalls as sys
from runtime.errors import Refused
from runtime.oci.shim.conmon import attach_socket

_STDERR = 3
_LARGEST = 1 << 16  # bytes of a packet that conmon sends; it reads 8 KiB at a time
_PIECE = 4096  # bytes of a packet that goes, PIPE_BUF (pipe(7)): conmon can write it to a pipe only whole
_CONNECTING = 5  # seconds: a conmon that is stopped accepts nobody


class Piece(NamedTuple):
    """What was printed. error: to stderr."""

    data: bytes
    error: bool


class Attached:
    """A connection. It blocks nobody: `receive` and `send` do what can be done now."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._socket.setblocking(False)

    def fileno(self) -> int:
        """For poll(2)."""
        return self._socket.fileno()

    def receive(self) -> Piece | None:
        """What was printed next; None when the container has ended. Raises BlockingIOError when there is nothing."""
        try:
            packet = self._socket.recv(_LARGEST)
        except ConnectionResetError:  # conmon left something unread: the kernel tells that first, and once
            packet = self._socket.recv(_LARGEST)
        return Piece(packet[1:], packet[0] == _STDERR) if packet else None

    def send(self, data: bytes) -> int:
        """Type as much of it as fits; returns how many bytes. Raises BlockingIOError, and OSError when it has ended.

        Lines of up to 4 KiB are sent whole, so that on a pipe nothing that others type comes between.
        """
        piece = data[:_PIECE]
        if len(data) > _PIECE:
            piece = piece[:piece.rfind(b"\n") + 1] or piece
        return self._socket.send(piece) if piece else 0  # conmon takes an empty packet for the end of the input

    def close_input(self) -> None:
        """Type nothing any more. conmon passes that on only without --leave-stdin-open."""
        self._socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Detach. The container does not notice."""
        self._socket.close()


def attach(root: int, name: str) -> Attached:
    """Join the streams of a container, or of a session of exec. root: descriptor of the sandbox's root directory.

    Raises Refused when there is no shim that lets anybody in.
    """
    path, what = attach_socket(name), f"attach to {name}"
    try:
        # By the descriptor: between looking and connecting no link in the path can be put elsewhere.
        place = sys.open_beneath(root, path, os.O_PATH)
    except Refused as refused:
        raise Refused(what, refused.errno, f"there is no {path}: no shim was started for it, or it has ended",
                      "see which there are: ls /run/conmon/attach") from refused
    connected = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_CLOEXEC)
    # unix(7) knows no other limit for connect(2), and with twenty clients at once the queue of conmon is full.
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", _CONNECTING, 0))
    try:
        connected.connect(f"/proc/self/fd/{place}")
    except OSError as error:
        connected.close()
        why = f"the shim did not answer within {_CONNECTING:g} s" if isinstance(error, BlockingIOError) else ""
        if isinstance(error, ConnectionRefusedError):
            why = f"nobody listens at {path}: its shim has ended"
        raise Refused(what, error.errno or 0, why, "see whether it runs: ps -e -o pid,ppid,stat,args") from error
    finally:
        os.close(place)
    return Attached(connected)
