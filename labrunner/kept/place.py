"""Where kept labs wait for those who want in: a socket for each, in a folder that only its owner may enter."""

from __future__ import annotations

import os
import select
import socket
import stat
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import NamedTuple

from labrunner.errors import UsageError, nearest
from labrunner.kept.journal import left
from runtime.errors import Refused
from runtime.sandbox.channel import Channel

_WAITING = 16  # who may wait to be let in
_ANSWERING = 5.0  # seconds


class Kept(NamedTuple):
    """A lab that is kept. pid: of the process that keeps it."""

    lab: str
    pid: int

    def wait_for_end(self, seconds: float) -> bool:
        """Whether that process ends within so many seconds."""
        with suppress(ProcessLookupError):
            pidfd = os.pidfd_open(self.pid)
            try:
                return bool(select.select([pidfd], [], [], seconds)[0])
            finally:
                os.close(pidfd)
        return True


def folder() -> str:
    """The folder with the sockets, made when it is not there. Raises Refused when it is not one's own."""
    base = os.environ.get("XDG_RUNTIME_DIR")
    path = os.path.join(base, "labrun") if base else f"/tmp/labrun-{os.getuid()}"
    try:
        with suppress(FileExistsError):
            os.mkdir(path, 0o700)
        found = os.lstat(path)
    except OSError as error:
        raise Refused(f"make the folder {path}", error.errno or 0,
                      mend="set XDG_RUNTIME_DIR to a folder of yours") from error
    # In /tmp anybody may have made it before.
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o077:
        raise Refused(f"use the folder {path}", why="it belongs to somebody else, or others may enter it",
                      mend=f"see whose it is: ls -ld {path}; or set XDG_RUNTIME_DIR to a folder of yours")
    return path


class Door:
    """The socket of a lab that this process keeps. To be made before Sandbox.enter, after which it is somebody else's.

    Raises Refused when there is no folder for it.
    """

    def __init__(self, lab: str) -> None:
        self._folder = os.open(folder(), os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        self._name, self.is_open = f"{lab}.{os.getpid()}", False
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)

    def open(self) -> None:
        """From now on others find it. Raises Refused."""
        new = f"{self._name}.new"  # whoever finds a socket at which nobody listens yet takes it for a dead one
        try:
            with suppress(FileNotFoundError):
                os.unlink(new, dir_fd=self._folder)
            self._socket.bind(_address(self._folder, new))
            self._socket.listen(_WAITING)
            os.rename(new, self._name, src_dir_fd=self._folder, dst_dir_fd=self._folder)
            self.is_open = True
        except OSError as error:
            raise Refused("keep the lab for others", error.errno or 0, str(error)) from error

    def fileno(self) -> int:
        """For select(2)."""
        return self._socket.fileno()

    def let_in(self) -> Channel | None:
        """Who waits, None when nobody does any more."""
        try:
            return Channel(self._socket.accept()[0])
        except OSError:
            return None

    def close(self) -> None:
        """Nobody gets in any more."""
        self._socket.close()
        with suppress(OSError):
            os.unlink(self._name, dir_fd=self._folder)
        os.close(self._folder)


def kept() -> list[Kept]:
    """Every lab that is kept by this user. What those left behind who were killed is removed. Raises Refused."""
    return sorted(_kept())


def _kept() -> Iterator[Kept]:
    for name in os.listdir(folder()):
        lab, _, pid = name.rpartition(".")
        if lab and pid.isdecimal():
            found = Kept(lab, int(pid))
            channel = connected(found)
            if channel:
                channel.close()
                yield found


def enter(lab: str) -> Channel:
    """A connection to a lab that is kept. lab: as for `meant`. Raises UsageError, Refused."""
    found = meant(lab)
    channel = connected(found)
    if channel is None:
        raise Refused(f"enter the lab {found.lab}", why="it has just ended", mend="labrun start LAB")
    return channel


def meant(lab: str) -> Kept:
    """The lab that somebody means: its id, or the PID of its keeper; '' when there is but one. Raises UsageError."""
    labs = kept()
    found = [each for each in labs if lab in ("", each.lab, str(each.pid))]
    if not found:
        raise _not_there(lab, labs)
    if len(found) > 1:
        shown = ", ".join(f"{each.lab} ({each.pid})" for each in found)
        raise UsageError(f"more than one lab is under way: {shown}", mend="say which, by its id or number: --lab LAB")
    return found[0]


def _not_there(lab: str, labs: Sequence[Kept]) -> UsageError:
    gone = left(lab)
    if gone and not (labs and not lab):
        return UsageError(f"the lab {gone[-1].begun.lab} is no longer under way", gone[-1].why,
                          f"labrun start {gone[-1].begun.lab} --resume brings it back")
    if not labs:
        return UsageError("no lab is under way", mend=f"labrun start {lab or 'LAB'}")
    return UsageError(f"the lab '{lab}' is not under way", nearest(lab, [each.lab for each in labs]),
                      f"labrun start {lab}")


def connected(found: Kept) -> Channel | None:
    """None when nobody keeps it any more, and then its socket is removed."""
    place = os.open(folder(), os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    client = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_CLOEXEC)
    client.settimeout(_ANSWERING)
    try:
        client.connect(_address(place, f"{found.lab}.{found.pid}"))
    except ConnectionRefusedError:
        client.close()
        with suppress(OSError):
            os.unlink(f"{found.lab}.{found.pid}", dir_fd=place)
        return None
    except OSError:
        client.close()
        return None
    finally:
        os.close(place)
    client.settimeout(None)
    return Channel(client)


def _address(place: int, name: str) -> str:
    """The path of a socket is short (unix(7), sun_path), that of a folder need not be."""
    return f"/proc/self/fd/{place}/{name}"
