"""Who keeps a lab: waits for others, opens terminals for them and joins containers, and tells how programs ended.

    client                                          keeper
    {"open": {"in": "c1", "argv": [], ...}} ------> a program is started in the sandbox
    <----------------- {"opened": ...}, descriptors of its terminal, or of three pipes
    <----------------- {"ended": status}
    {"attach": "c1"} -----------------------------> a connection to the container's shim
    <----------------- {"attached": ...}, its descriptor
    {"resize": ["c1", rows, columns]}, {"exit_of": "c1"}
    {"ask": "check", ...} ------------------------> of a lab that somebody does (labrunner/lesson)
    <----------------- {"told": exit code}, the descriptor of a file with the words; at once, or when there are some
"""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, NamedTuple, Protocol

from labrunner.kept.place import Door
from labrunner.session import Session
from runtime.errors import Problem, Refused
from runtime.sandbox.channel import Channel, Closed, pack

_EXITING = 3.0  # seconds for a shim to write down how its container ended
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_SIGNALS = 4096  # that are read at a time


class _Started(NamedTuple):
    by: Channel
    terminal: bool


class Answer(NamedTuple):
    """What is told to somebody who asked, and the exit code that it means."""

    text: str
    code: int


class HasFileno(Protocol):
    """For select(2)."""

    def fileno(self) -> int: ...


class Teacher(Protocol):
    """Whoever answers what is asked of a lab that somebody does. shell: the command of a shell in it."""

    @property
    def shell(self) -> list[str]: ...

    def answer(self, client: Channel, request: dict[str, Any]) -> Answer | None:
        """What is told; None when `client` is told later, by `tell`. Raises Problem."""

    def forget(self, client: Channel) -> None:
        """It has gone."""

    def stirred(self) -> None:
        """Somebody has asked for something."""

    def sources(self) -> Sequence[HasFileno]:
        """What else is waited for."""

    def heard(self, source: HasFileno) -> None:
        """It is readable."""

    def patience(self) -> float | None:
        """How many seconds may pass until `late` is called; None for any."""

    def late(self) -> None:
        """So many have passed."""


class Keeper:
    """Keeps a lab until it is told to stop, by SIGINT, SIGTERM or SIGHUP.

    teacher: answers what is asked of a lab that somebody does; None for one that was only watched.
    """

    def __init__(self, session: Session, door: Door, teacher: Teacher | None = None) -> None:
        self._session, self._door, self._teacher = session, door, teacher
        self._clients: list[Channel] = []
        self._running: dict[int, _Started] = {}  # by their PID inside

    def keep(self) -> None:
        """Returns when it was told to stop, or the sandbox has died."""
        with _told_to_stop() as stop:
            while True:
                others = [*self._teacher.sources()] if self._teacher else []
                watched: list[Any] = [stop, self._door, self._session.sandbox, *others, *self._clients]
                ready, _, _ = select.select(watched, [], [], self._teacher.patience() if self._teacher else None)
                # Other signals are written there too, as that of a limit of time (runtime/time_limit.py).
                if stop in ready and {*os.read(stop, _SIGNALS)} & {*_ENDING}:
                    return
                if self._teacher:
                    self._attend(self._teacher, [each for each in others if each in ready])
                if self._door in ready and (channel := self._door.let_in()):
                    self._clients.append(channel)
                for client in [each for each in self._clients if each in ready]:
                    self._answer(client)
                # In any case: whoever has just asked PID 1 for something may have been told of an end meanwhile.
                if not self._tell_of_ends():
                    return

    def _attend(self, teacher: Teacher, heard: Sequence[HasFileno]) -> None:
        for each in heard:
            teacher.heard(each)
        left = teacher.patience()
        if left is not None and left <= 0:
            teacher.late()

    def _tell_of_ends(self) -> bool:
        """Whether the sandbox lives on."""
        try:
            for pid, status in self._session.sandbox.ended():
                started = self._running.pop(pid, None)
                if started:
                    with suppress(Closed):
                        started.by.send({"ended": status})
        except Closed:
            return False
        return True

    def _answer(self, client: Channel) -> None:
        try:
            request = client.message()
            if self._teacher:
                self._teacher.stirred()
            try:
                self._do(client, request)
            except Problem as problem:
                client.send({"problem": pack(problem)})
            except OSError as error:
                client.send({"problem": pack(Refused("let somebody into the lab", error.errno or 0))})
        except (Closed, ValueError, KeyError, TypeError):  # it has gone, or is no client of ours
            self._forget(client)

    def _forget(self, client: Channel) -> None:
        """What it started ends with its terminal (SIGHUP); without one nobody would tell it."""
        self._clients.remove(client)
        if self._teacher:
            self._teacher.forget(client)
        client.close()
        for pid, started in list(self._running.items()):
            if started.by is client:
                del self._running[pid]
                with suppress(Problem):
                    if not started.terminal:
                        self._session.sandbox.kill(pid)

    def _do(self, client: Channel, request: dict[str, Any]) -> None:
        match request:
            case {"open": wanted}:
                self._open(client, wanted)
            case {"attach": name}:
                attached, terminal = self._session.host.shims.attach(name)
                client.send({"attached": True, "terminal": terminal}, (attached.fileno(),))
                attached.close()
            case {"resize": [name, rows, columns]}:
                self._session.host.shims.resize(name, rows, columns)
                client.send({"resized": True})
            case {"exit_of": name}:
                client.send({"status": self._session.host.shims.wait_for_exit(name, _EXITING)})
            case {"ask": what}:
                self._tell(client, what, request)

    def _tell(self, client: Channel, what: str, request: dict[str, Any]) -> None:
        if self._teacher is None:
            raise Refused(f"{what} the lab {self._session.lab.about.id}", why="it was done already, by labrun run",
                          mend=f"do it yourself: labrun start {self._session.lab.about.id}")
        answer = self._teacher.answer(client, request)
        if answer:
            tell(client, answer)

    def _open(self, client: Channel, wanted: dict[str, Any]) -> None:
        argv = self._session.host.argv_in(wanted["in"], wanted["argv"], wanted["terminal"])
        if self._teacher and wanted["terminal"] and not wanted["in"] and not wanted["argv"]:
            argv = self._teacher.shell
        with ExitStack() as closing:
            if wanted["terminal"]:
                pid, theirs = self._on_terminal(argv, wanted, closing)
            else:
                pid, theirs = self._with_pipes(argv, closing)
            self._running[pid] = _Started(client, wanted["terminal"])
            client.send({"opened": True, "lesson": self._teacher is not None}, theirs)

    def _on_terminal(self, argv: list[str], wanted: dict[str, Any], closing: ExitStack) -> tuple[int, list[int]]:
        terminal = self._session.sandbox.open_terminal(wanted["rows"], wanted["columns"])
        closing.callback(os.close, terminal.master)
        environment = {"TERM": wanted["term"], **({"NO_COLOR": "1"} if wanted.get("plain") else {})}
        pid = self._session.sandbox.start_on(terminal.path, argv, environment=environment)
        return pid, [terminal.master]

    def _with_pipes(self, argv: list[str], closing: ExitStack) -> tuple[int, list[int]]:
        stdin, stdout, stderr = (os.pipe2(os.O_CLOEXEC) for _ in range(3))
        for fd in (*stdin, *stdout, *stderr):
            closing.callback(os.close, fd)
        pid = self._session.sandbox.start_with((stdin[0], stdout[1], stderr[1]), argv)
        return pid, [stdin[1], stdout[0], stderr[0]]


def tell(client: Channel, answer: Answer) -> None:
    """Send an answer. Raises Closed."""
    with os.fdopen(os.memfd_create("answer"), "w+b") as file:
        file.write(answer.text.encode())
        file.seek(0)
        client.send({"told": answer.code}, (file.fileno(),))


@contextmanager
def _told_to_stop() -> Iterator[int]:
    """Gives a descriptor that is readable when this process is to end."""
    stop, wake = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    before = {each: signal.signal(each, lambda *_: None) for each in _ENDING}
    old = signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    try:
        yield stop
    finally:
        signal.set_wakeup_fd(old)
        for each, handler in before.items():
            signal.signal(each, handler)
        os.close(stop)
        os.close(wake)
