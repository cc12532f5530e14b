"""Numbers of system calls that differ from one architecture to another (<asm/unistd_64.h>, <asm-generic/unistd.h>)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import NamedTuple

from runtime.errors import Missing

_EVERYWHERE = {  # since Linux 5.0 a new system call has one number
    "io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427, "quotactl_fd": 443}
_X86_64 = {
    "socket": 41, "socketpair": 53, "execve": 59, "ptrace": 101, "syslog": 103, "acct": 163, "swapon": 167,
    "swapoff": 168, "init_module": 175, "delete_module": 176, "quotactl": 179, "kexec_load": 246, "add_key": 248,
    "request_key": 249, "keyctl": 250, "perf_event_open": 298, "open_by_handle_at": 304, "finit_module": 313,
    "seccomp": 317, "kexec_file_load": 320, "bpf": 321, "execveat": 322, "userfaultfd": 323}
_GENERIC = {
    "quotactl": 60, "acct": 89, "ptrace": 117, "kexec_load": 104, "init_module": 105, "delete_module": 106,
    "syslog": 116, "socket": 198, "socketpair": 199, "add_key": 217, "request_key": 218, "keyctl": 219,
    "execve": 221, "swapon": 224, "swapoff": 225, "perf_event_open": 241, "open_by_handle_at": 265,
    "finit_module": 273, "seccomp": 277, "bpf": 280, "execveat": 281, "userfaultfd": 282, "kexec_file_load": 294}


class Architecture(NamedTuple):
    """audit: its AUDIT_ARCH of <linux/audit.h>, which a seccomp filter sees.  numbers: name of a call -> its number.

    other_abi: a bit that numbers of a second call table have (x32), 0 without one.
    """

    audit: int
    numbers: Mapping[str, int]
    other_abi: int = 0


_ARCHITECTURES = {
    "x86_64": Architecture(0xC000003E, {**_X86_64, **_EVERYWHERE}, 0x40000000),
    "aarch64": Architecture(0xC00000B7, {**_GENERIC, **_EVERYWHERE}),
    "riscv64": Architecture(0xC00000F3, {**_GENERIC, **_EVERYWHERE}),
    "loongarch64": Architecture(0xC0000102, {**_GENERIC, **_EVERYWHERE}),
}


def architecture(machine: str = "") -> Architecture:
    """That of this machine. machine: as uname(2) has it. Raises Missing for one that labrun does not know."""
    machine = machine or os.uname().machine
    if machine not in _ARCHITECTURES:
        raise Missing("this machine does not let labrun make a sandbox",
                      f"labrun does not know the numbers of system calls on {machine}, and must refuse some of them",
                      f"use a machine with one of: {', '.join(_ARCHITECTURES)}")
    return _ARCHITECTURES[machine]
