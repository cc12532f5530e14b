"""A machine that allows no sandbox: labrun says which setting it is and how to change it, and the change helps."""

from __future__ import annotations

import json
import os
import pickle
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from runtime import syscalls
from tests.system.accounts import myself, run_as

if TYPE_CHECKING:
    from tests.system.accounts import User

KINDS = ("user", "mnt", "pid", "net", "uts", "ipc", "cgroup")
RUN = ("run", "bridge-network", "--json")


@pytest.mark.parametrize("who", ["root", "lrsub", "lrplain"])
@pytest.mark.parametrize("kind", KINDS)
def test_no_namespaces_allowed(installed: Path, users: dict[str, User], who: str, kind: str) -> None:
    user, setting = users.get(who) or myself(), f"user.max_{kind}_namespaces"
    refused, mend, mended = with_setting(setting, "0", _run_mend_run, installed, user)
    assert refused.returncode == 3
    assert "labrun: this machine does not let labrun make a sandbox: " in refused.stderr
    assert f"{setting} is 0" in refused.stderr
    assert mend == f"sysctl -w {setting}=16384"
    report = json.loads(refused.stdout)
    assert (report["outcome"], report["steps"]) == ("skip", [])
    assert f"{setting} is 0" in report["error"]["why"]
    assert (mended.returncode, mended.stderr) == (0, "")


@pytest.mark.parametrize("who", ["root", "lrplain"])
def test_too_few_namespaces_allowed(installed: Path, users: dict[str, User], who: str) -> None:
    # A sandbox needs two user namespaces, one in the other.
    refused, mend, mended = with_setting("user.max_user_namespaces", "1", _run_mend_run, installed,
                                         users.get(who) or myself())
    assert refused.returncode == 3
    assert "user.max_user_namespaces is 1: as many are in use" in refused.stderr
    assert mend == "sysctl -w user.max_user_namespaces=16384"
    assert mended.returncode == 0


def test_a_helper_that_fails(installed: Path, users: dict[str, User], open_folder: Path) -> None:
    for tool in ("newuidmap", "newgidmap"):
        (open_folder / tool).write_text("#!/bin/sh\necho 'not today' >&2\nexit 1\n")
        (open_folder / tool).chmod(0o755)
    env = {"PATH": f"{open_folder}:/usr/bin:/bin"}
    refused = run_as(users["lrsub"], [installed, *RUN], env=env)
    assert refused.returncode == 3
    assert "the id map 'subuid' cannot be made" in refused.stderr
    assert "not today" in refused.stderr
    assert "next: labrun run LAB --id-map single" in refused.stderr
    assert run_as(users["lrsub"], [installed, *RUN, "--id-map", "single"], env=env).returncode == 0


def _run_mend_run(labrun: Path, user: User) -> tuple[Any, str, Any]:
    """A run, the command that it recommends, and a run after that command."""
    before = run_as(user, [labrun, *RUN])
    found = re.search(r"^  next: sudo (sysctl -w \S+)$", before.stderr, re.MULTILINE)
    assert found, before
    subprocess.run(found[1].split(), check=True, capture_output=True)
    return before, found[1], run_as(user, [labrun, *RUN])


def with_setting(setting: str, value: str, function: Callable[..., Any], *arguments: Any) -> Any:
    """What function(*arguments) returns as root of a user namespace with that setting (namespaces(7)) and all ids."""
    (from_child, to_parent), (from_parent, to_child) = os.pipe(), os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            syscalls.die_with_parent()
            syscalls.unshare(syscalls.NEWUSER, "user")
            os.write(to_parent, b"u")
            os.read(from_parent, 1)
            Path("/proc/sys", setting.replace(".", "/")).write_text(value)
            os.write(to_parent, pickle.dumps(function(*arguments)))
        finally:
            os._exit(0)
    os.close(to_parent)
    assert os.read(from_child, 1) == b"u"
    for name in ("uid_map", "gid_map"):
        Path(f"/proc/{pid}/{name}").write_text("0 0 4294967295")
    os.write(to_child, b"m")
    with os.fdopen(from_child, "rb") as pipe:
        data = pipe.read()
    os.waitpid(pid, 0)
    os.close(to_child)
    os.close(from_parent)
    assert data, "it died without a word"
    return pickle.loads(data)
