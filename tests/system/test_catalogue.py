"""The catalogue as a person uses it: labs from all places, what this machine lacks, an index that is never stale."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labrunner.catalogue.catalog import bundled

ROOT = Path(__file__).resolve().parents[2]
LABRUN = str(ROOT / "labrun")
LAB = """\
title: {title}
level: advanced
topics: [{topic}]
needs: [{needs}]
steps:
  - title: A bridge
    do:
      - add_bridge: br0
    check:
      - interface: {{name: br0, kind: bridge}}
"""

Finished = subprocess.CompletedProcess[str]


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder in LABRUN_PATH, and a cache folder of the test's own."""
    for name in list(os.environ):
        if name.startswith("PYTHON"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "shelf"
    folder.mkdir()
    monkeypatch.setenv("LABRUN_PATH", str(folder))
    return folder


def lab(shelf: Path, name: str, title: str = "A lab of mine", topic: str = "spiders", needs: str = "") -> Path:
    """shelf/NAME/lab.yaml."""
    (shelf / name).mkdir(parents=True, exist_ok=True)
    file = shelf / name / "lab.yaml"
    file.write_text(LAB.format(title=title, topic=topic, needs=needs))
    return file


def labrun(*arguments: str | Path, **options: Any) -> Finished:
    options = {"capture_output": True, "text": True, "timeout": 60, "stdin": subprocess.DEVNULL} | options
    return subprocess.run([LABRUN, *map(str, arguments)], **options)


def listed(*arguments: str) -> dict[str, dict[str, Any]]:
    """The labs of `list --json`, by id."""
    done = labrun("list", "--json", *arguments)
    assert done.stderr == ""
    return {each["id"]: each for each in json.loads(done.stdout)["labs"]}


# Where labs are


def test_a_lab_of_labrun_path_is_listed_shown_and_run(shelf: Path) -> None:
    file = lab(shelf, "mine")
    done = labrun("list")
    assert (done.returncode, done.stderr) == (0, "")
    assert "\nmine" in done.stdout
    assert "  A lab of mine\n" in done.stdout
    assert " advanced, spiders\n" in done.stdout
    assert listed()["mine"] == {"id": "mine", "path": str(file), "title": "A lab of mine", "summary": "",
                                "level": "advanced", "minutes": 0, "topics": ["spiders"], "needs": [], "lacks": [],
                                "steps": ["step-1"], "passed": []}
    assert labrun("show", "mine").stdout.startswith("A lab of mine\nmine: advanced, spiders\n")
    assert json.loads(labrun("run", "mine", "--json").stdout)["lab"] == "mine"


def test_a_folder_that_is_not_there_is_a_warning(shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lab(shelf, "mine")
    monkeypatch.setenv("LABRUN_PATH", f"/nowhere:{shelf}")
    for command in ("list", "doctor"):
        done = labrun(command)
        assert done.returncode == 0
        assert done.stderr == ("labrun: no labs from /nowhere (in LABRUN_PATH): No such file or directory (ENOENT)\n"
                               "  next: make that folder, or take it out of LABRUN_PATH\n")
    assert "mine" in {each["id"] for each in json.loads(labrun("list", "--json").stdout)["labs"]}
    assert labrun("run", "mine").stderr == ""


def test_two_labs_with_one_id(shelf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lab(shelf, "mine")
    other = lab(tmp_path / "other", "mine", topic="beetles")
    lab(shelf, "third", topic="flies")
    monkeypatch.setenv("LABRUN_PATH", f"{shelf}:{tmp_path}/other")
    for call in (("list",), ("list", "spiders"), ("list", "--json"), ("show", "mine"), ("run", "mine")):
        done = labrun(*call)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == (
            f"labrun: 2 labs are called 'mine': {shelf}/mine/lab.yaml and {other}\n"
            f"  next: give the folder of one of them another name; or name the one you mean by its path: {other}\n")
    assert "third" in listed("flies")
    assert labrun("run", "third").returncode == 0
    assert "beetles" in labrun("show", other).stdout


def test_a_lab_that_cannot_be_loaded_stops_no_other(shelf: Path) -> None:
    lab(shelf, "mine")
    broken = lab(shelf, "broken")
    broken.write_text(LAB.format(title="Broken", topic="x", needs="").replace("add_bridge", "add_brigde"))
    done = labrun("list")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"  cannot be loaded: {broken}:8:9: there is no action 'add_brigde'\n" in done.stdout
    assert f"  labrun lint {broken} tells more\n" in done.stdout
    assert "  A lab of mine\n" in done.stdout
    assert listed()["broken"]["error"] == f"{broken}:8:9: there is no action 'add_brigde'"
    assert "error" not in listed()["mine"]
    doctor = labrun("doctor")
    assert (doctor.returncode, doctor.stderr) == (0, "")
    assert "?       broken cannot be loaded, so nobody knows what it needs\n" in doctor.stdout
    document = json.loads(labrun("doctor", "--json").stdout)
    assert [each["id"] for each in document["broken"]] == ["broken"]


def test_a_name_that_would_change_the_terminal(shelf: Path) -> None:
    name = "\x1b[31mred\nline\udcff"
    lab(shelf, name).write_text("title: [\n")
    lab(shelf, "mine")
    done = labrun("list")
    assert done.returncode == 0
    assert "\x1b" not in done.stdout
    assert "\N{REPLACEMENT CHARACTER}[31mred\N{REPLACEMENT CHARACTER}line\N{REPLACEMENT CHARACTER}" in done.stdout
    assert name in listed()


# Installed packages


PROJECT = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "garden-course"
version = "1.0"
[project.entry-points."labrun.labs"]
garden = "garden.labs"
[tool.hatch.build.targets.wheel]
packages = ["garden"]
"""


def test_a_package_that_pip_installed(shelf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project, packages = tmp_path / "project", tmp_path / "packages"
    (project / "garden").mkdir(parents=True)
    (project / "pyproject.toml").write_text(PROJECT)
    (project / "garden/__init__.py").write_text("raise SystemExit('nobody should run this')\n")
    lab(project / "garden/labs", "gardening", topic="weeds")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-deps", "--no-index",
           "--no-build-isolation", "--root-user-action=ignore", "--target", str(packages), str(project)]
    subprocess.run(pip, check=True, timeout=120, capture_output=True)
    monkeypatch.setenv("PYTHONPATH", f"{packages}:{ROOT}")

    def call(*arguments: str) -> Finished:
        program = "import sys; from labrunner.cli import main; sys.exit(main())"
        return subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, timeout=60)

    for _ in range(3):
        (found,) = json.loads(call("list", "weeds", "--json").stdout)["labs"]
        assert (found["id"], found["path"]) == ("gardening", str(packages / "garden/labs/gardening/lab.yaml"))
    assert json.loads(call("run", "gardening", "--json").stdout)["outcome"] == "pass"
    shutil.rmtree(packages / "garden")
    done = call("list")
    assert (done.returncode, "gardening" in done.stdout) == (0, False)
    assert "garden.labs (offered by the package garden-course)" in done.stderr
    shutil.rmtree(next(packages.glob("*.dist-info")))
    assert call("list").stderr == ""


# Searching


@pytest.fixture
def library(shelf: Path) -> Path:
    """Three labs."""
    lab(shelf, "web-server", "Serving a page", "http, tcp")
    lab(shelf, "web-proxy", "A proxy before the server", "http, nat-gateway")
    lab(shelf, "drops", "Packets that nobody wants", "filter")
    return shelf


@pytest.mark.parametrize(("words", "found"), [
    (("http",), {"web-server", "web-proxy"}),
    (("HTTP", "page"), {"web-server"}),
    (("web-s",), {"web-server"}),
    (("serv",), {"web-server", "web-proxy"}),
    (("roxy",), set()),
    (("gateway",), {"web-proxy"}),
    (("advanced", "filter"), {"drops"}),
    (("--topic", "http"), {"web-server", "web-proxy"}),
    (("--topic", "http", "--topic", "tcp"), {"web-server"}),
    (("--topic", "htt"), set()),
    (("proxy", "--topic", "http"), {"web-proxy"}),
    ((".*",), set()),
], ids=lambda value: " ".join(value) if isinstance(value, tuple) else "")
@pytest.mark.usefixtures("library")
def test_words_and_topics(words: tuple[str, ...], found: set[str]) -> None:
    done = labrun("list", *words, "--json")
    assert {each["id"] for each in json.loads(done.stdout)["labs"]} - set(bundled()) == found


@pytest.mark.usefixtures("library")
def test_nothing_found() -> None:
    done = labrun("list", "spiders", "--topic", "http")
    assert (done.returncode, done.stdout) == (1, "")
    said, _, topics = done.stderr.removesuffix("\n  next: labrun list\n").partition(": the topics are ")
    assert said == "labrun: no lab fits 'spiders http'"
    assert {"bridge", "filter", "http", "nat-gateway"} <= set(topics.split(", "))
    assert topics.split(", ") == sorted(topics.split(", "))
    done = labrun("list", "spiders", "--json")
    assert (done.returncode, json.loads(done.stdout)) == (1, {"schema": 1, "labs": []})


# What this machine lacks


def test_a_program_that_is_not_here(shelf: Path) -> None:
    lab(shelf, "mine", needs="sh, no-such-program")
    line = "needs no-such-program, which is not here: sudo apt install no-such-program\n"
    assert f"  {line}" in labrun("list").stdout
    assert listed()["mine"]["lacks"] == [{"name": "no-such-program", "says": "needs no-such-program, which is not here",
                                          "mend": "sudo apt install no-such-program"}]
    assert "needs        sh, no-such-program\nproblem      needs no-such-program" in labrun("show", "mine").stdout
    doctor = labrun("doctor", "--json")
    assert doctor.returncode == 3
    found = {each["name"]: each for each in json.loads(doctor.stdout)["findings"]}
    assert (found["no-such-program"]["ok"], found["no-such-program"]["labs"]) == (False, ["mine"])
    assert (found["sh"]["ok"], found["sh"]["needed"]) == (True, True)
    assert "MISSING no-such-program\n" in labrun("doctor").stdout


@pytest.mark.usefixtures("shelf")
def test_a_machine_that_allows_no_sandbox() -> None:
    nothing = "echo 0 > /proc/sys/user/max_user_namespaces && exec \"$0\" \"$@\""
    argv = ["unshare", "--user", "--map-root-user", "sh", "-c", nothing, LABRUN, "list"]
    for _ in range(2):
        done = subprocess.run(argv, capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stderr) == (0, "")
        assert re.search(r"bridge-network +A Docker bridge network, by hand\n", done.stdout)
        assert done.stdout.count("\nno lab can be done here: each needs a sandbox, and there can be none: ") == 1
        assert "\n  next: sudo sysctl -w user.max_user_namespaces=16384\n" in done.stdout
    assert "no lab can be done here" not in labrun("list").stdout


# The index


def anew(*arguments: str) -> str:
    """What `list --json` prints with an empty cache."""
    cache = Path(os.environ["XDG_CACHE_HOME"])
    kept = cache.rename(cache.with_name("kept")) if cache.exists() else None
    try:
        return labrun("list", "--json", *arguments).stdout
    finally:
        if kept:
            shutil.rmtree(cache)
            kept.rename(cache)


def until_kept(shelf: Path) -> None:
    """List until the index holds all there is in it: what was written a moment ago is not."""
    folder = Path(os.environ["XDG_CACHE_HOME"]) / "labrun"
    wanted = {str(path).encode() for path in shelf.glob("*/lab.yaml")}
    while True:
        labrun("list")
        if any(all(path in file.read_bytes() for path in wanted) for file in folder.glob("index-*")):
            return


def rewrite(file: Path) -> None:
    """Another text of the same length, and the time of the old one, as rsync and tar set it."""
    time = file.stat().st_mtime_ns
    file.write_text(LAB.format(title="A lab of hers", topic="spiders", needs=""))
    os.utime(file, ns=(time, time))


CHANGES: dict[str, Callable[[Path], object]] = {
    "a new text": lambda shelf: lab(shelf, "one", "Another title"),
    "a text as long": lambda shelf: lab(shelf, "one", "A lab of hers"),
    "broken": lambda shelf: (shelf / "one/lab.yaml").write_text("title: ["),
    "as long, with the old time": lambda shelf: rewrite(shelf / "one/lab.yaml"),
    "added": lambda shelf: lab(shelf, "three"),
    "removed": lambda shelf: shutil.rmtree(shelf / "one"),
    "renamed": lambda shelf: (shelf / "one").rename(shelf / "uno"),
    "swapped": lambda shelf: [(shelf / a).rename(shelf / b) for a, b in (("one", "x"), ("two", "one"), ("x", "two"))],
    "the file removed": lambda shelf: (shelf / "one/lab.yaml").unlink(),
}


@pytest.mark.parametrize("change", CHANGES)
def test_the_index_is_never_stale(shelf: Path, change: str) -> None:
    lab(shelf, "one")
    lab(shelf, "two", "The second")
    until_kept(shelf)
    before = labrun("list", "--json").stdout
    CHANGES[change](shelf)
    after = labrun("list", "--json").stdout
    assert after != before
    assert after == anew()


def test_a_mended_lab_is_no_longer_broken(shelf: Path) -> None:
    lab(shelf, "one").write_text("title: A lab of mine\nsteps: []\n")
    until_kept(shelf)
    assert "error" in listed()["one"]
    lab(shelf, "one")
    assert listed()["one"]["title"] == "A lab of mine"


@pytest.mark.parametrize("damage", [
    lambda file: file.write_bytes(b""),
    lambda file: file.write_bytes(file.read_bytes()[:-7]),
    lambda file: file.write_bytes(os.urandom(file.stat().st_size)),
    lambda file: (file.unlink(), file.mkdir()),
    lambda file: (file.unlink(), file.symlink_to("/dev/full")),
    lambda file: (file.unlink(), file.symlink_to("/nowhere/at/all")),
], ids=["empty", "cut", "random", "a-folder", "a-device", "a-link-to-nowhere"])
def test_a_damaged_cache_changes_nothing(shelf: Path, damage: Callable[[Path], object]) -> None:
    lab(shelf, "one")
    until_kept(shelf)
    right = labrun("list", "--json")
    for file in (Path(os.environ["XDG_CACHE_HOME"]) / "labrun").iterdir():
        if file.is_file():
            damage(file)
    for _ in range(2):
        done = labrun("list", "--json")
        assert (done.returncode, done.stdout, done.stderr) == (0, right.stdout, "")


@pytest.mark.parametrize("place", ["/proc/nowhere", "/dev/null", "{file}"])
def test_a_cache_that_cannot_be_written_changes_nothing(shelf: Path, place: str, tmp_path: Path,
                                                        monkeypatch: pytest.MonkeyPatch) -> None:
    lab(shelf, "one")
    right = labrun("list").stdout
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", place.format(file=tmp_path / "file"))
    for _ in range(2):
        done = labrun("list")
        assert (done.returncode, done.stdout, done.stderr) == (0, right, "")


def test_lists_at_once_agree(shelf: Path) -> None:
    for number in range(20):
        lab(shelf, f"lab-{number}")
    both = [subprocess.Popen([LABRUN, "list", "--json"], stdout=subprocess.PIPE, text=True) for _ in range(4)]
    printed = {process.communicate(timeout=60)[0] for process in both}
    assert len(printed) == 1
    assert labrun("list", "--json").stdout in printed


def test_a_warm_list_loads_no_lab(shelf: Path) -> None:
    lab(shelf, "one")
    until_kept(shelf)
    python, start = ROOT / ".venv/bin/python", ROOT / "scripts/start.py"
    done = subprocess.run([python, "-I", "-S", "-X", "importtime", start, "list"], capture_output=True, text=True)
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "labrunner.catalogue.index" in loaded
    assert not loaded & {"yaml", "jinja2", "json", "rich", "importlib.metadata", "labrunner.language.loading",
                         "labrunner.language.reading", "runtime.features", "runtime.sandbox.handle"}
