"""What terminals of containers show, with real conmon, and their sizes, beside what stty says."""

from __future__ import annotations

import random
import tracemalloc
from collections.abc import Callable
from time import monotonic
from typing import Any

import pytest

from labrunner.actions.converse import Converse
from runtime.facts.observer import Observer
from runtime.facts.screens import Screen, show
from tests.bundles import RUNTIMES, look_after
from tests.conftest import Lab

_STEERS = dict.fromkeys((*range(32), *range(127, 160)))
InSandbox = Callable[..., Any]


def _screen(lab: Lab, name: str) -> Screen | None:
    return Observer(lab.namespaces, lab.sandbox.proc, root=lab.sandbox.root, screens=[name]).observe().screen(name)


# Sizes


def _sizes(lab: Lab, runtime: str) -> tuple[list[str], list[str]]:
    """Before and after each got another one: what we see, and what stty says."""
    look_after(lab, runtime)
    lab.host.shims.exec(runtime, "c1", "e1", ["cat"], terminal=True)
    pids = {name: lab.shell(f"pgrep -P $(cat /run/conmon/{name}/pid)").strip() for name in ("c1", "e1")}
    ours, theirs = [], []
    for name, size in (("c1", None), ("e1", None), ("c1", (30, 100)), ("e1", (7, 300)), ("c1", (1, 1))):
        if size:
            lab.host.shims.resize(name, *size)
        screen = _screen(lab, name)
        assert screen
        ours.append(f"{screen.rows} {screen.columns}")
        theirs.append(lab.shell(f"stty size < /proc/{pids[name]}/fd/0").strip())
    return ours, theirs


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_the_size_is_what_stty_says(in_sandbox: InSandbox, runtime: str) -> None:
    ours, theirs = in_sandbox(_sizes, runtime)
    assert ours == theirs == ["0 0", "0 0", "30 100", "7 300", "1 1"]


def _no_size(lab: Lab, runtime: str) -> list[tuple[int, int]]:
    """Without a terminal, after its end, and of nobody."""
    look_after(lab, runtime, '"sleep", "1000"', terminal=False)
    look_after(lab, runtime, name="c2")
    lab.host.shims.resize("c2", 30, 100)
    Converse(container="c2", lines=["exit 0"], status=0).apply(lab.host)
    return [(each.rows, each.columns) for name in ("c1", "c2") if (each := _screen(lab, name))]


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_where_there_is_no_terminal_there_is_no_size(in_sandbox: InSandbox, runtime: str) -> None:
    assert in_sandbox(_no_size, runtime) == [(0, 0), (0, 0)]


def _nobody(lab: Lab) -> Screen | None:
    return _screen(lab, "c1")


def test_of_what_nobody_writes_down_there_is_no_screen(in_sandbox: InSandbox) -> None:
    assert in_sandbox(_nobody) is None


# What is shown


def _printed(lab: Lab, command: str, terminal: bool, runtime: str, size: tuple[int, int] | None) -> tuple[str, ...]:
    """The screen after a command of a shell, when its program sleeps then."""
    look_after(lab, runtime, script=f"read a\n{command}\necho > /dev/shm/done; exec sleep 1000", terminal=terminal)
    if size:
        lab.host.shims.resize("c1", *size)
    Converse(container="c1", lines=[{"type": "", "enter": True}]).apply(lab.host)
    lab.shell(f"until {runtime} exec c1 test -e /dev/shm/done; do :; done")
    screen, deadline = _screen(lab, "c1"), monotonic() + 2
    while screen and not any("end" in line for line in screen.lines) and monotonic() < deadline:
        screen = _screen(lab, "c1")  # conmon has not written it down yet
    assert screen
    return screen.lines


WIDE = "漢字かな"
TEXTS: dict[str, tuple[str, bool, tuple[str, ...]]] = {  # command, with a terminal, lines after that of Enter
    "a line": ("echo end", True, ("end",)),
    "a line without a terminal": ("echo end", False, ("end",)),
    "the other stream": ("echo one >&2; echo end >&2", False, ("one", "end")),
    "wide characters": (f"echo {WIDE} ä end", True, (f"{WIDE} ä end",)),
    "wide characters without a terminal": (f"echo {WIDE} ä end", False, (f"{WIDE} ä end",)),
    "no line's end": ("echo -n end", True, ("end",)),
    "more than a screen": ("seq 200; echo end", True, (*map(str, range(179, 201)), "end")),
    "more than a screen without a terminal": ("seq 200; echo end", False, (*map(str, range(179, 201)), "end")),
    "a line that is too long": ("seq -s, 40; echo end", True, (
        ",".join(map(str, range(1, 41)))[:80], ",".join(map(str, range(1, 41)))[80:], "end")),
    "longer than conmon reads": ("head -c 20000 /dev/zero | tr '\\0' x; echo; echo end", True,
                                 (*["x" * 80] * 22, "end")),
    "longer than conmon reads, without a terminal": (
        "head -c 20000 /dev/zero | tr '\\0' x; echo; echo end", False, (*["x" * 80] * 22, "end")),
    "what is written over": ("echo one$(printf '\\r')two; echo end", True, ("two", "end")),
    "colours": ("printf '\\033[31mred\\033[0m end'", True, ("red end",)),
    "a screen that is cleared": ("seq 20; printf '\\033[2J\\033[Hend'", True, ("end",)),
    "a cursor that moves": ("printf '\\033[3;5Hhere\\033[1;1Hend'", True, ("end", "", "    here")),
    "sequences that nobody knows": (
        "printf '\\033[1;2;3Hone\\033[?5A\\033[31m two\\033[?1m end'", True, ("one two end",)),
    "a title": ("printf '\\033]0;title\\007end'", True, ("end",)),
}


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize(("command", "terminal", "lines"), TEXTS.values(), ids=TEXTS)
def test_what_is_shown(in_sandbox: InSandbox, command: str, terminal: bool, lines: tuple[str, ...],
                       runtime: str) -> None:
    shown = in_sandbox(_printed, command, terminal, runtime, None)
    assert shown[-len(lines):] == lines
    assert len(shown) <= 24


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_what_fits_is_what_fits_the_size(in_sandbox: InSandbox, runtime: str) -> None:
    shown = in_sandbox(_printed, "seq -s, 40; seq 50; echo end", True, runtime, (10, 120))
    assert shown == (*map(str, range(43, 51)), "end")
    assert in_sandbox(_printed, "seq -s, 40; echo end", True, runtime, (10, 120))[-2:] == (
        ",".join(map(str, range(1, 41))), "end")


RUBBISH = ("head -c 300000 /dev/urandom", "yes | head -c 300000", "head -c 100000 /dev/zero",
           "for i in $(seq 3000); do printf '\\033['; done", "printf '\\033[99999999999;9999999H'",
           "printf '\\033[9999999L\\033[9999999@'")


@pytest.mark.parametrize("terminal", [True, False], ids=["terminal", "pipe"])
@pytest.mark.parametrize("command", RUBBISH)
def test_rubbish_does_no_harm(in_sandbox: InSandbox, command: str, terminal: bool) -> None:
    shown = in_sandbox(_printed, f"{command}; printf '\\033c'; echo end", terminal, "runc", None)
    assert "end" in "".join(shown)
    assert len(shown) <= 24


def _much(lab: Lab, runtime: str) -> tuple[tuple[str, ...], float, int]:
    """A program that prints 10 MiB: the screen, seconds for a look at it, and bytes of memory for that."""
    look_after(lab, runtime, script="yes | head -c 10485760; echo end; exit 5", terminal=False)
    assert lab.host.shims.wait_for_exit("c1", 30) == 5
    tracemalloc.start()
    started = monotonic()
    screen = _screen(lab, "c1")
    assert screen
    return screen.lines, monotonic() - started, tracemalloc.get_traced_memory()[1]


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_program_that_prints_much(in_sandbox: InSandbox, runtime: str) -> None:
    lines, seconds, most = in_sandbox(_much, runtime)
    assert lines == (*["y"] * 22, "end")
    assert seconds < 2
    assert most < 16 << 20


# Logs that those inside have written

LINE = "2026-01-01T00:00:00.000000000+00:00 stdout"
LOGS = {
    "no log": ("true", ()),
    "an empty one": (": > log", ()),
    "no form at all": ("echo hello > log", ()),
    "a line of another kind": (f"echo '{LINE} X hello' > log", ()),
    "half a line": (f"printf '{LINE}' > log", ()),
    "a good line": (f"echo '{LINE} F hello' > log", ("hello",)),
    "a part": (f"printf '{LINE} P hel\\n{LINE} F lo\\n' > log", ("hello",)),
    "zeros": ("head -c 9000000 /dev/zero > log", ()),
    "a fifo": ("mkfifo log", None),
    "a folder": ("mkdir log", None),
    "a link to a device": ("ln -s /dev/zero log", None),
    "a link to a file": ("ln -s /etc/passwd log", None),
    "a link to itself": ("ln -s log log", None),
}


def _log(lab: Lab, command: str) -> Screen | None:
    lab.shell(f"mkdir -p /run/conmon/c1 && cd /run/conmon/c1 && {command}")
    return _screen(lab, "c1")


@pytest.mark.parametrize(("command", "lines"), LOGS.values(), ids=LOGS)
def test_a_log_that_somebody_wrote(in_sandbox: InSandbox, command: str, lines: tuple[str, ...] | None) -> None:
    found = in_sandbox(_log, command)
    assert (found and found.lines) == (None if command == "true" else lines)


PIECES = (
    b"\x1b", b"[", b"]", b"?", b">", b"1", b"99999", b";", b"H", b"J", b"m", b"r", b"K", b"@", b"L", b"M", b"n", b"c",
    b"(", b"0", b"#8", b"\xc2\x9b", b"\x9b", b"\n", b"\r", b"\t", b"\x08", b"\x0e", b"\x1b\\", b"\xff", b"\0", b"hello",
    b"!", b"$", b"x", b"\x18", b"\x07", *(each.encode() for each in ("é", "漢", "\u0301", "\u200d", "🐧")))


def test_whatever_is_printed_there_is_a_screen() -> None:
    """No exception, no more lines than it has, and nothing in them that would steer a terminal."""
    chosen = random.Random(5)
    for _ in range(1500):
        printed = b"".join(chosen.choice(PIECES) for _ in range(chosen.choice((3, 10, 60, 300))))
        rows, columns = chosen.choice(((24, 80), (1, 1), (2, 3)))
        lines = show(printed, rows, columns)
        assert len(lines) <= rows, printed
        assert "".join(lines).translate(_STEERS) == "".join(lines), printed


def test_a_screen_has_a_size_in_reason() -> None:
    """A terminal can have 65535 rows and as many columns, and the emulator keeps every cell."""
    tracemalloc.start()
    assert show(b"hello", 65535, 65535) == ("hello",)
    assert tracemalloc.get_traced_memory()[1] < 16 << 20
    tracemalloc.stop()
