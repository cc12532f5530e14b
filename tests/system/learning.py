"""Somebody who does a lab: what they type, and what they are told."""

from __future__ import annotations

import os
import re
import select
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from labrunner.catalogue.catalog import find
from labrunner.language.loading import load
from tests.system.desk import Desk, Person

LAB, STEPS = "netns-veth", [step.id for step in load(find("netns-veth")).steps]


@contextmanager
def learner(desk: Desk, *options: str, lab: str = LAB) -> Iterator[Person]:
    """Somebody in the shell of a lab that they have started."""
    person = desk.person("start", lab, *options)
    try:
        person.expect(prompt(1, lab))
        yield person
    finally:
        person.close(force=True)


def prompt(step: int, lab: str = LAB) -> str:
    """What matches the prompt in a step."""
    return rf"labhost\S* {lab} {step}/{len(load(find(lab)).steps)} .*[#$] "


def typist(person: Person, lab: str = LAB) -> Callable[..., None]:
    """Gives types(line, step, *expected): type a line, see what is expected, and then the prompt of a step."""

    def types(line: str, step: int, *expected: str) -> None:
        person.sendline(line)
        for each in (*expected, prompt(step, lab)):
            person.expect(each)

    return types


def said(desk: Desk, *argv: str, code: int = 0) -> str:
    """What labrun prints for a script."""
    done = desk.script(*argv)
    assert (done.returncode, done.stderr) == (code, ""), done
    return done.stdout


def pid_of(desk: Desk, lab: str = LAB) -> int:
    """Of the process that keeps the lab."""
    found = re.search(rf"^{lab}, number (\d+)", said(desk, "status"), re.MULTILINE)
    assert found
    return int(found[1])


def wait_for_end(pid: int) -> None:
    """Of a process."""
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        assert select.select([pidfd], [], [], 10)[0]
    finally:
        os.close(pidfd)
