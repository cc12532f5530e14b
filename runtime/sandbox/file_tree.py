"""The file tree of a lab: a new root directory, and of the machine's files what an allow-list names, through overlays.

A read-only mount is no wall: connect(2) to a unix socket and open(2) of a FIFO ask the inode alone, and flock(2) and
leases go through it. A file of an overlay has an inode of its own (overlayfs.rst of the kernel): its content is the
machine's, but a socket refuses (ECONNREFUSED), a FIFO has no reader (ENXIO), and no lock meets a lock of the machine.

What a lab writes below /usr, /etc and /opt goes to an upper layer of limited size and ends with the lab. A file whose
owner has no id in the lab can be removed or replaced there, but not changed in place: the kernel refuses to copy it.
"""

from __future__ import annotations

import os
import stat
import sys as python
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

from runtime import syscalls as sys

_SYSTEM = ("bin", "sbin", "lib", "lib32", "libx32", "lib64", "usr", "etc", "opt")
_PRIVATE = ("/root", "/home", "/var", "/srv", "/mnt", "/media", "/tmp", "/run", "/proc", "/sys", "/dev")
_FOLDERS = ("proc", "sys", "dev", "run", "tmp", "mnt", "srv", "media", "home", "var", "var/cache", "var/lib", "var/log",
            "var/spool")
_OWNED = {  # folders of the machine in which the lab's root may make and remove what they like
    "/usr": ("local", "local/bin", "local/sbin", "local/lib", "local/share"),
    "/etc": ("cni", "containers", "docker", "iproute2", "iptables", "network", "profile.d", "sysctl.d"),
}
# Parts of the system that have a file system of their own on some machines.
_PARTS = ("/usr/bin", "/usr/sbin", "/usr/lib", "/usr/lib64", "/usr/libexec", "/usr/share", "/usr/local")
_REPLACED = ("/etc/passwd", "/etc/group")  # copies, so that they can be changed in place
_SIZE = "size=128m,nr_inodes=64k,mode=755"
_LARGEST_COPY = 1 << 20  # bytes
_STAGE = "/sys"  # a folder of every machine, and the only one from which nothing is shown
_MACHINE, _CHANGES = "/.machine", "/.changes"
_TO_SHOW = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC
_TO_READ = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC  # without O_NONBLOCK a FIFO would block
SOURCE = "labrun"  # of the overlays, as mount(8) shows it
_PLAIN = sys.MS_NOSUID | sys.MS_NODEV


class Shown(NamedTuple):
    """A folder or a file that a lab sees at its own path. place: a descriptor of it."""

    path: str
    place: int


def open_shown(lab_file: str) -> tuple[Shown, ...]:
    """What a lab sees besides the system: Python's folders, and the folder of `lab_file`, '' for none.

    To be called in the outer namespaces by a process that still has the ids of who started it: the lab's root may have
    no right to pass the folders above. Where the folder holds more than a lab, as a home folder does, the file alone is
    shown.
    """
    folder = os.path.dirname(lab_file)
    wanted = [python.prefix, python.base_prefix, folder if _may_be_shown(folder) else lab_file]
    found = []
    for path in dict.fromkeys(wanted):
        if _may_be_shown(path):
            with suppress(OSError):
                found.append(Shown(path, os.open(path, _TO_READ)))
    return tuple(found)


def _may_be_shown(path: str) -> bool:
    """Whether it is no folder of private things, nor one above such; those of the system are shown in any case."""
    real = os.path.realpath(path)
    private = (*_PRIVATE, os.path.realpath(os.path.expanduser("~")))
    if not os.path.isabs(path) or any(_is_below(each, real) for each in private) or os.path.dirname(real) == "/home":
        return False
    return not any(_is_below(real, each) for each in ("/proc", "/sys", "/dev", *(f"/{name}" for name in _SYSTEM)))


def _is_below(path: str, folder: str) -> bool:
    """Whether it is in a folder, or is that folder."""
    return folder == "/" or path == folder or path.startswith(f"{folder}/")


class FileTree:
    """The root directory of a lab. Making it makes it the caller's, in the outer namespaces. Raises Refused.

    The machine's tree is at /.machine until `finish`.
    """

    def __init__(self) -> None:
        self._mounted = _mount_points()
        self._layers = 0
        sys.mount("tmpfs", _STAGE, "tmpfs", _PLAIN, _SIZE)
        os.mkdir(f"{_STAGE}{_MACHINE}")
        sys.pivot_root(_STAGE, f"{_STAGE}{_MACHINE}")
        os.chdir("/")
        for name in _FOLDERS:
            os.mkdir(f"/{name}")
        os.mkdir("/var/tmp")
        os.chmod("/var/tmp", 0o1777)
        os.symlink("/run", "/var/run")
        sys.mount("proc", "/proc", "proc", _PLAIN | sys.MS_NOEXEC)
        os.mkdir(_CHANGES)
        sys.mount("tmpfs", _CHANGES, "tmpfs", _PLAIN, _SIZE)
        os.mkdir(f"{_CHANGES}/empty")

    def show_system(self) -> None:
        """What programs need: /usr, /etc and their like. Raises Refused."""
        for name in _SYSTEM:
            with suppress(FileNotFoundError):
                if stat.S_ISLNK(os.lstat(f"{_MACHINE}/{name}").st_mode):
                    os.symlink(os.readlink(f"{_MACHINE}/{name}"), f"/{name}")
                else:
                    self._show_folder(f"/{name}", os.open(f"{_MACHINE}/{name}", _TO_SHOW))
        for path in _REPLACED:
            with suppress(OSError), open(f"{_MACHINE}{path}", "rb") as file:
                replace(path, file.read(_LARGEST_COPY))

    def show(self, shown: Sequence[Shown]) -> None:
        """Show these as well, to be read only. Raises Refused."""
        for path, place in shown:
            if stat.S_ISDIR(os.fstat(place).st_mode):
                os.makedirs(path, exist_ok=True)
                if self._has_mounts(path):
                    self._show_entries(path, place)
                else:
                    _mount_overlay(path, f"lowerdir={_CHANGES}/empty:/proc/self/fd/{place}")
            elif stat.S_ISREG(os.fstat(place).st_mode):
                os.makedirs(os.path.dirname(path), exist_ok=True)
                _write(path, os.pread(place, _LARGEST_COPY, 0))

    def close(self) -> None:
        """Nothing more is shown. The layers stay in use by their overlays alone."""
        sys.umount(_CHANGES)
        os.rmdir(_CHANGES)

    def _has_mounts(self, path: str) -> bool:
        return any(each.startswith(f"{path}/") for each in self._mounted)

    def _show_folder(self, path: str, place: int) -> None:
        """Show a folder of the machine. place: a descriptor of it, which is closed in the end.

        One with mounts below can't be a layer where they are locked, as all are in a user namespace
        (clone_private_mount, fs/namespace.c): what is in such a folder is shown one by one.
        """
        os.mkdir(path)
        try:
            if self._has_mounts(path):
                self._show_entries(path, place)
            else:
                upper = self._upper(path)
                _mount_overlay(path, f"lowerdir=/proc/self/fd/{place},upperdir={upper},workdir={upper}.work")
        finally:
            os.close(place)

    def _upper(self, path: str) -> str:
        self._layers += 1
        upper = f"{_CHANGES}/{self._layers}"
        os.mkdir(upper)
        os.mkdir(f"{upper}.work")
        for name in _OWNED.get(path, ()):
            if os.path.isdir(f"{_MACHINE}{path}/{name}"):
                os.mkdir(f"{upper}/{name}")
        return upper

    def _show_entries(self, path: str, place: int) -> None:
        with os.scandir(f"/proc/self/fd/{place}") as entries:
            for entry in entries:
                below = f"{path}/{entry.name}"
                with suppress(PermissionError):
                    if entry.is_symlink():
                        os.symlink(os.readlink(entry.name, dir_fd=place), below)
                    elif entry.is_dir() and below in self._mounted and below not in _PARTS:
                        os.mkdir(below)  # another file system is not the lab's
                    elif entry.is_dir():
                        self._show_folder(below, os.open(entry.name, _TO_SHOW | os.O_NOFOLLOW, dir_fd=place))
                    elif entry.is_file():
                        _show_file(os.open(entry.name, _TO_READ, dir_fd=place), below)


def finish() -> None:
    """Take the machine's tree away. Raises Refused."""
    sys.umount(_MACHINE)
    os.rmdir(_MACHINE)


def machine_path(path: str) -> str:
    """Where the machine's `path` is until `finish`."""
    return _MACHINE + path


def replace(path: str, content: bytes) -> None:
    """Put a file of the lab's root where one of the machine may be. Raises OSError."""
    with suppress(FileNotFoundError):
        os.unlink(path)
    _write(path, content)


def _write(path: str, content: bytes) -> None:
    with open(path, "xb") as file:
        file.write(content)


def _show_file(file: int, at: str) -> None:
    """A small file as a copy. A large one is bound: there locks meet the machine's. file: a descriptor, closed then."""
    try:
        status = os.fstat(file)
        if status.st_size <= _LARGEST_COPY:
            _write(at, os.pread(file, _LARGEST_COPY, 0))
            os.chmod(at, stat.S_IMODE(status.st_mode) & 0o777)
        else:
            bind_read_only(f"/proc/self/fd/{file}", at)
    finally:
        os.close(file)


def bind_read_only(source: str, at: str) -> None:
    """Show a file, or a device, itself. Raises Refused."""
    _write(at, b"")
    sys.mount(source, at, "", sys.MS_BIND)
    sys.mount_setattr(at, set_=sys.MOUNT_ATTR_RDONLY, recursive=False)


def _mount_overlay(at: str, layers: str) -> None:
    """userxattr: in a user namespace an overlay keeps its marks in attributes that an ordinary user may set."""
    sys.mount(SOURCE, at, "overlay", _PLAIN, f"{layers},userxattr")


def _mount_points() -> frozenset[str]:
    """Where something is mounted on this machine (proc_pid_mountinfo(5): blanks are escaped as \\040)."""
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
        points = (line.split()[4] for line in file)
        return frozenset(_unescaped(point) for point in points)


def _unescaped(text: str) -> str:
    first, *rest = text.split("\\")
    return first + "".join(chr(int(each[:3], 8)) + each[3:] for each in rest)
