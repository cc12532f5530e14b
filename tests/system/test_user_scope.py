"""A user who may make no cgroup, but has a systemd of their own: that one puts the lab into a scope with a limit.

The systemd is a real one, in a mount namespace where it finds what it wants of a machine: cgroups of version 2, and a
/run that says that the machine was started by systemd.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from runtime.sandbox.cgroup import most_memory
from tests.system.accounts import User, environment, run_as

# $1: the user, $2: the folder of cgroups, $3 and further: the command of the user
_MACHINE = r"""
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mkdir -p "$2/own" && chown -R "$1" "$2" && echo 0 > "$2/own/cgroup.procs"
mount -t tmpfs tmpfs /run
mkdir -p /run/systemd/system -m 755 && install -d -m 700 -o "$1" /run/own
user=$1 folder=$2; shift 2
setpriv --reuid "$user" --regid "$user" --clear-groups sh -c '
    export XDG_RUNTIME_DIR=/run/own DBUS_SESSION_BUS_ADDRESS=unix:path=/run/own/bus
    dbus-daemon --session --address="$DBUS_SESSION_BUS_ADDRESS" --nofork --nopidfile 2> /dev/null & bus=$!
    until [ -S /run/own/bus ]; do :; done
    /lib/systemd/systemd --user --unit=basic.target --log-target=null & manager=$!
    until busctl --user get-property org.freedesktop.systemd1 /org/freedesktop/systemd1 \
        org.freedesktop.systemd1.Manager Version > /dev/null 2>&1 || ! kill -0 $manager 2> /dev/null; do :; done
    "$@"; status=$?
    kill $manager $bus; wait
    exit $status' - "$@"
"""
_CLEAN_UP = 'mount -t cgroup2 cgroup2 /sys/fs/cgroup; find "$1" -depth -type d -exec rmdir {} +'
_START = """
import json
from runtime.sandbox.handle import start
sandbox = start()
with open(f"/proc/{sandbox.pid}/cgroup") as file:
    cgroups = file.read()
print(json.dumps({"memory": sandbox.memory, "cgroups": cgroups, "inside": sandbox.run(["cat", "/proc/self/cgroup"])}))
sandbox.stop()
"""


def test_a_scope_of_the_users_systemd(installed: Path, users: dict[str, User]) -> None:
    user, folder = users["lrplain"], f"/sys/fs/cgroup/labrun-test-{os.getpid()}"
    python = installed.parent / "python"
    argv = ["unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child", "--mount-proc",
            "sh", "-c", _MACHINE, "-", user.name, folder, str(python), "-I", "-c", _START]
    try:
        done = subprocess.run(argv, env=environment(user), cwd="/", capture_output=True, text=True, timeout=60)
    finally:
        subprocess.run([*argv[:4], "sh", "-c", _CLEAN_UP, "-", folder], check=True)
    assert (done.returncode, done.stderr) == (0, ""), done
    told = json.loads(done.stdout)
    [line] = [line for line in told["cgroups"].splitlines() if line.startswith("0::")]
    assert "/app.slice/labrun-" in line
    assert line.endswith(".scope")
    assert "0::/\n" in told["inside"][1], "it was moved before it made its cgroup namespace"
    # Where memory belongs to version 1, as on this machine perhaps, no limit of version 2 is there to be believed.
    assert told["memory"] in (None, most_memory())


@pytest.mark.parametrize("answer", ["exit 1", "exec sleep 100"])
def test_a_systemd_that_fails(installed: Path, users: dict[str, User], open_folder: Path, answer: str) -> None:
    """A lab starts without a limit then, and is watched over."""
    (open_folder / "systemd").mkdir()
    (open_folder / "systemd/private").touch()
    start = _START.replace("sandbox = start()", f"""
import os, runtime.sandbox.user_scope as scope
scope.which = lambda *_, **__: {str(open_folder / "busctl")!r}
sandbox = start()""")
    (open_folder / "busctl").write_text(f"#!/bin/sh\n{answer}\n")
    (open_folder / "busctl").chmod(0o755)
    done = run_as(users["lrplain"], [installed.parent / "python", "-I", "-c", start], cwd="/", timeout=20,
                  env={"XDG_RUNTIME_DIR": str(open_folder)})
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["memory"] is None
