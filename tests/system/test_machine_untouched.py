"""labrun leaves the machine as it was: when it ends by itself, and when somebody ends it."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.system.accounts import myself, run_as, start_as
from tests.system.machine import COMMANDS, differences, home_of, look, on_a_machine, outlived, printed

if TYPE_CHECKING:
    from tests.system.accounts import AsUser, User

IN_THE_MIDDLE = b"A wire between host and container"  # the title of the second step
INTERRUPTED = "labrun: interrupted"
NO_CACHE = {"XDG_CACHE_HOME": "/nonexistent"}  # what is kept there from run to run is no trace


def test_a_run_leaves_no_trace(installed: Path, session_folder: Path, anyone: User) -> None:
    assert on_a_machine(session_folder, _changes_of_a_run, installed, anyone) == []


def _changes_of_a_run(labrun: Path, user: User) -> list[str]:
    """What has changed when labrun returns, at once: nothing is waited for."""
    env = home_of(user) | NO_CACHE
    before = look()
    run_as(user, [labrun, "run", "bridge-network"], env=env, check=True)
    changes = differences(before, look())
    try:
        os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return changes
    return [*changes, "it has left a child behind"]


def test_the_machine_that_the_tests_run_on(installed: Path, as_user: AsUser) -> None:
    # Other programs run there, also other labs: what can be compared is what they let alone. What one of them changes
    # meanwhile is another thing each time, and what labrun changed would be there each time.
    commands = [each.replace("nft list", "nft --stateless list") for each in COMMANDS
                if "container-1" not in each and "/tmp" not in each and "/sys/fs/cgroup" not in each]
    for _ in range(3):
        before = printed(commands)
        as_user(myself(), [installed, "run", "bridge-network"], check=True)
        after = printed(commands)
        if after == before:
            break
    assert after == before


@pytest.mark.parametrize("how", ["Ctrl-C", "close", "terminate"])
def test_stopped_in_the_middle(installed: Path, session_folder: Path, anyone: User, how: str) -> None:
    code, errors, changes = on_a_machine(session_folder, _stop, installed, anyone, how)
    assert changes == []
    assert code == {"Ctrl-C": 130, "close": -signal.SIGHUP, "terminate": -signal.SIGTERM}[how]
    assert errors.strip().startswith(INTERRUPTED) if how == "Ctrl-C" else errors == ""


def _stop(labrun: Path, user: User, how: str) -> tuple[int, str, list[str]]:
    """Exit code, standard error, and what has changed once all processes have ended."""
    env = home_of(user) | NO_CACHE | {"TERM": "xterm"}
    before = look()
    master, slave = pty.openpty()
    os.chown(os.ttyname(slave), user.uid, user.gid)
    # setsid gives it the terminal to be its own, as a terminal's window does (tty_ioctl(4), TIOCSCTTY).
    argv: list[str | Path] = ["setsid", "--ctty", labrun, "run", "bridge-network"]
    with start_as(user, argv, env=env, stdin=slave, stdout=slave, stderr=subprocess.PIPE,
                  start_new_session=False) as process:
        os.close(slave)
        _read_until(master, IN_THE_MIDDLE)
        if how == "Ctrl-C":
            os.write(master, b"\x03")
        elif how == "terminate":
            process.terminate()
        else:
            os.close(master)
        errors = process.stderr.read() if process.stderr else ""
    left = outlived()
    return process.returncode, errors, left + differences(before, look())


def _read_until(master: int, text: bytes) -> None:
    seen, deadline = b"", time.monotonic() + 20
    while text not in seen:
        assert select.select([master], [], [], deadline - time.monotonic())[0], seen
        seen += os.read(master, 65536)
