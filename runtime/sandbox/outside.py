"""A process that stays outside when its maker goes into a sandbox, and streams into it what is to be had outside.

The maker can't do that itself any more: it is in the lab's network, where no daemon of the machine answers, and
whatever it handed to a program of the lab, that program could open anew for writing, through /proc/self/fd.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress

from runtime import syscalls
from runtime.errors import Problem, Refused
from runtime.sandbox.build import fork
from runtime.sandbox.channel import Channel, Closed, pack

_PIECE = 1 << 20  # bytes


class Outside:
    """The process. To be made before Sandbox.enter; it ends with its maker.

    open_: gives a descriptor of what has a name, to be read to its end; raises Problem.
    """

    def __init__(self, open_: Callable[[str], int]) -> None:
        self._here, there = Channel.pair()

        def life() -> None:
            self._here.close()
            syscalls.die_with_parent()
            with suppress(Closed):
                while True:
                    _answer(there, open_)

        self._pid = fork(life, there)
        there.close()

    def stream(self, name: str) -> int:
        """The reading end of a pipe through which it comes. Raises the Problem of `open_`, Refused."""
        try:
            self._here.send({"open": name})
            _message, [fd] = self._here.receive()
        except Closed as closed:
            raise Refused(f"get {name}", why="the process that does it has died",
                          mend="run labrun with --debug") from closed
        return fd

    def close(self) -> None:
        """End it."""
        self._here.close()
        with suppress(ChildProcessError):
            os.waitpid(self._pid, 0)


def _answer(there: Channel, open_: Callable[[str], int]) -> None:
    name = there.expect("open")
    try:
        fd = open_(name)
    except Problem as problem:
        there.send({"problem": pack(problem)})
        return
    reading, writing = os.pipe2(os.O_CLOEXEC)
    there.send({"opened": True}, (reading,))
    os.close(reading)
    with suppress(BrokenPipeError):  # who reads has seen enough
        while os.sendfile(writing, fd, None, _PIECE):
            pass
    os.close(writing)
    os.close(fd)
