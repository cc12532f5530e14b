"""The processes of a recording. What was recorded is written at once, by the one outside of the sandbox.

    labrun record, at the terminal
      └─ writer, outside of the sandbox, owns the door and writes the lab
           └─ recorder, which has joined the sandbox for good (Sandbox.enter)
                └─ sandbox
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple, NoReturn

from labrunner.errors import UsageError
from labrunner.importing.drafting import Draft
from labrunner.importing.writing import lab_text
from labrunner.kept.keeper import Keeper
from labrunner.kept.place import Door
from labrunner.lab_file import schema_line, write_lab
from labrunner.language.about import About
from labrunner.language.lab import Lab
from labrunner.lesson.rc import Shell
from labrunner.recording.recorder import Recorder
from labrunner.session import Session
from runtime import syscalls
from runtime.errors import Problem
from runtime.oci.available import preferred
from runtime.sandbox.build import fork
from runtime.sandbox.channel import Channel, Closed, pack
from runtime.sandbox.handle import start


class Wanted(NamedTuple):
    """A lab to be recorded. path: of the lab.yaml that comes of it.  world: in which it begins."""

    name: str
    path: str
    world: str
    shell: Shell

    @property
    def lab(self) -> Lab:
        """The lab before anything was recorded: it has no steps."""
        return Lab(About(self.name, self.path, self.name, "", "beginner", 0, ()), self.world, {}, (), preferred())


def keep(wanted: Wanted, above: Channel) -> NoReturn:
    """Be the writer until SIGTERM comes. Ends with 0 when a lab was written, with 1 otherwise."""
    written = False

    def stop(*_: object) -> NoReturn:
        os._exit(0 if written else 1)

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, stop)
    here, there = Channel.pair()
    try:
        door = Door(wanted.name)
        fork(lambda: _record(wanted, door, here, there), there)
        there.close()
        here.expect("ready")
        door.open()
        above.send({"ready": True})
        while True:
            why = _write(wanted.path, here.receive()[1][0])
            written = written or not why
            here.send({"written": why})
    except Problem as problem:
        above.send({"problem": pack(problem)})
    except Closed:
        pass
    finally:
        with suppress(Exception):
            door.close()
        stop()


def _record(wanted: Wanted, door: Door, not_mine: Channel, above: Channel) -> None:
    not_mine.close()
    syscalls.die_with_parent()
    session = Session(wanted.lab, start())
    try:
        recorder = Recorder(session, wanted.name, wanted.world, wanted.shell, _written_by(above))
        above.send({"ready": True})
        Keeper(session, door, recorder).keep()
    finally:
        session.close()


def _written_by(above: Channel) -> Callable[[Draft], str]:
    """Has a lab written outside of the sandbox."""

    def write(draft: Draft) -> str:
        with os.fdopen(os.memfd_create("lab"), "w+b") as file:
            file.write((schema_line() + lab_text(draft)).encode())
            file.seek(0)
            above.send({"lab": True}, (file.fileno(),))
        return str(above.expect("written"))

    return write


def _write(path: str, fd: int) -> str:
    """Why it could not be written, or ''."""
    with os.fdopen(fd, encoding="utf-8") as file:
        text = file.read()
    try:
        write_lab(path, text)
    except UsageError as problem:
        return str(problem)
    return ""
