"""The file of what was passed: plain lines, whole or not there, and kept when others write there too."""

from __future__ import annotations

import os
import re
import signal
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from labrunner.lesson import progress
from labrunner.state_folder import append, lines
from runtime.errors import Refused
from tests.conftest import Lab, run_in_sandbox


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state/labrun"


def test_nothing_is_made_by_looking(state: Path) -> None:
    assert progress.kept() == {}
    assert not state.exists()


def test_a_person_can_read_it(state: Path) -> None:
    progress.keep("nat", "rule", 2, solved=False)
    text = (state / "progress.txt").read_text()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ passed nat rule hints=2\n", text)
    (passed,) = progress.kept()["nat"].values()
    assert (passed.step, passed.hints, passed.solved) == ("rule", 2, False)


def test_the_first_time_counts_and_oneself_more_than_labrun() -> None:
    for hints, solved in ((0, True), (3, False), (1, False), (0, True)):
        progress.keep("nat", "rule", hints, solved)
    passed = progress.kept()["nat"]["rule"]
    assert (passed.hints, passed.solved) == (3, False)


def test_lines_of_another_format_are_passed_over_and_stay(state: Path) -> None:
    state.mkdir(parents=True)
    before = "# progress 2\n2031-01-01T00:00:00Z passed nat rule hints=1 points=7 by=ada\nwho knows\n\0\xff\n"
    (state / "progress.txt").write_text(before, "latin-1")
    progress.keep("nat", "other", 0, solved=False)
    assert list(progress.kept()["nat"]) == ["rule", "other"]
    assert (state / "progress.txt").read_text("latin-1").startswith(before)


def test_after_a_torn_line_goes_on_in_a_new_one(state: Path) -> None:
    progress.keep("nat", "one", 0, solved=False)
    with (state / "progress.txt").open("a") as file:
        file.write("2026-11-27T08:45:41Z pas")
    progress.keep("nat", "two", 0, solved=False)
    assert list(progress.kept()["nat"]) == ["one", "two"]


def _many(path: str, name: str) -> None:
    for number in range(200):
        append(path, f"{name} {number} {'x' * 300}")


def test_many_at_once(tmp_path: Path) -> None:
    path = str(tmp_path / "file")
    writers = [get_context("fork").Process(target=_many, args=(path, f"w{each}")) for each in range(4)]
    for each in writers:
        each.start()
    for each in writers:
        each.join()
    found = list(lines(path))
    assert len(found) == 800
    assert all(re.fullmatch(r"w\d \d+ x{300}", line) for line in found)


def test_whoever_is_killed_leaves_whole_lines_and_perhaps_the_beginning_of_one(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for _ in range(10):
        pid = os.fork()
        if pid == 0:
            while True:
                append(str(path), "y" * 200)
        while not path.exists() or path.stat().st_size < 5000:
            os.sched_yield()
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        append(str(path), "end")
        *found, last = lines(str(path))
        assert last == "end"
        assert set(found[:-1]) == {"y" * 200}
        assert set(found[-1]) == {"y"}
        path.unlink()


def _fill(lab: Lab) -> tuple[Any, ...]:
    lab.shell("mkdir /tmp/small && mount -t tmpfs -o size=8k,mode=777 tmpfs /tmp/small")
    lab.shell("touch /tmp/small/file && chmod 666 /tmp/small/file")  # the judge has no id there to own one by
    path = f"/proc/self/fd/{lab.sandbox.root}/tmp/small/file"
    written = 0
    try:
        while True:
            append(path, "z" * 100)
            written += 1
    except Refused as refused:
        found = list(lines(path))
        return written, found == ["z" * 100] * written, refused.errno, str(refused)


@pytest.mark.parametrize("id_map", ["auto", "single"])
def test_what_a_full_disk_does_not_take_is_not_begun(id_map: str) -> None:
    written, whole, errno, said = run_in_sandbox(_fill, id_map=id_map)
    assert written > 10
    assert whole
    assert errno == 28
    assert "No space left on device" in said
