"""labrun new: a lab that runs, passes and is honest from its first minute; and nothing is ever written over unasked."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from labrunner.language.keys import LAB, STEP
from labrunner.language.loading import load

if TYPE_CHECKING:
    from tests.system.accounts import AsUser, User

ROOT = Path(__file__).resolve().parents[2]
LABRUN = str(ROOT / "labrun")

Finished = subprocess.CompletedProcess[str]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder: an empty one."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("LABRUN_PATH", raising=False)
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def labrun(*arguments: str | Path) -> Finished:
    return subprocess.run([LABRUN, *map(str, arguments)], capture_output=True, text=True, timeout=120,
                          stdin=subprocess.DEVNULL)


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_a_lab_that_passes_at_once(here: Path) -> None:
    done = labrun("new", "my-lab")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("my-lab/lab.yaml is a lab that passes. ")
    assert files(here) == ["my-lab", "my-lab/lab.yaml"]
    ran = labrun("run", "./my-lab", "--json")
    assert (ran.returncode, ran.stderr) == (0, "")
    document = json.loads(ran.stdout)
    assert (document["lab"], document["outcome"]) == ("my-lab", "pass")
    assert document["seconds"] < 0.9, "no wire of it waits for the kernel"


def test_each_call_that_it_recommends(here: Path) -> None:
    recommended = re.findall(r"labrun (\S+) (\S+) {3,}", labrun("new", "my-lab").stdout)
    assert [command for command, _ in recommended] == ["run", "lint", "test"]
    for command, lab in recommended:
        done = labrun(command, lab)
        assert (done.returncode, "Traceback" in done.stderr) == (0, False), done
    said = (here / "my-lab/lab.yaml").read_text()
    assert re.findall(r"^#   labrun (\S+) (\S+) ", said, re.MULTILINE) == recommended
    assert "labrun run ./my-lab --set subnet=10.1.0.0/24" in said
    assert labrun("run", "./my-lab", "--set", "subnet=10.1.0.0/24", "--set", "guest=other").returncode == 0


def test_no_mistake_in_it_goes_unnoticed() -> None:
    labrun("new", "my-lab")
    document = json.loads(labrun("test", "./my-lab", "--json").stdout)
    (report,) = document["labs"]
    assert report["outcome"] == "pass"
    assert report["noticed"] == report["mistakes"] > 20
    assert report["findings"] == report["problems"] == report["left"] == []


def test_it_shows_what_the_language_has(here: Path) -> None:
    labrun("new", "my-lab")
    said = (here / "my-lab/lab.yaml").read_text()
    for key in {*LAB, *STEP, "until", "says", "holds"}:
        assert re.search(rf"\b{key}:|`{key}`", said), key
    assert max(map(len, said.splitlines()[1:])) <= 120
    schema = re.match(r"# yaml-language-server: \$schema=(/.*)\n", said)
    assert schema
    assert json.loads(Path(schema[1]).read_text())["properties"].keys() == LAB.keys()
    assert all(step.hints and step.teach for step in load("my-lab/lab.yaml").steps)


@pytest.mark.parametrize(("name", "title"), [
    ("veth-pairs", "Veth pairs"), ("1e5", "1e5"), ("0x1f", "0x1f"), ("on", "On"), ("null", "Null"), ("007", "007"),
    ("a" * 60, "A" + "a" * 59), ("x-", "X")])
def test_every_name_gives_a_lab_that_can_be_loaded(name: str, title: str) -> None:
    assert labrun("new", name).returncode == 0
    about = load(f"{name}/lab.yaml").about
    assert (about.id, about.title) == (name, title)


@pytest.mark.parametrize("name", ["", "My-lab", "my lab", "my_lab", "../my-lab", "/tmp/my-lab", ".", "lab.yaml",
                                  "l\u00e4b", "a\nb", "a" * 61])
def test_a_name_that_cannot_be(here: Path, name: str) -> None:
    done = labrun("new", name)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"labrun: '{name}' cannot be the name of a lab: ")
    assert files(here) == []


def test_it_goes_to_another_folder(here: Path) -> None:
    (here / "labs").mkdir()
    done = labrun("new", "my-lab", "labs")
    assert "  next: labrun run labs/my-lab " in done.stdout
    assert labrun("new", "other", here / "labs").returncode == 0
    assert files(here / "labs") == ["my-lab", "my-lab/lab.yaml", "other", "other/lab.yaml"]


@pytest.mark.parametrize("there", ["folder", "file", "link"])
def test_what_exists_is_left_alone(here: Path, there: str) -> None:
    place = here / "my-lab"
    place.mkdir() if there == "folder" else place.touch() if there == "file" else place.symlink_to("/nowhere")
    done = labrun("new", "my-lab")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == ("labrun: ./my-lab exists already\n"
                           "  next: choose another name; or write its lab.yaml anew: --force\n")
    assert files(here) == ["my-lab"]


def test_force_writes_the_lab_and_nothing_else(here: Path) -> None:
    (here / "my-lab").mkdir()
    (here / "my-lab/lab.yaml").write_text("title: old\n")
    (here / "my-lab/notes.txt").write_text("keep me")
    assert labrun("new", "my-lab", "--force").returncode == 0
    assert load("my-lab/lab.yaml").about.title == "My lab"
    assert files(here) == ["my-lab", "my-lab/lab.yaml", "my-lab/notes.txt"]
    (here / "file").touch()
    done = labrun("new", "file", "--force")
    assert (done.returncode, done.stderr.partition("\n")[0]) == (
        2, "labrun: ./file/lab.yaml cannot be written: Not a directory (ENOTDIR)")


@pytest.mark.parametrize(("folder", "why", "mend"), [
    ("no where", "No such file or directory (ENOENT)", "mkdir -p 'no where'"),
    ("/proc", "No such file or directory (ENOENT)", "name a folder that can be written"),
    ("/dev/null", "Not a directory (ENOTDIR)", "name a folder that can be written")])
def test_a_folder_that_cannot_be(folder: str, why: str, mend: str) -> None:
    done = labrun("new", "my-lab", folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (f"labrun: {folder}/my-lab/lab.yaml cannot be written: {why}\n"
                           f"  next: {mend}\n")


def test_the_next_command_can_be_copied(here: Path) -> None:
    (here / "my labs").mkdir()
    done = labrun("new", "first", "my labs")
    assert "\n  next: labrun run 'my labs/first'  " in done.stdout
    assert labrun("show", "my labs/first").stdout.endswith(" Watch it: labrun run 'my labs/first'\n")


def test_a_full_disk_leaves_nothing(here: Path) -> None:
    (here / "disk").mkdir()
    script = 'mount -t tmpfs -o size=4k none disk && echo > disk/full && "$0" new my-lab disk; echo $?; ls disk'
    done = subprocess.run(["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, LABRUN],
                          capture_output=True, text=True, timeout=60)
    assert done.stdout == "2\nfull\n"
    assert "disk/my-lab/lab.yaml cannot be written: No space left on device (ENOSPC)\n" in done.stderr


def test_an_id_of_the_catalogue_is_taken(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = labrun("new", "bridge-network", "--force")
    assert done.returncode == 2
    assert done.stderr.startswith(f"labrun: there is a lab 'bridge-network' already: {ROOT}/labs/bridge-network/")
    assert files(here) == []
    monkeypatch.setenv("LABRUN_PATH", str(here))
    assert labrun("new", "mine").returncode == 0
    assert labrun("run", "mine", "--until", "1").returncode == 0
    assert labrun("new", "mine", "--force").returncode == 0


def test_the_installed_labrun_has_it_too(installed: Path, anyone: User, as_user: AsUser, open_folder: Path) -> None:
    os.chown(open_folder, anyone.uid, anyone.gid)
    done = as_user(anyone, [installed, "new", "my-lab"], cwd=open_folder, check=True)
    assert "my-lab is a lab" in done.stdout or "my-lab/lab.yaml is a lab" in done.stdout
    ran = as_user(anyone, [installed, "run", "./my-lab", "--json"], cwd=open_folder, check=True)
    assert json.loads(ran.stdout)["outcome"] == "pass"
