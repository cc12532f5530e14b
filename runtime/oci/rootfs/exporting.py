"""Programs that print much, in a session of their own, given up when they print nothing for long."""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Generator
from time import monotonic

from runtime.oci.tar.streams import PIECE, Chunks

_MOST_SAID = 1 << 16  # bytes
_GRACE = 10.0  # seconds for a program that nobody reads any more; to remove a container takes a tenth


class Failed(Exception):
    """status: its exit status, negative the number of the signal that ended it.  said: on its standard error."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(f"exit status {status}: {said or 'it said nothing'}")
        self.status, self.said = status, said


class Hangs(Exception):
    """It has printed nothing for that many seconds."""

    def __init__(self, patience: float) -> None:
        super().__init__(f"nothing came for {patience:g} s")


def run(words: list[str], patience: float, kill: bool) -> Generator[bytes, None, None]:
    """What a program prints; when this ends, it has ended well. Raises Failed, Hangs, OSError when it is not there.

    Its standard input ends when nobody reads what it prints any more, which is what it has to find out by itself.
    kill: whether it is killed then.
    """
    program = _Program(words)
    try:
        yield from program.pieces(patience)
        status = program.wait(patience)
        if status is None:
            raise Hangs(patience)
    except BaseException as error:
        program.leave(kill, 0 if isinstance(error, Hangs) else _GRACE)
        raise
    finally:
        program.close()
    if status:
        raise Failed(status, program.said.decode(errors="replace").strip())


class _Program:
    """One that runs. said: the beginning of what it says on its standard error."""

    def __init__(self, words: list[str]) -> None:
        self.said = bytearray()
        life, self._life = os.pipe()
        self._out, out = os.pipe()
        self._errors, errors = os.pipe()
        try:
            self._pid = _start(words, life, out, errors)
        except OSError:
            self.close()
            raise
        finally:
            for fd in (life, out, errors):
                os.close(fd)

    def pieces(self, patience: float) -> Chunks:
        """What it prints, until it closes its outputs. Raises Hangs."""
        events, unclosed = select.poll(), {self._out, self._errors}
        for fd in unclosed:
            events.register(fd, select.POLLIN)
        deadline = monotonic() + patience
        while unclosed:
            left = deadline - monotonic()
            if left < 0 or not (ready := events.poll(left * 1000)):
                raise Hangs(patience)
            for fd, _ in ready:
                piece = os.read(fd, PIECE)
                if not piece:
                    events.unregister(fd)
                    unclosed.remove(fd)
                elif fd == self._errors:
                    self.said += piece[:_MOST_SAID - len(self.said)]
                else:
                    yield piece
                    deadline = monotonic() + patience

    def wait(self, patience: float) -> int | None:
        """Its exit status; None when it goes on for longer than `patience` seconds."""
        events, pidfd = select.poll(), os.pidfd_open(self._pid)
        events.register(pidfd, select.POLLIN)
        try:
            if not events.poll(patience * 1000):
                return None
        finally:
            os.close(pidfd)
        return os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])

    def leave(self, kill: bool, grace: float) -> None:
        """Read no more of it; give it `grace` seconds to end, unless it is killed."""
        self.close()
        if kill:
            os.kill(self._pid, signal.SIGKILL)
        self.wait(_GRACE if kill else grace)

    def close(self) -> None:
        """Close what is read from it, and its standard input."""
        for fd in {self._life, self._out, self._errors} - {-1}:
            os.close(fd)
        self._life = self._out = self._errors = -1


def _start(words: list[str], *standard: int) -> int:
    """Start a program away from the terminal, so that a Ctrl-C there is not for it. Its PID; raises OSError.

    standard: its standard input, output and error.
    """
    actions = [(os.POSIX_SPAWN_DUP2, fd, number) for number, fd in enumerate(standard)]
    return os.posix_spawnp(words[0], words, os.environ, file_actions=actions, setsid=True, setsigmask=(),
                           setsigdef=(signal.SIGPIPE, signal.SIGINT, signal.SIGTERM, signal.SIGHUP))
