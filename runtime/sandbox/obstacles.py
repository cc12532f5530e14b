"""Why a machine refuses a sandbox: the setting that forbids it, and how to change it.

Sources: user_namespaces(7), namespaces(7) (/proc/sys/user), the security notes of Ubuntu 23.10 and newer (AppArmor).
"""

from __future__ import annotations

import errno
import os

from runtime.errors import Missing, Refused

_LIMITS = tuple(f"max_{kind}_namespaces" for kind in ("user", "mnt", "pid", "net", "uts", "ipc", "cgroup"))
_SWITCHES = (  # (file below /proc/sys, the value that forbids)
    ("kernel/unprivileged_userns_clone", "0"),
    ("kernel/apparmor_restrict_unprivileged_userns", "1"),
)
_PLENTY = 16384
_USED_UP = (errno.ENOSPC, errno.EUSERS)
_DENIED = (errno.EPERM, errno.EACCES, *_USED_UP)
_OLD_KERNEL = (errno.ENOSYS,)
_HELPERS = ("newuidmap", "newgidmap")
_WHAT = "this machine does not let labrun make a sandbox"


def explain(refused: Refused, settings: str = "/proc/sys") -> Missing | None:
    """What stands behind a refusal while a sandbox is made; None when it is none of the known causes.

    settings: the folder with the kernel's settings.
    """
    if refused.what.startswith(_HELPERS):
        return Missing("the id map 'subuid' cannot be made", f"{refused.what}: {refused.why}", refused.mend)
    if refused.errno in _OLD_KERNEL or (refused.what.startswith("mount overlay") and refused.errno != errno.EPERM):
        return _overlay(refused)
    if refused.errno not in _DENIED:
        return None
    limits = {name: int(_read(settings, f"user/{name}") or _PLENTY) for name in _LIMITS}
    lowest = min(limits, key=lambda name: limits[name])
    if limits[lowest] == 0:
        return _setting(refused, f"user.{lowest}", "0", str(_PLENTY))
    if refused.errno in _USED_UP:
        value = f"{limits[lowest]}: as many are in use, here or in a container around"
        return _setting(refused, f"user.{lowest}", value, str(max(_PLENTY, 2 * limits[lowest])))
    for path, forbidden in _SWITCHES:
        if _read(settings, path) == forbidden:
            return _setting(refused, path.replace("/", "."), forbidden, "0" if forbidden == "1" else "1")
    if refused.what.startswith("mount proc"):  # mount_too_revealing, fs/namespace.c
        return Missing(_WHAT, f"{refused.what}: {refused.why}; parts of /proc are hidden, as in a container",
                       "in Docker: --security-opt systempaths=unconfined; or run labrun on the machine itself")
    return Missing(_WHAT, f"{refused.what}: {refused.why}; user namespaces seem to be forbidden by a container's "
                   "seccomp profile, or by a security module",
                   "in Docker: --security-opt seccomp=unconfined; or run labrun on the machine itself")


def _overlay(refused: Refused) -> Missing:
    """The file tree of a lab is made of overlays (runtime/sandbox/file_tree.py)."""
    if refused.errno == errno.ENODEV:
        return Missing(_WHAT, f"{refused.what}: this kernel has no overlayfs", "sudo modprobe overlay")
    if refused.errno == errno.EINVAL:
        return Missing(_WHAT, f"{refused.what}: {refused.why}; overlays stack two deep (overlayfs.rst), and the file "
                       "tree here seems to be two already", "run labrun on the machine itself, or in a container there")
    return Missing(_WHAT, f"{refused.what}: {refused.why}", "labrun needs Linux 5.12 or newer, with overlayfs")


def _setting(refused: Refused, name: str, value: str, wanted: str) -> Missing:
    return Missing(_WHAT, f"{refused.what} was refused, and {name} is {value}", f"sudo sysctl -w {name}={wanted}")


def _read(settings: str, name: str) -> str:
    """The value of a setting, '' where there is no such setting."""
    try:
        with open(os.path.join(settings, name), encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""
