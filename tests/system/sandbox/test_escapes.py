"""Ways out of a sandbox: each is tried as lab root, has to fail, and has to change nothing on the machine.

A test here is red when its attempt succeeds: take the line that it needs out of runtime/sandbox, and see.
"""

from __future__ import annotations

import os
import pty
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.system.accounts import start_as

if TYPE_CHECKING:
    from tests.system.accounts import User
    from tests.system.sandbox.inside import Inside

HOLE = "labrun-hole"  # what an attempt makes where it should not be able to
VICTIM = "98765.4321"  # seconds; a process of the learner is found by them
NAMESPACES = ("cgroup", "ipc", "mnt", "net", "pid", "user", "uts")

# Exit code 0 would be a success. $D is a fresh folder; of the learner's are $OWN, a folder that all may write, with
# a file `dear` in it, $HOME_FILE, a file in the home, $VICTIM, the PID of a process, and $TERMINAL.
SHELL = {
    "make a file where everyone may": "touch $OWN/labrun-hole",
    "write": "echo gone > $OWN/dear",
    "remove": "rm $OWN/dear",
    "remove from the home": "rm $HOME_FILE",
    "change the mode": "chmod 600 $OWN/dear",
    "change the time": "touch -d 2001-01-01 $OWN/dear",
    "remount": "mount -o remount,rw /",
    "remount a device": "mount -o remount,bind,rw /dev/null",
    "remount after binding a device on itself": "mount --bind /dev/null /dev/null; mount -o remount,bind,rw /dev/null",
    "bind the tree": "mount --bind / $D",
    "bind a folder and write": "mount --bind $OWN $D && mount -o remount,bind,rw $D && touch $D/labrun-hole",
    "bind and write in a mount namespace": "unshare -m sh -c 'mount --bind $OWN $D; mount -o remount,bind,rw $D'",
    "bind and write in a user namespace": "unshare -Urm sh -c 'mount --bind $OWN $D; mount -o remount,bind,rw $D'",
    "remount in a user namespace": "unshare -Urm mount -o remount,bind,rw /dev/null",
    "move a mount away": "mount --move /proc $D",
    "swap the root": "unshare -m sh -c 'mount --rbind / $D && cd $D && pivot_root . $OWN && umount -l $OWN'",
    "unmount the root": "umount -l /",
    "unmount /dev": "umount -l /dev",
    "unmount /dev/pts": "umount -l /dev/pts",
    "unmount /proc": "umount -l /proc",
    "unmount /run": "umount -l /run",
    "unmount /sys": "umount -l /sys",
    "unmount /sys/fs/cgroup": "umount -l /sys/fs/cgroup",
    "unmount /tmp": "umount -l /tmp",
    "unmount the home": "umount -l ~",
    "unmount in a user namespace": "unshare -Urm umount -l /sys",
    "make a cgroup": "for each in $(find /sys/fs/cgroup -type d); do mkdir $each/labrun-hole && exit; done; false",
    "make a cgroup of the machine": "umount -l /sys/fs/cgroup; umount -l /sys; mkdir /sys/fs/cgroup/*/labrun-hole",
    "change a setting of the kernel": "f=/proc/sys/kernel/core_pattern; value=$(cat $f); echo \"$value\" > $f",
    "change a setting of memory": "f=/proc/sys/vm/swappiness; value=$(cat $f); echo \"$value\" > $f",
    "ask the kernel for help": "echo h > /proc/sysrq-trigger",
    "make a disk's device": "set -- $(sed -n 3p /proc/partitions); mknod $D/disk b ${1:-7} ${2:-0}",
    "make the memory's device": "mknod $D/mem c 1 1",
    "find a disk in /dev": "for each in /dev/* /dev/*/*; do [ -b $each ] && exit; done; false",
    "write to the learner's terminal": "echo boo > $TERMINAL",
    "mount a /proc": "mount -t proc proc $D",
    "mount what the kernel tells in private": "mount -t debugfs debugfs $D || mount -t tracefs tracefs $D",
    "kill": "kill -9 $VICTIM",
    "find a process": "grep -qs '98765[.]4321' /proc/[0-9]*/cmdline",
    "join PID 1": "nsenter -t 1 -m touch $OWN/labrun-hole || nsenter -t 1 -a touch $OWN/labrun-hole",
    "by the root of a process": "for p in /proc/[0-9]*; do touch $p/root/$OWN/labrun-hole && exit; done; false",
    "by the folder of a process": "for p in /proc/[0-9]*; do touch $p/cwd/../$OWN/labrun-hole && exit; done; false",
    "by a folder that PID 1 holds open": "for fd in /proc/1/fd/*; do [ -d $fd ] && exit; done; false",
    "hear the machine": "grep -q labrun-test-socket /proc/net/unix",
    "find the machine's services": "find /run /tmp -type s -o -type p | grep .",
}
# These may succeed: what they change is the lab's alone.
FOR_THE_LAB_ALONE = {
    "make a file": "touch /usr/labrun-hole && test -e /usr/labrun-hole",
    "make a file in a folder of the machine's": "touch /usr/local/bin/labrun-hole && rm /usr/local/bin/labrun-hole",
    "bind the whole tree and write": "mount --rbind / $D && mount -o remount,bind,rw $D && touch $D/usr/labrun-hole",
    "replace a file": "rm /etc/shells && echo gone > /etc/shells",
    "replace a folder": "rm -r /usr/local/sbin && mkdir /usr/local/sbin && touch /usr/local/sbin/labrun-hole",
    "change users": "echo mallory:x:0:0::/:/bin/sh >> /etc/passwd && grep -q mallory /etc/passwd",
    "remove a program": "rm /etc/issue; touch /etc/issue",
}
PYTHON = {
    "clear the flag of all mounts": "from runtime.syscalls import mount_setattr as set; set('/', clear=1)",
    "clear the flag of one mount": "from runtime.syscalls import mount_setattr as set; set('/dev/null', 0, 1, False)",
    "chroot and back": """
import os
os.chdir('/tmp'); os.makedirs('jail', exist_ok=True)
outside = os.open('/', os.O_RDONLY)
os.chroot('jail'); os.fchdir(outside)
for _ in range(64): os.chdir('..')
os.chroot('.')
open('/usr/labrun-hole', 'x')
""",
    "set the clock": "import time; time.clock_settime(time.CLOCK_REALTIME, time.time())",
    "connect": "import socket; socket.socket(socket.AF_UNIX).connect('\\0labrun-test-socket')",
    "put a name to a message's file": """
import os
os.link('/proc/self/fd/1', os.environ['OWN'] + '/labrun-hole', follow_symlinks=True, src_dir_fd=1)
""",
    "write what is not the lab's below /proc/sys and /sys": """
import os, re, sys
LABS = re.compile('/proc/sys/(net/|user/|fs/mqueue/|kernel/(sem|shm|msg|auto_msgmni|ns_last_pid|pid_max))')
found = []
for top in ('/proc/sys', '/sys'):
    for folder, _, names in os.walk(top):
        for path in (os.path.join(folder, name) for name in names):
            try:
                os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW))
            except OSError:
                continue
            if not LABS.match(path):
                print(path)
                found.append(path)
sys.exit(not found)
""",
}


def _state(path: str) -> tuple[object, ...]:
    status = os.lstat(path)
    return status.st_ino, status.st_mode, status.st_mtime_ns, status.st_size


SYSTEM_FILES = {path: _state(path) for path in (
    "/etc/shells", "/usr/local/sbin", "/etc/issue", "/usr", "/usr/local", "/usr/local/bin")}


def _holes_in_cgroups() -> list[Path]:
    """Those of other labs come and go meanwhile, which os.walk passes over."""
    return [Path(folder, HOLE) for folder, below, _ in os.walk("/sys/fs/cgroup") if HOLE in below]


class Machine(NamedTuple):
    """What of the learner's is outside of the sandbox, and could be harmed."""

    own: Path
    home_file: Path
    victim: int
    terminal: str
    master: int

    def variables(self) -> dict[str, str]:
        return {"OWN": str(self.own), "HOME_FILE": str(self.home_file), "VICTIM": str(self.victim),
                "TERMINAL": self.terminal}

    def harm(self) -> list[str]:
        """What has been done to it. Made good at once, so that one success does not spoil the tests after it."""
        found = [f"changed {path}" for path, state in SYSTEM_FILES.items() if _state(path) != state]
        for path in (*self.own.glob(HOLE), *Path("/usr").glob(HOLE), *_holes_in_cgroups()):
            found.append(f"made {path}")
            path.rmdir() if path.is_dir() else path.unlink()
        for path in (self.own / "dear", self.home_file):
            state = (path.read_text(), path.stat().st_mode & 0o777, path.stat().st_mtime) if path.exists() else None
            if state != ("dear", 0o666, 0.0):
                found.append(f"{path} is {state}")
                _write_dear(path, self.own.stat())
        if VICTIM not in Path(f"/proc/{self.victim}/cmdline").read_text():
            found.append("killed a process")
        with suppress(BlockingIOError):
            found.append(f"wrote to the terminal: {os.read(self.master, 100)!r}")
        return found


@pytest.fixture(scope="module")
def machine(lab: Inside, session_folder: Path) -> Iterator[Machine]:
    """The learner's things, for the user whose sandbox `lab` is."""
    user = lab.user
    own = session_folder / "learner"
    own.mkdir(mode=0o777)
    own.chmod(0o777)
    home_file = user.home / "labrun-test-dear"
    os.chown(own, user.uid, user.gid)
    for path in (own / "dear", home_file):
        _write_dear(path, own.stat())
    try:
        with _terminal(user) as (master, name), _listener(), start_as(user, ["sleep", VICTIM]) as victim:
            try:
                yield Machine(own, home_file, victim.pid, name, master)
            finally:
                victim.kill()
    finally:
        shutil.rmtree(own)
        home_file.unlink(missing_ok=True)


def _write_dear(path: Path, owner: os.stat_result) -> None:
    path.write_text("dear")
    path.chmod(0o666)
    os.chown(path, owner.st_uid, owner.st_gid)
    os.utime(path, (0, 0))


@contextmanager
def _terminal(user: User) -> Iterator[tuple[int, str]]:
    """A terminal of the user's: descriptor of the far end, and name."""
    master, slave = pty.openpty()
    os.set_blocking(master, False)
    name = os.ttyname(slave)
    os.chown(name, user.uid, user.gid)
    yield master, name
    os.close(master)
    os.close(slave)


@contextmanager
def _listener() -> Iterator[None]:
    """A service on a socket with an abstract name: it is known in its network namespace alone (unix(7))."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind("\0labrun-test-socket")
        sock.listen()
        yield


@pytest.mark.parametrize("attempt", SHELL)
def test_shell_attempt_fails(lab: Inside, machine: Machine, attempt: str) -> None:
    done = lab.shell(f"D=$(mktemp -d); {SHELL[attempt]}", environment=machine.variables())
    assert done.status != 0, done
    assert not machine.harm()


@pytest.mark.parametrize("attempt", FOR_THE_LAB_ALONE)
def test_what_a_lab_may_change_is_its_own(lab: Inside, machine: Machine, attempt: str) -> None:
    done = lab.shell(f"D=$(mktemp -d); {FOR_THE_LAB_ALONE[attempt]}", environment=machine.variables())
    assert done.status == 0, done
    assert not machine.harm()


@pytest.mark.parametrize("attempt", PYTHON)
def test_program_attempt_fails(lab: Inside, machine: Machine, attempt: str) -> None:
    done = lab.shell(lab.script(PYTHON[attempt]), environment=machine.variables())
    assert done.status != 0, done
    assert "ImportError" not in done.errors
    assert "SyntaxError" not in done.errors
    assert not machine.harm()


def test_every_namespace_is_the_sandboxs_own(lab: Inside, machine: Machine) -> None:
    script = f"for kind in {' '.join(NAMESPACES)}; do readlink /proc/self/ns/$kind; done"
    here = [os.readlink(f"/proc/self/ns/{kind}") for kind in NAMESPACES]
    assert not set(lab.output(script).split()) & set(here)
    assert not set(lab.output("readlink /proc/[0-9]*/ns/* || true").split()) & set(here)


def test_ids_outside_are_not_the_machines_roots(lab: Inside) -> None:
    ids = [line.split()[1] for line in Path(f"/proc/{lab.pid}/status").read_text().splitlines()
           if line.startswith(("Uid:", "Gid:"))]
    assert "0" not in ids
    assert "0" not in Path(f"/proc/{lab.pid}/uid_map").read_text().split()[1::3]


def test_root_takes_no_group_along(lab: Inside) -> None:
    groups = next(line for line in Path(f"/proc/{lab.pid}/status").read_text().splitlines() if "Groups:" in line)
    assert "0" not in groups.split()


def test_names_of_the_machine_stay(lab: Inside) -> None:
    before = os.uname()
    lab.output("unshare --uts hostname elsewhere; hostname labhost")
    assert os.uname() == before
