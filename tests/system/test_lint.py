"""labrun lint as people, editors and CI call it."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest

ROOT = Path(__file__).resolve().parents[2]
LABRUN = str(ROOT / "labrun")
GOOD = """\
title: A lab
summary: One learns what a netns is.
minutes: 5
topics: [netns]
steps:
  - id: first
    title: First
    teach: Look.
    do:
      - add_netns: c1
    check:
      - netns: c1
"""
PLAIN = GOOD.replace("    teach: Look.\n", "")
WRONG = GOOD.replace("add_netns", "add_nets").replace("minutes: 5", "minutes: five")


@pytest.fixture(autouse=True)
def surroundings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        patch.delenv("LABRUN_PATH", raising=False)
        yield


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """labs/good, labs/deeper/plain, labs/wrong, and things that are no labs of it."""
    for name, text in (("good", GOOD), ("deeper/plain", PLAIN), ("wrong", WRONG), (".hidden/lab", "no lab")):
        path = tmp_path / "labs" / name / "lab.yaml"
        path.parent.mkdir(parents=True)
        path.write_text(text)
    (tmp_path / "labs/notes.yaml").write_text("not: a lab\n")
    return tmp_path


def lint(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([LABRUN, "lint", *arguments], cwd=folder, capture_output=True, text=True, timeout=60)


def test_of_a_good_lab_nothing_is_said(folder: Path) -> None:
    for path in ("labs/good", "labs/good/lab.yaml"):
        done = lint(folder, path)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_mistakes_have_their_place_and_what_to_do(folder: Path) -> None:
    done = lint(folder, "labs/wrong")
    assert (done.returncode, done.stderr) == (2, "labrun: errors: 2, style: 0, in 1 lab\n")
    first, second, mend = done.stdout.splitlines()
    assert first == "labs/wrong/lab.yaml:3:10: error: 'minutes' has to be a whole number, and here stands a text"
    assert second == "labs/wrong/lab.yaml:10:9: error: there is no action 'add_nets'"
    assert mend.startswith("    did you mean 'add_netns'? known are ")


def test_style_alone_is_exit_code_1(folder: Path) -> None:
    done = lint(folder, "labs/deeper/plain/lab.yaml")
    assert (done.returncode, done.stderr) == (1, "labrun: errors: 0, style: 1, in 1 lab\n")
    assert done.stdout == ("labs/deeper/plain/lab.yaml:6:5: style: this step teaches nothing\n"
                           "    add 'teach: |', and what one should know before it\n")


@pytest.mark.parametrize(("arguments", "shown"), [
    (["labs"], ["labs/deeper/plain", "labs/wrong"]),
    ([], ["labs/deeper/plain", "labs/wrong"]),
    (["./labs/deeper", "labs/good/", "labs/deeper"], ["labs/deeper/plain"]),
    (["labs/wrong", "labs/wrong/lab.yaml"], ["labs/wrong"]),
], ids=["folder", "here", "several", "twice"])
def test_a_folder_stands_for_the_labs_below_it(folder: Path, arguments: list[str], shown: list[str]) -> None:
    done = lint(folder, *arguments)
    assert done.returncode == (2 if "labs/wrong" in shown else 1)
    places = re.findall(r"(?m)^(\S+)/lab\.yaml:\d", done.stdout)
    assert list(dict.fromkeys(places)) == shown
    assert len(places) == len(set(zip(places, re.findall(r":\d+:\d+:", done.stdout), strict=True)))


def test_a_lab_of_the_catalogue_by_its_id(folder: Path) -> None:
    assert lint(folder, "bridge-network").returncode == 0


def test_every_bundled_lab_is_silent() -> None:
    done = lint(ROOT, "labs")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(("arguments", "message"), [
    (["nowhere"], "there is no lab 'nowhere'"),
    (["labs/nowhere.yaml"], "there is no file labs/nowhere.yaml"),
    (["labs/good", "nowhere/at/all"], "there is no file nowhere/at/all"),
    (["empty"], "there is no lab.yaml in the folder empty or below it"),
    (["labs/good", "empty/"], "there is no lab.yaml in the folder empty/ or below it"),
], ids=lambda value: value if isinstance(value, str) else "-".join(value))
def test_a_path_that_means_no_lab(folder: Path, arguments: list[str], message: str) -> None:
    (folder / "empty").mkdir()
    done = lint(folder, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"labrun: {message}")
    assert "  next: " in done.stderr


def test_a_file_that_cannot_be_read_does_not_stop_the_others(folder: Path) -> None:
    (folder / "labs/good/lab.yaml").unlink()
    (folder / "labs/good/lab.yaml").symlink_to("lab.yaml")
    done = lint(folder)
    assert done.returncode == 2
    assert ("labs/good/lab.yaml:1:1: error: labs/good/lab.yaml cannot be read: "
            "Too many levels of symbolic links (ELOOP)\n") in done.stdout
    assert "labs/wrong/lab.yaml:" in done.stdout


def test_without_a_path_and_without_labs(tmp_path: Path) -> None:
    done = lint(tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("labrun: there is no lab.yaml in the folder . or below it\n  next: ")


def test_a_document_for_programs(folder: Path) -> None:
    done = lint(folder, "--json")
    document = json.loads(done.stdout)
    assert (done.returncode, done.stderr, document["schema"]) == (2, "", 1)
    assert {file["path"]: [each["severity"] for each in file["mistakes"]] for file in document["files"]} == {
        "labs/deeper/plain/lab.yaml": ["style"], "labs/good/lab.yaml": [], "labs/wrong/lab.yaml": ["error", "error"]}
    assert document["files"][2]["mistakes"][0] == {
        "line": 3, "column": 10, "severity": "error", "mend": "",
        "says": "'minutes' has to be a whole number, and here stands a text"}


def test_the_schema_is_printed_alone(folder: Path) -> None:
    done = lint(folder, "--schema", "labs/wrong")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (ROOT / "labs/lab.schema.json").read_text("utf-8")


def test_the_words_are_printed_alone(folder: Path) -> None:
    done = lint(folder, "--words")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("### The lab: keys\n")


def test_nothing_is_kept_and_nothing_is_written(folder: Path) -> None:
    before = sorted(folder.rglob("*"))
    lint(folder)
    assert sorted(folder.rglob("*")) == before
    assert list(Path(os.environ["XDG_CACHE_HOME"]).rglob("labs/*")) == []


def test_a_reader_that_has_seen_enough(folder: Path) -> None:
    (folder / "lab.yaml").write_text("title: A lab\nsteps:\n" + "  - nothing\n" * 400)
    done = subprocess.run(f"{LABRUN} lint lab.yaml | head -1; exit ${{PIPESTATUS[0]}}", cwd=folder, shell=True,
                          executable="/bin/bash", capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert done.stdout == "lab.yaml:3:5: error: here stands a text, and a step is a mapping\n"
    assert "Traceback" not in done.stderr


def test_a_line_stays_a_line_however_narrow_the_terminal_is(folder: Path) -> None:
    environment = {**os.environ, "COLUMNS": "20"}
    person = pexpect.spawn(LABRUN, ["lint", "labs/wrong"], cwd=folder, env=environment, encoding="utf-8",
                           dimensions=(24, 20), timeout=30)
    shown = person.read()
    person.close()
    assert person.exitstatus == 2
    assert "labs/wrong/lab.yaml:3:10: error: 'minutes' has to be a whole number, and here stands a text\r\n" in shown
    assert "\x1b" not in shown


def test_at_a_terminal_good_labs_are_told_too(folder: Path) -> None:
    person = pexpect.spawn(LABRUN, ["lint", "labs/good"], cwd=folder, encoding="utf-8", timeout=30)
    assert person.read() == "ok: 1 lab, nothing to mend\r\n"
    person.close()
    assert person.exitstatus == 0


def test_a_name_that_would_change_the_terminal(folder: Path) -> None:
    (folder / "a\x1b[31m\nb").mkdir()
    (folder / "a\x1b[31m\nb/lab.yaml").write_text(WRONG)
    done = lint(folder)
    assert done.returncode == 2
    assert "\x1b" not in done.stdout
    assert len(done.stdout.splitlines()) == 3 + 3 + 2
