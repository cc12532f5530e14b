"""PID 1 belongs to the lab, which can stop it or make it send anything: each request to it ends all the same."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from runtime.errors import Refused
from runtime.sandbox.channel import Channel, Closed
from runtime.sandbox.first_process import ANSWERING, FirstProcess
from tests.conftest import Lab

InSandbox = Callable[..., Any]
QUICK = ANSWERING / 2  # what answers at once, on a machine with too much to do
ASKED = {"do": "write"}


def _stopped(lab: Lab) -> list[tuple[str, str, float]]:
    os.kill(lab.sandbox.pid, signal.SIGSTOP)
    found = []
    for ask in (lambda: lab.sandbox.add_netns("one"), lambda: lab.sandbox.run(["true"]), lambda: lab.sandbox.pidfd(1)):
        begun = monotonic()
        with pytest.raises(Refused) as refused:
            ask()
        found.append((str(refused.value), refused.value.mend, monotonic() - begun))
    return found


def test_one_that_is_stopped_costs_its_limit_once(in_sandbox: InSandbox) -> None:
    first, *others = in_sandbox(_stopped)
    assert first[0] == (f"add_netns in the sandbox: PID 1 of the lab does not answer within {ANSWERING:g} s: "
                        "it is stopped (state T)")
    assert "labrun reset" in first[1]
    assert "labrun stop" in first[1]
    assert ANSWERING <= first[2] < ANSWERING + QUICK
    assert all("PID 1 of the lab does not answer" in words and seconds < QUICK for words, _, seconds in others)


def _late(lab: Lab) -> tuple[list[str], int, str]:
    """Answers that come when others are waited for."""
    os.kill(lab.sandbox.pid, signal.SIGSTOP)
    with pytest.raises(Refused):
        lab.sandbox.run(["/bin/sh", "-c", "exit 7"])
    os.kill(lab.sandbox.pid, signal.SIGCONT)
    lab.sandbox.add_netns("two")
    done = lab.sandbox.run(["echo", "hello"])
    return os.listdir(f"/proc/{lab.sandbox.pid}/root/run/netns"), done.status, done.output


def test_a_late_answer_is_not_taken_for_the_next(in_sandbox: InSandbox) -> None:
    assert in_sandbox(_late) == (["two"], 0, "hello\n")


def _traced(lab: Lab) -> tuple[str, str]:
    tracer = lab.sandbox.start_with(_null(), ["python3", "-c", (
        "import ctypes, os\n"
        "ctypes.CDLL(None).ptrace(16, 1, 0, 0)\n"  # <sys/ptrace.h>, PTRACE_ATTACH
        "os.waitpid(1, 0x40000000)\n"  # __WALL, wait(2): until it has stopped
        "open('/tmp/traced', 'w').close()\n"
        "import time; time.sleep(600)")])
    deadline = monotonic() + 20
    while not Path(f"/proc/{lab.sandbox.pid}/root/tmp/traced").exists():
        assert monotonic() < deadline
        os.sched_yield()
    with pytest.raises(Refused) as refused:
        lab.sandbox.add_netns("one")
    return refused.value.why, f"it is stopped by a tracer (state t), the process {tracer} of the lab"


def _null() -> tuple[int, int, int]:
    null = os.open(os.devnull, os.O_RDWR)
    return null, null, null


def test_one_that_is_traced_is_told_with_its_tracer(in_sandbox: InSandbox) -> None:
    why, expected = in_sandbox(_traced)
    assert why.endswith(expected)


Pair = tuple[FirstProcess, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    """Requests, and the end of the channel that PID 1 has."""
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    yield FirstProcess(os.getpid(), Channel(here), lambda: "PID 1 of the lab has ended"), there
    here.close()
    there.close()


ANSWERS = [
    b"rubbish", b"\xff\xfe", b"7", b"[]", b'"problem"', b"[" * 50000, b'{"n": ' + b"9" * 5000 + b"}", b'{"problem": 7}',
    b'{"problem": {"kind": []}}', b'{"problem": {"kind": "Refused", "what": "x", "why": 7, "mend": "", "errno": "x"}}',
    b'{"problem": {"kind": "Refused", "what": "x", "why": "", "mend": "", "errno": 99999999999999999999}}', b"{}",
    b'{"spawned": "x"}', b'{"spawned": -1}', b'{"spawned": null}', b'{"spawned": 1.5}', b'{"path": 7}',
    b'{"done": true}',
]


@pytest.mark.parametrize("answer", ANSWERS)
def test_any_answer_is_an_answer_or_refused(pair: Pair, answer: bytes) -> None:
    first, there = pair
    for ask in (lambda: first.ask(ASKED), lambda: first.ask_for_fd(ASKED, lambda _: True),
                lambda: first.spawn({"do": "spawn"})):
        there.send(answer)
        with suppress(Refused):
            ask()


@pytest.mark.parametrize("message", [*ANSWERS, b'{"ended": "x"}', b'{"ended": [], "status": {}}', b'{"ended": 7}',
                                     b'{"ended": 8, "status": 0}'])
def test_what_comes_unasked_ends_nothing(pair: Pair, message: bytes) -> None:
    first, there = pair
    there.send(message)
    assert list(first.ended()) == []


def test_an_exit_status_that_cannot_be(pair: Pair) -> None:
    first, there = pair
    there.send(b'{"spawned": 7}')
    pid = first.spawn({"do": "spawn"})
    there.send(b'{"ended": 7, "status": 1e400}')
    there.send(b'{"ended": 7, "status": 123456789}')
    assert list(first.ended()) == [(pid, 255)]


def test_escapes_in_its_words_do_not_reach_a_terminal(pair: Pair) -> None:
    first, there = pair
    there.send(b'{"problem": {"kind": "Refused", "what": "\\u001b[2J", "why": "x", "mend": "\\u0007", "errno": 0}}')
    with pytest.raises(Refused) as refused:
        first.ask(ASKED)
    assert (refused.value.what, refused.value.mend) == ("?[2J", "?")


def test_a_flood_ends(pair: Pair) -> None:
    """Of processes that send as fast as they can, and never an answer."""
    first, there = pair
    children = [os.fork() or _flood(there) for _ in range(4)]
    try:
        begun = monotonic()
        assert list(first.ended()) == []
        with pytest.raises(Refused, match="does not answer"):
            first.ask(ASKED)
        with pytest.raises(Refused, match="does not answer"):
            first.wait(9, "sleep", 0.1, str)
        assert monotonic() - begun < ANSWERING + QUICK
    finally:
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def _flood(there: socket.socket) -> int:
    try:
        while True:
            there.send(b'{"ended": 7, "status": 0}')
    finally:
        os._exit(0)


def test_descriptors_that_were_not_asked_for_are_closed(pair: Pair) -> None:
    first, there = pair
    null = os.open(os.devnull, os.O_RDONLY)
    before = len(os.listdir("/proc/self/fd"))
    for message in (b"{}", b"rubbish", b'{"problem": 7}', b'{"ended": 7, "status": 0}', b'{"spawned": 8}'):
        socket.send_fds(there, [message], [null] * 5)
        list(first.ended())
        socket.send_fds(there, [message], [null] * 5)
        if b"ended" in message:
            there.send(b'{"spawned": 9}')
        with suppress(Refused):
            first.spawn({"do": "spawn"})
        socket.send_fds(there, [message if b"ended" not in message else b"{}"], [null] * 5)
        with pytest.raises(Refused):
            first.ask_for_fd(ASKED, lambda _: True)
    assert len(os.listdir("/proc/self/fd")) == before
    os.close(null)


def test_a_descriptor_of_another_kind_is_refused(pair: Pair) -> None:
    first, there = pair
    null = os.open(os.devnull, os.O_RDONLY)
    socket.send_fds(there, [b"{}"], [null])
    with pytest.raises(Refused, match="something that is no answer"):
        first.ask_for_fd(ASKED, lambda _: False)
    os.close(null)


def test_one_that_has_gone(pair: Pair) -> None:
    first, there = pair
    there.close()
    with pytest.raises(Refused, match="PID 1 of the lab has ended"):
        first.ask(ASKED)
    with pytest.raises(Closed):
        list(first.ended())
