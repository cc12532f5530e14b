"""Where labs are found, and what a list tells of them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from labrunner.catalogue import offers
from labrunner.catalogue.catalog import bundled, catalogue, find
from labrunner.catalogue.offers import Offer
from labrunner.errors import LabError, UsageError
from labrunner.language.about import About, load_about

ROOT = Path(__file__).parents[2]
LAB = "title: A lab\nsummary: Short.\nlevel: advanced\nminutes: 5\ntopics: [veth]\nsteps: []\n"


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """mine/lab.yaml in the current folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("LABRUN_PATH", raising=False)
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
    assert load_about(str(lab)) == About("mine", str(lab), "A lab", "", "beginner", 0, (), ())


def test_what_it_needs(lab: Path) -> None:
    lab.write_text("title: A lab\nneeds: [nft, python3, nft, iptables-save]\n")
    assert load_about(str(lab)).needs == ("nft", "python3", "iptables-save")


@pytest.mark.parametrize("name", ["/usr/sbin/nft", "nft list", "''", "../nft"])
def test_a_program_is_needed_by_its_name(lab: Path, name: str) -> None:
    lab.write_text(f"title: A lab\nneeds: [{name}]\n")
    with pytest.raises(LabError, match=r"lab\.yaml:2:9: '.*' cannot be the name of a program"):
        load_about(str(lab))


@pytest.mark.parametrize(("path", "name"), [("mine/lab.yaml", "mine"), ("lab.yaml", "{folder}"), ("nat.yaml", "nat")])
def test_the_id_of_a_lab(lab: Path, path: str, name: str) -> None:
    Path(path).write_text(LAB)
    assert load_about(path).id == name.format(folder=lab.parents[1].name)


# Other places


@pytest.fixture
def shelf(lab: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the labs one and two, in LABRUN_PATH."""
    folder = lab.parents[1] / "shelf"
    for name in ("one", "two"):
        (folder / name).mkdir(parents=True)
        (folder / name / "lab.yaml").write_text(LAB)
    (folder / "no-lab").mkdir()
    (folder / "a-file").touch()
    monkeypatch.setenv("LABRUN_PATH", str(folder))
    return folder


def test_the_folders_of_labrun_path(shelf: Path) -> None:
    found = catalogue()
    assert set(found.labs) == {*bundled(), "one", "two"}
    assert list(found.labs) == sorted(found.labs)
    assert (found.labs["one"], found.problems) == ([str(shelf / "one/lab.yaml")], ())
    assert find("two") == str(shelf / "two/lab.yaml")


@pytest.mark.parametrize("form", ["{shelf}/one", ":{shelf}/one:", "shelf/one", "{shelf}/one:{shelf}/one/"])
def test_a_folder_that_is_itself_a_lab(shelf: Path, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABRUN_PATH", form.format(shelf=shelf))
    assert set(catalogue().labs) == {*bundled(), "one"}
    assert find("one") == str(shelf / "one/lab.yaml")


@pytest.mark.parametrize(("folder", "why", "mend"), [
    ("nowhere", "No such file or directory (ENOENT)", "make that folder"),
    ("shelf/a-file", "Not a directory (ENOTDIR)", "see that it is a folder that you can read")])
def test_a_folder_that_cannot_be_read_hides_no_other(shelf: Path, folder: str, why: str, mend: str,
                                                     monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABRUN_PATH", f"{folder}:{shelf}")
    found = catalogue()
    assert "two" in found.labs
    (problem,) = found.problems
    assert str(problem) == f"no labs from {Path(folder).absolute()} (in LABRUN_PATH): {why}"
    assert problem.mend == f"{mend}, or take it out of LABRUN_PATH"


def test_two_labs_with_one_id(shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = shelf.parent / "mine/one"
    other.mkdir()
    (other / "lab.yaml").write_text(LAB)
    (shelf.parent / "mine/lab.yaml").unlink()
    monkeypatch.setenv("LABRUN_PATH", f"{shelf}:{other.parent}")
    with pytest.raises(UsageError) as raised:
        find("one")
    assert str(raised.value) == f"2 labs are called 'one': {shelf}/one/lab.yaml and {other}/lab.yaml"
    assert raised.value.mend.endswith(f"name the one you mean by its path: {other}/lab.yaml")
    assert find("two") == str(shelf / "two/lab.yaml")
    assert find("./shelf/one") == "./shelf/one/lab.yaml"


def test_one_lab_that_is_found_twice_is_one(shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (shelf.parent / "link").symlink_to(shelf)
    monkeypatch.setenv("LABRUN_PATH", f"{shelf}:link")
    assert catalogue().labs["one"] == [str(shelf / "one/lab.yaml")]


# Installed packages


def install(folder: Path, value: str, name: str = "course") -> None:
    """A package with the lab three, and what pip leaves of it, on sys.path."""
    (folder / "the_course/labs/three").mkdir(parents=True, exist_ok=True)
    (folder / "the_course/__init__.py").write_text("raise SystemExit('nobody should run this')\n")
    (folder / "the_course/labs/three/lab.yaml").write_text(LAB)
    information = folder / f"{name}-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text(f"[labrun.labs]\nwhatever = {value}\n")


@pytest.mark.parametrize("value", ["the_course.labs", "the_course.labs:anything"])
@pytest.mark.usefixtures("lab")
def test_an_installed_package(tmp_path: Path, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    packages = tmp_path / "packages"
    packages.mkdir()
    monkeypatch.syspath_prepend(packages)
    assert "three" not in catalogue().labs
    install(packages, value)
    assert find("three") == str(packages / "the_course/labs/three/lab.yaml")


@pytest.mark.usefixtures("lab")
def test_a_module_stands_for_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packages = tmp_path / "packages"
    install(packages, "the_course.labs.module")
    (packages / "the_course/labs/module.py").touch()
    monkeypatch.syspath_prepend(packages)
    assert find("three") == str(packages / "the_course/labs/three/lab.yaml")


@pytest.mark.parametrize("value", ["the_course.lab", "another_course", "", ".", "the_course.labs.three.lab"])
def test_a_package_that_offers_what_it_has_not(lab: Path, tmp_path: Path, value: str,
                                               monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(lab.parent)  # where one stands is none of its business
    install(tmp_path / "packages", value)
    monkeypatch.syspath_prepend(tmp_path / "packages")
    found = catalogue()
    assert set(found.labs) == set(bundled())
    (problem,) = found.problems
    assert "offered by the package course" in str(problem)
    assert problem.mend == "install course anew, or without it: pip uninstall course"


@pytest.mark.parametrize("pth", ["{project}", "import sys; sys.path.append('{project}')"])
def test_an_editable_package_is_found_though_labrun_starts_without_site(tmp_path: Path, pth: str) -> None:
    project, packages = tmp_path / "project", tmp_path / "site-packages"
    install(project, "the_course.labs")
    packages.mkdir()
    (project / "course-1.0.dist-info").rename(packages / "course-1.0.dist-info")
    (packages / "course.pth").write_text(pth.format(project=project) + "\n")
    program = (f"import sys; sys.path += [{str(ROOT)!r}, {str(packages)!r}]\n"
               "from labrunner.catalogue.catalog import find; print(find('three'))")
    done = subprocess.run([sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == (f"{project}/the_course/labs/three/lab.yaml\n", "")


@pytest.mark.usefixtures("lab")
def test_packages_are_looked_for_only_when_some_folder_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packages = tmp_path / "packages"
    install(packages, "the_course.labs")
    monkeypatch.syspath_prepend(packages)
    looked: list[int] = []
    real = offers._look

    def look() -> list[Offer]:
        looked.append(1)
        return real()

    monkeypatch.setattr(offers, "_look", look)
    offered = [Offer("course", "the_course.labs", str(packages / "the_course/labs"))]
    while offers.offers() == offered and len(looked) < 1000:
        before = len(looked)
        assert offers.offers() == offered
        if len(looked) == before:
            break  # what was installed a moment ago has settled
    looked.clear()
    assert (offers.offers(), looked) == (offered, [])
    (packages / "course-1.0.dist-info").rename(packages / "other-1.0.dist-info")
    assert (len(offers.offers()), looked) == (1, [1])
    install(packages, "the_course.labs", "third")
    assert (len(offers.offers()), looked) == (2, [1, 1])
