"""Where kept labs wait for those who want in: a socket for each, in a folder that only its owner may enter."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

from labrunner.errors import UsageError, nearest
from runtime.errors import Refused
from runtime.sandbox.channel import Channel

_WAITING = 16  # who may wait to be let in
_ANSWERING = 5.0  # seconds


class Kept(NamedTuple):
    """A lab that is kept. pid: of the process that keeps it."""

    lab: str
    pid: int


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
            channel = _connected(found)
            if channel:
                channel.close()
                yield found


def enter(lab: str) -> Channel:
    """A connection to a lab that is kept. lab: its id, or the PID of its keeper; '' when there is but one.

    Raises UsageError, Refused.
    """
    labs = kept()
    found = [each for each in labs if lab in ("", each.lab, str(each.pid))]
    if not labs:
        raise UsageError("no lab is under way", mend="labrun start LAB")
    if not found:
        raise UsageError(f"the lab '{lab}' is not under way", nearest(lab, [each.lab for each in labs]),
                         f"labrun start {lab}")
    if len(found) > 1:
        shown = ", ".join(f"{each.lab} ({each.pid})" for each in found)
        raise UsageError(f"more than one lab is under way: {shown}", mend="say which, by its id or number: --lab LAB")
    channel = _connected(found[0])
    if channel is None:
        raise Refused(f"enter the lab {found[0].lab}", why="it has just ended", mend="labrun start LAB")
    return channel


def _connected(found: Kept) -> Channel | None:
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
