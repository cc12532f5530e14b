"""labrun in a container as Docker makes it, with the options that the README names: for root and for ordinary users.

runc makes the container, from what Docker writes into config.json: fourteen capabilities, an overlay as the root file
system, and /etc/hosts, /etc/hostname and /etc/resolv.conf as mounts of their own.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.system.accounts import User, environment, myself

CAPABILITIES = [f"CAP_{name}" for name in (
    "CHOWN", "DAC_OVERRIDE", "FSETID", "FOWNER", "MKNOD", "NET_RAW", "SETGID", "SETUID", "SETFCAP", "SETPCAP",
    "NET_BIND_SERVICE", "SYS_CHROOT", "KILL", "AUDIT_WRITE")]
NAMES = ("hosts", "hostname", "resolv.conf")
_RUN = """
mount -t tmpfs tmpfs "$1" && cd "$1" && mkdir changes work root
mount -t overlay overlay -o lowerdir=/,upperdir=changes,workdir=work root
exec runc --root "$1/state" run --bundle "$2" "$3"
"""


@pytest.mark.parametrize("lab", ["bridge-network", "runc-lifecycle"])
@pytest.mark.parametrize("who", ["root", "lrsub", "lrplain"])
def test_a_lab(installed: Path, users: dict[str, User], open_folder: Path, who: str, lab: str) -> None:
    done = in_container(open_folder, users.get(who) or myself(), [installed, "run", lab, "--json"])
    assert done.returncode == 0, done
    assert json.loads(done.stdout)["outcome"] == "pass"


def test_etc_is_seen_and_the_containers_mounts_are_not(installed: Path, users: dict[str, User],
                                                       open_folder: Path) -> None:
    (open_folder / "lab").mkdir()
    (open_folder / "lab/lab.yaml").write_text("""
title: What is seen of /etc
summary: As on any machine, but for names
steps:
  - id: look
    title: Look
    teach: Look.
    do:
      - run: grep -q labhost /etc/hosts && grep -q ^root /etc/passwd && test -d /etc/alternatives && test -L /etc/mtab
      - run: echo ours > /etc/hosts && mkdir /etc/netns && touch /usr/local/bin/ours
    check:
      - file: {path: /etc/hosts, text: "ours\\n"}
""")
    done = in_container(open_folder, users["lrplain"], [installed, "run", str(open_folder / "lab")])
    assert done.returncode == 0, done
    assert (open_folder / "hosts").read_text() == "127.0.0.1 localhost\n"


def test_what_is_missing_is_named(installed: Path, open_folder: Path) -> None:
    hidden = {"maskedPaths": ["/proc/kcore"], "readonlyPaths": ["/proc/sys"]}  # without systempaths=unconfined
    done = in_container(open_folder, myself(), [installed, "run", "bridge-network"], **hidden)
    assert done.returncode == 3
    assert "--security-opt systempaths=unconfined" in done.stderr


def in_container(folder: Path, user: User, argv: Sequence[str | Path],
                 **linux: Any) -> subprocess.CompletedProcess[str]:
    """Run a command as a user in a container. folder: for what it needs.  linux: in its config.json."""
    bundle, upper = folder / "bundle", folder / "upper"
    for each in (bundle, upper):
        each.mkdir()
    for name in NAMES:
        (folder / name).write_text("127.0.0.1 localhost\n" if name == "hosts" else "")
    subprocess.run(["runc", "spec"], cwd=bundle, check=True)
    config = json.loads((bundle / "config.json").read_text())
    config["process"] |= {
        "capabilities": dict.fromkeys(("bounding", "effective", "permitted") if user.uid == 0 else ("bounding",),
                                      CAPABILITIES),
        "noNewPrivileges": False, "terminal": False, "user": {"uid": user.uid, "gid": user.gid},
        "args": [str(each) for each in argv],
        "env": [f"{name}={value}" for name, value in environment(user).items()]}
    config["root"] = {"path": str(upper / "root"), "readonly": False}
    config["linux"] |= {"maskedPaths": [], "readonlyPaths": [], **linux}
    config["mounts"] += [{"destination": f"/etc/{name}", "type": "bind", "source": str(folder / name),
                          "options": ["rbind", "rprivate"]} for name in NAMES]
    (bundle / "config.json").write_text(json.dumps(config))
    script = ["unshare", "--mount", "--propagation", "private", "sh", "-e", "-c", _RUN]
    return subprocess.run([*script, "-", upper, bundle, f"labrun-test-{os.getpid()}"], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=60)
