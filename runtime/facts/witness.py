"""Tell what conmon wrote into its log from what another process wrote there.

The lab's root can write into any file. The kernel keeps three things that it cannot set: the offset of conmon's own
descriptor of the log (proc(5), fdinfo), which is the end of the file when conmon was the last to append; the number of
bytes that conmon has written (/proc/PID/task/TID/io, which leaves out its children); and the program that the process
executes. What a log gains from one look to the next, and what these numbers account for, conmon wrote. Any process may
have written what was there at the first look, and what came after conmon ended.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from contextlib import suppress
from time import monotonic, sleep
from typing import NamedTuple

from runtime import syscalls as sys
from runtime.facts.exits import CONMON_HOME
from runtime.facts.shims import CONMON, Shim

WINDOW = 1 << 17  # bytes before the end of a log that are looked at
_TRIES = 30
_SETTLING, _AGAIN = 0.5, 0.001  # seconds; it takes microseconds where a processor is free
_UNSEEN = "what its log had when labrun first looked may be from any process"


class Witnessed(NamedTuple):
    """The part of a log that conmon wrote. begin, end: of it, in bytes.  doubt: what is wrong with the rest, or ''."""

    begin: int
    end: int
    doubt: str = ""


class _Look(NamedTuple):
    """A log as it was seen. file: device and inode.  begin, end: as in Witnessed.  digest: of the bytes before `end`.

    writer: PID and start time of conmon.  written: bytes that it had written before.
    """

    file: tuple[int, int]
    begin: int
    end: int
    digest: str
    writer: tuple[int, int]
    written: int


class _Writer(NamedTuple):
    """Conmon as the kernel has it, which goes on writing. size: of the log.

    low, high: the offset of its descriptor of the log, read before and after the size.
    before, after: the bytes that it has written, read before and after all of these.
    """

    before: int
    low: int
    size: int
    high: int
    after: int


class Witness:
    """Remembers each log from look to look. root, proc: descriptors of the sandbox's root directory and its /proc."""

    def __init__(self, root: int, proc: int) -> None:
        self._root, self._proc = root, proc
        self._seen: dict[str, _Look] = {}

    def look(self, name: str, shims: Iterable[Shim]) -> Witnessed:
        """Look at the log of a container, or of a session of exec. Raises Refused and OSError where there is none."""
        shim = next((each for each in shims if each.name == name and each.program == CONMON), None)
        for _ in range(_TRIES):  # conmon may begin another file meanwhile (--log-size-max)
            fd = sys.open_beneath(self._root, f"{CONMON_HOME}/{name}/log", os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
            try:
                found = self._alive(name, fd, shim) if shim else self._ended(name, fd)
            finally:
                os.close(fd)
            if found:
                return found
        self._seen.pop(name, None)
        return Witnessed(0, 0, f"the shim of {name} does not write {CONMON_HOME}/{name}/log")

    def _alive(self, name: str, fd: int, shim: Shim) -> Witnessed | None:
        """Return None where the shim does not write that file."""
        found = os.fstat(fd)
        file, pid = (found.st_dev, found.st_ino), shim.process.pid
        identity, seen = (pid, shim.process.started), self._seen.get(name)
        if seen and seen.file != file:  # --log-size-max: conmon has begun another file
            seen = seen._replace(begin=0, end=0, digest=_digest(fd, 0))
        writer = _read_writer(self._proc, pid, fd, file)
        if writer is None:
            return None
        doubt = _UNSEEN
        if seen and seen.writer == identity:
            deadline = monotonic() + _SETTLING
            # In the middle of writev(2) the file has grown already, and the numbers have not: conmon needs a processor.
            while (doubt := _doubt(fd, seen, writer)) and monotonic() < deadline:
                sleep(_AGAIN)
                writer = _read_writer(self._proc, pid, fd, file) or writer
        begin = seen.begin if seen and not doubt else writer.size
        self._seen[name] = _Look(file, begin, writer.size, _digest(fd, writer.size), identity, writer.before)
        return Witnessed(begin, writer.size, doubt)

    def _ended(self, name: str, fd: int) -> Witnessed:
        seen, found = self._seen.get(name), os.fstat(fd)
        if seen is None or seen.file != (found.st_dev, found.st_ino) or _digest(fd, seen.end) != seen.digest:
            return Witnessed(0, 0, f"no shim of {name} that labrun saw wrote its log")
        return Witnessed(seen.begin, seen.end, "" if found.st_size == seen.end else (
            f"the shim of {name} has ended, and any process may have written what its log has gained since"))


def _doubt(fd: int, seen: _Look, now: _Writer) -> str:
    """Return what shows that another process wrote into the log since, '' where nothing does."""
    if now.size < seen.end or _digest(fd, seen.end) != seen.digest:
        return "another process has changed its log"
    if not now.low <= now.size <= now.high or now.size - seen.end > now.after - seen.written:
        return "another process than its shim has written into its log"
    return ""


def _read_writer(proc: int, pid: int, fd: int, file: tuple[int, int]) -> _Writer | None:
    """Return the numbers of a process that has `file` open to write; None where it has not."""
    descriptor = _descriptor(proc, pid, file)
    if descriptor is None:
        return None
    before, low = _written(proc, pid), _offset(proc, pid, descriptor)
    size = os.fstat(fd).st_size
    return _Writer(before, low, size, _offset(proc, pid, descriptor), _written(proc, pid))


def _descriptor(proc: int, pid: int, file: tuple[int, int]) -> str | None:
    folder = os.open(f"{pid}/fd", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=proc)
    try:
        for name in os.listdir(folder):
            with suppress(OSError):
                found = os.stat(name, dir_fd=folder)
                way = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode  # proc(5): that of the open file
                if (found.st_dev, found.st_ino) == file and way & stat.S_IWUSR:
                    return name
        return None
    finally:
        os.close(folder)


def _offset(proc: int, pid: int, descriptor: str) -> int:
    return _number(proc, f"{pid}/fdinfo/{descriptor}", "pos")


def _written(proc: int, pid: int) -> int:
    return _number(proc, f"{pid}/task/{pid}/io", "wchar")


def _number(proc: int, path: str, key: str) -> int:
    with open(path, encoding="ascii", opener=lambda name, flags: os.open(name, flags, dir_fd=proc)) as file:
        return next(int(line.split()[1]) for line in file if line.startswith(f"{key}:"))


def _digest(fd: int, end: int) -> str:
    """Return the digest of the last bytes before `end`."""
    from hashlib import sha256  # loading it takes longer than all else here

    begin = max(0, end - WINDOW)
    return sha256(os.pread(fd, end - begin, begin)).hexdigest()
