"""A small web server, for labs that need something to connect to: the files of one folder, by GET (RFC 9110).

It runs as a child of PID 1, which has no access to Python's library any more: the machine's may be out of its sight.
"""

from __future__ import annotations

import os
import signal
import socket
from contextlib import suppress

_LONGEST_REQUEST = 8192
_LONGEST_PAGE = 1 << 20
_PATIENCE = 2.0  # seconds for a client that says nothing


def listen(port: int) -> socket.socket:
    """A socket that accepts connections to a port of every address of the caller's netns. Raises OSError."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(("", port))
        listening.listen(128)
    except OSError:
        listening.close()
        raise
    return listening


def serve(listening: socket.socket, folder: str) -> None:
    """Answer for ever, each client in a process of its own. Never returns."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        client, _address = listening.accept()
        if os.fork() == 0:
            with suppress(OSError, ValueError):
                client.settimeout(_PATIENCE)
                client.sendall(_answer(client, folder))
            os._exit(0)
        client.close()


def _answer(client: socket.socket, folder: str) -> bytes:
    request = b""
    while b"\r\n\r\n" not in request and len(request) < _LONGEST_REQUEST:
        more = client.recv(_LONGEST_REQUEST)
        if not more:
            break
        request += more
    words = request.partition(b"\r\n")[0].split()
    if len(words) != 3 or words[0] != b"GET":
        return _page("400 Bad Request", b"a GET is all that is understood here\n")
    path = words[1].decode("ascii", "replace").partition("?")[0]
    if ".." in path.split("/"):
        return _page("404 Not Found", b"no such page\n")
    try:
        with open(f"{folder}{path}{'index.html' if path.endswith('/') else ''}", "rb") as file:
            return _page("200 OK", file.read(_LONGEST_PAGE))
    except (OSError, ValueError):
        return _page("404 Not Found", b"no such page\n")


def _page(status: str, body: bytes) -> bytes:
    head = f"HTTP/1.0 {status}\r\nContent-Type: text/html\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body
