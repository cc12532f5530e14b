"""A lab that is kept: terminals in it, and in its containers, as a person has them and as a script has them."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pexpect
import pytest

from tests.system.accounts import environment, myself, run_as
from tests.system.desk import Desk, Person, ended

if TYPE_CHECKING:
    from tests.system.accounts import User

LAB = """\
title: Kept
world: empty
steps:
  - id: one
    title: Two containers with shims
    do:
      - write_spec: /tmp/c1
      - export_rootfs: /tmp/c1/rootfs
      - edit_config: {bundle: /tmp/c1, at: "mounts[destination=/dev/pts].options", remove: gid=5}
      - run: mkdir /tmp/c2 && cp -r /tmp/c1/. /tmp/c2
      - edit_config: {bundle: /tmp/c2, at: process.terminal, set: false}
      - create_with_shim: {name: c1, bundle: /tmp/c1, terminal: true}
      - start_container: c1
      - create_with_shim: {name: c2, bundle: /tmp/c2}
      - start_container: c2
      - add_netns: n1
    check:
      - parent: {of: container c1, is: shim c1}
"""
READY = "Ctrl-C ends it"
LEAVE = "\x10\x11"


@contextmanager
def kept(desk: Desk, *options: str) -> Iterator[Person]:
    """Somebody keeps the lab in one terminal."""
    keeper = desk.person("run", desk.lab, "--keep", *options)
    try:
        keeper.expect(READY)
        yield keeper
    finally:
        keeper.close(force=True)


@pytest.fixture
def desk(installed: Path, open_folder: Path) -> Desk:
    return Desk(installed, myself(), open_folder, LAB)


def test_a_terminal_for_everybody(installed: Path, open_folder: Path, anyone: User) -> None:
    desk = Desk(installed, anyone, open_folder, LAB)
    with kept(desk) as keeper:
        host = desk.person("shell", rows=40, columns=120)
        host.expect("labhost")
        host.sendline("stty size; tty; id -u; exit 5")
        host.expect(r"40 120\r\n/dev/pts/\d+\r\n0\r\n")
        assert ended(host) == 5
        inside = desk.person("shell", "--in", "c1")
        inside.expect("# ")
        inside.sendline("tty; exit 6")
        inside.expect(r"/dev/pts/1\r+\n")  # runc takes away ONLCR (termios(3)) when a fast shell has looked already
        assert ended(inside) == 6
        attached = desk.person("attach", "c1", rows=31, columns=77)
        attached.expect("ctrl-p,ctrl-q to leave it")
        attached.sendline("stty size; echo $$")
        attached.expect(r"31 77\r\n1\r\n")
        attached.send(LEAVE)
        attached.expect("detached from c1; it goes on")
        assert ended(attached) == 0
        keeper.sendcontrol("c")
        keeper.expect("The lab has ended, and nothing is left behind")
        assert ended(keeper) == 0
    assert desk.sockets() == []


@pytest.mark.parametrize("argv", [["shell"], ["shell", "--in", "c1"]])
def test_no_terminal_of_the_machine_comes_in(desk: Desk, argv: list[str]) -> None:
    """Nor any other descriptor: a program there has its terminal, and this is one of the sandbox."""
    with kept(desk):
        person = desk.person(*argv)
        person.expect("# ")
        own = os.stat(f"/proc/{person.pid}/fd/0").st_dev
        person.sendline("stat -L -c 'of %d' /proc/self/fd/0; ls -l /proc/$$/fd; echo d''one")
        person.expect(r"of (\d+)\r\n")
        assert isinstance(person.match, re.Match)
        assert int(person.match[1]) != own
        person.expect("done")
        leads_to = set(re.findall(r"-> (\S+)\r", person.before or ""))
        terminals = {place for place in leads_to if place.startswith("/dev/pts/")}
        assert len(terminals) == 1
        assert leads_to <= terminals | {"/dev/tty", "/bin/bash"}


def test_the_window_gets_another_size(desk: Desk) -> None:
    with kept(desk):
        for argv, prompt in ((["shell"], "labhost"), (["attach", "c1"], "to leave it"),
                             (["shell", "--in", "c1"], "# ")):
            person = desk.person(*argv)
            person.expect(prompt)
            person.sendline("trap 'echo now $(stty size)' WINCH; echo r''eady")
            person.expect("ready")
            person.setwinsize(33, 99)
            _until(person, "stty size", "33 99")
            person.close(force=True)


def _until(person: Person, typed: str, expected: str) -> None:
    for _ in range(50):
        person.sendline(typed)
        if person.expect([expected, pexpect.TIMEOUT], timeout=0.2) == 0:
            return
    raise AssertionError(f"no {expected} within 10 s, but {person.before}")


def test_what_was_begun_is_there_when_one_comes_back(desk: Desk) -> None:
    with kept(desk):
        for typed, expected in (("x=4''2", "#"), ("echo $x", "42\r\n")):
            person = desk.person("attach", "c1", "--detach-keys", "ctrl-a,d")
            person.expect("ctrl-a,d to leave it")
            person.sendline(typed)
            person.expect(expected)
            person.send("\x01d")
            assert ended(person) == 0


@pytest.mark.parametrize(("ending", "code"), [
    (lambda person, _job, _keeper: person.send(LEAVE), 0),
    (lambda person, _job, _keeper: person.sendline("exit 7"), 7),
    (lambda _person, job, _keeper: os.kill(job, signal.SIGTERM), 130),
    (lambda _person, job, _keeper: os.kill(job, signal.SIGHUP), 130),
    (lambda _person, job, _keeper: os.kill(job, signal.SIGINT), 130),
    (lambda _person, _job, keeper: keeper.kill(signal.SIGKILL), 4),
], ids=["keys", "exit", "TERM", "HUP", "INT", "keeper killed"])
def test_the_terminal_is_as_it_was(desk: Desk, ending: Callable[[Person, int, Person], None], code: int) -> None:
    """Beside a shell that does not care for its terminal itself, as those do that people type into."""
    around = f"stty -g > before; {desk.labrun} attach c1; echo code $?; stty -g > after; echo done"
    with kept(desk) as keeper:
        person = desk.person("-c", f"cd $XDG_RUNTIME_DIR; {around}", program="/bin/sh")
        person.expect("to leave it")
        person.sendline("stty size")  # the program there has a terminal by now, and this one is raw
        person.expect(r"24 80\r\n")
        [job] = Path(f"/proc/{person.pid}/task/{person.pid}/children").read_text().split()
        raw = subprocess.run(["stty", "-F", f"/proc/{person.pid}/fd/0", "-a"], capture_output=True, text=True).stdout
        assert "-icanon" in raw
        ending(person, int(job), keeper)
        person.expect(rf"code {code}\r")
        person.expect("done")
        before, after = ((desk.runtime_dir / name).read_text() for name in ("before", "after"))
        assert before == after
        person.close(force=True)


def test_a_client_that_is_killed_takes_only_its_own_program_with_it(desk: Desk) -> None:
    with kept(desk):
        shell = desk.person("shell")
        shell.expect("labhost")
        shell.sendline("exec sleep 4321")
        attached = desk.person("attach", "c1")
        attached.expect("to leave it")
        attached.sendline("y=still; echo o''k")
        attached.expect("ok")
        inside = desk.person("shell", "--in", "c1", "sleep", "5432")
        sought = ["sh", "-c", "ps -e -o args | grep -c '^sleep [45]'; true"]
        _until_printed(desk, sought, "2\n")
        for person in (shell, attached, inside):
            person.kill(signal.SIGKILL)
            assert ended(person) == -signal.SIGKILL
        _until_printed(desk, sought, "0\n")
        again = desk.person("attach", "c1")
        again.expect("to leave it")
        again.sendline("echo $y")
        again.expect("still")
        again.sendline("exit 42")
        again.expect("c1 has ended with 42")
        assert ended(again) == 42


def test_a_client_that_is_killed_in_the_middle_of_output_stops_nobody(desk: Desk) -> None:
    """A shim waits until each client has taken what was printed; this one is gone, and so is its connection."""
    with kept(desk):
        client = desk.person("attach", "c1")
        client.expect("to leave it")
        client.sendline("yes | head -c 2000000; echo over''all")
        client.expect("y\r\ny\r\n")
        client.kill(signal.SIGKILL)
        assert ended(client) == -signal.SIGKILL
        again = desk.person("attach", "c1")
        again.expect("overall", timeout=60)
        again.close(force=True)


def test_a_program_without_a_terminal_ends_with_its_client(desk: Desk) -> None:
    with kept(desk):
        client = desk.start("shell", "sleep", "7654")
        sought = ["sh", "-c", "ps -e -o args | grep -c '^sleep 7'; true"]
        _until_printed(desk, sought, "1\n")
        client.kill()
        assert client.wait(10) == -signal.SIGKILL
        _until_printed(desk, sought, "0\n")


def _until_printed(desk: Desk, argv: Sequence[str], expected: str) -> None:
    deadline = time.monotonic() + 10
    while (found := desk.script("shell", "--", *argv).stdout) != expected:
        assert time.monotonic() < deadline, found


def test_a_keeper_that_is_killed(desk: Desk) -> None:
    with kept(desk) as keeper:
        people = [desk.person(*argv) for argv in (["shell"], ["attach", "c1"], ["shell", "--in", "c1"])]
        for person, prompt in zip(people, ("labhost", "to leave it", "# "), strict=True):
            person.expect(prompt)
        keeper.kill(signal.SIGKILL)
        for person in people:
            person.expect("the lab has ended")
            person.expect("next: labrun (run LAB --keep|status)")
            assert ended(person) == 4
    done = desk.script("shell")
    assert (done.returncode, done.stderr) == (
        2, "labrun: no lab is under way\n  next: labrun start LAB\n")
    assert desk.sockets() == [], "what is left behind by a kill is removed by the next call"


def test_which_of_two_labs(desk: Desk) -> None:
    with kept(desk) as one, kept(desk) as other:
        done = desk.script("shell", "true")
        assert done.returncode == 2
        assert re.search(r"more than one lab is under way: kept \(\d+\), kept \(\d+\)", done.stderr)
        for keeper in (one, other):
            assert desk.script("shell", "--lab", str(keeper.pid), "touch", "/tmp/mine").returncode == 0
        done = desk.script("attach", "c1", "--lab", "kpet")
        assert (done.returncode, "did you mean 'kept'?" in done.stderr) == (2, True)


def test_scripts(desk: Desk) -> None:
    with kept(desk):
        both = desk.script("shell", "--in", "c1", "sh", "-c", "echo out; echo err >&2; exit 9")
        assert (both.returncode, both.stdout, both.stderr) == (9, "out\n", "err\n")
        assert desk.script("shell", input="echo $((6 * 7)); exit 3").stdout == "42\n"
        assert desk.script("shell", "--in", "n1", "ip", "-br", "link").stdout.startswith("lo ")
        assert desk.script("shell", "--", "sh", "-c", "kill -9 $$").returncode == 137
        assert desk.script("shell", "nosuch").returncode == 127
        assert desk.script("attach", "c2", input="echo $((6 * 7))\n").stdout == "42\n"
        typed = desk.script("attach", "c2", input="echo err >&2\necho out\nexit 8\n")
        assert (typed.returncode, typed.stdout, typed.stderr) == (8, "out\n", "err\n")


@pytest.mark.parametrize(("argv", "code", "says", "mend"), [
    (["shell", "--in", "nosuch"], 4, "there is none with that name, but c1, c2", ""),
    (["attach", "nosuch"], 4, "attach to nosuch: there is no /run/conmon/attach/nosuch/attach", "ls /run/conmon"),
    (["attach", "c1", "--detach-keys", "nonsense"], 2, "are no keys to detach by", "ctrl-p,ctrl-q"),
    (["attach"], 2, "the following arguments are required: CONTAINER", ""),
])
def test_what_is_refused(desk: Desk, argv: list[str], code: int, says: str, mend: str) -> None:
    with kept(desk):
        done = desk.script(*argv)
        assert (done.returncode, done.stdout) == (code, "")
        assert says in done.stderr
        assert mend in done.stderr
        assert "Traceback" not in done.stderr


def test_any_bytes_go_through(desk: Desk) -> None:
    data = random.Random(7).randbytes(3 << 20)
    with kept(desk):
        done = subprocess.run([desk.labrun, "shell", "--", "cat"], input=data, capture_output=True, timeout=60,
                              env=environment(desk.user, desk.environment))
        assert (done.returncode, done.stderr) == (0, b"")
        assert done.stdout == data


@pytest.mark.parametrize(("call", "expected"), [
    ("shell --in c1 cat <&-", "0"), ("shell --in c1 yes | head -n 1", "y\n0"), ("shell cat < /dev/null", "0"),
    ("shell --in c1 echo x >&-", "4"), ("attach c2 < /dev/null", "0"),
    ("shell --in c1 echo x > /dev/full", "4")])
def test_streams_as_they_may_be(desk: Desk, call: str, expected: str) -> None:
    with kept(desk):
        done = run_as(desk.user, ["/bin/bash", "-c", f"{desk.labrun} {call}; echo ${{PIPESTATUS[0]}}"],
                      env=desk.environment, cwd="/", timeout=30)
        assert done.stdout.strip() == expected
        assert "Traceback" not in done.stderr


def test_a_folder_that_others_may_enter_is_not_used(desk: Desk) -> None:
    folder = desk.runtime_dir / "labrun"
    folder.mkdir()
    folder.chmod(0o755)
    done = desk.script("shell")
    assert done.returncode == 4
    assert f"use the folder {folder}: it belongs to somebody else, or others may enter it" in done.stderr


def test_no_folder_for_sockets_is_needed(desk: Desk) -> None:
    """In a shell that has no XDG_RUNTIME_DIR, as after su(1)."""
    del desk.environment["XDG_RUNTIME_DIR"]
    with kept(desk) as keeper:
        assert desk.script("shell", "--lab", str(keeper.pid), "hostname").stdout == "labhost\n"


def test_what_failed_is_kept_too_and_its_code_is_told(desk: Desk) -> None:
    (desk.lab / "lab.yaml").write_text("""\
title: Wrong
steps:
  - title: One
    check:
      - netns: nosuch
""")
    with kept(desk, "--json") as keeper:
        assert desk.script("shell", "hostname").stdout == "labhost\n"
        keeper.kill(signal.SIGTERM)
        assert ended(keeper) == 1


def test_twenty_at_once(desk: Desk) -> None:
    with kept(desk):
        people = [desk.person("attach", "c1") for _ in range(20)]
        for person in people:
            person.expect("to leave it")
        people[7].sendline("echo he''llo")
        for person in people:
            person.expect(r"hello\r\n")
            person.send(LEAVE)
            assert ended(person) == 0
