"""What is at a path of the sandbox, read from outside. Whatever those inside put there, nothing blocks or leaks."""

from __future__ import annotations

import os
from collections.abc import Callable
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from checks.file import File as FileCheck
from runtime.facts.difference import Change, difference
from runtime.facts.files import File, read_files
from runtime.facts.observer import Observer
from tests.conftest import Lab
from tests.judging import judge

InSandbox = Callable[..., Any]


def _read(lab: Lab, make: str, path: str) -> File | None:
    lab.shell(f"cd /tmp && {make}")
    return next(iter(read_files(lab.sandbox.root, [path])), None)


def _hash(data: bytes) -> str:
    return sha256(data).hexdigest()


@pytest.mark.parametrize("id_map", ["auto", "single"])
@pytest.mark.parametrize(("make", "path", "expected"), [
    ("printf hello > x", "/tmp/x", ("file", "644", 5, "", "hello", "")),
    ("printf hello > x; chmod 4600 x", "/tmp/x", ("file", "4600", 5, "", "hello", "")),
    (": > x", "/tmp/x", ("file", "644", 0, "", "", "")),
    ("printf '\\377' > x", "/tmp/x", ("file", "644", 1, "", None, _hash(b"\xff"))),
    ("mkdir -m 700 d", "/tmp/d/", ("folder", "700", 40, "", None, "")),
    ("printf hi > x; ln -s x l", "/tmp/l", ("file", "644", 2, "x", "hi", "")),
    ("ln -s nowhere l", "/tmp/l", ("link", "777", 7, "nowhere", None, "")),
    ("ln -s l l", "/tmp/l", ("link", "777", 1, "l", None, "")),
    ("mkfifo -m 600 f", "/tmp/f", ("fifo", "600", 0, "", None, "")),
    ("mkfifo f; ln -s f l", "/tmp/l", ("fifo", "644", 0, "f", None, "")),
    ("true", "/dev/null", ("device", "666", 0, "", None, "")),
    ("head -c 65536 /dev/zero > x", "/tmp/x", ("file", "644", 65536, "", "\0" * 65536, "")),
    ("head -c 65537 /dev/zero > x", "/tmp/x", ("file", "644", 65537, "", None, "", "it is larger than 64 KiB")),
    ("truncate -s 10M x", "/tmp/x", ("file", "644", 10 << 20, "", None, "", "it is larger than 64 KiB")),
    ("printf hi > x; chmod 000 x", "/tmp/x", ("file", "000", 2, "", "hi", "")),
    ("printf hi > $'a b'", "/tmp/$a b", ("file", "644", 2, "", "hi", "")),
])
def test_what_is_there(in_sandbox: InSandbox, make: str, path: str, expected: tuple[Any, ...], id_map: str) -> None:
    assert in_sandbox(_read, make, path, id_map=id_map) == File(path, *expected)


@pytest.mark.parametrize("path", ["/tmp/none", "/tmp/none/x", "/etc/passwd/x", "/" + "x" * 300, "/x" * 4000])
def test_where_there_is_nothing(in_sandbox: InSandbox, path: str) -> None:
    assert in_sandbox(_read, "true", path) is None


def _outward(lab: Lab, secret: str) -> list[File]:
    lab.shell(f"cd /tmp && ln -s {secret} l && ln -s ../../../../../.. up && ln -s /proc/1/root r")
    return list(read_files(lab.sandbox.root, ["/tmp/l", f"/tmp/up{secret}", f"/../..{secret}", f"/tmp/r{secret}"]))


def test_no_link_leads_out(in_sandbox: InSandbox, tmp_path: Path) -> None:
    """The machine's /tmp is not the sandbox's."""
    secret = tmp_path / "secret"
    secret.write_text("of the machine")
    assert str(secret).startswith("/tmp/")
    [link] = in_sandbox(_outward, str(secret))
    assert (link.path, link.kind, link.text) == ("/tmp/l", "link", None)


def _not_ours(lab: Lab) -> tuple[File | None, bool]:
    inside = lab.sandbox.run(["cat", "/etc/shadow"]).status == 0
    return next(iter(read_files(lab.sandbox.root, ["/etc/shadow"])), None), inside


def test_no_more_is_read_than_the_labs_root_may_read(in_sandbox: InSandbox) -> None:
    found, inside = in_sandbox(_not_ours)
    assert found
    assert found.kind == "file"
    assert (found.text is not None) == inside


def _proc(lab: Lab) -> tuple[File, ...]:
    lab.shell("echo 1 > /proc/sys/net/ipv4/ip_forward")
    paths = ["/proc/sys/net/ipv4/ip_forward", "/proc/1/status", "/proc/1/mem", "/proc/kmsg", "/proc/self/status"]
    return read_files(lab.sandbox.root, paths)


def test_files_of_proc_are_the_sandboxs(in_sandbox: InSandbox) -> None:
    """They have a size of 0 until they are read. Who reads is no process of the sandbox."""
    forwarding, status, memory, messages = in_sandbox(_proc)
    assert (forwarding.text, forwarding.size) == ("1\n", 2)
    assert "\nPid:\t1\n" in status.text
    assert memory.text is None
    assert messages.text is None


def _leased(lab: Lab) -> File:
    """A lease for writing: whoever opens the file has to wait until its holder gives it back."""
    lab.shell("printf hi > /tmp/x")
    lab.shell("""python3 -c '
import fcntl, os, signal, time
signal.signal(signal.SIGIO, signal.SIG_IGN)
fcntl.fcntl(os.open("/tmp/x", os.O_RDWR), fcntl.F_SETLEASE, fcntl.F_WRLCK)
if os.fork() == 0:
    os.setsid()
    signal.pause()
' """)
    return read_files(lab.sandbox.root, ["/tmp/x"])[0]


def test_a_lease_does_not_block(in_sandbox: InSandbox) -> None:
    found = in_sandbox(_leased)
    assert (found.kind, found.text) == ("file", None)


def _changes(lab: Lab) -> list[tuple[Change, ...]]:
    paths = ["/tmp/x", "/tmp/d", "/tmp/x"]
    observer = Observer(lab.namespaces, lab.sandbox.proc, (), paths, lab.sandbox.root)
    snapshots = [observer.observe()]
    for command in ("printf hello > /tmp/x", "printf jello > /tmp/x; mkdir /tmp/d", "chmod 600 /tmp/x; touch /tmp/d/y",
                    "rm /tmp/x", "true"):
        lab.shell(command)
        snapshots.append(observer.observe())
    assert len(snapshots[2].files) == 2
    return [tuple(each for each in difference(old, new) if each.kind == "file")
            for old, new in pairwise(snapshots)]


def test_the_difference_tells_of_them(in_sandbox: InSandbox) -> None:
    added, changed, mode, removed, nothing = in_sandbox(_changes)
    assert added == (Change("added", "", "file", "/tmp/x", (("kind", "", "file"),)),)
    assert changed == (Change("changed", "", "file", "/tmp/x", (("text", "'hello'", "'jello'"),)),
                       Change("added", "", "file", "/tmp/d", (("kind", "", "folder"),)))
    assert mode == (Change("changed", "", "file", "/tmp/x", (("mode", "644", "600"),)),)
    assert removed == (Change("removed", "", "file", "/tmp/x"),)
    assert nothing == ()


def _nothing_left_open(lab: Lab) -> int:
    lab.shell("cd /tmp; printf hi > x; ln -s x l; mkfifo f; ln -s none n")
    before = len(os.listdir("/proc/self/fd"))
    read_files(lab.sandbox.root, ["/tmp/x", "/tmp/l", "/tmp/f", "/tmp/n", "/tmp/none"])
    return len(os.listdir("/proc/self/fd")) - before


def test_nothing_is_left_open(in_sandbox: InSandbox) -> None:
    assert in_sandbox(_nothing_left_open) == 0


def _judged(lab: Lab) -> list[str]:
    lab.shell("mkdir /tmp/www; echo hello > /tmp/www/index.html")
    verdicts = judge(lab, [FileCheck(path="/tmp/www/index.html", kind="file", mode="644", contains="hell"),
                           FileCheck(path="/tmp/www", kind="folder"), FileCheck(path="/tmp/none", exists=False),
                           FileCheck(path="/tmp/www/index.html", text="hello")])
    return [verdict.outcome for verdict in verdicts]


def test_checks_get_their_files(in_sandbox: InSandbox) -> None:
    assert in_sandbox(_judged) == ["pass", "pass", "pass", "fail"]
