"""Real services of a user beside a lab, in every part of the file tree, and what they have seen of the lab."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from subprocess import PIPE, Popen
from typing import TYPE_CHECKING, NamedTuple

from tests.system.accounts import run_as, start_as
from tests.system.sandbox.attempts import PYTHON

if TYPE_CHECKING:
    from tests.system.accounts import User

# Where root makes a folder for the user. In HIDDEN ones a lab must not even read; "home" stands for the user's own.
HIDDEN = ("home", "/home", "/var/tmp", "/var", "/srv", "/mnt", "/media", "/")
SHOWN = ("/opt", "/usr/local", "/usr/lib", "/etc")
SECRET = "nobody inside may read this"
HOLE = "labrun-hole"

# Makes the sockets and so on in each folder, and starts the daemons. For each byte of standard input it prints what it
# has seen since the last one, as JSON: a list of "folder/name". At the end of its input it ends what it started: as it
# is a subreaper (PR_SET_CHILD_SUBREAPER), also daemons that have detached themselves are its children.
_SERVICES = r"""
import ctypes, fcntl, json, os, select, signal, socket, struct, subprocess, sys
folders, daemons, detaching = json.loads(sys.argv[1])
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
seen, sources, kept = [], {}, []
STRUCT_FLOCK = struct.pack('hhqqi', fcntl.F_WRLCK, 0, 0, 0, 0)

def listen(kind):
    def make(path):
        sock = socket.socket(socket.AF_UNIX, kind)
        sock.bind(path)
        if kind != socket.SOCK_DGRAM:
            sock.listen(1000)
        sock.setblocking(False)
        sources[sock.fileno()] = sock, path
    return make

def fifo(path):
    os.mkfifo(path)
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    sources[fd] = fd, path

def lock(how):
    def make(path):
        fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        how(fd)
        kept.append(fd)
    return make

def lease(path):
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    os.close(fd)
    fd = os.open(path, os.O_RDONLY)
    fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    leases[fd] = path

def answer(fd):
    source, path = sources[fd]
    if isinstance(source, int):
        if os.read(source, 4096):
            seen.append(path)
        else:  # the last writer has gone: without a new reader it would be readable for ever
            del sources[fd]
            again = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
            sources[again] = again, path
            os.close(source)
        return
    seen.append(path)
    if source.type == socket.SOCK_DGRAM:
        source.recv(4096)
        return
    client, _ = source.accept()
    if path.endswith('docker.sock'):
        client.settimeout(5)
        client.recv(4096)
        client.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK')
    client.close()

def broken(*_):
    for fd, path in leases.items():
        if fd not in again and fcntl.fcntl(fd, fcntl.F_GETLEASE) != fcntl.F_RDLCK:
            seen.append(path)
            fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_UNLCK)
            again.append(fd)

leases, again = {}, []
signal.signal(signal.SIGIO, broken)
MAKE = {'stream': listen(socket.SOCK_STREAM), 'packets': listen(socket.SOCK_SEQPACKET),
        'datagrams': listen(socket.SOCK_DGRAM), 'docker.sock': listen(socket.SOCK_STREAM), 'fifo': fifo,
        'flocked': lock(lambda fd: fcntl.flock(fd, fcntl.LOCK_EX)),
        'posix-locked': lock(lambda fd: fcntl.lockf(fd, fcntl.LOCK_EX)),
        'ofd-locked': lock(lambda fd: fcntl.fcntl(fd, fcntl.F_OFD_SETLK, STRUCT_FLOCK)), 'leased': lease}
def start():
    started = [subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
               for argv in daemons]
    for argv in detaching:
        subprocess.run(argv, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    for process in started:
        if not process.stdout.readline():
            sys.exit(f'{process.args} does not start')
    os.umask(0)
    for folder in folders:
        for name, make in MAKE.items():
            make(os.path.join(folder, name))
    print('ready', flush=True)

def serve():
    while True:
        ready = select.select([0, *sources], [], [])[0]
        for fd in ready:
            if fd:
                answer(fd)
        if ready == [0]:
            if not os.read(0, 1):
                return
            print(json.dumps(seen), flush=True)
            seen.clear()
            while again:
                fcntl.fcntl(again.pop(), fcntl.F_SETLEASE, fcntl.F_RDLCK)

def end():
    while True:
        with open('/proc/self/task/%d/children' % os.getpid()) as file:
            children = file.read().split()
        for pid in children:
            os.kill(int(pid), signal.SIGKILL)
        try:
            os.wait()
        except ChildProcessError:
            return

try:
    start()
    serve()
finally:
    end()
"""


class Beside(NamedTuple):
    """folders: where they are, by the part of the tree.

    Each holds the sockets and so on, the files `secret` and `dear`, the folder `gnupg`, and sockets tmux, ssh and bus.
    """

    user: User
    folders: dict[str, Path]
    services: Popen[str]

    def seen(self) -> list[str]:
        """What the services have seen since the last call, and what was made or changed in the folders."""
        assert self.services.stdin
        assert self.services.stdout
        self.services.stdin.write("?")
        self.services.stdin.flush()
        found: list[str] = json.loads(self.services.stdout.readline())
        for folder in self.folders.values():
            for path in folder.glob(f"{HOLE}*"):
                found.append(f"made {path}")
                path.unlink()
            if (folder / "dear").read_text() != "dear":
                found.append(f"changed {folder}/dear")
                (folder / "dear").write_text("dear")
        return found


@contextmanager
def beside(user: User) -> Iterator[Beside]:
    """All of them, until the end of the block."""
    with ExitStack() as stack:
        folders = stack.enter_context(folders_for(user, (*HIDDEN, *SHOWN)))
        keys = stack.enter_context(_ssh_keys(user))
        each = folders.values()
        what = json.dumps(([str(folder) for folder in each],
                           [argv for folder in each for argv in (_bus(folder), _ssh_master(user, folder, keys))],
                           [argv for folder in each for argv in (_tmux(folder), _gpg_agent(folder))]))
        with start_as(user, [*PYTHON, _SERVICES, what], stdin=PIPE, stdout=PIPE, cwd="/") as services:
            try:
                assert services.stdout
                assert services.stdout.readline() == "ready\n"
                yield Beside(user, folders, services)
            finally:
                assert services.stdin
                services.stdin.close()
                services.wait(20)


@contextmanager
def folders_for(user: User, names: Iterable[str]) -> Iterator[dict[str, Path]]:
    """A fresh folder of the user in each of these parts of the tree, with the files `secret` and `dear`."""
    with ExitStack() as stack:
        yield {name: stack.enter_context(_folder(name, user)) for name in names if _possible(name, user)}


def _possible(name: str, user: User) -> bool:
    """Without root only the user's own places."""
    return os.getuid() == 0 or name in ("home", "/var/tmp")


@contextmanager
def _folder(name: str, user: User) -> Iterator[Path]:
    parent = user.home if name == "home" else Path(name)
    folder = Path(tempfile.mkdtemp(prefix="labrun-test-", dir=parent))
    try:
        (folder / "secret").write_text(SECRET)
        (folder / "dear").write_text("dear")
        (folder / "gnupg").mkdir(mode=0o700)
        for path in (folder, *folder.iterdir()):
            os.chown(path, user.uid, user.gid)
            path.chmod({"gnupg": 0o700, "secret": 0o644, "dear": 0o666}.get(path.name, 0o755))
        folder.chmod(0o777)
        yield folder
    finally:
        shutil.rmtree(folder)


def _bus(folder: Path) -> list[str]:
    return ["dbus-daemon", "--session", "--nofork", f"--address=unix:path={folder}/bus", "--print-address=1"]


@contextmanager
def _ssh_keys(user: User) -> Iterator[Path]:
    """A folder with a configuration of sshd, a host key, and a user's key that it accepts."""
    folder = Path(tempfile.mkdtemp(prefix="labrun-test-ssh-", dir="/var/tmp"))
    os.chown(folder, user.uid, user.gid)
    try:
        for name in ("host", "key"):
            run_as(user, ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
        (folder / "config").write_text(f"HostKey {folder}/host\nAuthorizedKeysFile {folder}/key.pub\nPidFile none\n"
                                       f"StrictModes no\nUsePAM {'yes' if user.uid == 0 else 'no'}\n")
        if user.uid == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # sshd started by root does not run without it
        yield folder
    finally:
        shutil.rmtree(folder)


def _ssh_master(user: User, folder: Path, keys: Path) -> list[str]:
    """A connection to an own sshd, by a pipe, that prints a line once others can share it by FOLDER/ssh."""
    options = {
        "ControlMaster": "yes", "ControlPath": folder / "ssh", "IdentityFile": keys / "key", "BatchMode": "yes",
        "IdentitiesOnly": "yes", "StrictHostKeyChecking": "no", "UserKnownHostsFile": "/dev/null", "LogLevel": "ERROR",
        "KexAlgorithms": "curve25519-sha256", "ProxyCommand": f"/usr/sbin/sshd -i -f {keys}/config",
        "PermitLocalCommand": "yes", "LocalCommand": "echo ready"}
    return ["ssh", "-F", "none", "-N", *(f"-o{key}={value}" for key, value in options.items()), f"{user.name}@beside"]


def _tmux(folder: Path) -> list[str]:
    return ["tmux", "-S", f"{folder}/tmux", "-f", "/dev/null", "new-session", "-d", "sleep 3600"]


def _gpg_agent(folder: Path) -> list[str]:
    return ["gpg-agent", "--quiet", "--homedir", f"{folder}/gnupg", "--daemon"]
