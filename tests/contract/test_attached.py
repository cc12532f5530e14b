"""Attached to a real container by a real conmon: nothing is lost or mixed, nobody is stopped, no wait has no end."""

from __future__ import annotations

import os
import re
import select
import signal
from collections.abc import Callable, Iterator
from time import monotonic
from typing import Any

import pytest

from runtime.errors import Refused
from runtime.oci.shim import attached
from runtime.oci.shim.attached import Attached
from tests.bundles import RUNTIMES, look_after
from tests.conftest import Lab

InSandbox = Callable[..., Any]
SECONDS = float(os.environ.get("LABRUN_TEST_SECONDS") or 2)  # 10 by hand
PACE = 1000  # lines a second
PATIENCE = 10.0  # seconds
MIB = 1 << 20


def join(lab: Lab, name: str = "c1") -> Attached:
    return lab.host.shims.attach(name)[0]


def lines(client: Attached, *, error: bool = False, within: float = PATIENCE) -> Iterator[str]:
    """What is printed, line by line, until the end. error: on which stream."""
    deadline, rest = monotonic() + within, b""
    while True:
        assert select.select([client], [], [], max(0.0, deadline - monotonic()))[0], f"nothing came; {rest[-80:]!r}"
        piece = client.receive()
        if piece is None:
            assert not rest, rest
            return
        if piece.error == error:
            *whole, rest = (rest + piece.data).split(b"\n")
            yield from (line.decode() for line in whole)


def read(client: Attached, number: int, **given: Any) -> list[str]:
    """The next lines, so many."""
    found = lines(client, **given)
    return [next(found) for _ in range(number)]


def everything(client: Attached) -> bytes:
    """All that is printed until the end."""
    found, deadline = b"", monotonic() + PATIENCE
    while True:
        assert select.select([client], [], [], max(0.0, deadline - monotonic()))[0], f"no end came; {found[-80:]!r}"
        piece = client.receive()
        if piece is None:
            return found
        found += piece.data


def side_by_side(clients: list[Attached]) -> list[bytes]:
    """The same for many, each of which is read as soon as there is something."""
    found, left, deadline = dict.fromkeys(clients, b""), {*clients}, monotonic() + PATIENCE
    while left:
        ready = select.select([*left], [], [], max(0.0, deadline - monotonic()))[0]
        assert ready, f"{len(left)} have no end"
        for client in ready:
            piece = client.receive()
            found[client] += piece.data if piece else b""
            left -= set() if piece else {client}
    return [found[client] for client in clients]


def type_all(client: Attached, data: bytes) -> None:
    deadline = monotonic() + PATIENCE
    while data:
        assert select.select([], [client], [], max(0.0, deadline - monotonic()))[1], f"{len(data)} bytes were not taken"
        data = data[client.send(data):]


def conmon(lab: Lab) -> int:
    """Its PID in the sandbox."""
    shim = lab.observer.observe().shim("c1")
    assert shim
    return shim.process.pid


def memory(lab: Lab, pid: int) -> int:
    """How much of a process is in memory, in bytes."""
    with open(os.open(f"{pid}/status", os.O_RDONLY, dir_fd=lab.sandbox.proc), encoding="utf-8") as file:
        return int(re.findall(r"VmRSS:\s+(\d+) kB", file.read())[0]) << 10


def descriptors(lab: Lab, pid: int) -> int:
    folder = os.open(f"{pid}/fd", os.O_RDONLY, dir_fd=lab.sandbox.proc)
    try:
        return len(os.listdir(folder))
    finally:
        os.close(folder)


ANSWERING = """exec awk '{ print "out", NR, $0; fflush() } NR == %d { exit }'"""


def _both_ways(lab: Lab, runtime: str) -> tuple[int, list[str], float, int, int]:
    number = round(SECONDS * PACE)
    look_after(lab, runtime, terminal=False, script=ANSWERING % number)
    client, pid = join(lab), conmon(lab)
    before, mine = memory(lab, pid), _own_memory()
    started, typed, came, wrong = monotonic(), 0, 0, list[str]()
    rest = b""
    while True:
        due = min(number, int((monotonic() - started) * PACE))
        if typed < due:
            type_all(client, "".join(f"in {n}\n" for n in range(typed + 1, due + 1)).encode())
            typed = due
        if select.select([client], [], [], 1 / PACE if typed < number else PATIENCE)[0]:
            piece = client.receive()
            if piece is None:
                break
            *whole, rest = (rest + piece.data).split(b"\n")
            for line in whole:
                came += 1
                if line != f"out {came} in {came}".encode() and len(wrong) < 5:
                    wrong.append(f"{came}: {line!r}")
        assert monotonic() < started + SECONDS + PATIENCE, (typed, came)
    return came, wrong, monotonic() - started, memory_grown(before, lab, pid), _own_memory() - mine


def _own_memory() -> int:
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def memory_grown(before: int, lab: Lab, pid: int) -> int:
    """Of a conmon; one that has ended has nothing."""
    try:
        return memory(lab, pid) - before
    except (OSError, IndexError):
        return 0


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_thousand_lines_a_second_each_way(in_sandbox: InSandbox, runtime: str) -> None:
    came, wrong, seconds, grown, own = in_sandbox(_both_ways, runtime)
    print(f"{came} lines each way in {seconds:.1f} s; conmon grew by {grown >> 10} KiB, the client by {own >> 10} KiB")
    assert (came, wrong) == (round(SECONDS * PACE), [])
    assert seconds < SECONDS + 2
    assert grown < MIB
    assert own < 4 * MIB


CLIENTS, EACH = 20, 50
ECHOING = f"exec awk '{{ print; fflush() }} NR == {CLIENTS + 1 + CLIENTS * EACH} {{ exit }}'"


def _many(lab: Lab) -> list[list[str]]:
    look_after(lab, terminal=False, script=ECHOING)
    clients = [join(lab) for _ in range(CLIENTS)]
    for number, client in enumerate(clients):  # who sees what it has typed has been let in, and not only been queued
        type_all(client, f"{number} is there\n".encode())
        assert f"{number} is there" in lines(client)
    type_all(clients[0], b"all are there\n")
    for client in clients:
        assert "all are there" in lines(client)
    for number, client in enumerate(clients):
        type_all(client, b"".join(f"{number} {n} {'x' * 100}\n".encode() for n in range(EACH)))
    return [data.decode().splitlines() for data in side_by_side(clients)]


def test_twenty_at_once(in_sandbox: InSandbox) -> None:
    """Each sees all in one order, and what one types stays whole and in its order."""
    first, *others = in_sandbox(_many)
    assert all(other == first for other in others)
    assert len(first) == CLIENTS * EACH
    for number in range(CLIENTS):
        assert [line for line in first if line.startswith(f"{number} ")] == [
            f"{number} {n} {'x' * 100}" for n in range(EACH)]


ALL_BYTES = bytes(range(256)) * 64


def _bytes(lab: Lab, runtime: str) -> tuple[bytes, int]:
    look_after(lab, runtime, terminal=False, script=f"exec head -c {len(ALL_BYTES)}")
    client = join(lab)
    type_all(client, ALL_BYTES)
    return everything(client), lab.host.shims.wait_for_exit("c1", PATIENCE)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_any_bytes_and_no_newline_at_the_end(in_sandbox: InSandbox, runtime: str) -> None:
    assert in_sandbox(_bytes, runtime) == (ALL_BYTES, 0)


def _two_streams(lab: Lab) -> tuple[list[str], list[str]]:
    script = "read one; read other; for n in 1 2 3; do echo out $n; echo error $n >&2; done"
    look_after(lab, terminal=False, script=script)
    one, other = join(lab), join(lab)
    for client in (one, other):  # of whom a line has come, has been let in
        type_all(client, b"go\n")
    return list(lines(one)), list(lines(other, error=True))


def test_stderr_is_told_apart(in_sandbox: InSandbox) -> None:
    assert in_sandbox(_two_streams) == (["out 1", "out 2", "out 3"], ["error 1", "error 2", "error 3"])


def _unread(lab: Lab, runtime: str, script: str) -> tuple[bool, int]:
    """Type more than a pipe holds into what reads nothing. Returns whether all was taken, and the exit status."""
    look_after(lab, runtime, terminal=False, script=script)
    client, taken = join(lab), 0
    deadline = monotonic() + 1
    while taken < 4 * MIB and monotonic() < deadline and select.select([], [client], [], 0.2)[1]:
        try:
            taken += client.send(b"x" * 4096)
        except (BrokenPipeError, ConnectionResetError):
            break
    lab.shell(f"{runtime} kill c1 KILL || true")
    return taken < 4 * MIB, lab.host.shims.wait_for_exit("c1", PATIENCE)


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("script", ["exec 0<&-; sleep 1000", "sleep 1000"])
def test_a_program_that_reads_nothing_hangs_nobody(in_sandbox: InSandbox, runtime: str, script: str) -> None:
    _, status = in_sandbox(_unread, runtime, script)
    assert status == 128 + signal.SIGKILL


def _deaf(lab: Lab, runtime: str) -> tuple[list[str], int]:
    look_after(lab, runtime, terminal=False, script="trap 'echo no' TERM; while :; do read line; echo $line; done")
    client = join(lab)
    type_all(client, b"ready?\n")
    assert "ready?" in lines(client)
    lab.shell(f"{runtime} kill c1 TERM")
    type_all(client, b"\n")  # a shell heeds a signal when the command that it waits for is over
    said = next(line for line in lines(client) if line == "no")
    assert lab.observer.observe().process(conmon(lab))
    lab.shell(f"{runtime} kill c1 KILL")
    return [said], lab.host.shims.wait_for_exit("c1", PATIENCE)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_program_that_ignores_sigterm(in_sandbox: InSandbox, runtime: str) -> None:
    assert in_sandbox(_deaf, runtime) == (["no"], 128 + signal.SIGKILL)


def _killed_client(lab: Lab) -> tuple[list[str], int]:
    script = "while read line && [ $line != end ]; do seq 1 2000; echo got $line; done; exit 7"
    look_after(lab, terminal=False, script=script)
    client = join(lab)
    pid = os.fork()
    if pid == 0:
        other = join(lab)
        type_all(other, b"first\n")
        read(other, 10)
        signal.pause()
    assert "got first" in lines(client)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    type_all(client, b"second\n")
    assert "got second" in lines(client)
    client.close()
    last = join(lab)
    type_all(last, b"third\nend\n")
    return [line for line in lines(last) if line.startswith("got")], lab.host.shims.wait_for_exit("c1", PATIENCE)


def test_a_client_that_is_killed_stops_nobody(in_sandbox: InSandbox) -> None:
    assert in_sandbox(_killed_client) == (["got third"], 7)


def _one_that_does_not_read(lab: Lab) -> tuple[int, int, int, int]:
    look_after(lab, terminal=False, script="read deaf; read go; yes xxxxxxxxxxxxxxx | head -c 4194304; exit 3")
    deaf, client = join(lab), join(lab)
    type_all(deaf, b"here\n")
    pid = conmon(lab)
    before, came = memory(lab, pid), 0
    type_all(client, b"go\n")
    while select.select([client], [], [], 0.5)[0]:
        came += len(_next(client))
    stopped, grown = came, memory(lab, pid) - before
    deaf.close()
    while piece := _next(client):
        came += len(piece)
    return stopped, came, grown, lab.host.shims.wait_for_exit("c1", PATIENCE)


def _next(client: Attached) -> bytes:
    assert select.select([client], [], [], PATIENCE)[0], "nobody gets anything any more"
    piece = client.receive()
    return piece.data if piece else b""


def test_one_that_does_not_read_takes_nothing_from_the_others(in_sandbox: InSandbox) -> None:
    """It stops them, as conmon 2.1 writes to one after the other and waits for each; when it leaves, all goes on."""
    stopped, came, grown, status = in_sandbox(_one_that_does_not_read)
    assert (came, status) == (4 * MIB, 3)
    assert 0 < stopped < came
    assert grown < MIB


def _again_and_again(lab: Lab) -> tuple[int, int]:
    look_after(lab, terminal=False, script=ECHOING)
    pid = conmon(lab)
    before = descriptors(lab, pid)
    for _ in range(200):
        join(lab).close()
    client, deadline = join(lab), monotonic() + PATIENCE
    while (after := descriptors(lab, pid)) > before + 1 and monotonic() < deadline:
        type_all(client, b"here\n")
        assert read(client, 1) == ["here"]
    return before, after


def test_two_hundred_one_after_the_other(in_sandbox: InSandbox) -> None:
    """conmon lets go of those who have left when it has something to tell them."""
    before, after = in_sandbox(_again_and_again)
    assert after <= before + 1


def _stopped(lab: Lab) -> tuple[str, float]:
    attached._CONNECTING = 1
    look_after(lab, terminal=False, script=ECHOING)
    lab.shell(f"kill -STOP {conmon(lab)}")
    started, clients = monotonic(), []
    try:
        for _ in range(1000):  # until the queue of those who wait is full
            started = monotonic()
            clients.append(join(lab))
    except Refused as refused:
        return str(refused), monotonic() - started
    raise AssertionError("a stopped conmon took everybody in")


def test_a_conmon_that_is_stopped_is_not_waited_for_without_end(in_sandbox: InSandbox) -> None:
    says, seconds = in_sandbox(_stopped)
    assert says == "attach to c1: the shim did not answer within 1 s"
    assert 0.9 < seconds < 3


