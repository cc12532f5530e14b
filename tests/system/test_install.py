"""The wheel, installed in a clean environment, is whole: it needs nothing of the checkout that it was made from."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import labrunner

if TYPE_CHECKING:
    from tests.system.accounts import AsUser, User
    from tests.system.conftest import Distributions


def test_wheel_holds_the_four_packages_and_the_manual_and_nothing_else(distributions: Distributions) -> None:
    with zipfile.ZipFile(distributions.wheel) as wheel:
        names = wheel.namelist()
    information = f"labrun-{labrunner.__version__}.dist-info"
    manual = f"labrun-{labrunner.__version__}.data/data/share/man/man1/labrun.1"
    packages = {"labrunner", "runtime", "checks", "labs"}
    assert {name.partition("/")[0] for name in names if name != manual} == {*packages, information}
    assert manual in names
    assert {"labs/bridge-network/lab.yaml", "labs/lab.schema.json", "labrunner/new_lab.yaml"} <= set(names)
    assert f"{information}/licenses/LICENSE" in names


def test_source_distribution_can_run_the_tests(distributions: Distributions) -> None:
    with tarfile.open(distributions.sdist) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    assert {"labrun", "scripts/test", "scripts/make_venv.py", "tests/system/test_install.py"} <= names
    assert not any(name.startswith((".venv/", ".git/")) or "__pycache__" in name for name in names)


def test_list_from_another_folder(installed: Path, anyone: User, as_user: AsUser) -> None:
    done = as_user(anyone, [installed, "list"], cwd="/", check=True)
    assert "bridge-network" in done.stdout


def test_run_from_another_folder(installed: Path, anyone: User, as_user: AsUser) -> None:
    done = as_user(anyone, [installed, "run", "bridge-network", "--json"], cwd="/", check=True)
    report = json.loads(done.stdout)
    outcomes = {check["outcome"] for step in report["steps"] for check in step["checks"]}
    assert (report["outcome"], outcomes) == ("pass", {"pass"})


def test_pytest_finds_the_plugin_by_its_entry_point(installed: Path, tmp_path: Path) -> None:
    (packages,) = (installed.parents[1] / "lib").glob("python*/site-packages")
    done = subprocess.run([installed, "new", "my-lab"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0
    argv = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-k", "solution or step", "my-lab"]
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, timeout=120,
                          env={**os.environ, "PYTHONPATH": str(packages)})
    assert (done.returncode, done.stderr) == (0, "")
    assert " passed" in done.stdout
