"""Requests to PID 1 of a sandbox, and its answers.

PID 1 answers at once, in the order of the requests. But it belongs to the lab: the lab's root can trace or stop it, and
can make it send anything. So each answer has a limit of time, is checked, and is counted: one that comes late is
dropped and is never taken for the answer to the next request.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from time import monotonic
from typing import Any

from runtime.errors import Problem, Refused
from runtime.sandbox.channel import Channel, Closed, Garbled, close_all

ANSWERING = 3.0  # seconds for an answer; it takes a millisecond, and some hundred on a machine with too much to do
_LOOKING = 0.1  # seconds between two looks at what a command does too much of: it writes some 100 MiB meanwhile
_LATE = 0.1  # seconds for an answer that is late already
_AT_ONCE = 1000  # messages that are read before something else has its turn
_STATUSES = range(-64, 256)  # waitpid(2): a signal, as a negative number, or an exit status
_FAULTY = 255  # the exit status in place of one that cannot be
_NEXT = "labrun reset starts the step over with a new PID 1; labrun stop ends the lab"
_STATES = {"T": "it is stopped", "t": "it is stopped by a tracer", "Z": "it has ended", "X": "it has ended",
           "D": "it waits in the kernel"}


class FirstProcess:
    """pid: of PID 1, as the machine numbers it.  control: the channel to it.  why_ended: says why it has ended."""

    def __init__(self, pid: int, control: Channel, why_ended: Callable[[], str]) -> None:
        self._pid, self._control, self._why_ended = pid, control, why_ended
        self._owed = 0  # answers that PID 1 has not sent yet
        self._started: set[int] = set()
        self._ended: dict[int, int] = {}  # PID -> exit status of what was started, and has ended unasked

    def ask(self, request: Mapping[str, Any], fds: Sequence[int] = ()) -> tuple[dict[str, Any], list[int]]:
        """Send a request and return the answer with its descriptors, which the caller closes.

        Raises Refused when PID 1 has ended, does not answer in time, or answers with something that is no answer.
        """
        what = f"{request['do']} in the sandbox"
        while self._owed:
            self._drop_late(what)
        try:
            self._control.send(request, fds)
        except Closed as closed:
            raise self._died(what) from closed
        self._owed += 1
        return self._answer(what, ANSWERING)

    def spawn(self, request: Mapping[str, Any], fds: Sequence[int] = ()) -> int:
        """Have a command started. Returns its PID inside, 0 when it could not be started. Raises Refused."""
        message, given = self.ask(request, fds)
        close_all(given)
        pid = message.get("spawned")
        if not isinstance(pid, int) or pid < 0:
            raise _garbled("start a command in the sandbox")
        self._started.add(pid)
        return pid

    def ask_for_fd(self, request: Mapping[str, Any], is_right: Callable[[int], bool]) -> tuple[dict[str, Any], int]:
        """Send a request whose answer has a descriptor. is_right: whether it is of the kind that was asked for.

        Raises Refused, also for a descriptor of another kind: to wait for that could take for ever.
        """
        message, fds = self.ask(request)
        if len(fds) != 1 or not is_right(fds[0]):
            close_all(fds)
            raise _garbled(f"{request['do']} in the sandbox")
        return message, fds[0]

    def wait(self, pid: int, shown: str, timeout: float, excess: Callable[[], str]) -> int:
        """Wait for the end of what was started and return its exit status. shown: it in words.  timeout: seconds.

        excess: says what it does too much of, or ''. Raises Refused for that, and when it does not end in time, after
        it was killed.
        """
        deadline, too_much = monotonic() + timeout, ""
        while pid not in self._ended:
            left = deadline - monotonic()
            if left <= 0 or too_much:
                close_all(self.ask({"do": "kill", "group": pid})[1])
                raise Refused(shown, why=f"{too_much or f'it did not end within {timeout:g} s'} and was killed")
            try:
                if self._control.is_ready(min(left, _LOOKING)):
                    self._hear()
                else:
                    too_much = excess()
            except Closed as closed:
                raise self._died(shown) from closed
        return self._ended.pop(pid)

    def ended(self) -> Iterator[tuple[int, int]]:
        """Yield what was started and has ended, as far as that is known without waiting: PID and exit status.

        Raises Closed when PID 1 has ended.
        """
        for _ in range(_AT_ONCE):
            if not self._control.is_ready(0):
                break
            self._hear()
        while self._ended:
            yield self._ended.popitem()

    def _drop_late(self, what: str) -> None:
        try:
            close_all(self._answer(what, _LATE)[1])
        except _Silent:
            raise
        except Problem:
            pass  # this was the late answer

    def _answer(self, what: str, seconds: float) -> tuple[dict[str, Any], list[int]]:
        deadline = monotonic() + seconds
        while (left := deadline - monotonic()) > 0 and self._control.is_ready(left):
            try:
                message, fds = self._control.receive()
            except Problem:
                self._owed -= 1
                raise
            except Garbled as garbled:
                self._owed -= 1
                raise _garbled(what) from garbled
            except Closed as closed:
                self._owed = 0
                raise self._died(what) from closed
            if "ended" not in message:
                self._owed -= 1
                return message, fds
            close_all(fds)
            self._note(message)
        why = f"PID 1 of the lab does not answer within {seconds:g} s: {state_of(self._pid)}"
        raise _Silent(what, why=why, mend=_NEXT)

    def _hear(self) -> None:
        """Take one message that is there without a request."""
        try:
            message = self._control.message()
        except (Problem, Garbled):
            message = {}
        if "ended" in message:
            self._note(message)
        else:  # an answer that is late; one more than was asked for counts for nothing
            self._owed = max(0, self._owed - 1)

    def _died(self, what: str) -> Refused:
        return Refused(what, why=self._why_ended(), mend=_NEXT)

    def _note(self, message: Mapping[str, Any]) -> None:
        match message:
            case {"ended": int(pid), "status": int(status)} if pid in self._started:
                self._started.discard(pid)
                self._ended[pid] = status if status in _STATUSES else _FAULTY


class _Silent(Refused):
    """PID 1 does not answer."""


def _garbled(what: str) -> Refused:
    return Refused(what, why="PID 1 of the lab sent something that is no answer", mend=_NEXT)


def state_of(pid: int) -> str:
    """What keeps a process from answering, in words. pid: as the machine numbers it (proc_pid_status(5))."""
    status = _status(pid)
    state, tracer = status.get("State", "?")[:1], status.get("TracerPid", "0")
    said = _STATES.get(state, "it runs, and reads no request" if state in "RS" else "its state is unknown")
    if tracer == "0":
        return f"{said} (state {state})"
    inside = _status(int(tracer)).get("NSpid", tracer).split()[-1]  # the last number is that in the lab
    return f"{said} (state {state}), the process {inside} of the lab"


def _status(pid: int) -> dict[str, str]:
    with suppress(OSError), open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as file:
        return {key: value.strip() for key, _, value in (line.partition(":") for line in file)}
    return {}
