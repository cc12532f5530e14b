"""What a person reads of a run: at any width, with and without colour, in any encoding."""

from __future__ import annotations

import io
import os
import pty
import re
import termios
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import pytest

from labrunner.events import Acted, Event, RunEnded, RunStarted
from labrunner.reporters.terminal import TerminalReporter
from runtime.errors import Refused
from runtime.facts.difference import Change
from tests.golden.compare import assert_golden
from tests.golden.scenes import ENVIRONMENT, LAB, SCENES, SNAPSHOT

GOLDEN = Path(__file__).parents[1] / "golden/terminal"
ESCAPE = "\x1b["


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable that has a say in colour or width."""
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "COLORTERM", "COLUMNS", "LINES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


def told(events: Iterable[Event], encoding: str = "utf-8") -> str:
    """The output of a run to a file."""
    out = io.TextIOWrapper(io.BytesIO(), encoding)
    reporter = TerminalReporter(out)
    for event in events:
        reporter.tell(event)
    out.flush()
    assert isinstance(out.buffer, io.BytesIO)
    return out.buffer.getvalue().decode(encoding)


def test_of_a_script_only_the_beginning_is_shown() -> None:
    short, long = ("\n".join(f"line {n}" for n in range(1, last + 1)) for last in (12, 13))
    shown = told([RunStarted(LAB, ENVIRONMENT, 1), Acted("run", short, (), None, 0.0)])
    assert "line 12\n" in shown
    shown = told([RunStarted(LAB, ENVIRONMENT, 1), Acted("run", long, (), None, 0.0)])
    assert "  $ line 1\n" in shown
    assert "line 6\n" in shown
    assert "line 7\n" not in shown
    assert f"      … 7 lines more: labrun show {LAB.about.id} --commands\n" in shown


def told_on_a_terminal(events: Iterable[Event]) -> str:
    """The same to a terminal of 80 columns."""
    master, slave = pty.openpty()
    termios.tcsetwinsize(slave, (24, 80))
    with open(slave, "w", encoding="utf-8") as out:
        reporter = TerminalReporter(out)
        for event in events:
            reporter.tell(event)
    shown = b""
    with open(master, "rb", buffering=0) as screen, suppress(OSError):  # EIO, when all is read (pty(7))
        while True:
            shown += screen.read(65536)
    return shown.decode().replace("\r\n", "\n")


@pytest.mark.parametrize("width", [80, 40])
@pytest.mark.parametrize("scene", SCENES)
def test_a_run(scene: str, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    text = told(SCENES[scene]())
    assert ESCAPE not in text
    assert_golden(GOLDEN / f"{scene}-{width}.txt", text)


@pytest.mark.parametrize("width", [36, 40, 57, 80, 92])
@pytest.mark.parametrize("scene", SCENES)
def test_only_commands_are_wider_than_the_terminal(scene: str, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    lines = told(SCENES[scene]()).splitlines()
    wider = [line.strip() for line in lines if len(line) > width and not line.startswith("      ip link show")]
    assert all(line.removeprefix("$ ").startswith(("ip ", "sudo ")) for line in wider), wider
    assert all(line == line.rstrip() for line in lines)


def test_lines_end_at_92_on_a_wide_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    assert max(map(len, told(SCENES["fail"]()).splitlines())) == 92


@pytest.mark.parametrize("scene", SCENES)
def test_in_ascii(scene: str) -> None:
    text = told(SCENES[scene](), "ascii")
    assert_golden(GOLDEN / f"{scene}-ascii.txt", text)


def test_what_an_encoding_has_not_is_a_question_mark() -> None:
    named = RunStarted(LAB._replace(about=LAB.about._replace(title="Größe 🐧")), ENVIRONMENT, 1)
    assert told([named], "latin-1").startswith("Größe ?\n")
    assert told([named], "ascii").startswith("Gr??e ?\n")


@pytest.mark.parametrize("scene", SCENES)
def test_a_terminal_gets_colour_and_the_same_words(scene: str) -> None:
    shown = told_on_a_terminal(SCENES[scene]())
    assert ESCAPE in shown
    assert words(shown) == words(told(SCENES[scene]()))


@pytest.mark.parametrize("scene", SCENES)
def test_no_color_is_honoured(scene: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert told_on_a_terminal(SCENES[scene]()) == told(SCENES[scene]())


def test_an_empty_no_color_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "")
    assert ESCAPE in told_on_a_terminal(SCENES["pass"]())


def test_a_terminal_that_knows_no_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    assert ESCAPE not in told_on_a_terminal(SCENES["pass"]())


def test_colour_can_be_asked_for_in_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert ESCAPE in told(SCENES["pass"]())


def test_a_failed_check_is_told_with_its_cause_and_its_command() -> None:
    text = told(SCENES["fail"]())
    assert """\
  ✗ br0 in labhost is a bridge, UP
      expected  a bridge, UP
      found     bridge, DOWN, no address
      → br0 in labhost is DOWN; bring it up: ip link set br0 up
""" in text
    assert "\n        ip addr add 192.168.0.1/24 dev br0\n" in text, "a command in one piece, to be copied"


def test_a_broken_pipe_is_told_as_such() -> None:
    read, write = os.pipe()
    os.close(read)
    with open(write, "w", encoding="utf-8", closefd=False) as out:
        reporter = TerminalReporter(out)
        with pytest.raises(BrokenPipeError):
            reporter.tell(RunStarted(LAB, ENVIRONMENT, 1))
        os.dup2(os.open(os.devnull, os.O_WRONLY), write)
    os.close(write)


def test_a_run_that_could_not_begin_says_nothing_on_standard_output() -> None:
    out = io.StringIO()
    TerminalReporter(out).fail("by-hand", Refused("start the sandbox", 1), "error")
    assert out.getvalue() == ""


def test_the_summary_counts_one_step_as_one() -> None:
    events = [RunStarted(LAB, ENVIRONMENT, 1), *SCENES["pass"]()[1:7], RunEnded("pass", 1.234, SNAPSHOT)]
    assert told(events).endswith("✓ 1 step, 2 checks, all passed, in 1.23 s\n")


def words(text: str) -> list[str]:
    """The words, without escape codes, and without what Markdown has as its marks and shows as colours and bullets."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", text)
    return re.sub(r"[*`•─]|^ *- ", "", plain, flags=re.MULTILINE).split()


def test_what_would_steer_the_terminal_is_not_printed() -> None:
    change = Change("added", "labhost", "link", "ev\x1b[31mil", (("kind", "", "veth"),))
    printed = told([Acted("add_veth", "ip link", (change,), None, 0.1)])
    assert "\x1b" not in printed
    assert "ev\ufffd[31mil" in printed
