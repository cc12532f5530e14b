"""The index of labs: the same labs as without one, whatever happened to the files since."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labrunner import cache_folder
from labrunner.catalogue import index
from labrunner.catalogue.index import Listed, listed
from labrunner.language.about import About

LAB = """\
title: {title}
needs: [nft]
steps:
  - title: One
    do:
      - add_bridge: br0
    check:
      - interface: br0
"""


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """mine/lab.yaml."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("LABRUN_PATH", str(tmp_path))
    monkeypatch.setattr(cache_folder, "_SETTLED", -1)  # each change here is seen by its size or its inode
    (tmp_path / "mine").mkdir()
    file = tmp_path / "mine/lab.yaml"
    file.write_text(LAB.format(title="A lab"))
    return file


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that were loaded."""
    loaded: list[str] = []
    real = index._loaded

    def load(path: str) -> Any:
        loaded.append(path)
        return real(path)

    monkeypatch.setattr(index, "_loaded", load)
    return loaded


def test_a_lab_is_loaded_once(lab: Path, loads: list[str]) -> None:
    wanted = [Listed(About("mine", str(lab), "A lab", "", "beginner", 0, (), ("nft",)), ("bridge",), "", ("step-1",))]
    assert [listed([str(lab)]) for _ in range(3)] == [wanted] * 3
    assert loads == [str(lab)]


def test_each_in_its_place(lab: Path) -> None:
    other = lab.parent / "other.yaml"
    other.write_text(LAB.format(title="Another"))
    paths = [str(other), str(lab)]
    assert [each.about.path for each in listed(paths)] == paths
    assert [each.about.path for each in listed(paths[::-1])] == paths[::-1]


@pytest.mark.parametrize("change", [
    lambda lab: lab.write_text(LAB.format(title="Longer title")),
    lambda lab: (lab.parent / "new").write_text(LAB.format(title="A new")) and (lab.parent / "new").replace(lab),
], ids=["written", "replaced"])
def test_a_file_that_changed_is_loaded_anew(lab: Path, change: Callable[[Path], object]) -> None:
    assert listed([str(lab)])[0].about.title == "A lab"
    change(lab)
    assert listed([str(lab)])[0].about.title in ("Longer title", "A new")


def test_a_file_that_changed_a_moment_ago_is_not_kept(lab: Path, loads: list[str],
                                                      monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache_folder, "_SETTLED", 10**12)
    for _ in range(3):
        listed([str(lab)])
    assert len(loads) == 3


def test_what_is_wrong_is_told_in_a_line_and_kept(lab: Path, loads: list[str]) -> None:
    lab.write_text("title: A lab\nsteps: [\n")
    nothing = About("mine", str(lab), "", "", "", 0, ())
    for _ in range(2):
        (wrong,) = listed([str(lab)])
        assert (wrong.about, wrong.features) == (nothing, ())
        assert wrong.error.startswith(f"{lab}:3:1: not YAML: ")
        assert "\n" not in wrong.error
    assert len(loads) == 1
    lab.write_text(LAB.format(title="Mended"))
    assert listed([str(lab)])[0].error == ""


def test_a_file_that_went_and_came_again(lab: Path) -> None:
    listed([str(lab)])
    lab.unlink()
    assert listed([str(lab)])[0].error == f"{lab} cannot be read: No such file or directory (ENOENT)"
    lab.write_text(LAB.format(title="A lab"))
    assert listed([str(lab)])[0].about.title == "A lab"


def test_of_labs_that_are_gone_nothing_is_kept(lab: Path, loads: list[str]) -> None:
    listed([str(lab)])
    listed([])
    listed([str(lab)])
    assert len(loads) == 2


@pytest.mark.parametrize("maker", ["labrunner/language/loading.py", "labrunner/actions/add_veth.py", "checks/ping.py",
                                   "checks/language/check.py", "runtime/values.py", "runtime/network/world.py"])
def test_what_other_code_found_is_not_believed(lab: Path, loads: list[str], maker: str, tmp_path: Path,
                                               monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "labrun"
    for folder in index._MAKERS:
        (root / folder).mkdir(parents=True, exist_ok=True)
    (root / maker).touch()
    monkeypatch.setattr(index, "__file__", str(root / "labrunner/catalogue/index.py"))
    listed([str(lab)])
    os.utime(root / maker, ns=(1, 1))
    listed([str(lab)])
    listed([str(lab)])
    assert len(loads) == 2


def test_what_another_version_found_is_not_believed(lab: Path, loads: list[str],
                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    listed([str(lab)])
    monkeypatch.setattr(index, "__version__", "0.0.1")
    listed([str(lab)])
    assert len(loads) == 2


def test_every_file_that_can_have_a_say_is_asked_for_its_time() -> None:
    """The modules that are loaded to load a lab stand in the folders that the index looks at."""
    root = Path(index.__file__).parents[2]
    loading = ("labrunner/action.py", "labrunner/language/loading.py", "labrunner/language/template.py",
               "runtime/values.py", "runtime/network/world.py", "checks/language/statement.py",
               "labrunner/actions/add_veth.py")
    assert all((root / each).is_file() and os.path.dirname(each) in index._MAKERS for each in loading)
