"""System calls that no namespace binds, or that reach the kernel itself, are refused to a lab.

Most are made outside as well, as root: there they have to succeed, where the kernel has them at all.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.system.accounts import myself
from tests.system.sandbox.attempts import Attempt, assert_refused, lacks, refusal_outside

if TYPE_CHECKING:
    from tests.system.sandbox.inside import Inside

# Of machine code: a call by int 0x80, which has the numbers of 32-bit programs, and one by the numbers of x32.
_CODE = """
import mmap
def machine_code(code):
    memory = mmap.mmap(-1, 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x40, prot=7)  # MAP_32BIT
    memory.write(code)
    at = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    result = ctypes.CFUNCTYPE(ctypes.c_int)(at)()
    if -4096 < result < 0:
        raise OSError(-result, os.strerror(-result))
    return result
def int80(number, first=0, second=0, third=0, fourth=0):
    loads = b''.join(bytes([op]) + struct.pack('<I', value & 0xffffffff) for op, value in
                     ((0xb8, number), (0xbb, first), (0xb9, second), (0xba, third), (0xbe, fourth)))
    return machine_code(b'\\x53\\x56' + loads + b'\\xcd\\x80\\x5e\\x5b\\xc3')
def x32(number, first=0, second=0, third=0):
    return checked(libc.syscall(ctypes.c_long(number | 0x40000000), *map(ctypes.c_long, (first, second, third))))
"""
FAMILIES = {"VSOCK": 40, "ALG": 38, "RDS": 21, "TIPC": 30, "BLUETOOTH": 31, "RXRPC": 33, "PHONET": 35, "IEEE802154": 36,
            "CAIF": 37, "NFC": 39, "KCM": 41, "QIPCRTR": 42, "SMC": 43, "X25": 9, "AX25": 3, "NETROM": 6, "LLC": 26,
            "KEY": 15, "ISDN": 34, "CAN": 29, "ATMPVC": 8, "APPLETALK": 5, "IPX": 4, "PPPOX": 24, "MCTP": 45, "IB": 27}
_ANY_KIND = "tried(*(lambda kind=kind: socket.socket({}, kind) for kind in (1, 2, 3, 5)))"
SOCKETS = {f"a socket of AF_{name}": Attempt(_ANY_KIND.format(number)) for name, number in FAMILIES.items()}
CALLS = {
    "bpf: a map": Attempt("call('bpf', 0, struct.pack('IIII', 2, 4, 4, 1) + bytes(112), 128)"),
    "bpf: a program": Attempt("""
text = ctypes.create_string_buffer(struct.pack('BBhi', 0xb7, 0, 0, 0) + struct.pack('BBhi', 0x95, 0, 0, 0))
name = ctypes.create_string_buffer(b'GPL')
call('bpf', 5, struct.pack('IIQQ', 1, 2, ctypes.addressof(text), ctypes.addressof(name)) + bytes(104), 128)
"""),
    "perf events": Attempt("call('perf_event_open', struct.pack('IIQ', 1, 112, 0) + bytes(96), 0, -1, -1, 0)"),
    "perf events of all": Attempt("call('perf_event_open', struct.pack('IIQ', 1, 112, 0) + bytes(96), -1, 0, -1, 0)"),
    "userfaultfd": Attempt("call('userfaultfd', 1)"),
    "io_uring": Attempt("call('io_uring_setup', 1, ctypes.create_string_buffer(120))"),
    "a module": Attempt("reached('init_module', b'', 0, b'')"),
    "a module from a file": Attempt("reached('finit_module', os.open('/dev/null', os.O_RDONLY), b'', 0)"),
    "removing a module": Attempt("reached('delete_module', b'labrun_no_such_module', 0)"),
    "another kernel": Attempt("reached('kexec_load', 0, 99, None, 0)"),
    "another kernel from a file": Attempt("reached('kexec_file_load', -1, -1, 0, None, 0)"),
    "process accounting": Attempt("reached('acct', b'/labrun-no-such-file')"),
    "swapping to a file": Attempt("reached('swapon', b'/labrun-no-such-file', 0)"),
    "no more swapping": Attempt("reached('swapoff', b'/labrun-no-such-file')"),
    "quotas": Attempt("reached('quotactl', 0x80000200, b'/labrun-no-such-file', 0, None)"),
    "quotas by descriptor": Attempt("call('quotactl_fd', os.open('/', os.O_RDONLY), 0x80000200, 0, None)", False),
    "the kernel's log": Attempt("call('syslog', 3, ctypes.create_string_buffer(4096), 4096)"),
    "the size of the kernel's log": Attempt("call('syslog', 10, None, 0)"),
    "the console's log level": Attempt("reached('syslog', 8, None, 99)"),
    "settimeofday": Attempt("call('settimeofday', struct.pack('qq', int(__import__('time').time()), 0), None)", False),
    "clock_settime": Attempt("import time; time.clock_settime(time.CLOCK_REALTIME, time.time())", control=False),
    "clock_adjtime": Attempt("call('clock_adjtime', 0, struct.pack('I', 0x4000) + bytes(204))", control=False),
    "adjtimex": Attempt("""
now = ctypes.create_string_buffer(208)
call('adjtimex', now)
struct.pack_into('I', now, 0, 0x4000)  # ADJ_TICK: to what it is
call('adjtimex', now)
"""),
    "the machine's time zone": Attempt("call('settimeofday', None, struct.pack('ii', 0, 0))", control=False),
    "I/O ports": Attempt("tried(lambda: call('iopl', 3), lambda: call('ioperm', 0x80, 1, 1))", control=False),
    "hanging up": Attempt("call('vhangup')", control=False),
    "restart": Attempt("reached('reboot', 1, 2, 3, None)"),
    "real time": Attempt("os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))"),
    "before others": Attempt("os.setpriority(os.PRIO_PROCESS, 0, -20)"),
    "I/O before others": Attempt("call('ioprio_set', 1, 0, 1 << 13)"),
    "events of all files": Attempt("""
fd = call('fanotify_init', 0, 0)
call('fanotify_mark', fd, 1 | 0x100, 1, CWD, b'/')
"""),
    "events that wait for an answer": Attempt("call('fanotify_init', 4, 0)"),
    "more processes": Attempt("""
import resource
limit('RLIMIT_NPROC', resource.getrlimit(resource.RLIMIT_NPROC)[1] + 1)
""", control=False),
    "longer files": Attempt("limit('RLIMIT_FSIZE', (1 << 64) - 1)", control=False),
    "thawing file systems": Attempt("""
try:
    fcntl.ioctl(os.open('/usr', os.O_RDONLY), 0xC0045878, 0)
except OSError as error:
    if error.errno != errno.EINVAL:  # it is not frozen
        raise
"""),
    "the memory's device": Attempt("os.open('/dev/mem', os.O_RDONLY)", control=False),
    "the kernel's memory": Attempt("os.open('/proc/kcore', os.O_RDONLY)", control=False),
    "the log's device": Attempt("os.open('/dev/kmsg', os.O_RDONLY)"),
    "the log in /proc": Attempt("os.open('/proc/kmsg', os.O_RDONLY)"),
    "addresses of the kernel": Attempt("""
with open('/proc/kallsyms') as file:
    next((line for line in file if int(line.split()[0], 16)), '') or give_up()
""", control=False),
    "file systems of programs": Attempt("os.open('/dev/fuse', os.O_RDWR)"),
    "a device for file systems of programs": Attempt("""
path = fresh() + '/fuse'
os.mknod(path, 0o020666, os.makedev(10, 229))
os.open(path, os.O_RDWR)
"""),
    "a loop device": Attempt("""
tried(lambda: os.open('/dev/loop-control', os.O_RDWR),
      lambda: (os.mknod('/tmp/loop', 0o060666, os.makedev(7, 0)), os.open('/tmp/loop', os.O_RDONLY)))
"""),
    "the machine's file systems of its own": Attempt("""
at = fresh()
tried(*(lambda kind=kind: mount('none', at, kind) for kind in (
    'debugfs', 'tracefs', 'securityfs', 'configfs', 'pstore', 'efivarfs', 'devtmpfs', 'fusectl', 'hugetlbfs',
    'selinuxfs', 'rpc_pipefs', 'nfsd', '9p', 'ext4', 'xfs', 'btrfs', 'squashfs', 'iso9660')))
"""),
    "a cgroup of version 1": Attempt("""
at = fresh()
for kind in ('memory', 'cpu', 'pids', 'devices', 'freezer', 'none,name=systemd'):
    try:
        mount('none', at, 'cgroup', 0, kind)
        os.mkdir(at + '/labrun-hole')
    except OSError:
        continue
    os.rmdir(at + '/labrun-hole')
    break
else:
    give_up()
""", control=False),
    "int 0x80: a socket of AF_VSOCK": Attempt(_CODE + "int80(359, 40, 1, 0)"),
    "int 0x80: socketcall": Attempt(_CODE + """
memory = mmap.mmap(-1, 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x40)
memory.write(struct.pack('III', 40, 1, 0))
int80(102, 1, ctypes.addressof(ctypes.c_char.from_buffer(memory)))
"""),
    "int 0x80: the session's keyring": Attempt(_CODE + "int80(288, 0, -3, 1)"),
    "int 0x80: userfaultfd": Attempt(_CODE + "int80(374, 1)"),
    "int 0x80: io_uring": Attempt(_CODE + """
memory = mmap.mmap(-1, 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x40)
int80(425, 1, ctypes.addressof(ctypes.c_char.from_buffer(memory)))
"""),
    "int 0x80: any call": Attempt(_CODE + "int80(20)"),
    "x32: any call": Attempt(_CODE + "x32(39)"),
    "x32: a socket of AF_VSOCK": Attempt(_CODE + "x32(41, 40, 1, 0)"),
} | SOCKETS


@pytest.mark.parametrize("name", CALLS)
def test_a_call_is_refused(lab: Inside, name: str) -> None:
    _needs_this_architecture(name)
    assert_refused(lab, CALLS[name].program)


@pytest.mark.parametrize("name", [name for name, each in CALLS.items() if each.control])
def test_the_same_call_outside(name: str) -> None:
    """A control."""
    _needs_this_architecture(name)
    if os.getuid() != 0:
        pytest.skip("only root may do all of them")
    refusal = refusal_outside(myself(), CALLS[name].program)
    assert refusal == "" or lacks(refusal)


def _needs_this_architecture(name: str) -> None:
    if name.startswith(("int 0x80", "x32")) and os.uname().machine != "x86_64":
        pytest.skip("there is one way to call the kernel on this architecture")
