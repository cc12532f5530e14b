"""Where labs are found, and what a list tells of them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from labrunner.about import About, load_about
from labrunner.catalog import bundled, find
from labrunner.errors import UsageError

LAB = "title: A lab\nsummary: Short.\nlevel: advanced\nminutes: 5\ntopics: [veth]\nsteps: []\n"


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """mine/lab.yaml in the current folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/lab.yaml").write_text(LAB)
    return tmp_path / "mine/lab.yaml"


def test_the_bundled_labs() -> None:
    labs = bundled()
    assert list(labs) == sorted(labs)
    assert "bridge-network" in labs
    assert all(os.path.isfile(path) and path.endswith(f"/{name}/lab.yaml") for name, path in labs.items())


def test_an_id() -> None:
    assert find("bridge-network") == bundled()["bridge-network"]


@pytest.mark.parametrize("word", ["mine", "./mine", "mine/", "mine/lab.yaml", "../{}/mine"])
def test_a_folder_or_a_file(lab: Path, word: str) -> None:
    assert Path(find(word.format(lab.parents[1].name))).samefile(lab)


def test_an_absolute_path(lab: Path) -> None:
    assert find(str(lab)) == str(lab)
    assert find(str(lab.parent)) == str(lab)


def test_an_id_goes_before_a_folder_of_the_same_name(lab: Path) -> None:
    lab.parent.rename(lab.parents[1] / "bridge-network")
    assert find("bridge-network") == bundled()["bridge-network"]
    assert Path(find("./bridge-network")).samefile(lab.parents[1] / "bridge-network/lab.yaml")


@pytest.mark.parametrize(("word", "says"), [
    ("brige-network", "there is no lab 'brige-network': did you mean 'bridge-network'? known are "),
    ("Bridge-Network", "there is no lab 'Bridge-Network': did you mean 'bridge-network'? known are "),
    ("zzz", "there is no lab 'zzz': known are "),
    ("", "there is no lab '': known are "),
    ("mine/lab.yml", "there is no file mine/lab.yml: a lab is a lab.yaml, or the folder that it is in"),
    ("yours.yaml", "there is no file yours.yaml: a lab is a lab.yaml, or the folder that it is in"),
    (".", "the folder . has no lab.yaml: a lab is a lab.yaml, or the folder that it is in"),
    ("/dev/zero", "there is no file /dev/zero: a lab is a lab.yaml, or the folder that it is in"),
])
@pytest.mark.usefixtures("lab")
def test_what_is_not_there(word: str, says: str) -> None:
    with pytest.raises(UsageError) as raised:
        find(word)
    assert str(raised.value).startswith(says)


def test_what_a_lab_says_of_itself(lab: Path) -> None:
    assert load_about(str(lab)) == About("mine", str(lab), "A lab", "Short.", "advanced", 5, ("veth",))


def test_what_it_need_not_say(lab: Path) -> None:
    lab.write_text("title: A lab\n")
    assert load_about(str(lab)) == About("mine", str(lab), "A lab", "", "beginner", 0, ())


@pytest.mark.parametrize(("path", "name"), [("mine/lab.yaml", "mine"), ("lab.yaml", "{folder}"), ("nat.yaml", "nat")])
def test_the_id_of_a_lab(lab: Path, path: str, name: str) -> None:
    Path(path).write_text(LAB)
    assert load_about(path).id == name.format(folder=lab.parents[1].name)
