"""The file tree of the sandbox, as a list of operations.

Two steps, because a tree made read-only in the lab's own mount namespace can be made writable again by lab root. The
outer user namespace makes it read-only; the lab's mount namespace belongs to an inner one, so those mounts are locked
there (mount_namespaces(7), "Restrictions on mount namespaces").
"""

from __future__ import annotations

import contextlib
import errno
import os
import pwd

from runtime import syscalls as sys
from runtime.errors import Missing, Refused

NETNS_DIR = "/run/netns"
BIN_DIR = "/run/labrun/bin"
PATH = f"{BIN_DIR}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

_TMPFS = "tmpfs"
_SUDO = """#!/bin/sh
# One is root here already: run the command as it is. Options of sudo(8) that change nothing here are skipped.
while [ $# -gt 0 ]; do
  case "$1" in
    -u | -g | -h | -p | -C | -T) shift 2 ;;
    -i | -s) shift; [ $# -gt 0 ] || exec "${SHELL:-/bin/sh}" ;;
    --) shift; break ;;
    -*) shift ;;
    *=*) export "$1"; shift ;;
    *) break ;;
  esac
done
[ $# -gt 0 ] || { echo "usage: sudo COMMAND [ARGUMENT...]" >&2; exit 1; }
exec "$@"
"""


def home() -> str:
    """The home folder of lab root: that of root on this machine."""
    folder = pwd.getpwuid(0).pw_dir
    return folder if folder != "/" and os.path.isdir(folder) else "/run/root"


def detach_from_machine() -> None:
    """No mount of the sandbox reaches the machine, and no later mount of the machine arrives writable."""
    sys.mount("none", "/", "", sys.MS_REC | sys.MS_PRIVATE)


def lock_tree() -> None:
    """In the outer user namespace: the machine's tree read-only, a /proc of the sandbox's own, private writable folders."""
    try:
        sys.mount_setattr("/", set_=sys.MOUNT_ATTR_RDONLY)
    except Refused as refused:
        if refused.errno == errno.ENOSYS:
            raise Missing("the machine's files cannot be made read-only for the lab",
                          "mount_setattr(2) is not there", "labrun needs Linux 5.12 or newer") from refused
        raise
    # A new sysfs may not be less restricted than the old one (mount_too_revealing, fs/namespace.c), and where
    # the old one was read-only from the start the flag is locked and the new one will be read-only too.
    with contextlib.suppress(Refused):
        sys.mount_setattr("/sys", clear=sys.MOUNT_ATTR_RDONLY, recursive=False)
    sys.mount("proc", "/proc", "proc", sys.MS_NOSUID | sys.MS_NODEV | sys.MS_NOEXEC)
    for target, options in (
        ("/run", "size=512m,mode=755"),
        ("/tmp", "size=256m,mode=1777"),
        ("/dev/shm", "size=64m,mode=1777"),
        (home(), "size=256m,mode=700"),
    ):
        if target.startswith("/run/"):
            os.makedirs(target, mode=0o700)
        elif os.path.isdir(target):
            sys.mount(_TMPFS, target, _TMPFS, sys.MS_NOSUID | sys.MS_NODEV, options)


def furnish() -> None:
    """In the inner user namespace: what belongs to the lab's own network, cgroup and host."""
    _mount_sysfs()
    with contextlib.suppress(Refused):  # absent where the kernel has no cgroups; a lab that needs them says so
        sys.mount("cgroup2", "/sys/fs/cgroup", "cgroup2", sys.MS_NOSUID | sys.MS_NODEV | sys.MS_NOEXEC)
    os.makedirs(NETNS_DIR)
    # ip-netns(8) wants the folder to be a shared mount, so that mounts in it are seen by `ip netns exec`.
    sys.mount(NETNS_DIR, NETNS_DIR, "", sys.MS_BIND | sys.MS_REC)
    sys.mount("none", NETNS_DIR, "", sys.MS_SHARED | sys.MS_REC)
    os.makedirs(BIN_DIR)
    sudo = os.open(f"{BIN_DIR}/sudo", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o755)
    os.write(sudo, _SUDO.encode())
    os.close(sudo)


def _mount_sysfs() -> None:
    flags = sys.MS_NOSUID | sys.MS_NODEV | sys.MS_NOEXEC
    try:
        sys.mount("sysfs", "/sys", "sysfs", flags)
    except Refused:
        sys.mount("sysfs", "/sys", "sysfs", flags | sys.MS_RDONLY)
