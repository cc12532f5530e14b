"""./labrun from a checkout: the first use, the later ones, and what can come in between.

In a copy of this checkout whose labrunner is a stand-in that prints what it was called with: the launcher is what is
tested. pip gets the wheels from a folder, so that each first use takes a few seconds and no network.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from scripts.make_venv import choose_interpreter, requirements
from tests.system.accounts import User, myself, run_as, start_as

if TYPE_CHECKING:
    from tests.system.accounts import AsUser

ROOT = Path(__file__).resolve().parents[2]
FIRST_USE = "first use, making"
PACKAGES = "lib/python3.*/site-packages"

STAND_IN = '''
import json, sys
import yaml  # of the environment

def main() -> int:
    print(json.dumps(sys.argv[1:]))
    return 7 if "fail" in sys.argv else 0
'''

Finished = subprocess.CompletedProcess[str]


class Checkout(NamedTuple):
    """A copy of the checkout, and the environment variables that let pip work without a network."""

    folder: Path
    offline: dict[str, str]

    @property
    def stamp(self) -> Path:
        return self.folder / ".venv/labrun.json"

    def run(self, *arguments: str, user: User | None = None, **options: Any) -> Finished:
        options["env"] = self.offline | options.get("env", {})
        return run_as(user or myself(), [self.folder / "labrun", *arguments], **options)


@pytest.fixture(scope="session")
def offline(session_folder: Path) -> dict[str, str]:
    """pip's settings for a folder with the wheels of everything that labrun needs."""
    wheels = session_folder / "wheels"
    version = output(choose_interpreter(), "-c", "import platform; print(platform.python_version())")
    subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--dest", wheels,
                    "--only-binary", ":all:", "--python-version", version, *requirements(set())],
                   check=True, umask=0o022)
    return {"PIP_NO_COMPILE": "1", "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels), "PIP_CONFIG_FILE": os.devnull}


def copy(to: Path) -> None:
    """The files that git knows or would take; without git, those of a source distribution."""
    listing = ["git", "-c", f"safe.directory={ROOT}", "-C", str(ROOT), "ls-files", "-z", "-co", "--exclude-standard"]
    listed = subprocess.run(listing, capture_output=True, text=True)
    if listed.returncode:
        shutil.copytree(ROOT, to, ignore=shutil.ignore_patterns(".*", "__pycache__"))
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).exists():  # else removed, and not yet committed
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, to / name)
    shutil.rmtree(to / "labrunner")
    (to / "labrunner").mkdir()
    (to / "labrunner/__init__.py").write_text('__version__ = "0"\n')
    (to / "labrunner/cli.py").write_text(STAND_IN)


@pytest.fixture
def fresh(open_folder: Path, offline: dict[str, str]) -> Checkout:
    """A checkout that was never used."""
    copy(open_folder / "a checkout")
    return Checkout(open_folder / "a checkout", offline)


@pytest.fixture(scope="module")
def first_use(session_folder: Path, offline: dict[str, str]) -> tuple[Checkout, Finished]:
    """A checkout after its first use, and that use."""
    checkout = Checkout(session_folder / "used checkout", offline)
    copy(checkout.folder)
    return checkout, checkout.run("one", "two")


@pytest.fixture(scope="module")
def used(first_use: tuple[Checkout, Finished]) -> Checkout:
    """A checkout that was used. Its environment cannot be made anew: pip has no wheels any more."""
    checkout = first_use[0]
    return Checkout(checkout.folder, checkout.offline | {"PIP_FIND_LINKS": "/nonexistent"})


def output(*argv: str) -> str:
    return subprocess.check_output(argv, text=True).strip()


def wait_until(true: Callable[[], object], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.002)


def test_first_use_makes_the_environment_and_runs(first_use: tuple[Checkout, Finished]) -> None:
    checkout, run = first_use
    assert (run.returncode, json.loads(run.stdout)) == (0, ["one", "two"])
    assert FIRST_USE in run.stderr
    assert f"{checkout.folder}/.venv" in run.stderr
    assert checkout.stamp.stat().st_mtime_ns == (checkout.folder / "pyproject.toml").stat().st_mtime_ns
    assert list(checkout.folder.glob("labrunner/__pycache__/cli.*.pyc")), "not compiled ahead"


def test_later_use_starts_the_shell_and_python_and_nothing_else(used: Checkout, open_folder: Path) -> None:
    if not shutil.which("strace"):
        pytest.skip("needs strace")
    trace = open_folder / "trace"
    strace: list[str | Path] = ["strace", "-f", "-qq", "-e", "trace=execve,socket", "-e", "signal=none", "-o", trace]
    done = run_as(myself(), [*strace, used.folder / "labrun"], env=used.offline)
    assert (done.returncode, done.stderr) == (0, "")
    calls = [line.split(maxsplit=1)[1] for line in trace.read_text().splitlines()]
    assert [call.split('"')[1] for call in calls] == [f"{used.folder}/labrun", f"{used.folder}/.venv/bin/python"], calls


def test_arguments_and_exit_code_pass_through(used: Checkout) -> None:
    arguments = ["", "two  words", "*", "a\nb", "$HOME", "--", "-h", "-c", "\\", "'\"", "é", "\udcff", "fail"]
    done = used.run(*arguments)
    assert (done.returncode, json.loads(done.stdout)) == (7, arguments)


@pytest.mark.parametrize("how", ["link to a link", "PATH", "sh", "relative"])
def test_it_can_be_called_from_anywhere(used: Checkout, open_folder: Path, how: str) -> None:
    (open_folder / "bin").mkdir()
    (open_folder / "near").symlink_to(os.path.relpath(used.folder / "labrun", open_folder))
    (open_folder / "bin/labrun").symlink_to("../near")
    argv: dict[str, tuple[str, str | Path]] = {
        "link to a link": ("bin/labrun", open_folder),
        "PATH": ("env", open_folder),
        "sh": ("sh", used.folder),
        "relative": ("../labrun", used.folder / "labs"),
    }
    program, cwd = argv[how]
    command = [program, *(["labrun"] if program in ("env", "sh") else []), "here"]
    done = run_as(myself(), command, cwd=cwd, env=used.offline | {"PATH": f"{open_folder}/bin:/usr/bin:/bin"})
    assert (done.returncode, done.stdout, done.stderr) == (0, '["here"]\n', "")


def test_the_learners_folder_and_variables_change_nothing(used: Checkout, open_folder: Path) -> None:
    for name in ("json", "yaml", "labrunner", "sitecustomize"):
        (open_folder / f"{name}.py").write_text("raise SystemExit('not this one')\n")
    done = used.run("x", cwd=open_folder, env={"PYTHONPATH": str(open_folder), "PYTHONHOME": "/nonexistent"})
    assert (done.returncode, done.stdout, done.stderr) == (0, '["x"]\n', "")


def test_touched_pyproject_needs_no_pip(used: Checkout) -> None:
    (used.folder / "pyproject.toml").touch()
    assert [used.run(each).stderr for each in ("once", "twice")] == ["", ""]
    assert used.stamp.stat().st_mtime_ns == (used.folder / "pyproject.toml").stat().st_mtime_ns


def test_first_uses_side_by_side_make_it_once(fresh: Checkout) -> None:
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    several = [start_as(myself(), [fresh.folder / "labrun", str(i)], env=fresh.offline, **pipes) for i in range(3)]
    ends = [process.communicate(timeout=120) for process in several]
    assert [(process.returncode, json.loads(out)) for process, (out, _) in zip(several, ends, strict=True)] == [
        (0, [str(i)]) for i in range(3)]
    assert sum(FIRST_USE in err for _, err in ends) == 1
    assert all(FIRST_USE in err or "waiting for it" in err or not err for _, err in ends)


@pytest.mark.parametrize("moment", ["bin/python", f"{PACKAGES}/rich", f"{PACKAGES}/labrun.pth"])
def test_what_is_killed_half_way_is_made_anew(fresh: Checkout, moment: str) -> None:
    venv = fresh.folder / ".venv"
    process = start_as(myself(), [fresh.folder / "labrun"], env=fresh.offline, stderr=subprocess.DEVNULL)
    wait_until(lambda: list(venv.glob(moment)))
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert not fresh.stamp.exists()
    (venv / "left-over").touch()
    again = fresh.run("again")
    assert (again.returncode, again.stdout) == (0, '["again"]\n')
    assert FIRST_USE in again.stderr
    assert not (venv / "left-over").exists()


def test_the_next_run_waits_for_the_pip_of_a_killed_one(fresh: Checkout) -> None:
    make: list[str | Path] = [choose_interpreter(), fresh.folder / "scripts/make_venv.py"]
    process = start_as(myself(), make, env=fresh.offline, stderr=subprocess.DEVNULL)
    wait_until(lambda: list(fresh.folder.glob(f".venv/{PACKAGES}/rich")))
    process.kill()  # it alone: its pip goes on
    process.wait()
    again = fresh.run("again")
    assert again.returncode == 0
    assert again.stderr.index("waiting for it") < again.stderr.index(FIRST_USE)


def test_a_failing_pip_is_quoted_and_the_next_run_mends_it(fresh: Checkout) -> None:
    failed = fresh.run(env={"PIP_FIND_LINKS": "/nonexistent"})
    assert failed.returncode == 3
    assert "pip could not install" in failed.stderr
    assert "No matching distribution found for " in failed.stderr
    assert "next: " in failed.stderr
    assert "Traceback" not in failed.stderr
    assert fresh.run("again").stdout == '["again"]\n'


def test_new_requirements_are_installed(fresh: Checkout) -> None:
    assert fresh.run().returncode == 0
    project = fresh.folder / "pyproject.toml"
    project.write_text(project.read_text().replace("dependencies = [", 'dependencies = [\n    "no-such-thing>=1",', 1))
    failed = fresh.run()
    assert failed.returncode == 3
    assert "up to date with pyproject.toml" in failed.stderr
    assert FIRST_USE not in failed.stderr
    assert "No matching distribution found for no-such-thing" in failed.stderr


def test_a_user_who_cannot_write_the_checkout_gets_one_of_their_own(fresh: Checkout, users: dict[str, User]) -> None:
    user = users["lrplain"]
    before = {path: path.stat().st_mtime_ns for path in fresh.folder.rglob("*")}
    first = fresh.run("mine", user=user, cwd="/")
    own = user.home / f".cache/labrun{fresh.folder}/venv"
    assert (first.returncode, first.stdout) == (0, '["mine"]\n')
    assert f"{FIRST_USE} {own}" in first.stderr
    (compiled,) = own.glob(f"pycache{fresh.folder}/labrunner/cli.*.pyc")
    compiled.unlink()
    later = fresh.run("later", user=user, cwd="/", env={"PIP_FIND_LINKS": "/nonexistent"})
    assert (later.returncode, later.stdout, later.stderr) == (0, '["later"]\n', "")
    assert compiled.exists(), "each run would compile labrun again"
    assert {path: path.stat().st_mtime_ns for path in fresh.folder.rglob("*")} == before


def test_what_root_made_serves_everyone(used: Checkout, users: dict[str, User], as_user: AsUser) -> None:
    done = as_user(users["lrsub"], [used.folder / "labrun", "me"], env=used.offline)
    assert (done.returncode, done.stdout, done.stderr) == (0, '["me"]\n', "")


def test_no_place_for_the_environment(fresh: Checkout) -> None:
    others = fresh.folder / ".venv/pyvenv.cfg"  # made by somebody else, so it must be left alone
    others.parent.mkdir()
    others.touch()
    done = fresh.run(env={"XDG_CACHE_HOME": "/dev/null"})
    assert done.returncode == 3
    assert f"{others.parent}: is not labrun's" in done.stderr
    assert "/dev/null/labrun" in done.stderr
    assert "set XDG_CACHE_HOME" in done.stderr
    assert list(others.parent.iterdir()) == [others]


@pytest.mark.parametrize("python", [None, "#!/bin/sh\nexit 1\n"], ids=["none", "too old"])
def test_no_python(fresh: Checkout, open_folder: Path, python: str | None) -> None:
    path = open_folder / "bin"
    path.mkdir()
    if python:
        (path / "python3").write_text(python)
        (path / "python3").chmod(0o755)
    done = fresh.run(env={"PATH": str(path)})
    assert done.returncode == 3
    assert "no Python 3.11 or newer" in done.stderr
    assert "apt install python3" in done.stderr


def test_named_python_is_the_only_one_tried(fresh: Checkout) -> None:
    done = fresh.run(env={"LABRUN_PYTHON": "/no where/python3"})
    assert done.returncode == 3
    assert "tried /no where/python3" in done.stderr


def test_python_without_venv(fresh: Checkout) -> None:
    python = choose_interpreter()
    module = output(python, "-c", "import ensurepip; print(*ensurepip.__path__)")
    hide = ["sh", "-c", 'mount -t tmpfs none "$1" && shift && exec "$@"', "-", module]
    unshare = ["unshare", "--mount", *([] if os.getuid() == 0 else ["--user", "--map-root-user"])]
    done = run_as(myself(), [*unshare, *hide, fresh.folder / "labrun"], env=fresh.offline | {"LABRUN_PYTHON": python})
    assert done.returncode == 3, done.stderr
    assert "lacks the module venv or ensurepip" in done.stderr
    assert "apt install python3-venv" in done.stderr
