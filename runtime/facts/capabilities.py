"""The capabilities of a process, as config.json names them and as the kernel has them (capabilities(7))."""

from __future__ import annotations

from collections.abc import Iterable

# <linux/capability.h>, from bit 0 on
_NAMES = (
    "CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP",
    "LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW", "IPC_LOCK", "IPC_OWNER",
    "SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE",
    "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD", "LEASE", "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP",
    "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF",
    "CHECKPOINT_RESTORE",
)
_BITS = {f"CAP_{name}": 1 << number for number, name in enumerate(_NAMES)}


def mask(names: Iterable[str]) -> int:
    """The set of these capabilities as the kernel writes it in /proc/PID/status; an unknown name adds nothing."""
    return sum(_BITS.get(name, 0) for name in {*names})
