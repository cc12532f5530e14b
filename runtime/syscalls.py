"""The one funnel for system calls that Python 3.11 has no function for.

Each function raises Refused, which names the operation and the errno.
"""

from __future__ import annotations

import ctypes
import os
from contextlib import suppress
from typing import Any

from runtime.errors import Refused

# <linux/sched.h>
NEWNS = 0x00020000
NEWCGROUP = 0x02000000
NEWUTS = 0x04000000
NEWIPC = 0x08000000
NEWUSER = 0x10000000
NEWPID = 0x20000000
NEWNET = 0x40000000

# <linux/mount.h>
MS_RDONLY = 0x1
MS_NOSUID = 0x2
MS_NODEV = 0x4
MS_NOEXEC = 0x8
MS_BIND = 0x1000
MS_REC = 0x4000
MS_PRIVATE = 0x40000
MS_SHARED = 0x100000
MNT_DETACH = 2
MOUNT_ATTR_RDONLY = 0x1

# <linux/openat2.h>
RESOLVE_NO_MAGICLINKS = 0x02
RESOLVE_IN_ROOT = 0x10

# New system calls have one number on every architecture (since Linux 5.0, "unified" numbers).
_SYS_OPENAT2 = 437
_SYS_MOUNT_SETATTR = 442
_AT_FDCWD = -100
_AT_RECURSIVE = 0x8000
_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_CHILD_SUBREAPER = 36
_RLIMIT_FSIZE = 1
_RLIMIT_NPROC = 6
_RLIMIT_CORE = 4
_KEYCTL_JOIN_SESSION_KEYRING = 1
_SECCOMP_SET_MODE_FILTER, _SECCOMP_FILTER_FLAG_SPEC_ALLOW = 1, 4

_libc = ctypes.CDLL(None, use_errno=True)


class _MountAttr(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in ("attr_set", "attr_clr", "propagation", "userns_fd")]


class _OpenHow(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in ("flags", "mode", "resolve")]


class _SockFprog(ctypes.Structure):  # <linux/filter.h>
    _fields_ = [("len", ctypes.c_ushort), ("filter", ctypes.c_void_p)]


def _call(operation: str, function: Any, *arguments: object) -> int:
    result = int(function(*arguments))
    if result < 0:
        raise Refused(operation, ctypes.get_errno())
    return result


def unshare(flags: int, names: str) -> None:
    """unshare(2): leave the namespaces of `flags`; `names` says which, for the error."""
    _call(f"make new namespaces ({names})", _libc.unshare, flags)


def setns(fd: int, flags: int, name: str) -> None:
    """setns(2): enter the namespaces that `fd` (a namespace or a pidfd) stands for."""
    _call(f"enter {name}", _libc.setns, fd, flags)


def mount(source: str, target: str, kind: str, flags: int = 0, data: str = "") -> None:
    """mount(2)."""
    shown = f"mount {kind or source} on {target}"
    _call(shown, _libc.mount, source.encode(), target.encode(), kind.encode(),
          ctypes.c_ulong(flags), data.encode() or None)


def umount(target: str) -> None:
    """umount2(2) with MNT_DETACH."""
    _call(f"unmount {target}", _libc.umount2, target.encode(), MNT_DETACH)


def pivot_root(new: str, old: str) -> None:
    """pivot_root(2): `new` becomes the root directory, and the one before is at `old`, a folder below `new`."""
    _call(f"make {new} the root directory", _libc.pivot_root, new.encode(), old.encode())


def mount_setattr(target: str, set_: int = 0, clear: int = 0, recursive: bool = True) -> None:
    """mount_setattr(2), since Linux 5.12."""
    attr = _MountAttr(set_, clear, 0, 0)
    _call(f"change the mount flags of {target}", _libc.syscall, _SYS_MOUNT_SETATTR, _AT_FDCWD, target.encode(),
          _AT_RECURSIVE if recursive else 0, ctypes.byref(attr), ctypes.sizeof(attr))


def open_beneath(root_fd: int, path: str, flags: int) -> int:
    """Open `path` with `root_fd` as its root directory: no link can lead out of it (openat2(2), RESOLVE_IN_ROOT)."""
    how = _OpenHow(flags | os.O_CLOEXEC, 0, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS)
    return _call(f"open {path} in the sandbox", _libc.syscall, _SYS_OPENAT2, root_fd, path.encode(),
                 ctypes.byref(how), ctypes.sizeof(how))


def die_with_parent() -> None:
    """SIGKILL for the caller when its parent ends (PR_SET_PDEATHSIG, prctl(2)). Changing ids clears it."""
    _call("tie this process to its parent", _libc.prctl, _PR_SET_PDEATHSIG, 9, 0, 0, 0)


def stay_readable() -> None:
    """Keep /proc/PID readable for its owner after a change of ids (PR_SET_DUMPABLE, prctl(2))."""
    _call("keep /proc readable", _libc.prctl, _PR_SET_DUMPABLE, 1, 0, 0, 0)


def adopt_orphans() -> None:
    """Become the parent of descendants that lose theirs (PR_SET_CHILD_SUBREAPER, prctl(2))."""
    _call("adopt orphans", _libc.prctl, _PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def limit_file_size(size: int) -> None:
    """The caller, and what it starts, get SIGXFSZ for a file of more than `size` bytes (RLIMIT_FSIZE, setrlimit(2)).

    A lower limit that is there already stays.
    """
    old = (ctypes.c_uint64 * 2)()
    _call("find the limit of files", _libc.prlimit64, 0, _RLIMIT_FSIZE, None, old)
    limit = (ctypes.c_uint64 * 2)(min(size, old[1]), min(size, old[1]))
    _call("limit the size of files", _libc.prlimit64, 0, _RLIMIT_FSIZE, limit, None)


def limit_processes(count: int) -> None:
    """The caller, and what it starts, have at most `count` processes and threads (RLIMIT_NPROC, setrlimit(2)).

    They are counted by user and user namespace, and what a namespace's owner may have is the limit of the whole of it
    (kernel/ucount.c). A lower limit that is there already stays.
    """
    old = (ctypes.c_uint64 * 2)()
    _call("find the limit of processes", _libc.prlimit64, 0, _RLIMIT_NPROC, None, old)
    limit = (ctypes.c_uint64 * 2)(min(count, old[1]), min(count, old[1]))
    _call("limit the processes", _libc.prlimit64, 0, _RLIMIT_NPROC, limit, None)


def limit_core_dumps() -> None:
    """The caller, and what it starts, leave no core dump. 1: with 0 a program of the machine would still be given one
    (core(5), "Piping core dumps to a program")."""
    limit = (ctypes.c_uint64 * 2)(1, 1)
    _call("limit core dumps", _libc.prlimit64, 0, _RLIMIT_CORE, limit, None)


def hide_from_tracers() -> None:
    """Nobody may trace the caller, or take its descriptors, but root of the machine (PR_SET_DUMPABLE, prctl(2))."""
    _call("hide from tracers", _libc.prctl, _PR_SET_DUMPABLE, 0, 0, 0, 0)


def leave_session_keyring(keyctl: int) -> None:
    """Get a session keyring with nothing in it (KEYCTL_JOIN_SESSION_KEYRING, keyctl(2)). keyctl: number of the call.

    A kernel without keys, or a filter that refuses the call, is all the same.
    """
    with suppress(Refused):
        _call("join another session keyring", _libc.syscall, keyctl, _KEYCTL_JOIN_SESSION_KEYRING, None)


def set_seccomp_filter(seccomp: int, program: bytes) -> None:
    """seccomp(2), SECCOMP_SET_MODE_FILTER. seccomp: number of the call.  program: classic BPF, 8 bytes an instruction.

    SECCOMP_FILTER_FLAG_SPEC_ALLOW: before Linux 5.16 a filter would otherwise slow down every program.
    """
    code = ctypes.create_string_buffer(program, len(program))
    filter_ = _SockFprog(len(program) // 8, ctypes.addressof(code))
    _call("set a filter of system calls", _libc.syscall, seccomp, _SECCOMP_SET_MODE_FILTER,
          _SECCOMP_FILTER_FLAG_SPEC_ALLOW, ctypes.byref(filter_))


def inotify_init() -> int:
    """inotify_init1(2): a descriptor that does not block."""
    return _call("watch files", _libc.inotify_init1, os.O_NONBLOCK | os.O_CLOEXEC)


def inotify_add_watch(fd: int, path: str, mask: int) -> None:
    """inotify_add_watch(2)."""
    _call(f"watch {path}", _libc.inotify_add_watch, fd, path.encode(), ctypes.c_uint32(mask))


def set_hostname(name: str) -> None:
    """sethostname(2)."""
    _call(f"set the host name {name}", _libc.sethostname, name.encode(), len(name))
