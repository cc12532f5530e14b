"""The mounts of the sandbox, as a list of operations.

Two steps, because the lab's root can undo what is mounted in the lab's own mount namespace. The outer user namespace
mounts all that must stay; the lab's mount namespace belongs to an inner one, so those mounts are locked there
(mount_namespaces(7), "Restrictions on mount namespaces").
"""

from __future__ import annotations

import contextlib
import os
import pwd
from collections.abc import Sequence

from runtime import programs
from runtime import syscalls as sys
from runtime.errors import Refused
from runtime.sandbox.file_tree import FileTree, Shown, bind_read_only, finish, machine_path, replace

HOSTNAME = "labhost"
NETNS_DIR = "/run/netns"
BIN_DIR = "/run/labrun/bin"
PATH = f"{BIN_DIR}:{programs.PATH}"

LARGEST_FILE = 512 << 20  # bytes: what /run holds, the largest folder that can be written

_NAMES = {  # hostname(5), hosts(5), resolv.conf(5)
    "hostname": f"{HOSTNAME}\n",
    "hosts": f"127.0.0.1 localhost {HOSTNAME}\n::1 localhost\n",
    "resolv.conf": "# A lab has no name server.\noptions timeout:1 attempts:1\n",
}
_TMPFS = "tmpfs"
_PLAIN = sys.MS_NOSUID | sys.MS_NODEV | sys.MS_NOEXEC
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty", "net/tun")
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
    return folder if folder != "/" else "/root"


def detach_from_machine() -> None:
    """No mount of the sandbox reaches the machine, and no later mount of the machine arrives here."""
    sys.mount("none", "/", "", sys.MS_REC | sys.MS_PRIVATE)


def build_tree(shown: Sequence[Shown]) -> None:
    """In the outer user namespace: the file tree of the lab, in which all that comes from the machine is only shown.

    shown: what a lab sees besides the system. Raises Refused, OSError.
    """
    tree = FileTree()
    tree.show_system()
    _mount_devices()
    for target, options in (
        ("/run", f"size={LARGEST_FILE},mode=755"),
        ("/tmp", "size=256m,mode=1777"),
        (home(), "size=256m,mode=700"),
    ):
        os.makedirs(target, exist_ok=True)
        _mount_tmpfs(target, options)
    for name, text in _NAMES.items():
        replace(f"/etc/{name}", text.encode())
    tree.show(shown)
    tree.close()


def mount_views() -> None:
    """In the outer mount namespace, but in the lab's network and cgroup namespace: the lab's own sysfs and cgroup2."""
    try:
        sys.mount("sysfs", "/sys", "sysfs", _PLAIN)
    except Refused:  # it may not be less restricted than the machine's (mount_too_revealing, fs/namespace.c)
        sys.mount("sysfs", "/sys", "sysfs", _PLAIN | sys.MS_RDONLY)
    with contextlib.suppress(Refused):  # absent where the kernel has no cgroups; a lab that needs them says so
        sys.mount("cgroup2", "/sys/fs/cgroup", "cgroup2", _PLAIN)
    finish()  # as late as this: a sysfs may be mounted only where one is seen already (mount_too_revealing)


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


def _mount_devices() -> None:
    """A /dev with what every program expects, and without the machine's disks, terminals and file systems of programs.

    Read-only mounts don't keep devices from being written to, and an ordinary user owns the terminals. A process that
    reads a file of such a file system (fuse(4)) waits as long as the program likes, and nothing can end that wait.
    """
    _mount_tmpfs("/dev", "size=1m,mode=755")
    os.mkdir("/dev/net")
    for name in _DEVICES:
        if os.path.exists(machine_path(f"/dev/{name}")):
            bind_read_only(machine_path(f"/dev/{name}"), f"/dev/{name}")
    for name, target in _DEVICE_LINKS.items():
        os.symlink(target, f"/dev/{name}")
    os.mkdir("/dev/pts")
    sys.mount("devpts", "/dev/pts", "devpts", sys.MS_NOSUID | sys.MS_NOEXEC, "newinstance,ptmxmode=666,mode=620")
    os.mkdir("/dev/shm")
    _mount_tmpfs("/dev/shm", "size=64m,mode=1777")


def _mount_tmpfs(target: str, options: str) -> None:
    sys.mount(_TMPFS, target, _TMPFS, sys.MS_NOSUID | sys.MS_NODEV, options)
