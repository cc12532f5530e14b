"""System calls that are refused to the processes of a lab, and to its judge (seccomp(2)).

Namespaces bind most of what a process can reach, but not all. What they do not bind, and no lab needs, is refused here.
Docker refuses nearly the same to its containers.
"""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from runtime import syscalls as sys
from runtime.system_call_numbers import Architecture, architecture

_NOT_THERE = errno.ENOSYS  # for what programs look whether the kernel has: runc goes on without keyrings then
# name -> the errno; in groups, each with the reason
_REFUSED: Mapping[str, int] = {
    # Keys belong to a user: with the user's id the keyring of all their sessions is found, by its number.
    "keyctl": _NOT_THERE, "add_key": _NOT_THERE, "request_key": _NOT_THERE,
    # It opens sockets and files where no filter sees it.
    "io_uring_setup": _NOT_THERE, "io_uring_enter": _NOT_THERE, "io_uring_register": _NOT_THERE,
    # A process that reads memory of the lab would wait in a page fault for as long as the lab likes.
    "userfaultfd": errno.EPERM,
    # The machine's kernel itself: its code, its measurements, its log, its swap space, its records.
    "bpf": errno.EPERM, "perf_event_open": errno.EPERM, "kexec_load": errno.EPERM, "kexec_file_load": errno.EPERM,
    "init_module": errno.EPERM, "finit_module": errno.EPERM, "delete_module": errno.EPERM, "syslog": errno.EPERM,
    "swapon": errno.EPERM, "swapoff": errno.EPERM, "acct": errno.EPERM, "quotactl": errno.EPERM,
    "quotactl_fd": errno.EPERM,
    # A file by its number, past all folders above it.
    "open_by_handle_at": errno.EPERM,
}
# Some of the others know no network namespace (AF_VSOCK, AF_QIPCRTR, AF_ALG), and no lab needs any.
_FAMILIES = (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6, socket.AF_NETLINK, socket.AF_PACKET)
# A tracer may have what it traces stop once more when that ends, and a SIGKILL does not end that stop (ptrace(2),
# PTRACE_EVENT_EXIT): PID 1 would never end, nor would two that trace one another. strace and gdb do without it.
_SET_OPTIONS, _SEIZE, _STOP_AT_EXIT = 0x4200, 0x4206, 1 << 6  # <linux/ptrace.h>
_JUDGE = {"execve": errno.EPERM, "execveat": errno.EPERM}

# <linux/bpf_common.h>, <linux/seccomp.h>
_LOAD, _EQUAL, _ANY_BIT, _RETURN = 0x20, 0x15, 0x45, 0x06
# Offsets in struct seccomp_data; of the arguments, the lower halves.
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, range(16, 64, 8)
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000


class _Instruction(NamedTuple):
    """One of classic BPF. equal, other: how many instructions to jump over."""

    code: int
    equal: int
    other: int
    value: int

    def __bytes__(self) -> bytes:
        return struct.pack("HBBI", *self)


def confine_lab() -> None:
    """Refuse to the caller, and to all that it starts, what no lab needs. The caller is root of its user namespace.

    Raises Refused, Missing.
    """
    here = architecture()
    sys.set_seccomp_filter(here.numbers["seccomp"], _program(here, _REFUSED, [*_families(here), *_tracing(here)]))


def refuse_programs() -> None:
    """Refuse to the caller, for good, to become another program (execve(2)).

    A process that has joined a lab's user namespace would run it by the binfmt_misc of that namespace, that is, by an
    interpreter of the lab's choice, and outside of the lab. Raises Refused, Missing.
    """
    here = architecture()
    sys.set_seccomp_filter(here.numbers["seccomp"], _program(here, _JUDGE))


def _program(here: Architecture, refused: Mapping[str, int], more: Iterable[_Instruction] = ()) -> bytes:
    """Calls of any other architecture, which has numbers of its own, are all refused. more: what looks at arguments."""
    lines = [_Instruction(_LOAD, 0, 0, _ARCHITECTURE), _Instruction(_EQUAL, 1, 0, here.audit), _refuse(_NOT_THERE),
             _Instruction(_LOAD, 0, 0, _NUMBER)]
    if here.other_abi:
        lines += [_Instruction(_ANY_BIT, 0, 1, here.other_abi), _refuse(_NOT_THERE)]
    for name, number in refused.items():
        lines += [_Instruction(_EQUAL, 0, 1, here.numbers[name]), _refuse(number)]
    return b"".join(map(bytes, [*lines, *more, _Instruction(_RETURN, 0, 0, _ALLOW)]))


def _families(here: Architecture) -> list[_Instruction]:
    """Refuse sockets of other families than those known. Ends with the number of the call loaded, as it begins."""
    return [_Instruction(_EQUAL, 1, 0, here.numbers["socket"]),
            _Instruction(_EQUAL, 0, len(_FAMILIES) + 3, here.numbers["socketpair"]),
            _Instruction(_LOAD, 0, 0, _ARGUMENTS[0]),
            *(_Instruction(_EQUAL, len(_FAMILIES) - place, 0, family) for place, family in enumerate(_FAMILIES)),
            _refuse(errno.EAFNOSUPPORT),
            _Instruction(_LOAD, 0, 0, _NUMBER)]


def _tracing(here: Architecture) -> list[_Instruction]:
    """Refuse a tracer the stop of what ends. Ends with the number of the call loaded, as it begins."""
    return [_Instruction(_EQUAL, 0, 7, here.numbers["ptrace"]),
            _Instruction(_LOAD, 0, 0, _ARGUMENTS[0]),
            _Instruction(_EQUAL, 1, 0, _SET_OPTIONS),
            _Instruction(_EQUAL, 0, 4, _SEIZE),
            _Instruction(_LOAD, 0, 0, _ARGUMENTS[3]),
            _Instruction(_ANY_BIT, 0, 2, _STOP_AT_EXIT),
            _refuse(errno.EPERM),
            _Instruction(_LOAD, 0, 0, _NUMBER)]


def _refuse(number: int) -> _Instruction:
    return _Instruction(_RETURN, 0, 0, _ERRNO | number)
