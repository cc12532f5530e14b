"""How an attempt to get out of a sandbox is written, and how it is run inside and outside.

An attempt is the text of a Python program. It succeeds when it ends without an exception (exit code 0). OSError, or
`give_up()`, means that it was refused (exit code 1). Any other exception means a fault in it (exit code 70).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from tests.system.accounts import run_as

if TYPE_CHECKING:
    from runtime.sandbox.handle import Completed
    from tests.system.accounts import User
    from tests.system.sandbox.inside import Inside

REFUSED, WRONG = 1, 70
# Every user can run it, and it starts in some 15 ms.
PYTHON = ("/usr/bin/python3", "-I", "-S", "-c")

PRELUDE = r"""
import ctypes, errno, fcntl, os, socket, struct, sys, traceback
libc = ctypes.CDLL(None, use_errno=True)
# Numbers of system calls: x86-64, and <asm-generic/unistd.h>. From 424 on they are the same everywhere.
NUMBERS = {
    'ptrace': (101, 117), 'syslog': (103, 116), 'vhangup': (153, 58), 'adjtimex': (159, 171), 'acct': (163, 89),
    'settimeofday': (164, 170), 'swapon': (167, 224), 'swapoff': (168, 225), 'reboot': (169, 142), 'iopl': (172, None),
    'ioperm': (173, None),
    'init_module': (175, 105), 'delete_module': (176, 106), 'quotactl': (179, 60), 'clock_settime': (227, 112),
    'mq_open': (240, 180), 'mq_timedsend': (242, 182), 'kexec_load': (246, 104), 'add_key': (248, 217),
    'request_key': (249, 218), 'keyctl': (250, 219), 'ioprio_set': (251, 30), 'migrate_pages': (256, 238),
    'move_pages': (279, 239), 'perf_event_open': (298, 241), 'fanotify_init': (300, 262), 'fanotify_mark': (301, 263),
    'prlimit64': (302, 261), 'name_to_handle_at': (303, 264), 'open_by_handle_at': (304, 265),
    'clock_adjtime': (305, 266), 'setns': (308, 268), 'process_vm_readv': (310, 270), 'kcmp': (312, 272),
    'finit_module': (313, 273), 'kexec_file_load': (320, 294), 'bpf': (321, 280), 'userfaultfd': (323, 282),
    'pidfd_send_signal': (424,) * 2, 'io_uring_setup': (425,) * 2, 'open_tree': (428,) * 2, 'move_mount': (429,) * 2,
    'fsopen': (430,) * 2, 'fsconfig': (431,) * 2, 'fsmount': (432,) * 2, 'fspick': (433,) * 2, 'pidfd_open': (434,) * 2,
    'openat2': (437,) * 2, 'pidfd_getfd': (438,) * 2, 'process_madvise': (440,) * 2, 'mount_setattr': (442,) * 2,
    'quotactl_fd': (443,) * 2, 'statmount': (457,) * 2, 'listmount': (458,) * 2, 'open_tree_attr': (467,) * 2}
CWD, EMPTY_PATH, RECURSIVE, TREE_CLONE = -100, 0x1000, 0x8000, 1
NEWNS, NEWUSER, NEWPID, NEWNET, NEWIPC, NEWUTS = 0x20000, 0x10000000, 0x20000000, 0x40000000, 0x8000000, 0x4000000
MS_RDONLY, MS_REMOUNT, MS_BIND, MS_MOVE, MS_REC, MS_PRIVATE = 1, 32, 4096, 8192, 16384, 1 << 18

def give_up(why='nothing of it worked'):
    print(why, file=sys.stderr)
    sys.exit(1)

def checked(result):
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result

def call(name, *arguments):
    number = NUMBERS[name][os.uname().machine != 'x86_64']
    if number is None:
        raise OSError(errno.ENOSYS, 'no such call on this architecture')
    longs = [ctypes.c_long(each) if isinstance(each, int) else each for each in (number, *arguments)]
    return checked(libc.syscall(*longs))

def reached(name, *arguments):
    '''Wrong arguments, so that nothing happens: whether the kernel gets as far as to look at them.'''
    try:
        call(name, *arguments)
    except OSError as error:
        if error.errno in (errno.EPERM, errno.EACCES, errno.ENOSYS):
            raise

def mount(source, target, kind=None, flags=0, data=None):
    encoded = [None if text is None else os.fsencode(text) for text in (source, target, kind, data)]
    checked(libc.mount(encoded[0], encoded[1], encoded[2], ctypes.c_ulong(flags), encoded[3]))

def umount(target, flags=2):
    checked(libc.umount2(os.fsencode(target), flags))

def unshare(flags):
    '''With every id of this namespace mapped, as far as the kernel allows.'''
    ids = os.getuid(), os.getgid()
    checked(libc.unshare(flags))
    if flags & NEWUSER:
        for name, text in (('setgroups', 'deny'), ('uid_map', f'0 {ids[0]} 1'), ('gid_map', f'0 {ids[1]} 1')):
            with open(f'/proc/self/{name}', 'w') as file:
                file.write(text)

def limit(kind, most):
    '''setrlimit(2), with its error as OSError.'''
    number = getattr(__import__('resource'), kind)
    call('prlimit64', 0, number, struct.pack('QQ', most, most), None)

def tried(*functions):
    '''Succeeds when one of the functions does.'''
    for function in functions:
        try:
            return function()
        except OSError as error:
            print(error, file=sys.stderr)
    give_up()

def fresh():
    import tempfile
    return tempfile.mkdtemp(dir='/tmp')

# A control, outside of any sandbox: it must leave no mount and no folder behind. /proc lists all of the machine there.
OUTSIDE = os.environ.get('OUTSIDE')
if OUTSIDE:
    unshare(NEWNS if os.getuid() == 0 else NEWUSER | NEWNS)
    mount('none', '/', None, MS_REC | MS_PRIVATE)
    mount('tmpfs', '/tmp', 'tmpfs')

try:
    exec(compile(sys.argv[1], 'attempt', 'exec'), globals())
except OSError as error:
    print(error, file=sys.stderr)
    sys.exit(1)
except Exception:
    traceback.print_exc()
    sys.exit(70)
"""


class Attempt(NamedTuple):
    """One attempt. control: whether it can be tried outside, as root, without harm; there it has to succeed."""

    program: str
    control: bool = True


def argv(program: str) -> list[str]:
    """The command that makes an attempt."""
    return [*PYTHON, PRELUDE, program]


def attempt(lab: Inside, program: str, environment: Mapping[str, str] | None = None) -> Completed:
    """Try it inside."""
    done = lab.run(*argv(program), environment=dict(environment or {}))
    assert done.status != WRONG, done.errors
    return done


def assert_refused(lab: Inside, program: str, environment: Mapping[str, str] | None = None) -> None:
    """Try it inside, where it must fail: by an error, or because the kernel kills the process (seccomp(2))."""
    done = attempt(lab, program, environment)
    assert done.status == REFUSED or done.status < 0, f"it got through: {done.output}{done.errors}"


def refusal_outside(user: User, program: str, environment: Mapping[str, str] | None = None) -> str:
    """Try it outside of any sandbox, as `user`. Returns why it was refused, or an empty string."""
    done = run_as(user, argv(program), env={**(environment or {}), "OUTSIDE": "yes"}, cwd="/")
    assert done.returncode in (0, REFUSED), f"{done.returncode}: {done.stdout}{done.stderr}"
    return done.stderr.strip() if done.returncode else ""


def run_outside(user: User, program: str, environment: Mapping[str, str]) -> str:
    """What an attempt prints outside of any sandbox, where it has to succeed: a control."""
    return run_as(user, argv(program), env={**environment, "OUTSIDE": "yes"}, cwd="/", check=True).stdout


def lacks(refusal: str) -> bool:
    """Whether a refusal means that this kernel does not have what the attempt needs."""
    numbers = ("ENOSYS", "EAFNOSUPPORT", "EPROTONOSUPPORT", "ENODEV", "EOPNOTSUPP", "ESOCKTNOSUPPORT")
    import errno

    return any(os.strerror(getattr(errno, name)) in refusal for name in numbers)
