"""What has joined a lab's user namespace starts no program any more: the lab could choose what is run in its place."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import pytest

from runtime.syscalls import NEWUSER
from tests.system.accounts import environment, myself, run_as

if TYPE_CHECKING:
    from pathlib import Path

    from tests.system.accounts import User

_LINE = re.compile(r"^(\d+) +(?:<\.\.\. )?(\w+)(?: resumed>|\()(.*?)(?:\) += (-?\d+)|<unfinished \.\.\.>|\) += \?)")


class Traced(NamedTuple):
    """joined: what entered a lab from outside. programs: what it or its children started after that."""

    joined: set[int]
    programs: list[str]


@pytest.mark.parametrize(("lab", "runtime"), [
    ("bridge-network", "runc"), ("nat", "runc"), ("container-network", "crun")])
@pytest.mark.parametrize("who", ["root", "lrsub", "lrplain"])
def test_no_program_is_started_from_within(installed: Path, users: dict[str, User], open_folder: Path, who: str,
                                           lab: str, runtime: str) -> None:
    user = users.get(who) or myself()
    log = open_folder / "trace"
    argv: list[str | Path] = ["strace", "-f", "-qq", "--seccomp-bpf", "-u", user.name, "-o", log, "-s", "80", "-e",
            "trace=execve,execveat,setns,unshare,clone,clone3,fork,vfork", installed, "run", lab, "--runtime", runtime]
    run_as(myself(), argv, env=environment(user), cwd="/", timeout=120, check=True)
    traced = _read(log.read_text(errors="replace"))
    assert traced.joined, "the judge was not seen to enter the lab"
    assert traced.programs == []


def test_a_program_would_be_found() -> None:
    """A control: with lines as strace(1) writes them. A child may be seen before its parent knows its number."""
    log = """7 setns(5, CLONE_NEWNET|CLONE_NEWUSER) = 0
7 vfork( <unfinished ...>
8 execve("/bin/true", ["true"], 0x7ffe /* 9 vars */ <unfinished ...>
7 <... vfork resumed>) = 8
8 <... execve resumed>) = 0
"""
    assert _read(log).programs != []


def _read(log: str) -> Traced:
    """Follow who is whose child. Processes of the lab made a user namespace, or are children of one that did."""
    calls = [_call(found) for line in log.splitlines() if (found := _LINE.match(line))]
    parents = {each.result: each.pid for each in calls if each.name in ("clone", "clone3", "fork", "vfork")}
    labs: set[int] = set()
    joined: set[int] = set()
    seen: set[int] = set()
    programs: list[str] = []
    for call in calls:
        if call.pid not in seen:
            seen.add(call.pid)
            for group in (labs, joined):
                if parents.get(call.pid) in group:
                    group.add(call.pid)
        if call.name == "unshare" and "CLONE_NEWUSER" in call.arguments and call.pid not in joined:
            labs.add(call.pid)
        elif call.name == "setns" and call.result == 0 and call.pid not in labs and _user_namespace(call.arguments):
            joined.add(call.pid)
        elif call.name in ("execve", "execveat") and call.pid in joined:
            programs.append(f"{call.pid} {call.name}({call.arguments}")
    return Traced(joined, programs)


class _Call(NamedTuple):
    pid: int
    name: str
    arguments: str
    result: int


def _call(found: re.Match[str]) -> _Call:
    return _Call(int(found[1]), found[2], found[3], int(found[4] or -1))


def _user_namespace(arguments: str) -> bool:
    flags = arguments.rpartition(", ")[2]
    return "CLONE_NEWUSER" in flags or (flags.startswith("0x") and bool(int(flags, 16) & NEWUSER)) or flags == "0"
