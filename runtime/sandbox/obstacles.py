"""Why a machine refuses a sandbox: the setting that forbids it, and how to change it.

Sources: user_namespaces(7), namespaces(7) (/proc/sys/user), the security notes of Ubuntu 23.10 and newer (AppArmor).
"""

from __future__ import annotations

import errno

from runtime.errors import Missing, Refused

_LIMITS = ("user", "mnt", "pid", "net", "uts", "ipc", "cgroup")
_SWITCHES = (  # (file below /proc/sys, the value that forbids)
    ("kernel/unprivileged_userns_clone", "0"),
    ("kernel/apparmor_restrict_unprivileged_userns", "1"),
)
_DENIED = (errno.EPERM, errno.EACCES, errno.ENOSPC, errno.EUSERS)


def explain(refused: Refused) -> Missing | None:
    """What stands behind a refusal while a sandbox is made; None when it is none of the known causes."""
    if refused.errno not in _DENIED and not refused.what.startswith("newuidmap"):
        return None
    what = "this machine does not let labrun make a sandbox"
    for name in _LIMITS:
        if _read(f"user/max_{name}_namespaces") == "0":
            return _setting(what, refused, f"user.max_{name}_namespaces", "0", "16384")
    for path, forbidden in _SWITCHES:
        if _read(path) == forbidden:
            return _setting(what, refused, path.replace("/", "."), forbidden, "0" if forbidden == "1" else "1")
    return Missing(what, f"{refused.what}: {refused.why}; user namespaces seem to be forbidden (by a container's seccomp "
                   "profile, or a security module)", "in Docker: --security-opt seccomp=unconfined; or run labrun on the machine itself")


def _setting(what: str, refused: Refused, name: str, value: str, wanted: str) -> Missing:
    return Missing(what, f"{refused.what} was refused, and {name} is {value}", f"sudo sysctl -w {name}={wanted}")


def _read(path: str) -> str | None:
    try:
        with open(f"/proc/sys/{path}", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return None
