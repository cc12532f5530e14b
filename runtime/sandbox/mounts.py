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

from runtime import programs
from runtime import syscalls as sys
from runtime.errors import Missing, Refused

NETNS_DIR = "/run/netns"
BIN_DIR = "/run/labrun/bin"
PATH = f"{BIN_DIR}:{programs.PATH}"

LARGEST_FILE = 512 << 20  # bytes: what /run holds, the largest folder that can be written

_NAMES_DIR = "/run/labrun/etc"
_NAMES = {  # hosts(5), resolv.conf(5)
    "hosts": "127.0.0.1 localhost labhost\n::1 localhost\n",
    "resolv.conf": "# A lab has no name server.\noptions timeout:1 attempts:1\n",
}
_TMPFS = "tmpfs"
_PLAIN = sys.MS_NOSUID | sys.MS_NODEV | sys.MS_NOEXEC
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty", "fuse", "net/tun")
_DEVICE_LINKS = {"fd": "/proc/self/fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2", "ptmx": "pts/ptmx"}
_SUDO = """#!/bin/sh
# One is root here already: run the command as it is. Options of sudo(8) that change nothing here are skipped.
while [ $# -gt 0 ]; do
  case "$1" in
    -[CghprTtUu] | --user | --group | --host | --prompt) shift 2 ;;
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
    """In the outer user namespace: the machine's tree read-only; /proc, /dev and writable folders of the lab's own."""
    try:
        sys.mount_setattr("/", set_=sys.MOUNT_ATTR_RDONLY)
    except Refused as refused:
        if refused.errno == errno.ENOSYS:
            raise Missing("the machine's files cannot be made read-only for the lab",
                          "mount_setattr(2) is not there", "labrun needs Linux 5.12 or newer") from refused
        raise
    sys.mount("proc", "/proc", "proc", _PLAIN)
    _mount_devices()
    for target, options in (
        ("/run", f"size={LARGEST_FILE},mode=755"),
        ("/tmp", "size=256m,mode=1777"),
        (home(), "size=256m,mode=700"),
    ):
        if target.startswith("/run/"):
            os.makedirs(target, mode=0o700)
        elif os.path.isdir(target):
            _mount_tmpfs(target, options)
    _mount_names()


def mount_views() -> None:
    """In the outer mount namespace, but in the lab's network and cgroup namespace: the lab's own sysfs and cgroup2."""
    try:
        sys.mount("sysfs", "/sys", "sysfs", _PLAIN)
    except Refused:  # it may not be less restricted than the machine's (mount_too_revealing, fs/namespace.c)
        sys.mount("sysfs", "/sys", "sysfs", _PLAIN | sys.MS_RDONLY)
    with contextlib.suppress(Refused):  # absent where the kernel has no cgroups; a lab that needs them says so
        sys.mount("cgroup2", "/sys/fs/cgroup", "cgroup2", _PLAIN)


def furnish() -> None:
    """In the inner user namespace: what lab root may take away again."""
    os.makedirs(NETNS_DIR)
    # ip-netns(8) wants the folder to be a shared mount, so that mounts in it are seen by `ip netns exec`.
    sys.mount(NETNS_DIR, NETNS_DIR, "", sys.MS_BIND | sys.MS_REC)
    sys.mount("none", NETNS_DIR, "", sys.MS_SHARED | sys.MS_REC)
    os.makedirs(BIN_DIR)
    sudo = os.open(f"{BIN_DIR}/sudo", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o755)
    os.write(sudo, _SUDO.encode())
    os.close(sudo)


def _mount_names() -> None:
    """Names as they are in a lab: its own host, and no name server. The machine's would be asked in vain."""
    os.makedirs(_NAMES_DIR)
    for name, text in _NAMES.items():
        with open(f"{_NAMES_DIR}/{name}", "w", encoding="ascii") as file:
            file.write(text)
        if os.path.isfile(f"/etc/{name}"):  # a link into /run leads nowhere here, which is as good as an empty file
            sys.mount(f"{_NAMES_DIR}/{name}", f"/etc/{name}", "", sys.MS_BIND)


def _mount_devices() -> None:
    """A /dev with what every program expects, and without the machine's disks and terminals.

    Read-only mounts don't keep devices from being written to, and an ordinary user owns the terminals.
    """
    present = [name for name in _DEVICES if os.path.exists(f"/dev/{name}")]
    kept = {name: os.open(f"/dev/{name}", os.O_PATH | os.O_CLOEXEC) for name in present}
    _mount_tmpfs("/dev", "size=1m,mode=755")
    os.mkdir("/dev/net")
    for name, fd in kept.items():
        os.close(os.open(f"/dev/{name}", os.O_WRONLY | os.O_CREAT | os.O_EXCL))
        sys.mount(f"/proc/self/fd/{fd}", f"/dev/{name}", "", sys.MS_BIND)
        os.close(fd)
    for name, target in _DEVICE_LINKS.items():
        os.symlink(target, f"/dev/{name}")
    os.mkdir("/dev/pts")
    sys.mount("devpts", "/dev/pts", "devpts", sys.MS_NOSUID | sys.MS_NOEXEC, "newinstance,ptmxmode=666,mode=620")
    os.mkdir("/dev/shm")
    _mount_tmpfs("/dev/shm", "size=64m,mode=1777")


def _mount_tmpfs(target: str, options: str) -> None:
    sys.mount(_TMPFS, target, _TMPFS, sys.MS_NOSUID | sys.MS_NODEV, options)
