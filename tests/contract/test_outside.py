"""The process that stays outside: what it streams, what it tells, and that nothing but bytes comes in."""

from __future__ import annotations

import os
import select
import signal
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.errors import Missing, Problem, Refused
from runtime.sandbox.outside import Outside
from runtime.sandbox.traces import children

LARGE = bytes(range(256)) * 40_000  # more than a pipe holds


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[Outside]:
    (tmp_path / "large").write_bytes(LARGE)
    (tmp_path / "empty").touch()

    others = {*children()}  # as a daemon of other tests

    def open_(name: str) -> int:
        if name == "missing":
            raise Missing("docker is not installed", "it is needed", "sudo apt install docker.io")
        if name == "refused":
            raise Refused("read it", 13, "not allowed", "chmod")
        return os.open(tmp_path / name, os.O_RDONLY)

    made = Outside(open_)
    yield made
    made.close()
    assert not {*children()} - others


def read(fd: int) -> bytes:
    with os.fdopen(fd, "rb") as file:
        return file.read()


def test_it_streams(outside: Outside) -> None:
    assert [read(outside.stream(name)) for name in ("large", "empty", "large")] == [LARGE, b"", LARGE]


def test_what_comes_in_is_a_pipe_that_can_only_be_read(outside: Outside) -> None:
    fd = outside.stream("large")
    assert stat.S_ISFIFO(os.fstat(fd).st_mode)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.write(fd, b"x")
    assert read(fd) == LARGE


def test_a_reader_who_has_seen_enough(outside: Outside) -> None:
    fd = outside.stream("large")
    assert os.read(fd, 4) == LARGE[:4]
    os.close(fd)
    assert read(outside.stream("large")) == LARGE


@pytest.mark.parametrize(("name", "kind", "says", "mend"), [
    ("missing", Missing, "docker is not installed: it is needed", "sudo apt install docker.io"),
    ("refused", Refused, "read it: not allowed", "chmod")])
def test_what_went_wrong_outside_is_told_inside(outside: Outside, name: str, kind: type[Problem], says: str,
                                                mend: str) -> None:
    with pytest.raises(kind) as raised:
        outside.stream(name)
    assert (str(raised.value), raised.value.mend) == (says, mend)
    assert read(outside.stream("empty")) == b"", "and it goes on"


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGSEGV])
def test_it_may_die(outside: Outside, end: signal.Signals) -> None:
    pid = outside._pid
    os.kill(pid, end)
    with pytest.raises(Refused, match="get large: the process that does it has died"):
        outside.stream("large")


def test_it_ends_with_its_maker_in_the_middle_of_a_long_export() -> None:
    reading, writing = os.pipe()

    def open_(_name: str) -> int:
        os.write(writing, f"{os.getpid()}\n".encode())
        signal.alarm(30)
        signal.pause()
        return -1

    maker = os.fork()
    if maker == 0:
        os.close(reading)
        signal.alarm(20)
        Outside(open_).stream("something")
    os.close(writing)
    with os.fdopen(reading, "rb", buffering=0) as pipe:
        pid = int(pipe.readline())
        os.kill(maker, signal.SIGKILL)
        os.waitpid(maker, 0)
        assert select.select([pipe], [], [], 10)[0], "it goes on"
        assert pipe.read() == b"", "its end of the pipe is closed: it has ended"
    assert not Path(f"/proc/{pid}/exe").exists()
