"""What the terminal of a container shows, and its size.

The kernel keeps no screen: what was printed is gone with whoever read it. The shim wrote it down, in its log; a
terminal emulator makes of that what a person would see.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import struct
import termios
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from runtime.errors import Refused
from runtime.facts import docker
from runtime.facts.containers import Container
from runtime.facts.exits import CONMON_HOME
from runtime.facts.kept import end_of, part_of
from runtime.facts.look import Look
from runtime.facts.processes import Process
from runtime.facts.shims import Shim
from runtime.facts.streams import TERMINALS

if TYPE_CHECKING:
    from runtime.facts.witness import Witness

ROWS, COLUMNS = 24, 80  # of a terminal that nobody has told its size
_MOST = 1 << 17  # bytes of a log that are read
_WIDEST = 500
_ESCAPES = re.compile(rb"(?=\x1b|\xc2\x9b)")
_SEQUENCE = re.compile(rb"(?:\x1b.?|\xc2\x9b)[\0-?]*[@-~]?", re.DOTALL)  # ECMA-48, 5.4


class Screen(NamedTuple):
    """name: of the container, or of a session of exec.  lines: from above; without what is empty at their end.

    rows, columns: the size of the terminal; 0 and 0 when nobody set it, or when there is no terminal.
    witnessed: the lines that the shim is known to have written, see runtime.facts.witness.  doubt: what is wrong with
    the others, '' where nothing is.
    """

    name: str
    lines: tuple[str, ...]
    rows: int = 0
    columns: int = 0
    witnessed: tuple[str, ...] | None = None
    doubt: str = ""

    @property
    def evidence(self) -> tuple[str, ...]:
        """The lines that are evidence of what was printed: all, where that is unknown."""
        return self.lines if self.witnessed is None else self.witnessed


def read_screens(root: int, proc: int, names: Iterable[str], containers: Sequence[Container],
                 processes: Sequence[Process], found: Sequence[Shim], witness: Witness,
                 look: Look | None = None) -> tuple[Screen, ...]:
    """Those of `names` of which something is known. found: the shims.  witness: of their logs.

    root, proc: descriptors of the sandbox's root directory and of its /proc.
    """
    def read(name: str) -> Screen | None:
        container = next((each for each in containers if each.name == name), None)
        rows, columns = size_of(proc, name, containers, processes, found)
        size = rows or ROWS, columns or COLUMNS
        try:
            if container and container.root == docker.RUNTIME_ROOT:
                log = end_of(root, docker.log_of(container.id), _MOST)
                return Screen(name, show(b"".join(_docker_lines(log)), *size), rows, columns)
            path = f"{CONMON_HOME}/{name}/log"
            witnessed = witness.look(name, found)
            known = part_of(root, path, max(witnessed.begin, witnessed.end - _MOST), witnessed.end)
            return Screen(name, show(b"".join(_lines(end_of(root, path, _MOST))), *size), rows, columns,
                          show(b"".join(_lines(known)), *size), witnessed.doubt)
        except (Refused, FileNotFoundError):
            return None

    look = look or Look()
    return tuple(screen for name in names if (screen := look.at("screen", name, partial(read, name), None)))


def show(printed: bytes, rows: int = ROWS, columns: int = COLUMNS) -> tuple[str, ...]:
    """What is on a screen of that size after `printed`, line by line."""
    import pyte  # loading it takes longer than all else here, and few labs have terminals

    screen = pyte.Screen(min(columns, _WIDEST), min(rows, _WIDEST))
    stream = pyte.ByteStream(screen)
    for piece in _ESCAPES.split(printed):
        try:
            stream.feed(piece)
        except Exception:  # noqa: BLE001 the emulator stumbles over sequences that a terminal passes over
            stream.feed(_SEQUENCE.sub(b"", piece, count=1))
    lines = ["".join(screen.buffer[row][column].data for column in range(screen.columns)).rstrip()
             for row in range(screen.lines)]
    while lines and not lines[-1]:
        del lines[-1]
    return tuple(lines)


def size_of(proc: int, name: str, containers: Sequence[Container], processes: Sequence[Process],
            found: Sequence[Shim]) -> tuple[int, int]:
    """Rows and columns of the terminal of a container, or of a session of exec; 0 and 0 without one."""
    container = next((each for each in containers if each.name == name), None)
    return _size(proc, _pid(name, container, processes, found))


def _pid(name: str, container: Container | None, processes: Sequence[Process], found: Sequence[Shim]) -> int:
    """Of the process whose terminal it is: the container's first, or what the shim of that name is the parent of."""
    if container and container.pid:
        return container.pid
    parents = {shim.process.pid for shim in found if shim.name == name}
    return next((process.pid for process in processes if process.parent in parents), 0)


def _size(proc: int, pid: int) -> tuple[int, int]:
    """Rows and columns (tty_ioctl(4), TIOCGWINSZ)."""
    try:
        if os.major(os.stat(f"{pid}/fd/0", dir_fd=proc).st_rdev) not in TERMINALS:
            return 0, 0  # to open anything else could do something
        fd = os.open(f"{pid}/fd/0", os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=proc)
    except OSError:
        return 0, 0
    try:
        rows, columns = struct.unpack("HHHH", fcntl.ioctl(fd, termios.TIOCGWINSZ, bytes(8)))[:2]
    except OSError:
        return 0, 0
    finally:
        os.close(fd)
    return rows, columns


def _lines(log: bytes) -> Iterator[bytes]:
    """Of conmon's format k8s-file: 'TIME STREAM F TEXT' for a line and 'P' for a part of one (ctr_logging.c)."""
    for line in log.split(b"\n"):
        _time, _, rest = line.partition(b" ")
        _stream, _, rest = rest.partition(b" ")
        kind, _, text = rest.partition(b" ")
        if kind in (b"F", b"P"):
            yield text if kind == b"P" else text + (b"\n" if text.endswith(b"\r") else b"\r\n")


def _docker_lines(log: bytes) -> Iterator[bytes]:
    for line in log.splitlines():
        with suppress(ValueError, KeyError, TypeError, AttributeError):
            yield json.loads(line)["log"].encode()
