"""labrun import as a person calls it."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from labrunner.language.loading import load
from tests.importing.conftest import Call

ROOT = Path(__file__).resolve().parents[2]
NOTES = Path(__file__).parent / "notes"
GOOD = "## A namespace\n`ip netns add c1`\n"


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    path = tmp_path / "notes.md"
    path.write_text(GOOD)
    return path


def test_the_lab_goes_to_standard_output_and_the_report_to_standard_error(notes: Path, call: Call) -> None:
    called = call(notes)
    assert called.code == 0
    assert called.output.startswith("# yaml-language-server: $schema=")
    assert called.errors.startswith("notes.md: 1 step, 1 verb, 0 other commands, 1 check\n")


def test_a_folder_gets_a_lab(notes: Path, tmp_path: Path, call: Call) -> None:
    called = call(notes, "-o", tmp_path / "my-lab")
    assert called.code == 0
    assert called.output == ""
    assert os.listdir(tmp_path / "my-lab") == ["lab.yaml"]
    assert load(str(tmp_path / "my-lab" / "lab.yaml")).about.id == "my-lab"
    assert f"next: labrun run {tmp_path}/my-lab" in called.errors


def test_a_file_is_written(notes: Path, tmp_path: Path, call: Call) -> None:
    assert call(notes, "-o", tmp_path / "other.yaml").code == 0
    assert load(str(tmp_path / "other.yaml")).steps


def test_nothing_is_written_over_unless_it_is_wanted(notes: Path, tmp_path: Path, call: Call) -> None:
    lab = tmp_path / "lab.yaml"
    lab.write_text("mine")
    called = call(notes, "-o", tmp_path)
    assert called.code == 2
    assert f"{lab} exists already" in called.errors
    assert "--force" in called.errors
    assert lab.read_text() == "mine"
    assert call(notes, "-o", tmp_path, "--force").code == 0
    assert load(str(lab)).steps


@pytest.mark.parametrize("where", ["missing/folder", "missing/too/lab.yaml", "notes.md/x", "notes.md/lab.yaml"])
def test_where_nothing_can_be_written(notes: Path, tmp_path: Path, where: str, call: Call) -> None:
    called = call(notes, "-o", tmp_path / where)
    assert called.code == 2
    assert "cannot be written" in called.errors
    assert sorted(os.listdir(tmp_path)) == ["notes.md"]


def test_nothing_is_left_behind_when_writing_fails(notes: Path, tmp_path: Path, call: Call) -> None:
    (tmp_path / "lab" / "lab.yaml").mkdir(parents=True)
    called = call(notes, "-o", tmp_path / "lab", "--force")
    assert called.code == 2
    assert "Is a directory" in called.errors
    assert os.listdir(tmp_path / "lab") == ["lab.yaml"]


def test_nothing_is_written_when_there_is_nothing_to_check(tmp_path: Path, call: Call) -> None:
    (tmp_path / "notes.md").write_text("`ip link show`")
    called = call(tmp_path / "notes.md", "-o", tmp_path / "lab")
    assert called.code == 2
    assert "there is nothing in notes.md that a lab could check" in called.errors
    assert os.listdir(tmp_path) == ["notes.md"]


UNREADABLE = [(b"ok\n\xff", ":2:1: not UTF-8"), (b"\xe4", ":1:1: not UTF-8"),
              (b"a" * ((1 << 20) + 1), "larger than 1 MiB")]


@pytest.mark.parametrize(("data", "says"), UNREADABLE, ids=[says for _, says in UNREADABLE])
def test_what_cannot_be_read(tmp_path: Path, data: bytes, says: str, call: Call) -> None:
    (tmp_path / "notes.md").write_bytes(data)
    called = call(tmp_path / "notes.md")
    assert called.code == 2
    assert says in called.errors
    assert "Traceback" not in called.errors


@pytest.mark.parametrize("name", ["none.md", "."])
def test_what_is_no_file(tmp_path: Path, name: str, call: Call) -> None:
    called = call(tmp_path / name)
    assert called.code == 2
    assert "cannot be read" in called.errors


def test_a_byte_order_mark_is_passed_over(tmp_path: Path, call: Call) -> None:
    (tmp_path / "notes.md").write_bytes(b"\xef\xbb\xbf# Lab\r\n`ip netns add c1`\r\n")
    assert "title: Lab\n" in call(tmp_path / "notes.md").output


def test_the_file_can_be_read_by_others(notes: Path, tmp_path: Path, call: Call) -> None:
    before = os.umask(0o022)
    try:
        call(notes, "-o", tmp_path / "lab")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "lab" / "lab.yaml").stat().st_mode) == 0o644


def test_help_shows_examples(call: Call) -> None:
    called = call("--help")
    assert called.code == 0
    assert "labrun import notes.md -o labs/bridge" in called.output


def run(lab: Path) -> dict[str, dict[str, object]]:
    """The steps of a real run, by their id."""
    done = subprocess.run([sys.executable, "-c", "from labrunner.cli import main; raise SystemExit(main())", "run", lab,
                           "--json"], capture_output=True, text=True, cwd=ROOT, timeout=120)
    return {step["id"]: step for step in json.loads(done.stdout)["steps"]}


def test_wrong_commands_of_the_notes_are_told_when_the_lab_is_run(tmp_path: Path, call: Call) -> None:
    assert call(NOTES / "bridge.md", "-o", tmp_path / "lab").code == 0
    steps = run(tmp_path / "lab")
    assert [step["outcome"] for step in steps.values()] == ["pass", "pass", "error", "skip"]
    stopped: list[dict[str, str]] = steps["join-many-namespaces-by-a"]["actions"]  # type: ignore[assignment]
    assert stopped[-1]["command"] == "ip link set veth1 master br0"


def test_right_notes_pass(tmp_path: Path, call: Call) -> None:
    called = call(NOTES / "network.md", "-o", tmp_path / "lab")
    assert called.code == 0
    assert {step["outcome"] for step in run(tmp_path / "lab").values()} == {"pass"}
