"""What somebody does in a lab, as it happens: enough to bring the lab back when its process has died.

A journal is a file of JSON lines in the state folder, LAB.PID: how the lab was begun, and then each deed. Whoever keeps
the lab has the file locked (flock(2)); so one that nobody has locked is of a lab that has died. It is removed with the
end that somebody wished for.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from labrunner.state_folder import append_to, folder, lines, lock, open_for_lines, open_regular, place
from runtime.errors import Refused

_FOLDER = "labs"


class Begun(NamedTuple):
    """How a lab was begun.

    path: of its lab.yaml.  given: values of variables, NAME=VALUE.  began: seconds since 1970.
    """

    lab: str
    path: str
    given: tuple[str, ...]
    runtime: str
    id_map: str
    shell: str
    began: int


class Deed(NamedTuple):
    """Something that was done.

    did: 'typed' for a command of the learner, 'solved' for a step that labrun did, 'passed', 'hint', or 'went' for who
    went back to a step.
    step: its id.  text: the command.  folder, netns: where it was typed, '' for in the lab host's.
    """

    did: str
    step: str
    text: str = ""
    folder: str = ""
    netns: str = ""


class Left(NamedTuple):
    """What a lab that has died has left.

    pid: of the process that kept it.  ended: why it ended, '' when it was killed.
    """

    begun: Begun
    pid: int
    deeds: tuple[Deed, ...]
    ended: str
    path: str

    @property
    def why(self) -> str:
        """Why it is no longer there."""
        return self.ended or "its process was killed, or the machine was started anew"

    def forget(self) -> None:
        """It is not to be brought back."""
        with suppress(FileNotFoundError):
            os.unlink(self.path)


class Journal:
    """That of a lab which this process keeps. Raises Refused."""

    def __init__(self, begun: Begun, deeds: Iterable[Deed] = ()) -> None:
        self.path = os.path.join(folder(_FOLDER), f"{begun.lab}.{os.getpid()}")
        try:
            with suppress(FileNotFoundError):
                os.unlink(self.path)  # of a process that had this number before
        except OSError as error:  # a folder
            raise Refused(f"write {self.path}", error.errno or 0, mend=f"see what it is: ls -ld {self.path}") from error
        self._fd = open_for_lines(self.path)
        lock(self._fd, self.path)
        self._write({"began": begun._asdict()})
        for deed in deeds:
            self.add(deed)

    def add(self, deed: Deed) -> None:
        """Raises Refused."""
        self._write({key: value for key, value in deed._asdict().items() if value})

    def end(self, why: str) -> None:
        """It ends by itself, and can be brought back. Raises Refused."""
        self._write({"ended": why})

    def remove(self) -> None:
        """It has ended, as somebody wished."""
        with suppress(FileNotFoundError):
            os.unlink(self.path)

    def _write(self, line: dict[str, Any]) -> None:
        append_to(self._fd, json.dumps(line, ensure_ascii=False), self.path)


def left(lab: str = "") -> list[Left]:
    """Labs that have died and can be brought back, the last one last.

    lab: an id, the PID of the keeper, or '' for all.
    """
    found = []
    for name in _names():
        each, _, pid = name.rpartition(".")
        path = os.path.join(place(_FOLDER), name)
        if each and pid.isdecimal() and lab in ("", each, pid) and not _locked(path):
            with suppress(ValueError, KeyError, TypeError):  # no journal, or one of another labrun
                found.append(_read(path, int(pid)))
    return sorted(found, key=lambda each: (each.begun.began, each.pid))


def _names() -> list[str]:
    with suppress(OSError):
        return os.listdir(place(_FOLDER))
    return []


def _locked(path: str) -> bool:
    try:
        fd = open_regular(path)
    except OSError:
        return True  # it has been removed, or is no journal
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


def _read(path: str, pid: int) -> Left:
    said = list(_said(path))
    if not said:
        raise ValueError("an empty journal")
    begun = said[0]["began"]
    deeds = tuple(Deed(**{name: str(each.get(name, "")) for name in Deed._fields}) for each in said if "did" in each)
    given = tuple(str(each) for each in begun["given"])
    return Left(Begun(**{**{name: begun[name] for name in Begun._fields}, "given": given}), pid, deeds,
                next((str(each["ended"]) for each in said if "ended" in each), ""), path)


def _said(path: str) -> Iterator[dict[str, Any]]:
    for line in lines(path):
        with suppress(ValueError):
            if isinstance(each := json.loads(line), dict):
                yield each


def standing_deeds(deeds: Sequence[Deed], steps: Sequence[str]) -> list[Deed]:
    """Those that count still: whoever went back to a step has undone what was done in it and after it."""
    found: list[Deed] = []
    for deed in deeds:
        if deed.step not in steps:
            continue
        if deed.did == "went":
            before = set(steps[: steps.index(deed.step)])
            found = [each for each in found if each.step in before or each.did == "hint"]
        else:
            found.append(deed)
    return found
