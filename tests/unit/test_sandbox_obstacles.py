"""What stands behind a refused sandbox: settings of kernels that this machine may not have, as files of the test."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from runtime.errors import Missing, Refused
from runtime.sandbox.obstacles import explain

LIMITS = {f"user/max_{kind}_namespaces": "96000" for kind in ("user", "mnt", "pid", "net", "uts", "ipc", "cgroup")}


def explained(tmp_path: Path, refused: Refused, settings: dict[str, str]) -> Missing | None:
    for name, value in settings.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(value + "\n")
    return explain(refused, str(tmp_path))


@pytest.mark.parametrize(("name", "value", "code", "setting", "mend"), [
    ("user/max_user_namespaces", "0", errno.ENOSPC, "user.max_user_namespaces is 0", "user.max_user_namespaces=16384"),
    ("user/max_net_namespaces", "0", errno.ENOSPC, "user.max_net_namespaces is 0", "user.max_net_namespaces=16384"),
    ("user/max_user_namespaces", "7", errno.ENOSPC, "user.max_user_namespaces is 7", "user.max_user_namespaces=16384"),
    ("user/max_net_namespaces", "9000", errno.ENOSPC, "user.max_net_namespaces is 9000",
     "user.max_net_namespaces=18000"),
    ("kernel/unprivileged_userns_clone", "0", errno.EPERM, "kernel.unprivileged_userns_clone is 0",
     "kernel.unprivileged_userns_clone=1"),
    ("kernel/apparmor_restrict_unprivileged_userns", "1", errno.EACCES,
     "kernel.apparmor_restrict_unprivileged_userns is 1", "kernel.apparmor_restrict_unprivileged_userns=0"),
    ("kernel/apparmor_restrict_unprivileged_userns", "1", errno.EPERM,
     "kernel.apparmor_restrict_unprivileged_userns is 1", "kernel.apparmor_restrict_unprivileged_userns=0"),
])
def test_setting_and_mend_are_named(tmp_path: Path, name: str, value: str, code: int, setting: str, mend: str) -> None:
    refused = Refused("make new namespaces (user, mount)", code)
    missing = explained(tmp_path, refused, LIMITS | {name: value})
    assert missing is not None
    assert missing.what == "this machine does not let labrun make a sandbox"
    assert missing.why.startswith("make new namespaces (user, mount) was refused, and ")
    assert setting in missing.why
    assert missing.mend == f"sudo sysctl -w {mend}"


def test_settings_that_allow_are_not_blamed(tmp_path: Path) -> None:
    allowing = {"kernel/unprivileged_userns_clone": "1", "kernel/apparmor_restrict_unprivileged_userns": "0"}
    missing = explained(tmp_path, Refused("make new namespaces (user, mount)", errno.EPERM), LIMITS | allowing)
    assert missing is not None
    assert "Operation not permitted (EPERM)" in missing.why
    assert "seccomp" in missing.why
    assert "sysctl" not in missing.mend


def test_a_kernel_without_any_of_the_settings(tmp_path: Path) -> None:
    missing = explained(tmp_path, Refused("make new namespaces (user, mount)", errno.EPERM), {})
    assert missing is not None
    assert "seccomp" in missing.why


@pytest.mark.parametrize("tool", ["newuidmap", "newgidmap"])
def test_a_helper_speaks_for_itself(tmp_path: Path, tool: str) -> None:
    refused = Refused(f"{tool} 7 0 1000 1", 0, "write to uid_map failed", "labrun run LAB --id-map single")
    missing = explained(tmp_path, refused, LIMITS | {"user/max_net_namespaces": "0"})
    assert missing is not None
    assert (missing.why, missing.mend) == (f"{tool} 7 0 1000 1: write to uid_map failed", refused.mend)


def test_another_refusal_is_left_as_it_is(tmp_path: Path) -> None:
    assert explained(tmp_path, Refused("mount proc on /proc", errno.EINVAL), {"user/max_user_namespaces": "0"}) is None
