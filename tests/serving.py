"""Servers in a sandbox, for tests of what asks them: each is a process of its own, in the netns that it serves."""

from __future__ import annotations

import os
import select
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeAlias

from runtime import syscalls as sys
from runtime.probes.arrivals import Arrivals
from tests.conftest import Lab

Behaviour: TypeAlias = Callable[[socket.socket], None]  # what a server does with a connection


def listen(lab: Lab, netns: str, port: int, address: str = "0.0.0.0") -> socket.socket:
    """A socket that listens. The kernel accepts for it, whether accept(2) is called or not."""
    with lab.namespaces[netns].entered():
        return socket.create_server((address, port), backlog=64)


@contextmanager
def serving(lab: Lab, netns: str, port: int, behave: Behaviour) -> Iterator[None]:
    """A server that listens by now, and treats one connection after the other."""
    with listen(lab, netns, port) as listener, _process(lambda: _accept(listener, behave)):
        yield


@contextmanager
def serving_late(lab: Lab, netns: str, port: int, behave: Behaviour) -> Iterator[None]:
    """A server that begins to listen when the first connection was asked for, and refused."""
    arrivals = Arrivals([lab.namespaces[netns]])

    def wait_and_serve() -> None:
        select.select(arrivals.filenos(), [], [])
        _accept(listen(lab, netns, port), behave)

    with _process(wait_and_serve):
        yield
    arrivals.close()


def _accept(listener: socket.socket, behave: Behaviour) -> None:
    while True:
        connection, _address = listener.accept()
        with connection, suppress(OSError):
            behave(connection)


@contextmanager
def _process(life: Callable[[], None]) -> Iterator[None]:
    pid = os.fork()
    if pid == 0:
        sys.die_with_parent()
        try:
            life()
        finally:
            os._exit(1)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
