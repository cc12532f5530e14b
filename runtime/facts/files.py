"""Files of the sandbox, read from outside: nothing is run in it, and no link leads out of it (path_resolution(7)).

What a file of /proc/sys holds hangs on who reads it: of the network it is the lab host's, of the host name it is not.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from typing import NamedTuple

from runtime import syscalls as sys
from runtime.errors import Refused
from runtime.facts.look import Look, Unexaminable

_MOST = 1 << 16  # bytes that are read
_KINDS = {stat.S_IFREG: "file", stat.S_IFDIR: "folder", stat.S_IFLNK: "link", stat.S_IFIFO: "fifo",
          stat.S_IFSOCK: "socket", stat.S_IFCHR: "device", stat.S_IFBLK: "device"}
_NOTHING = (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP)
_NOBODY = 65534  # whose files those look like whose owner is not in the lab's user namespace (user_namespaces(7))


class File(NamedTuple):
    """What is at a path; where that is a link, what it leads to.

    kind: 'file', 'folder', 'fifo', 'socket', 'device', or 'link' for one that leads nowhere.
    mode: its permissions, in octal: '644'.  size: in bytes.  target: what the link at `path` says, '' without one.
    text: all of it; None for what is no file, larger than 64 KiB, not UTF-8, or not the lab's root's to read.
    sha256: of all of it, in hexadecimal, where it is no text but could be read; otherwise ''.
    problem: why a file could not be read, ''  where it could, and for what is no file.
    """

    path: str
    kind: str
    mode: str
    size: int
    target: str = ""
    text: str | None = None
    sha256: str = ""
    problem: str = ""


def read_files(root: int, paths: Iterable[str], look: Look | None = None) -> tuple[File, ...]:
    """Those of `paths` at which there is something. root: descriptor of the sandbox's root directory."""
    look = look or Look()
    return tuple(file for path in paths if (file := look.at("file", path, partial(_read, root, path), None)))


def _read(root: int, path: str) -> File | None:
    """None where there is nothing. Raises Refused and OSError for what cannot be examined."""
    try:
        place, target = _open(root, path, os.O_NOFOLLOW), ""
    except Refused as refused:
        if refused.errno in _NOTHING:
            return None
        raise
    try:
        if stat.S_ISLNK(os.fstat(place).st_mode):
            target = os.readlink("", dir_fd=place)
            with suppress(Refused):
                followed = _open(root, path)
                os.close(place)
                place = followed
        return _file(place, path, target)
    finally:
        os.close(place)


def _open(root: int, path: str, flags: int = 0) -> int:
    """A place that nothing has been done to: a fifo would block, and a device do something, if it was opened."""
    return sys.open_beneath(root, path, os.O_PATH | flags)


def _file(place: int, path: str, target: str) -> File:
    found = os.fstat(place)
    file = File(path, _KINDS.get(stat.S_IFMT(found.st_mode), ""), f"{stat.S_IMODE(found.st_mode):03o}", found.st_size,
                target)
    # labrun may be root, and read more than the lab's root may.
    if file.kind != "file" or not (found.st_mode & stat.S_IROTH or found.st_uid != _NOBODY):
        return file._replace(problem="the root of the lab may not read it" if file.kind == "file" else "")
    try:
        data = _content(place)
    except Unexaminable as problem:
        return file._replace(problem=str(problem))
    text = _text(data)
    return file._replace(size=len(data), text=text, sha256="" if text is not None else _digest(data))


def _content(place: int) -> bytes:
    """All of a regular file. Raises Unexaminable. A file of /proc has a size of 0."""
    data = b""
    try:
        # Without O_NONBLOCK one with a lease on it would block (fcntl(2), F_SETLEASE).
        fd = os.open(f"/proc/self/fd/{place}", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except BlockingIOError:
        raise Unexaminable("a process of the lab holds a lease on it (fcntl(2), F_SETLEASE)") from None
    except OSError as error:
        raise Unexaminable(os.strerror(error.errno or errno.EIO)) from error
    try:
        while len(data) <= _MOST and (more := os.read(fd, _MOST + 1 - len(data))):
            data += more
    except OSError as error:
        raise Unexaminable(os.strerror(error.errno or errno.EIO)) from error
    finally:
        os.close(fd)
    if len(data) > _MOST:
        raise Unexaminable(f"it is larger than {_MOST >> 10} KiB")
    return data


def _digest(data: bytes) -> str:
    from hashlib import sha256  # loading it takes longer than all else here

    return sha256(data).hexdigest()


def _text(data: bytes) -> str | None:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None
