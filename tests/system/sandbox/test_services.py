"""Services of the user beside a lab: nothing in the lab reaches them, wherever their sockets are.

Each attempt is made outside first, where it has to succeed: so the service is there, and the attempt would be noticed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.system.accounts import run_as
from tests.system.sandbox.attempts import assert_refused, run_outside
from tests.system.sandbox.beside import HOLE, Beside, beside
from tests.system.sandbox.inside import inside
from tests.system.sandbox.ways import WAYS, towards

if TYPE_CHECKING:
    from pathlib import Path

    from tests.system.accounts import User
    from tests.system.sandbox.inside import Inside

# $F is the folder of the services. What an attempt leaves in it is a hole, too.
CLIENTS = {
    "tmux": f'tmux -S $F/tmux new-window -d "touch $F/{HOLE}; tmux wait-for -S it" && tmux -S $F/tmux wait-for it',
    "tmux sends keys": "tmux -S $F/tmux send-keys -t 0 -l x",
    "ssh": "ssh -F none -o BatchMode=yes -S $F/ssh -O check beside",
    "ssh runs a command": f"ssh -F none -o BatchMode=yes -o ProxyCommand=false -S $F/ssh beside touch $F/{HOLE}",
    "gpg-agent": "gpg-connect-agent --no-autostart -S $F/gnupg/S.gpg-agent 'GETINFO pid' /bye | grep -q ^OK",
    "gpg-agent, by its folder": "gpg-connect-agent --no-autostart --homedir $F/gnupg 'GETINFO pid' /bye | grep -q ^OK",
    "D-Bus": "d=org.freedesktop.DBus; dbus-send --bus=unix:path=$F/bus --print-reply --dest=$d / $d.ListNames",
    "Docker": "test \"$(curl -s --unix-socket $F/docker.sock http://localhost/_ping)\" = OK",
    "a FIFO": "python3 -c 'import os; os.write(os.open(\"'$F'/fifo\", os.O_WRONLY | os.O_NONBLOCK), b\"x\")'",
}
_SLOW = ("ssh runs a command",)  # for some folders only
# use(folder) has to fail. A lock that a service holds must not meet one of a lab.
USES = {
    "a stream": """
def use(folder):
    socket.socket(socket.AF_UNIX, socket.SOCK_STREAM).connect(folder + '/stream')
""",
    "packets": """
def use(folder):
    socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET).connect(folder + '/packets')
""",
    "datagrams": """
def use(folder):
    socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b'x', folder + '/datagrams')
""",
    "Docker": """
def use(folder):
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(folder + '/docker.sock')
    sock.sendall(b'GET /_ping HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n')
    return sock.recv(100)
""",
    "a stream, after changing its mode": """
def use(folder):
    os.chmod(folder + '/stream', 0o666)
    os.chmod(folder + '/stream', 0o777)
    socket.socket(socket.AF_UNIX, socket.SOCK_STREAM).connect(folder + '/stream')
""",
    "a stream, by another name": """
def use(folder):
    os.link(folder + '/stream', folder + '/labrun-hole')
    socket.socket(socket.AF_UNIX, socket.SOCK_STREAM).connect(folder + '/labrun-hole')
""",
    "a FIFO": """
def use(folder):
    os.write(os.open(folder + '/fifo', os.O_WRONLY | os.O_NONBLOCK), b'x')
""",
    "a FIFO, by its descriptor": """
def use(folder):
    fd = os.open(folder + '/fifo', os.O_PATH)
    os.write(os.open(f'/proc/self/fd/{fd}', os.O_WRONLY | os.O_NONBLOCK), b'x')
""",
    "a lock (flock)": """
def use(folder):
    fd = os.open(folder + '/flocked', os.O_RDONLY)
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return 'it is locked'
    raise OSError('no lock')
""",
    "a lock (POSIX)": """
def use(folder):
    return held(folder + '/posix-locked', fcntl.F_SETLK)
""",
    "a lock (OFD)": """
def use(folder):
    return held(folder + '/ofd-locked', fcntl.F_OFD_SETLK)
""",
    "a lease": """
def use(folder):
    try:
        os.close(os.open(folder + '/leased', os.O_WRONLY | os.O_NONBLOCK))
    except BlockingIOError:
        return 'there is a lease'
    raise OSError('no lease')
""",
}
_HELD = """
def held(path, command):
    fd = os.open(path, os.O_RDONLY)
    try:
        fcntl.fcntl(fd, command, struct.pack('hhqqi', fcntl.F_RDLCK, 0, 0, 0, 0))
    except BlockingIOError:
        return 'it is locked'
    raise OSError('no lock')
"""


@pytest.fixture(scope="module", autouse=True)
def services(place: tuple[User, str]) -> Iterator[Beside]:
    """They are there before the sandbox is."""
    with beside(place[0]) as made:
        yield made


@pytest.fixture(scope="module")
def lab(place: tuple[User, str], python: Path, services: Beside) -> Iterator[Inside]:
    """A sandbox for a lab whose own folder is one of them."""
    with inside(*place, python, lab_file=services.folders["/var/tmp"] / "lab.yaml") as running:
        yield running


def test_one_of_them_is_in_the_folder_of_the_lab(services: Beside, lab: Inside) -> None:
    assert "docker.sock" in lab.output(f"ls {services.folders['/var/tmp']}")


@pytest.fixture(scope="module")
def environment(services: Beside) -> dict[str, str]:
    return towards(services.folders)


@pytest.mark.parametrize("client", CLIENTS)
def test_no_client_reaches_a_service(services: Beside, lab: Inside, client: str) -> None:
    folders = list(map(str, services.folders.values()))[:: 6 if client in _SLOW else 1]
    each = f"for F in {' '.join(folders)}; do ( {CLIENTS[client]} ) > /dev/null 2>&1 && echo $F; done; true"
    assert run_as(services.user, ["sh", "-c", each], cwd="/").stdout.split() == folders, "a control"
    services.seen()
    assert lab.output(each) == ""
    assert not services.seen()


def test_no_way_leads_to_a_service(services: Beside, lab: Inside, environment: dict[str, str]) -> None:
    uses = "".join(f"{text}uses[{name!r}] = use\n" for name, text in USES.items())
    program = f"{WAYS}{_HELD}uses = {{}}\n{uses}reach(uses)"
    control = run_outside(services.user, program, environment)
    assert [name for name in USES if f"{name} by its path" not in control] == []
    assert {path.split("/")[-1] for path in services.seen()} >= {"stream", "packets", "datagrams", "fifo", "leased"}
    assert_refused(lab, program, environment)
    assert not services.seen()
