"""Consoles of real terminals: what is typed is taken for no answer, and nothing makes them wait or grow for ever."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from itertools import pairwise
from time import monotonic
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labrunner.actions.converse import Converse
from runtime.errors import Refused
from runtime.oci.shim.plain import Plain
from tests.bundles import RUNTIMES, look_after
from tests.conftest import Lab

InSandbox = Callable[..., Any]
MIB = 1 << 20
# Before that what is typed is shown by the terminal, and then once more by a shell that edits lines.
PROMPT = {"expect": "[$#] "}
SHELLS = ["sh", *(["bash --norc"] if os.path.exists("/bin/bash") else [])]


def _told(lab: Lab, lines: list[Any], given: dict[str, Any], container: bool) -> tuple[str, float]:
    """What a conversation is refused with, '' when it is not, and how long it took, in seconds."""
    if container:
        look_after(lab)
    started = monotonic()
    try:
        Converse(lines=lines, **given).apply(lab.host)
    except Refused as refused:
        return str(refused), monotonic() - started
    return "", monotonic() - started


@pytest.mark.parametrize("shell", [*SHELLS, ""], ids=str)
@pytest.mark.parametrize("typed", [
    "sleep 1000; echo hello", f": {'long ' * 60}; sleep 1000; echo hello", r"sleep 1000 # '\'' \"$x\" `*` hello",
    "sleep 1000; echo hé hello"])
def test_what_was_typed_is_no_answer(in_sandbox: InSandbox, shell: str, typed: str) -> None:
    """Nor when the shell edits its line, or breaks one that is longer than the terminal is wide."""
    line = {"type": typed, "expect": "hello", "within": 0.3}
    lines, where = ([PROMPT, line], {"command": shell}) if shell else ([line], {"container": "c1"})
    says, seconds = in_sandbox(_told, lines, where, not shell)
    assert f"wait for 'hello' from {shell or 'c1'}: it did not come within 0.3 s; the last screen:" in says
    assert seconds < 2


@pytest.mark.parametrize("shell", [*SHELLS, ""], ids=str)
@pytest.mark.parametrize("typed", ["echo hel''lo", f": {'long ' * 60}; echo hel''lo", "echo 'hé' hel''lo"])
def test_the_answer_is_found(in_sandbox: InSandbox, shell: str, typed: str) -> None:
    line = {"type": typed, "expect": "hello$", "within": 5}
    lines, where = ([PROMPT, line], {"command": shell}) if shell else ([line], {"container": "c1"})
    says, _ = in_sandbox(_told, [*lines, "exit"], {**where, "status": 0}, not shell)
    assert says == ""


@pytest.mark.parametrize("hide", ["stty -echo; read word", "read -s word"])
def test_a_program_that_hides_what_is_typed(in_sandbox: InSandbox, hide: str) -> None:
    if hide.startswith("read") and len(SHELLS) == 1:
        pytest.skip("only bash has read -s, and it is not here")
    lines = [PROMPT, f"{hide}; echo got $word", {"type": "secret", "expect": "^got secret", "within": 5}]
    says, seconds = in_sandbox(_told, lines, {"command": SHELLS[-1]}, False)
    assert says == ""
    assert seconds < 4


PRINTED = "\x1b[1;32mgreen\x1b[0m h\u00e9 \u20ac\U0001f600\r\n\x1b]0;title\x07next\rover\x1b(B\x1b[2K\r\r\nend"


@given(st.lists(st.integers(1, len(PRINTED.encode()) - 1), max_size=8))
def test_wherever_it_is_cut_the_text_is_the_same(cuts: list[int]) -> None:
    data, plain = PRINTED.encode(), Plain()
    places = [0, *sorted(cuts), len(data)]
    found = "".join(plain.text(data[a:b]) for a, b in pairwise(places))
    assert found == "green h\u00e9 \u20ac\U0001f600\nnext\nover\nend"


def _endless(lab: Lab, container: bool) -> tuple[str, int, float]:
    before, started = _memory(), monotonic()
    lines = [{"type": "yes this is long enough to fill something", "expect": "never", "within": 2}]
    says, _ = _told(lab, lines, {"container": "c1"} if container else {"command": "sh"}, container)
    return says, _memory() - before, monotonic() - started


def _memory() -> int:
    """Of this process, in bytes, at most so far (getrusage(2) counts in KiB; proc(5) has it now)."""
    with open("/proc/self/status", encoding="utf-8") as file:
        return int(re.findall(r"VmHWM:\s+(\d+) kB", file.read())[0]) << 10


@pytest.mark.parametrize("container", [False, True])
def test_a_program_that_prints_for_ever(in_sandbox: InSandbox, container: bool) -> None:
    says, grown, seconds = in_sandbox(_endless, container)
    assert "wait for 'never' from" in says
    assert "it did not come within 2 s; the last screen:" in says
    assert says.count("this is long enough to fill something") >= 10
    assert seconds < 4
    assert grown < 24 * MIB


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize(("lines", "says"), [
    ([{"type": "exec 0<&- 1>&- 2>&-; exit 3", "expect": "never"}], "it has ended before that came"),
    ([{"type": "kill -9 $$", "expect": "never"}], "it has ended before that came"),
])
def test_who_hangs_up_is_not_waited_for(in_sandbox: InSandbox, runtime: str, lines: list[Any], says: str) -> None:
    told, seconds = in_sandbox(_hung_up, runtime, lines)
    assert says in told
    assert seconds < 3


def _hung_up(lab: Lab, runtime: str, lines: list[Any]) -> tuple[str, float]:
    look_after(lab, runtime, '"sh", "-c", "sh; exit 0"')
    lines = [*lines[:-1], {**lines[-1], "within": 5}]
    started = monotonic()
    try:
        Converse(lines=lines, container="c1", runtime=runtime).apply(lab.host)
    except Refused as refused:
        return str(refused), monotonic() - started
    return "", monotonic() - started
