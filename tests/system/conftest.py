"""Fixtures for tests that run labrun as a whole.

    installed   the path of bin/labrun of a clean installation that every user of the machine may run
    users       {"lrsub": User, "lrplain": User}: ordinary users, with and without ranges of subordinate ids; needs root
    anyone      a parameter: the test runs as whoever runs the tests (root in CI), as lrsub and as lrplain
    as_user     as_user(user, argv, timeout=60, check=False, cwd=..., env=..., input=...) -> CompletedProcess[str]
    open_folder a fresh folder that every user may enter and read
    desk        where whoever runs the tests sits, with terminals; anyones: the same for each kind of user

    def test_list(installed: Path, anyone: User, as_user: AsUser) -> None:
        assert "bridge-network" in as_user(anyone, [installed, "list"], check=True).stdout

The types are in tests/system/accounts.py, and so is start_as, for a program that the test has to signal or type to.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from scripts.make_venv import choose_interpreter
from tests.system import accounts
from tests.system.accounts import AsUser, User
from tests.system.desk import Desk

ROOT = Path(__file__).resolve().parents[2]


class Distributions(NamedTuple):
    """What `python -m build` made of this checkout: the wheel from the source distribution."""

    sdist: Path
    wheel: Path


@pytest.fixture(scope="session")
def session_folder() -> Iterator[Path]:
    """A folder for the whole session that every user may enter and read, removed at its end.

    Below /var/tmp: pytest's own folders are closed to others, and a lab's sandbox has a /tmp of its own.
    """
    with tempfile.TemporaryDirectory(prefix="labrun-test-", dir="/var/tmp") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture
def open_folder(session_folder: Path) -> Iterator[Path]:
    """A fresh folder for one test, like session_folder."""
    folder = Path(tempfile.mkdtemp(prefix="test-", dir=session_folder))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def distributions(session_folder: Path) -> Distributions:
    """Source distribution and wheel. Without isolation: what builds them is among the test requirements."""
    folder = session_folder / "dist"
    build(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT)
    return Distributions(sdist=next(folder.glob("*.tar.gz")), wheel=next(folder.glob("*.whl")))


@pytest.fixture(scope="session")
def installed(session_folder: Path, distributions: Distributions) -> Path:
    """bin/labrun of a clean environment with nothing but the wheel and its requirements in it."""
    environment = session_folder / "installed"
    build(choose_interpreter(), "-I", "-m", "venv", environment)
    build(environment / "bin/python", "-I", "-m", "pip", "install", "--quiet", "--no-input",
          "--disable-pip-version-check", distributions.wheel)
    return environment / "bin/labrun"


@pytest.fixture(scope="session")
def users() -> Iterator[dict[str, User]]:
    """The ordinary users `lrsub` and `lrplain` (accounts.ordinary_users)."""
    if os.getuid() != 0:
        pytest.skip("only root can make users (useradd)")
    with accounts.ordinary_users() as made:
        yield made


@pytest.fixture(params=["myself", accounts.WITH_RANGES, accounts.PLAIN])
def anyone(request: pytest.FixtureRequest) -> User:
    """Each kind of user in turn; the last two need root, as `users` does."""
    if request.param == "myself":
        return accounts.myself()
    made: dict[str, User] = request.getfixturevalue("users")
    return made[request.param]


@pytest.fixture
def desk(installed: Path, open_folder: Path) -> Iterator[Desk]:
    """A desk, and no lab is under way when it is left."""
    yield from _desk(installed, accounts.myself(), open_folder)


@pytest.fixture
def anyones(installed: Path, open_folder: Path, anyone: User) -> Iterator[Desk]:
    """The same of each kind of user in turn."""
    yield from _desk(installed, anyone, open_folder)


def _desk(installed: Path, user: User, folder: Path) -> Iterator[Desk]:
    desk = Desk(installed, user, folder, "")
    yield desk
    desk.script("stop", "--all")
    assert desk.sockets() == []


@pytest.fixture(scope="session")
def as_user() -> AsUser:
    """Runs a program as a user (accounts.run_as)."""
    return accounts.run_as


def build(*argv: str | Path) -> None:
    """Run one step of an installation, its files readable for everyone whatever the umask is."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    done = subprocess.run(list(map(str, argv)), capture_output=True, text=True, env=env, umask=0o022, timeout=600)
    assert done.returncode == 0, f"{argv}: exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
