"""Processes, namespaces, descriptors and names of the machine: nothing in a lab finds them or has an effect on them."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from subprocess import PIPE
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.system.accounts import myself, start_as
from tests.system.sandbox.attempts import PRELUDE, PYTHON, assert_refused, lacks, refusal_outside
from tests.system.sandbox.beyond import ATTEMPTS, KNOWN_THINGS, VICTIM
from tests.system.sandbox.inside import inside

if TYPE_CHECKING:
    from tests.system.accounts import User
    from tests.system.sandbox.inside import Inside


class Victim(NamedTuple):
    """A process of the user, and what an attempt has to know of it."""

    environment: dict[str, str]


@pytest.fixture(scope="module")
def victim(place: tuple[User, str]) -> Iterator[Victim]:
    yield from _victim(place[0])


@pytest.fixture(scope="module")
def victim_of_mine() -> Iterator[Victim]:
    yield from _victim(myself())


def _victim(user: User) -> Iterator[Victim]:
    with start_as(user, [*PYTHON, PRELUDE, VICTIM], stdin=PIPE, stdout=PIPE) as process:
        try:
            assert process.stdin
            assert process.stdout
            yield Victim({"KNOWN": json.dumps(json.loads(process.stdout.readline()))})
            assert process.poll() is None, "it was killed"
            process.stdin.close()
            assert process.wait(20) == 0
        finally:
            process.kill()


@pytest.fixture(scope="module")
def lab(place: tuple[User, str], python: Path, victim: Victim) -> Iterator[Inside]:
    """A sandbox whose launcher has a descriptor that it was not asked to have."""
    with tempfile.NamedTemporaryFile(prefix="labrun-test-inherited") as file, \
            inside(*place, python, pass_fds=[file.fileno()]) as running:
        yield running


@pytest.mark.parametrize("name", ATTEMPTS)
def test_an_attempt_is_refused(lab: Inside, victim: Victim, name: str) -> None:
    assert_refused(lab, KNOWN_THINGS + ATTEMPTS[name].program, victim.environment)


@pytest.mark.parametrize("name", [name for name, each in ATTEMPTS.items() if each.control])
def test_the_same_attempt_outside(victim_of_mine: Victim, name: str) -> None:
    """A control."""
    if os.getuid() != 0:
        pytest.skip("only root may do all of them")
    refusal = refusal_outside(myself(), KNOWN_THINGS + ATTEMPTS[name].program, victim_of_mine.environment)
    assert refusal == "" or lacks(refusal)


def test_what_a_lab_makes_programs_of_is_none_outside(lab: Inside, open_folder: Path) -> None:
    """A lab may have a binfmt_misc of its own; the machine does not look there (since Linux 6.7)."""
    program = open_folder / "program"
    program.write_bytes(b"LABRUN-MAGIC\n")
    program.chmod(0o755)
    lab.shell("mkdir -p /tmp/misc; mount -t binfmt_misc none /tmp/misc; "
              "echo ':labrun:M::LABRUN-MAGIC::/bin/true:' | tee /tmp/misc/register /proc/sys/fs/binfmt_misc/register")
    with pytest.raises(OSError, match="Exec format error"):
        subprocess.run([program])
