"""The file of what was passed: plain lines, whole or not there, and kept when others write there too."""

from __future__ import annotations

import fcntl
import os
import re
import signal
from multiprocessing import get_context
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from labrunner.cache_folder import recall
from labrunner.kept.journal import Begun, Deed, Journal, left
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


def test_a_lock_that_is_not_given_back_is_told(state: Path) -> None:
    progress.keep("nat", "one", 0, solved=False)
    begun = monotonic()
    with (state / "progress.txt").open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(Refused) as refused:
            progress.keep("nat", "two", 0, solved=False)
        assert list(progress.kept()["nat"]) == ["one"], "to read it no lock is needed"
    assert monotonic() - begun < 10
    assert f"has held the lock of this file for more than 1 s, PID {os.getpid()} (flock(2))" in refused.value.why
    assert "lslocks" in refused.value.mend
    progress.keep("nat", "two", 0, solved=False)
    assert list(progress.kept()["nat"]) == ["one", "two"]


def _fifo(path: Path) -> None:
    os.mkfifo(path)


def _folder(path: Path) -> None:
    path.mkdir()


def _device(path: Path) -> None:
    path.symlink_to("/dev/zero")


ODD = [_fifo, _folder, _device]


@pytest.mark.parametrize("make", ODD)
def test_what_is_no_file_is_told(state: Path, make: Any) -> None:
    state.mkdir(parents=True)
    make(state / "progress.txt")
    assert progress.kept() == {}
    told = progress.problem()
    assert told
    assert (told.what, "ls -ld" in told.mend) == (f"read {state}/progress.txt", True)
    with pytest.raises(Refused):
        progress.keep("nat", "one", 0, solved=False)


@pytest.mark.parametrize("make", ODD)
def test_what_is_no_journal_is_passed_over(state: Path, make: Any) -> None:
    (state / "labs").mkdir(parents=True)
    make(state / "labs/nat.4711")
    assert left() == []
    make(state / f"labs/nat.{os.getpid()}")
    begun = Begun("nat", "/lab.yaml", (), "runc", "auto", "bash", 0)
    try:
        journal = Journal(begun, [Deed("passed", "one")])
    except Refused:
        made = False
    else:
        made = True
        journal.remove()
    assert made == (make is not _folder)


@pytest.mark.parametrize("make", ODD)
def test_what_is_no_cache_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Any) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (tmp_path / "labrun").mkdir()
    make(tmp_path / "labrun/trees")
    assert recall("trees", ()) is None
